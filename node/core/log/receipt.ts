/** Receipts: cosigns a home's heartbeat checkpoint once everything below it is durably erased here. */
import { reasonOf } from '../tasks.ts'
import {
  addCosignature,
  cosign,
  findCosignature,
  verifyCosignature,
} from '../../../protocol/cosignature.ts'
import { equalBytes } from '../../../protocol/bytes.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { rootAt } from '../../../protocol/merkle.ts'
import {
  formatNote,
  formatSignatureLine,
  parseNote,
  parseSignatureLine,
  type NoteSignature,
} from '../../../protocol/note.ts'
import { memberOf, witnessKeysOf } from '../../../protocol/registry.ts'
import type { Identity } from '../identity.ts'
import type { Clock, Crypto, Events, Network } from '../ports.ts'
import type { LogState, Store, WriteTransaction } from '../store.ts'
import type { Eraser } from '../record/erase.ts'
import { isKnown, type View } from '../view.ts'
import type { Checkpoints, OpenedCheckpoint } from './checkpoints.ts'
import type { ForkFound } from './fork.ts'
import { withNodes } from './tree.ts'
import { logStateOf } from './writer.ts'

export interface Receipts {
  /** Entries that end records were applied: their receipt must not wait for the interval. */
  hurry: (log: SiteId) => void
  /** A peer is back, perhaps from a backup: what it took before may be lost there. */
  forget: (target: SiteId) => void
  /** Signs what is due and delivers what has not been taken yet. Call after the eraser's flush. */
  sendDue: () => Promise<void>
  /**
   * Takes a receipt of `from` about a log that this node keeps.
   *
   * @throws ProtocolError where it does not verify, or `not_ready` where this node is behind it
   */
  take: (from: SiteId, log: SiteId, noteText: string) => Promise<void>
}

export interface ReceiptPorts {
  identity: Identity
  view: View
  store: Store
  clock: Clock
  crypto: Crypto
  network: Pick<Network, 'report' | 'connected'>
  events: Events
  checkpoints: Checkpoints
  eraser: Pick<Eraser, 'isClean'>
  onFork: (fork: ForkFound) => Promise<void>
  /** A receipt was signed. */
  onSigned: () => void
}

/** The note of a kept checkpoint with one receipt on it. */
export function receiptNote(checkpointNote: string, receipt: string): string {
  return formatNote(addCosignature(parseNote(checkpointNote), parseSignatureLine(receipt)))
}

function line(signature: NoteSignature): string {
  return formatSignatureLine(signature).trimEnd()
}

/** Keeps the log's own heartbeat as its receipt for itself, and the bare checkpoint beside it. */
export async function keepOwnReceipt(
  tx: WriteTransaction,
  log: SiteId,
  kept: {
    size: number
    time: number
    receivedAt: number
    note: string
    signature: NoteSignature
  },
): Promise<void> {
  const { text, signatures } = parseNote(kept.note)
  const bare = { text, signatures: signatures.filter(({ name }) => name !== kept.signature.name) }
  await tx.receipts.saveCheckpoint(log, kept.size, formatNote(bare))
  await tx.receipts.save({
    log,
    cosigner: log,
    size: kept.size,
    time: kept.time,
    receivedAt: kept.receivedAt,
    line: line(kept.signature),
  })
}

