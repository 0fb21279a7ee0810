/** Who acts at a node. */

/** Who acts: somebody signed in, somebody with a key, or the node itself on a schedule. */
export interface Actor {
  kind: 'account' | 'key' | 'node'
  /** Id of the account or of the key; `node` for the node. */
  id: string
  role: string
}

/** The node itself, on a schedule or by a rule. */
export const NODE_ACTOR: Actor = { kind: 'node', id: 'node', role: 'node' }

/** Whoever has the data folder of a stopped node at hand: its operator. */
export const OPERATOR_ACTOR: Actor = { kind: 'node', id: 'operator', role: 'operator' }

/** Roles that somebody may give, and whose accounts and keys somebody may change. */
const GIVES: Readonly<Record<string, readonly string[]>> = {
  operator: ['staff', 'dpo', 'auditor', 'owner'],
  dpo: ['staff', 'dpo', 'auditor', 'owner'],
  // Not the data protection officer's: who approves must not be made by who asks.
  staff: ['staff', 'auditor', 'owner'],
  node: ['owner'],
}

/** Whether an actor may give this role, and take it away. */
export function mayGive(by: Actor, role: string): boolean {
  return GIVES[by.role]?.includes(role) ?? false
}
