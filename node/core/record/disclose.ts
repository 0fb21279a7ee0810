/** Hands out bodies: through the gate, into the ledger, and only then onto the wire. */
import {
  decideHome,
  decideRecord,
  type GatedRecord,
  type GateView,
} from '../../../protocol/gate.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { BATCH_BYTES } from '../../../protocol/limits.ts'
import type { BodiesReply, BodiesRequest, BodyAnswer } from '../../../protocol/wire.ts'
import type { Clock, Events, Vault } from '../ports.ts'
import type { HeldBody, RecordState, Store, WriteTransaction } from '../store.ts'
import type { View } from '../view.ts'
import { logStateOf } from '../log/writer.ts'

type Verdict = { kind: 'body'; held: HeldBody } | { kind: 'withheld' | 'gone' | 'unknown' }

/** What the gate looks at, from a held body. */
export function gatedOf(held: HeldBody): GatedRecord {
  const { expires, scopes, excludes, facts } = held
  return { live: true, expires, scopes, excludes, facts }
}

function judge(
  view: GateView,
  homeAnswer: 'open' | 'withheld' | 'unknown',
  logSize: number,
  found: { index: number; state: RecordState | undefined; held: HeldBody | undefined },
): Verdict {
  const { index, state, held } = found
  if (index >= logSize) return { kind: 'unknown' }
  // Superseded or ended: no longer a version that anybody should hold.
  if (state === undefined || !state.live) return { kind: 'gone' }
  if (homeAnswer !== 'open') return { kind: homeAnswer }
  if (held === undefined) return { kind: 'unknown' }
  return decideRecord(view, gatedOf(held), 'discovery').kind === 'allowed'
    ? { kind: 'body', held }
    : { kind: 'withheld' }
}

/**
 * What holds for all records of a home. Where it is this node that knows too little just now, the
 * answer is `unknown`: the partner asks again, here or elsewhere.
 *
 * @param requirements what the partner says of its own, and `registry`, how much of the
 *   coordinator's log it has, as in {@link BodiesRequest}
 * @param isConfirmed whether others have confirmed that this node is not behind its own log
 */
export function answerForHome(
  view: View,
  gate: GateView,
  {
    requirements,
    registry,
    isConfirmed,
  }: Pick<BodiesRequest, 'requirements' | 'registry'> & { isConfirmed: boolean },
): 'open' | 'withheld' | 'unknown' {
  const { home, partner } = gate
  // A machine that was rolled back may still have, keys and all, who has withdrawn since.
  if (home === view.self && !isConfirmed) return 'unknown'
  if (partner !== home && (view.requirements(partner)?.index ?? -1) + 1 !== requirements)
    return 'unknown'
  if (gate.registry.size < registry) return 'unknown'
  const decision = decideHome(gate)
  if (decision.kind === 'allowed') return 'open'
  const { reason } = decision
  return reason === 'registry-stale' || reason === 'home-silent' ? 'unknown' : 'withheld'
}

/** Creates the server side of the bodies protocol. */
export function createDiscloser(ports: {
  view: View
  store: Store
  vault: Vault
  clock: Clock
  events: Events
  /** Whether others have confirmed that this node is not behind its own log. */
  isConfirmed: () => boolean
}): (from: SiteId, request: BodiesRequest) => AsyncIterable<BodiesReply> {
  const { view, store, vault, clock, events, isConfirmed } = ports

  /** Judges a whole request and writes the ledger row in one transaction. */
  async function judgeAll(
    tx: WriteTransaction,
    partner: SiteId,
    request: BodiesRequest,
  ): Promise<{ index: number; verdict: Verdict }[]> {
    const { home, indexes } = request
    const gate = view.gate(home, partner)
    const answer = answerForHome(view, gate, { ...request, isConfirmed: isConfirmed() })
    const { size } = await logStateOf(tx, home)
    const states = new Map(
      (await tx.records.atIndexes(home, indexes)).map((state) => [state.index, state]),
    )
    const bodies = answer === 'open' ? await tx.bodies.atIndexes(home, indexes) : []
    const held = new Map(bodies.map((body) => [body.index, body]))
    const verdicts = indexes.map((index) => ({
      index,
      verdict: judge(gate, answer, size, {
        index,
        state: states.get(index),
        held: held.get(index),
      }),
    }))
    const versions = verdicts.flatMap(({ verdict }) =>
      verdict.kind === 'body' ? [{ record: verdict.held.record, index: verdict.held.index }] : [],
    )
    // The home has its own records anyway: that is no disclosure.
    if (versions.length > 0 && partner !== home)
      await tx.ledger.add({ home, partner, what: 'body', time: clock.now(), versions, via: null })
    return verdicts
  }

  function answerOf(index: number, verdict: Verdict): BodyAnswer {
    if (verdict.kind !== 'body') return { kind: verdict.kind, index }
    // Erased since the verdict: the key is gone, and so is the body.
    const body = vault.open(verdict.held.sealed)
    return body === null ? { kind: 'gone', index } : { kind: 'body', index, body }
  }

  return async function* disclose(from, request) {
    const verdicts = await store.write((tx) => judgeAll(tx, from, request))
    let batch: BodyAnswer[] = []
    let bytes = 0
    let bodies = 0
    for (const { index, verdict } of verdicts) {
      const one = answerOf(index, verdict)
      batch.push(one)
      if (one.kind === 'body') {
        bodies += 1
        bytes += one.body.length
      }
      if (bytes < BATCH_BYTES) continue
      yield { answers: batch }
      batch = []
      bytes = 0
    }
    if (batch.length > 0) yield { answers: batch }
    events.emit({
      type: 'bodies.served',
      home: request.home,
      to: from,
      bodies,
      withheld: verdicts.length - bodies,
    })
  }
}
