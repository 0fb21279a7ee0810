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
