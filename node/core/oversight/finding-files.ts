/** Makes the file that bears out a finding, for `dpn verify`. */
import { toBase64 } from '../../../protocol/bytes.ts'
import { parseCheckpoint } from '../../../protocol/checkpoint.ts'
import { addCosignature } from '../../../protocol/cosignature.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { registryExtract, type RegistryExtract } from '../../../protocol/evidence.ts'
import { formatFindingFile, type Branch, type Claim } from '../../../protocol/finding-file.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { consistencyProof, inclusionProof, rangeAt } from '../../../protocol/merkle.ts'
import { formatNote, parseNote, parseSignatureLine } from '../../../protocol/note.ts'
import { formatLogProof } from '../../../protocol/proof.ts'
import { originOf } from '../../../protocol/registry.ts'
import { signStatement, type Until } from '../../../protocol/statement.ts'
import type { Identity } from '../identity.ts'
import { withNodes } from '../log/tree.ts'
import { logStateOf } from '../log/writer.ts'
import type { Clock, Crypto } from '../ports.ts'
import type { ForkRow, ReadTransaction, Store } from '../store.ts'
import type { View } from '../view.ts'
import type { Finding } from './finding.ts'

export interface FindingFiles {
  /**
   * The file of a finding, as text.
   *
   * @throws ProtocolError `not_found` where a finding of its kind has no such file, `not_ready`
   *   while what it takes is not here
   */
  file: (finding: Finding) => Promise<string>
}

/** The log and the number in a subject. */
function partsOf({ subject }: Finding): { log: SiteId; number: number } {
  const slash = subject.lastIndexOf('/')
  return { log: subject.slice(0, slash) as SiteId, number: Number(subject.slice(slash + 1)) }
}

/** Failed challenges of one site that are looked through for the one of a finding. */
const MOST_CHALLENGES = 1000

const sizeOf = (note: string): number => parseCheckpoint(parseNote(note).text).size

const notReady = (expected: string): ProtocolError => new ProtocolError('not_ready', '', expected)

