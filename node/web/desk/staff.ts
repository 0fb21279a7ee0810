/** Who works at the desk. */
import { invariant } from '../../../protocol/errors.ts'
import type { Actor } from '../../core/people/actor.ts'
import type { Visit } from '../visit.ts'

export const STAFF: readonly string[] = ['staff', 'dpo']

/** Who acts: pages of the desk are open to people and keys alone. */
export function actorIn({ actor }: Visit): Actor {
  invariant(actor !== null, 'a page of the desk has somebody who looks')
  return actor
}
