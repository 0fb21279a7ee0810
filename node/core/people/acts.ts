/**
 * The access log: every act of a person at the coordinator, in a chain of hashes. Nothing in it is
 * changed or removed, and it names no member: who is looked into later must not have been able to
 * tidy up, and the log must not become a register of people.
 */
import { encodeCbor } from '../../../protocol/cbor.ts'
import { equalBytes } from '../../../protocol/bytes.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { HASH_BYTES } from '../../../protocol/keys.ts'
import type { Clock, Crypto } from '../ports.ts'
import type { Actor } from './actor.ts'
import type { Store, WriteTransaction } from '../store.ts'
import type { ActRow } from './act-rows.ts'

export interface NewAct {
  actor: Actor
  /** What was done: a noun and a verb such as `application.admit`. */
  act: string
  /** What it was done to: a site, an index, an id. Never a name, an address or a text. */
  subject: string
}

export interface Acts {
  /** Adds an act in the transaction that does it, so that nothing is done without its line. */
  add: (tx: WriteTransaction, act: NewAct) => Promise<void>
  /** The newest first. */
  list: (filter: { before?: number; limit: number }) => Promise<ActRow[]>
  /**
   * Goes through the whole chain.
   *
   * @returns the number of acts, and the id of the first that does not follow from the one before
   */
  verify: () => Promise<{ count: number; brokenAt: number | null }>
}

const ACT = /^[a-z-]{1,40}\.[a-z-]{1,40}$/
const SUBJECT = /^[\w.:/-]{0,300}$/
const BATCH = 1000
const FIRST = new Uint8Array(HASH_BYTES)

/** Creates the access log. */
export function createActs(ports: {
  store: Store
  clock: Clock
  crypto: Pick<Crypto, 'sha256'>
}): Acts {
  const { store, clock, crypto } = ports

  function hashOf(previous: Uint8Array, row: Omit<ActRow, 'hash'>): Uint8Array {
    const { id, time, actor, act, subject } = row
    return crypto.sha256(
      encodeCbor([previous, id, time, actor.kind, actor.id, actor.role, act, subject]),
    )
  }

  return {
    add: async (tx, { actor, act, subject }) => {
      if (!ACT.test(act)) throw new ProtocolError('malformed', '/act', 'a noun, a dot and a verb')
      if (!SUBJECT.test(subject))
        throw new ProtocolError('malformed', '/subject', 'an id of at most 300 characters')
      const last = await tx.acts.last()
      const row = { id: (last?.id ?? 0) + 1, time: clock.now(), actor, act, subject }
      await tx.acts.append({ ...row, hash: hashOf(last?.hash ?? FIRST, row) })
    },
    list: ({ before, limit }) => store.read((tx) => tx.acts.below(before ?? null, limit)),
    verify: async () => {
      let previous: Uint8Array = FIRST
      let count = 0
      for (;;) {
        const rows = await store.read((tx) => tx.acts.above(count, BATCH))
        for (const row of rows) {
          if (row.id !== count + 1 || !equalBytes(row.hash, hashOf(previous, row)))
            return { count, brokenAt: row.id }
          previous = row.hash
          count += 1
        }
        if (rows.length < BATCH) return { count, brokenAt: null }
      }
    },
  }
}