/** Creates the maker of files. */
export function createFindingFiles(ports: {
  identity: Identity
  view: View
  store: Store
  clock: Clock
  crypto: Crypto
}): FindingFiles {
  const { identity, view, store, clock, crypto } = ports
  const { network } = view
  const untilOf = ({ curedAt }: Finding): Until =>
    curedAt === null
      ? { time: clock.now(), state: 'awaited' }
      : { time: curedAt, state: 'received' }
  const signed = (statement: Parameters<typeof signStatement>[0]): string =>
    signStatement(statement, identity.logKey, identity.logSeed, crypto.sign)

  async function registryOf(tx: ReadTransaction): Promise<RegistryExtract> {
    const { size } = view.registry()
    const state = await logStateOf(tx, network)
    // While an entry is so new that no heartbeat covers it, nothing vouches for the registry.
    if (state.note === null || state.size !== size || parseNote(state.note).signatures.length !== 2)
      throw notReady("a heartbeat of the coordinator's own log")
    return registryExtract(state.note, await tx.logs.entries(network, 0, size))
  }

  /** From the first checkpoint above the entry that the coordinator has cosigned. */
  async function noReceipt(tx: ReadTransaction, finding: Finding): Promise<Claim> {
    const { log, number } = partsOf(finding)
    const index = finding.kind === 'overdue-erasure' ? number : number - 1
    const witnessed = await tx.receipts.next(log, network, index)
    const entry = (await tx.logs.entriesAt(log, [index])).get(index)
    const bare = witnessed && (await tx.receipts.checkpoint(log, witnessed.size))
    if (witnessed === null || bare === null || entry === undefined)
      throw notReady("the coordinator's cosignature")
    const { size, time: since, line } = witnessed
    const hashes = await withNodes(
      tx.logs,
      log,
      (nodes) => inclusionProof(index, size, nodes, crypto.sha256),
      crypto.sha256,
    )
    const checkpoint = formatNote(addCosignature(parseNote(bare), parseSignatureLine(line)))
    const statement = signed({
      kind: 'no receipt received',
      from: finding.site,
      log: originOf(network, log),
      index,
      since,
      due: finding.since,
      until: untilOf(finding),
    })
    const proof = formatLogProof({ index, hashes, checkpoint })
    return { kind: 'no-receipt', statement, entry: toBase64(entry), proof }
  }

  async function noHeartbeat(tx: ReadTransaction, finding: Finding): Promise<Claim> {
    const { log: site, number: since } = partsOf(finding)
    const past = (await tx.audit.silencesOf(site)).find((one) => one.since === since)
    const note = past?.notes[0] ?? (await logStateOf(tx, site)).note
    if (note === null || parseNote(note).signatures.length < 2)
      throw notReady('the checkpoint with the last heartbeat')
    const statement = signed({
      kind: 'no heartbeat received',
      from: site,
      since,
      due: finding.since,
      until: untilOf(finding),
    })
    return { kind: 'no-heartbeat', statement, note }
  }

  /** That a drawn consent was not opened in order, once its time is over. */
  async function noOpening(tx: ReadTransaction, finding: Finding): Promise<Claim> {
    const { log, number: index } = partsOf(finding)
    const failed = await tx.challenges.list({ site: log, state: 'failed', limit: MOST_CHALLENGES })
    const row = failed.find((one) => one.index === index)
    const entry = (await tx.logs.entriesAt(log, [index])).get(index)
    const { note, size } = await logStateOf(tx, log)
    if (row === undefined || entry === undefined || note === null || sizeOf(note) !== size)
      throw notReady('the challenge, and a checkpoint of the log')
    if (clock.now() < row.dueAt) throw notReady('the time at which the opening was due')
    const hashes = await withNodes(
      tx.logs,
      log,
      (nodes) => inclusionProof(index, size, nodes, crypto.sha256),
      crypto.sha256,
    )
    const statement = signed({
      kind: 'no opening accepted',
      from: log,
      log: originOf(network, log),
      index,
      draw: row.draw,
      since: row.drawnAt,
      due: row.dueAt,
      until: { time: clock.now(), state: 'awaited' },
    })
    const proof = formatLogProof({ index, hashes, checkpoint: note })
    return { kind: 'no-opening', statement, entry: toBase64(entry), proof }
  }

  /** How our own copy goes on from the size of the other checkpoint. */
  async function ownBranch(
    tx: ReadTransaction,
    log: SiteId,
    from: number,
    to: number,
  ): Promise<Branch> {
    const { range, proof } = await withNodes(
      tx.logs,
      log,
      (nodes) => ({
        range: rangeAt(from, nodes).hashes,
        proof: consistencyProof(from, to, nodes, crypto.sha256),
      }),
      crypto.sha256,
    )
    return { range: range.map(toBase64), leaves: [], proof: proof.map(toBase64) }
  }

  async function fork(tx: ReadTransaction, { log, notes, branch }: ForkRow): Promise<Claim> {
    const [ours, other] = notes
    if (ours === '') throw notReady('a checkpoint of the first history')
    const [own, others] = [sizeOf(ours), sizeOf(other)]
    if (own === others) return { kind: 'fork', notes, branch: null }
    const isOurs = own > others
    if (!isOurs && branch === undefined) throw notReady('how the second history goes on')
    const goesOn = isOurs ? await ownBranch(tx, log, others, own) : (branch ?? null)
    return { kind: 'fork', notes, branch: goesOn }
  }

  async function claimOf(tx: ReadTransaction, finding: Finding): Promise<Claim> {
    switch (finding.kind) {
      case 'overdue-erasure':
      case 'missing-receipts':
        return noReceipt(tx, finding)
      case 'lapsed-heartbeat':
        return noHeartbeat(tx, finding)
      case 'fork': {
        const found = (await tx.desk.forks()).find(({ log }) => log === finding.site)
        if (found !== undefined) return fork(tx, found)
        break
      }
      case 'rolled-back': {
        const { log, number } = partsOf(finding)
        const found = (await tx.audit.rollbacks()).find(
          (one) => one.log === log && one.size === number,
        )
        if (found !== undefined) return { kind: 'rolled-back', notes: found.notes }
        break
      }
      case 'outdated-notice':
      case 'failed-challenge':
        return noOpening(tx, finding)
      case 'failed-probe':
      case 'overdue-breach-step':
    }
    throw new ProtocolError('not_found', '/finding', 'a finding with a file of its own')
  }

  return {
    file: (finding) =>
      store.read(async (tx) =>
        formatFindingFile({ claim: await claimOf(tx, finding), registry: await registryOf(tx) }),
      ),
  }
}
