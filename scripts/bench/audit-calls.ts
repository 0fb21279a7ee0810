/** The audit in a process of its own: one long log, and receipts of a hundred members. */
import { join } from 'node:path'
import { createAudit } from '../../node/core/oversight/audit.ts'
import { createFindings } from '../../node/core/oversight/findings.ts'
import { createActs } from '../../node/core/people/acts.ts'
import type { Clock } from '../../node/core/ports.ts'
import { systemCrypto } from '../../node/roles/system.ts'
import { openDatabase } from '../../node/store/database.ts'
import { createStore } from '../../node/store/store.ts'
import { cosign, verifyCosignature } from '../../protocol/cosignature.ts'
import { formatCheckpoint } from '../../protocol/checkpoint.ts'
import { encodeEntry, type Entry } from '../../protocol/entry.ts'
import { parseSiteId, recordIdOf, type SiteId } from '../../protocol/ids.ts'
import { publicKeyOf } from '../../protocol/keys.ts'
import { leafHash } from '../../protocol/merkle.ts'
import { KEY_TYPE_COSIGNATURE, makeVerifierKey } from '../../protocol/note.ts'
import { DEFAULT_TERMS } from '../../protocol/registry.ts'
import type { Calls } from './calls.ts'
import { timed } from './timing.ts'

const NETWORK = parseSiteId('bench.example')
const HOME = parseSiteId('home.example')
const START = 1_800_000_000
/** Entries between two checkpoints that everybody cosigns. */
const SPAN = 1000
/** One entry of so many is a withdrawal. */
const WITHDRAWALS = 100
const BATCH = 10_000
/** Signatures that are verified for the floor. */
const VERIFIED = 20_000

const { sha256, verify, sign } = systemCrypto
const memberName = (n: number): SiteId => parseSiteId(n === 0 ? HOME : `m${n}.example`)
const numbered = (n: number): Uint8Array => {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, n + 1)
  return bytes
}

function entryOf(index: number): Entry {
  const time = START + Math.floor(index / SPAN) * 60
  const record = recordIdOf(numbered(Math.floor(index / WITHDRAWALS)).slice(0, 16))
  if (index % WITHDRAWALS === WITHDRAWALS - 1)
    return { type: 'withdraw', record, reason: 'consent-withdrawn', time, notice: '' }
  const hash = numbered(index)
  return {
    type: 'publish',
    record: recordIdOf(numbered(index).slice(0, 16)),
    version: 1,
    profile: hash,
    consent: hash,
    time,
    expires: time + 1000,
  }
}

/** A range with as many hashes as a log of that size has: the audit does not look at them. */
const rangeOf = (size: number) => ({
  size,
  hashes: Array.from({ length: size.toString(2).replaceAll('0', '').length }, () => numbered(size)),
})

function registryEntries(members: number): Entry[] {
  const key = numbered(1)
  const admit = (site: SiteId, siteType: string): Entry => ({
    type: 'admit',
    site,
    logKey: key,
    witnessKey: key,
    siteType,
    jurisdiction: 'DE',
    time: START - 10,
    expires: START + 10 ** 9,
  })
  return [
    admit(NETWORK, 'coordinator'),
    { type: 'terms', terms: DEFAULT_TERMS, time: START - 10 },
    ...Array.from({ length: members }, (_, n) => admit(memberName(n), 'general')),
  ]
}

function checkpointText(): string {
  return formatCheckpoint({ origin: `${NETWORK}/${HOME}`, size: 1, root: numbered(1) })
}

/** One cosignature, verified again and again. */
async function verifyMany() {
  const seed = numbered(7)
  const key = makeVerifierKey('m/witness', KEY_TYPE_COSIGNATURE, publicKeyOf(seed))
  const text = checkpointText()
  const signature = cosign({ checkpointText: text, time: START, key, seed, signer: sign })
  return timed(() => {
    for (let n = 0; n < VERIFIED; n += 1)
      verifyCosignature({ checkpointText: text, signature, key, verify })
  })
}

export const auditCalls = {
  audit: async ({ path, entries: count, members }) => {
    const database = await openDatabase(join(path, 'audit.db'))
    const store = createStore({ database, site: NETWORK })
    const clock: Clock = { now: () => START + 10 ** 7, every: () => () => undefined }
    const registry = registryEntries(members).map(encodeEntry)
    await store.write((tx) =>
      tx.logs.append(NETWORK, {
        from: 0,
        entries: registry,
        range: rangeOf(registry.length),
        tiles: [],
      }),
    )
    let hashMillis = 0
    for (let from = 0; from < count; from += BATCH) {
      const entries = Array.from({ length: BATCH }, (_, at) => encodeEntry(entryOf(from + at)))
      const spent = await timed(() => {
        for (const entry of entries) leafHash(entry, sha256)
      })
      hashMillis += spent.millis
      await store.write((tx) =>
        tx.logs.append(HOME, { from, entries, range: rangeOf(from + BATCH), tiles: [] }),
      )
    }
    // As many characters as a cosignature has.
    const line = 'x'.repeat(140)
    for (let size = SPAN; size <= count; size += SPAN)
      await store.write(async (tx) => {
        const time = START + (size / SPAN) * 60
        for (const cosigner of [
          NETWORK,
          ...Array.from({ length: members }, (_, n) => memberName(n)),
        ])
          await tx.receipts.save({ log: HOME, cosigner, size, time, receivedAt: time, line })
      })
    const acts = createActs({ store, clock, crypto: systemCrypto })
    const findings = createFindings({ store, clock, crypto: systemCrypto, acts })
    const audit = createAudit({ network: NETWORK, store, clock, findings })
    const spent = await timed(audit.run)
    const again = await timed(audit.run)
    const states = await store.read((tx) => tx.audit.counts({}, clock.now()))
    const verified = await verifyMany()
    await database.close()
    return {
      millis: spent.millis,
      cpuMillis: spent.cpuMillis,
      idleMillis: again.millis,
      complete: states.complete,
      receipts: (count / SPAN) * (members + 1),
      hashMillis,
      verifyMillis: verified.millis / VERIFIED,
    }
  },
} satisfies Partial<Calls>
