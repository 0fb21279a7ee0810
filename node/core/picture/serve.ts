/** Hands out pictures: through the gate, into the ledger, and only then onto the wire, by chunks. */
import { decideRecord, type GateView } from '../../../protocol/gate.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { chunksOf } from '../../../protocol/picture.ts'
import type { PicturesReply, PicturesRequest, PictureWish } from '../../../protocol/wire.ts'
import { logStateOf } from '../log/writer.ts'
import type { Clock, Events } from '../ports.ts'
import { answerForHome, gatedOf } from '../record/disclose.ts'
import type { LedgerRow, PictureSlots, ReadTransaction, Store } from '../store.ts'
import type { View } from '../view.ts'
import type { PictureStore } from './files.ts'

type Verdict =
  | { kind: 'picture'; slots: PictureSlots; version: LedgerRow['versions'][number] }
  | { kind: 'withheld' | 'gone' | 'unknown' }

/** Creates the server side of the pictures protocol. */
export function createPictureServer(ports: {
  view: View
  store: Store
  pictures: Pick<PictureStore, 'openAll'>
  clock: Clock
  events: Events
  /** Whether others have confirmed that this node is not behind its own log. */
  isConfirmed: () => boolean
}): (from: SiteId, request: PicturesRequest) => AsyncIterable<PicturesReply> {
  const { view, store, pictures, clock, events, isConfirmed } = ports

  async function judge(
    tx: ReadTransaction,
    gate: GateView,
    asked: PicturesRequest,
    { index, picture }: PictureWish,
  ): Promise<Verdict> {
    const { home } = gate
    if (index >= (await logStateOf(tx, home)).size) return { kind: 'unknown' }
    const [state] = await tx.records.atIndexes(home, [index])
    if (state === undefined || !state.live) return { kind: 'gone' }
    const answer = answerForHome(view, gate, { ...asked, isConfirmed: isConfirmed() })
    if (answer !== 'open') return { kind: answer }
    const [held] = await tx.bodies.atIndexes(home, [index])
    if (held === undefined) return { kind: 'unknown' }
    const record = gatedOf(held)
    // Who may not have the body is not told either which pictures it names.
    for (const scope of ['discovery', 'pictures'] as const)
      if (decideRecord(gate, record, scope).kind === 'refused') return { kind: 'withheld' }
    const row = await tx.pictures.get(home, state.record, picture)
    if (row === null || row.index !== index) return { kind: 'gone' }
    if (row.slots === null) return { kind: 'unknown' }
    return { kind: 'picture', slots: row.slots, version: { record: state.record, index } }
  }

  /** Judges all wishes, and writes down durably whose pictures will leave. */
  async function judgeAll(partner: SiteId, request: PicturesRequest): Promise<Verdict[]> {
    const { home, wishes } = request
    return store.write(async (tx) => {
      const gate = view.gate(home, partner)
      const versions = new Map<number, LedgerRow['versions'][number]>()
      const verdicts: Verdict[] = []
      for (const wish of wishes) {
        const verdict = await judge(tx, gate, request, wish)
        verdicts.push(verdict)
        if (verdict.kind === 'picture') versions.set(wish.index, verdict.version)
      }
      // The home has its own records anyway: that is no disclosure.
      if (versions.size > 0 && partner !== home)
        await tx.ledger.add({
          home,
          partner,
          what: 'pictures',
          time: clock.now(),
          versions: [...versions.values()],
          via: null,
        })
      return verdicts
    })
  }

  return async function* serve(from, request) {
    const { home, wishes } = request
    const verdicts = await judgeAll(from, request)
    let served = 0
    for (const [wish, asked] of wishes.entries()) {
      let verdict = verdicts[wish] ?? { kind: 'unknown' }
      // Read before the gate is asked again: reading takes a while, and whatever changes meanwhile counts.
      const kept = verdict.kind === 'picture' ? await pictures.openAll(verdict.slots) : null
      // Again for each that is written down: a stream may last, and a member withdraw meanwhile.
      if (verdict.kind === 'picture')
        verdict = await store.read((tx) => judge(tx, view.gate(home, from), request, asked))
      if (verdict.kind !== 'picture') {
        yield { kind: verdict.kind, wish }
        continue
      }
      if (kept === null) {
        // Erased since the first verdict, and kept anew since: the partner may ask again.
        yield { kind: 'unknown', wish }
        continue
      }
      served += 1
      yield { kind: 'manifest', wish, manifest: kept.manifest }
      const chunks = [...chunksOf(kept.small), ...chunksOf(kept.large)]
      for (const bytes of chunks.slice(asked.from)) yield { kind: 'chunk', wish, bytes }
    }
    events.emit({
      type: 'pictures.served',
      home,
      to: from,
      pictures: served,
      withheld: wishes.length - served,
    })
  }
}
