/** Whether two records may see each other: the gate both ways, and the blocks of this site. */
import { decide, type Decision } from '../../../protocol/gate.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import type { TalkRefusal } from '../../../protocol/talk.ts'
import type { GatedColumns, ReadTransaction } from '../store.ts'
import type { View } from '../view.ts'

/** A record of this site and one of another. */
export interface Sight {
  own: RecordId
  home: SiteId
  other: RecordId
}

function refusalOf(decision: Decision): TalkRefusal | null {
  if (decision.kind === 'allowed') return null
  return decision.reason === 'no-consent' ? 'no-scope' : 'not-visible'
}

/** A held body as the gate looks at it; only live ones are held and not doomed. */
export function gatedColumns({ expires, scopes, excludes, facts }: GatedColumns) {
  return { live: true, expires, scopes, excludes, facts }
}

/** Why the two may not write to each other; null where they may. */
export async function sightOf(
  tx: ReadTransaction,
  view: View,
  { own, home, other }: Sight,
): Promise<TalkRefusal | null> {
  const pair = await tx.bodies.ofPair(own, home, other)
  if (pair.own === null || pair.other === null) return 'not-visible'
  return (
    refusalOf(decide(view.gate(home, view.self), gatedColumns(pair.other), 'messaging')) ??
    refusalOf(decide(view.gate(view.self, home), gatedColumns(pair.own), 'messaging')) ??
    (pair.isBlocked ? 'blocked' : null)
  )
}