/** Creates the receipts of a node. */
export function createReceipts(ports: ReceiptPorts): Receipts {
  const { identity, view, store, clock, crypto, network, events, checkpoints, eraser } = ports
  /** By "log target": the size that the target has taken since our start. */
  const delivered = new Map<string, number>()
  /** By log: the size up to which this node has looked since its start. */
  const looked = new Map<SiteId, number>()
  /** Logs whose new entries end nothing, so that their receipt may wait for the next interval. */
  const patient = new Set<SiteId>()

  /** The heartbeat signature on a log's note, where the note covers all that is applied. */
  function heartbeatOn(
    state: LogState,
  ): { opened: OpenedCheckpoint; time: number; signature: NoteSignature } | null {
    const member = memberOf(view.registry(), state.site)
    if (state.note === null || member === undefined) return null
    const opened = checkpoints.open(state.site, state.note)
    const key = witnessKeysOf(view.network, member).at(-1)
    const signature = key && findCosignature(opened.note, key)
    const time = checkpoints.heartbeatOf(state.site, opened, clock.now())
    if (signature === undefined || time === null || opened.checkpoint.size !== state.size)
      return null
    return { opened, time, signature }
  }

  /**
   * Whether to sign now. What ends a record is confirmed at once. Anything else waits for the first
   * heartbeat in an interval of the home's own clock: so all partners sign the same checkpoints,
   * and one checkpoint has everybody's receipts.
   */
  async function isDue(
    tx: WriteTransaction,
    log: SiteId,
    last: number,
    heartbeat: number,
  ): Promise<boolean> {
    if (!patient.has(log)) return true
    const { heartbeatSeconds } = view.registry().terms
    const rows = await tx.receipts.ofLog(log, last)
    const before = rows.find((row) => row.size === last && row.cosigner === log)?.time ?? 0
    return Math.floor(heartbeat / heartbeatSeconds) > Math.floor(before / heartbeatSeconds)
  }

  async function signOne(tx: WriteTransaction, log: SiteId): Promise<void> {
    const state = await logStateOf(tx, log)
    const beat = heartbeatOn(state)
    if (beat === null || state.note === null) return
    const last = await tx.receipts.largest(log, identity.site)
    if (state.size <= last || !(await isDue(tx, log, last, beat.time))) {
      if (state.size <= last) looked.set(log, state.size)
      return
    }
    // The promise of a receipt: nothing that was withdrawn below this size is left here.
    if (!(await eraser.isClean(tx, log))) return
    const time = clock.now()
    const signature = cosign({
      checkpointText: beat.opened.note.text,
      time,
      key: identity.witnessKey,
      seed: identity.witnessSeed,
      signer: crypto.sign,
    })
    await keepOwnReceipt(tx, log, {
      size: state.size,
      time: beat.time,
      receivedAt: time,
      note: state.note,
      signature: beat.signature,
    })
    await tx.receipts.save({
      log,
      cosigner: identity.site,
      size: state.size,
      time,
      receivedAt: time,
      line: line(signature),
    })
    looked.set(log, state.size)
    patient.add(log)
  }

  async function deliver(log: SiteId, target: SiteId): Promise<void> {
    const newest = looked.get(log)
    if (newest !== undefined && newest <= (delivered.get(`${log} ${target}`) ?? -1)) return
    const due = await store.read(async (tx) => {
      const size = await tx.receipts.largest(log, identity.site)
      if (size <= (delivered.get(`${log} ${target}`) ?? 0)) return null
      const rows = await tx.receipts.ofLog(log, size)
      const own = rows.find((row) => row.cosigner === identity.site && row.size === size)
      const checkpoint = await tx.receipts.checkpoint(log, size)
      return own === undefined || checkpoint === null
        ? null
        : { size, note: receiptNote(checkpoint, own.line) }
    })
    if (due === null) {
      // Nothing to give before the next signature.
      if (newest !== undefined) delivered.set(`${log} ${target}`, newest)
      return
    }
    const { kind } = await network.report(target, { kind: 'receipt', log, note: due.note })
    if (kind !== 'taken') return
    delivered.set(`${log} ${target}`, due.size)
    events.emit({ type: 'receipt.sent', log, size: due.size, to: target })
  }

  async function deliverAll(log: SiteId): Promise<void> {
    const connected = new Set(network.connected())
    // What the coordinator ordered must be provable at the home that it concerns, too.
    const concerned = log === view.network ? view.registry().orders.map(({ site }) => site) : []
    for (const target of new Set([log, view.network, ...concerned])) {
      if (target === identity.site || !connected.has(target)) continue
      try {
        await deliver(log, target)
      } catch (error) {
        events.emit({
          type: 'peer.failed',
          site: target,
          action: 'receipt',
          reason: reasonOf(error),
        })
      }
    }
  }

  async function verifyAgainstTree(opened: OpenedCheckpoint, log: SiteId): Promise<void> {
    const { size, root } = opened.checkpoint
    const state = await store.read((tx) => logStateOf(tx, log))
    if (size > state.size)
      throw new ProtocolError('not_ready', '/size', 'a size that is known here')
    const own = await store.read((tx) =>
      withNodes(tx.logs, log, (nodes) => rootAt(size, nodes, crypto.sha256), crypto.sha256),
    )
    if (equalBytes(own, root)) return
    await ports.onFork({ log, size, notes: [state.note ?? '', checkpoints.bareNote(log, opened)] })
    throw new ProtocolError('forked', '/root', 'the root that this node has at that size')
  }

  return {
    hurry: (log) => {
      patient.delete(log)
    },
    forget: (target) => {
      for (const name of delivered.keys()) if (name.endsWith(` ${target}`)) delivered.delete(name)
    },
    sendDue: async () => {
      const logs = await store.read((tx) => tx.logs.all())
      for (const { site, size } of logs) {
        if (site === identity.site || !isKnown(view, site) || view.frozen.has(site)) continue
        if (size > (looked.get(site) ?? 0)) {
          await store.write((tx) => signOne(tx, site))
          if ((looked.get(site) ?? 0) >= size) ports.onSigned()
        }
        await deliverAll(site)
      }
    },
    take: async (from, log, noteText) => {
      const opened = checkpoints.open(log, noteText)
      const member = memberOf(view.registry(), from)
      if (member === undefined) throw new ProtocolError('not_admitted', '', 'a member')
      const keys = witnessKeysOf(view.network, member)
      const signature = opened.note.signatures.find(({ name }) => name === keys[0]?.name)
      const key = keys.find(
        (candidate) => signature && equalBytes(candidate.keyId, signature.keyId),
      )
      if (signature === undefined || key === undefined)
        throw new ProtocolError('bad_signature', '', "the sender's cosignature")
      const time = verifyCosignature({
        checkpointText: opened.note.text,
        signature,
        key,
        verify: crypto.verify,
      })
      await verifyAgainstTree(opened, log)
      const { size } = opened.checkpoint
      await store.write(async (tx) => {
        await tx.receipts.saveCheckpoint(log, size, checkpoints.signedNote(log, opened))
        const receipt = { log, cosigner: from, size, time, line: line(signature) }
        await tx.receipts.save({ ...receipt, receivedAt: clock.now() })
      })
      events.emit({ type: 'receipt.received', log, size, from })
    },
  }
}
