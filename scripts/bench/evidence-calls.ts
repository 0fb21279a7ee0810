/**
 * Evidence in a process of its own: logs with real keys and signatures, written into a coordinator's
 * store as they would be after a month; then archives made of them, and checked.
 */
import { hash, randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createIdentity, type Identity } from '../../node/core/identity.ts'
import { extendTree } from '../../node/core/log/tree.ts'
import { createArchives } from '../../node/core/oversight/archive.ts'
import type { Store } from '../../node/core/store.ts'
import { createView } from '../../node/core/view.ts'
import { checkArchive } from '../../node/roles/evidence.ts'
import { systemCrypto, systemRandom } from '../../node/roles/system.ts'
import { createFolder } from '../../node/store/folder.ts'
import { openStorage } from '../../node/store/storage.ts'
import { signCheckpoint } from '../../protocol/checkpoint.ts'
import { addCosignature, cosign } from '../../protocol/cosignature.ts'
import { decodeEntry, encodeEntry, type Entry } from '../../protocol/entry.ts'
import { parseSiteId, recordIdOf, type SiteId } from '../../protocol/ids.ts'
import { EMPTY_RANGE, rootOf, type CompactRange } from '../../protocol/merkle.ts'
import {
  formatNote,
  formatSignatureLine,
  formatVerifierKey,
  parseVerifierKey,
} from '../../protocol/note.ts'
import { DEFAULT_TERMS } from '../../protocol/registry.ts'
import type { Calls } from './calls.ts'
import { timed } from './timing.ts'

const { sha256, sign, verify } = systemCrypto
const NETWORK = parseSiteId('bench.example')
const START = 1_800_000_000
const MONTH_SECONDS = 30 * 86_400
const YEAR_SECONDS = 366 * 86_400
/** Seconds after a checkpoint at which the first receipt comes, and between two. */
const RECEIPT_SECONDS = 2
/** Publish entries beside each withdrawal. */
const PUBLISHES = 9

interface Signer {
  identity: Identity
  range: CompactRange
}

const signerOf = (site: SiteId): Signer => ({
  identity: createIdentity(NETWORK, site, systemRandom.bytes(32)),
  range: EMPTY_RANGE,
})

function publishes(time: number): Entry {
  return {
    type: 'publish',
    record: recordIdOf(randomBytes(16)),
    version: 1,
    profile: randomBytes(32),
    consent: randomBytes(32),
    time,
    expires: time + YEAR_SECONDS,
  }
}
function withdraws(time: number): Entry {
  const record = recordIdOf(randomBytes(16))
  return { type: 'withdraw', record, reason: 'consent-withdrawn', time, notice: '' }
}
function admits({ identity }: Signer): Entry {
  const isOwn = identity.site === NETWORK
  return {
    type: 'admit',
    site: identity.site,
    logKey: identity.logKey.publicKey,
    witnessKey: identity.witnessKey.publicKey,
    siteType: isOwn ? 'coordinator' : 'general',
    jurisdiction: 'DE',
    time: START,
    expires: START + YEAR_SECONDS,
  }
}

/** Appends entries to a log, and has these sign the checkpoint, two seconds after one another. */
async function append(
  store: Store,
  log: Signer,
  entries: readonly Entry[],
  cosigners: readonly { by: Signer; time: number }[],
): Promise<void> {
  const bytes = entries.map(encodeEntry)
  const { site, origin, logSeed } = log.identity
  await store.write(async (tx) => {
    const grown = await extendTree(tx.logs, site, log.range, bytes, sha256)
    await tx.logs.append(site, { from: log.range.size, entries: bytes, ...grown })
    log.range = grown.range
    const { size } = log.range
    const checkpoint = { origin, size, root: rootOf(log.range, sha256) }
    const { note, text } = signCheckpoint(checkpoint, logSeed, sign)
    await tx.receipts.saveCheckpoint(site, size, text)
    for (const { by, time } of cosigners) {
      const { witnessKey: key, witnessSeed: seed } = by.identity
      const signature = cosign({ checkpointText: note.text, time, key, seed, signer: sign })
      const line = formatSignatureLine(signature).trimEnd()
      await tx.receipts.save({ log: site, cosigner: by.identity.site, size, time, line, receivedAt: time })
      if (by === log) {
        const beat = formatNote(addCosignature(note, signature))
        await tx.logs.saveCheckpoint(site, beat, time)
      }
    }
  })
}

