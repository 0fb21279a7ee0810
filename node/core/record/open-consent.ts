/**
 * Opens the consent of an own record to the coordinator: only of a publish that a draw has drawn,
 * only the consent, and with its line in the ledger first. What a draw may ask is computed here
 * again, so that nobody is looked at because somebody chose them.
 */
import { equalBytes } from '../../../protocol/bytes.ts'
import { openingOf } from '../../../protocol/body.ts'
import type { AuditReply, AuditRequest } from '../../../protocol/challenge.ts'
import { drawPlaces, mixedLogs, mixOf, type Round } from '../../../protocol/draw.ts'
import { decodeEntry } from '../../../protocol/entry.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import type { Clock, Crypto, Events, Vault } from '../ports.ts'
import type { HeldBody, ReadTransaction, Store, WriteTransaction } from '../store.ts'
import type { View } from '../view.ts'
import type { Notice } from '../website.ts'

type OpenRequest = Extract<AuditRequest, { kind: 'open' }>
/** What is decided in the transaction that notes it. */
type Decided = { kind: 'open'; held: HeldBody } | { kind: 'ended' | 'unready' | 'refused' }

/** Places that are looked up at once. */
const BATCH = 64

/** Creates the answering side of challenges. */
export function createConsentOpener(ports: {
  view: View
  store: Store
  vault: Vault
  clock: Clock
  crypto: Pick<Crypto, 'sha256'>
  events: Events
  notify: (tx: WriteTransaction, notices: readonly Notice[]) => Promise<void>
  /** Whether others have confirmed that this node is not behind its own log. */
  isConfirmed: () => boolean
}): (from: SiteId, request: OpenRequest) => Promise<AuditReply> {
  const { view, store, vault, clock, crypto, events, notify, isConfirmed } = ports
  const { self, network } = view

  /** Whether the logs here say the same as the draw about what it has mixed in. */
  async function isMixConfirmed(tx: ReadTransaction, round: Round): Promise<boolean> {
    const mixed = mixedLogs(round.logs)
    // Of a log with two histories others may have the other one.
    if (mixed.some(({ site }) => view.frozen.has(site))) return true
    const entries: Uint8Array[] = []
    for (const { site, from } of mixed) {
      const entry = (await tx.logs.entriesAt(site, [from])).get(from)
      if (entry === undefined) return false
      entries.push(entry)
    }
    return equalBytes(mixOf(entries, crypto.sha256), round.entry.mix)
  }

  /** How many of these places hold what was certainly live at the draw, since it is live still. */
  async function countLive(
    tx: ReadTransaction,
    round: Round,
    places: readonly number[],
  ): Promise<number> {
    const states = await tx.records.atIndexes(self, places)
    return states.filter(({ live, expires }) => live && expires > round.entry.time).length
  }

  /** Whether the draw comes upon `index` before it has as many live publishes as it draws. */
  async function isDrawn(tx: ReadTransaction, round: Round, index: number): Promise<boolean> {
    let before: number[] = []
    let live = 0
    for (const place of drawPlaces(round, self, crypto.sha256)) {
      if (place === index) return live + (await countLive(tx, round, before)) < round.entry.count
      before.push(place)
      if (before.length < BATCH) continue
      live += await countLive(tx, round, before)
      if (live >= round.entry.count) return false
      before = []
    }
    return false
  }

  async function decide(tx: WriteTransaction, request: OpenRequest): Promise<Decided> {
    const { draw, index } = request
    const { size, draws } = view.registry()
    // After a restore a withdrawal may be missing here; and the draw may still be on its way.
    if (!isConfirmed() || draw >= size) return { kind: 'unready' }
    const round = draws.rounds.find((one) => one.index === draw)
    if (round === undefined || round.fault !== null) return { kind: 'refused' }
    if (!(await isMixConfirmed(tx, round))) return { kind: 'unready' }
    if (!(await isDrawn(tx, round, index))) return { kind: 'refused' }
    const bytes = (await tx.logs.entriesAt(self, [index])).get(index)
    const entry = bytes === undefined ? undefined : decodeEntry(bytes)
    if (entry?.type !== 'publish') return { kind: 'refused' }
    const state = await tx.records.get(self, entry.record)
    const now = clock.now()
    if (state === null || !state.live || state.expires <= now) return { kind: 'ended' }
    const held = await tx.bodies.ofRecord(self, entry.record)
    // Lost with a disk, and no partner has brought it back yet.
    if (held === null) return { kind: 'unready' }
    const versions = [{ record: held.record, index: held.index }]
    await tx.ledger.add({
      home: self,
      partner: network,
      what: 'consent',
      time: now,
      versions,
      via: null,
    })
    await notify(tx, [{ type: 'consent.opened', record: held.record, draw }])
    return { kind: 'open', held }
  }

  return async (from, request) => {
    if (from !== network)
      throw new ProtocolError('not_admitted', '', 'the coordinator, which alone may challenge')
    const decided = await store.write((tx) => decide(tx, request))
    const { draw, index } = request
    events.emit({ type: 'challenge.answered', draw, index, answer: decided.kind })
    if (decided.kind !== 'open') return decided
    const body = vault.open(decided.held.sealed)
    // Erased since it was decided: asking again tells what has become of it.
    if (body === null) return { kind: 'unready' }
    return { kind: 'opening', index: decided.held.index, ...openingOf(body) }
  }
}