async function openStore(path: string, create: boolean) {
  return openStorage({
    folder: createFolder(path),
    site: NETWORK,
    masterKey: new Uint8Array(32),
    random: systemRandom,
    crypto: systemCrypto,
    ballastBytes: create ? 4096 : 0,
  })
}

export const evidenceCalls = {
  /** A month of withdrawals; the coordinator vouches for the registry at the end of it. */
  makeEvidence: async ({ path, logs, withdrawals, members, checkpoints }) => {
    await using storage = await openStore(path, true)
    const { store } = storage
    const coordinator = signerOf(NETWORK)
    const sites = Array.from({ length: members - 1 }, (_, at) =>
      signerOf(parseSiteId(`site-${String(at).padStart(3, '0')}.example`)),
    )
    const all = [coordinator, ...sites]
    const terms: Entry = { type: 'terms', terms: DEFAULT_TERMS, time: START }
    const end = START + MONTH_SECONDS + 86_400
    const registry = [admits(coordinator), terms, ...sites.map(admits)]
    await append(store, coordinator, registry, [{ by: coordinator, time: end }])
    const each = withdrawals / logs / checkpoints
    for (const home of sites.slice(0, logs))
      for (let at = 0; at < checkpoints; at += 1) {
        const time = START + 1 + Math.floor((at * MONTH_SECONDS) / checkpoints)
        const entries = Array.from({ length: each }, () => [
          withdraws(time),
          ...Array.from({ length: PUBLISHES }, () => publishes(time)),
        ]).flat()
        const cosigners = all.map((by, place) => ({ by, time: time + RECEIPT_SECONDS * place }))
        await append(store, home, entries, cosigners)
      }
    const stored = await store.read((tx) => tx.logs.all())
    const entries = await store.read((tx) => tx.logs.entries(NETWORK, 0, registry.length))
    const clock = { now: () => end, every: () => () => undefined }
    const view = createView(
      { network: NETWORK, self: NETWORK, clock },
      { logs: stored, entries: entries.map(decodeEntry), frozen: [] },
    )
    const archives = createArchives({
      identity: coordinator.identity,
      view,
      store,
      clock,
      crypto: systemCrypto,
      statements: [],
    })
    const file = `${path}/evidence.tar`
    const scope = { site: null, from: 0, to: end, entries: 'withdrawals' as const }
    const { millis, cpuMillis } = await timed(async () => {
      const pieces = await archives.write(scope)
      await pipeline(Readable.from(pieces), createWriteStream(file))
    })
    return { millis, cpuMillis, file, vkey: formatVerifierKey(coordinator.identity.logKey) }
  },
  checkEvidence: async ({ file, vkey }) => {
    const { value, ...spent } = await timed(() =>
      checkArchive(file, parseVerifierKey(vkey), () => undefined),
    )
    const { failure, missingCount, counts } = value
    if (failure !== null || missingCount > 0) throw new Error(failure ?? 'receipts are missing')
    return { ...spent, ...counts }
  },
  signatureFloor: async ({ count }) => {
    const { identity } = signerOf(NETWORK)
    const message = randomBytes(150)
    const signature = sign(message, identity.logSeed)
    return timed(() => {
      for (let at = 0; at < count; at += 1)
        if (!verify(signature, message, identity.logKey.publicKey))
          throw new Error('a bad signature')
    })
  },
  bytesFloor: async ({ bytes }) => {
    const piece = randomBytes(1024 * 1024)
    return timed(() => {
      for (let at = 0; at < bytes; at += piece.length) hash('sha256', piece, 'buffer')
    })
  },
} satisfies Partial<Calls>
