/**
 * Disclosures to authorities (policy §5), at both roles: proposed with authority and law, approved
 * by two different people, and written down before the file leaves. No row, no file.
 */
import { toHex } from '../../../protocol/bytes.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Actor } from '../people/actor.ts'
import type { Acts } from '../people/acts.ts'
import type { Clock, Crypto, Random } from '../ports.ts'
import type { ReadTransaction, Store } from '../store.ts'
import type { AuthorityRow } from './rows.ts'
import type { Sealer } from './sealed.ts'

const ID_BYTES = 8
/** People who have to approve. */
export const APPROVALS = 2

/** A disclosure as it is shown. */
export type AuthorityDisclosure = Omit<AuthorityRow, 'sealed' | 'memberKey'>

/** Whose data is asked for: a member by the site's own id, or a site owner. */
export type Whose =
  | { subject: 'member'; memberKey: Uint8Array; member: string }
  | { subject: 'owner'; customer: string }

export interface Authorities {
  propose: (
    actor: Actor,
    what: Whose & { authority: string; basis: string },
  ) => Promise<AuthorityDisclosure>
  list: (limit: number) => Promise<AuthorityDisclosure[]>
  /** @throws ProtocolError `not_found` */
  get: (id: string) => Promise<AuthorityDisclosure>
  /** @throws ProtocolError `conflict` for who has approved already */
  approve: (actor: Actor, id: string) => Promise<AuthorityDisclosure>
  decline: (actor: Actor, id: string) => Promise<AuthorityDisclosure>
  /**
   * Makes the file, once: what leaves a second time is a second disclosure.
   *
   * @throws ProtocolError `conflict` where two have not approved, or it has left already
   */
  export: (actor: Actor, id: string) => Promise<Uint8Array>
}

function shown(row: AuthorityRow): AuthorityDisclosure {
  const { sealed: _sealed, memberKey: _memberKey, ...rest } = row
  return rest
}
async function need(tx: Pick<ReadTransaction, 'requests'>, id: string): Promise<AuthorityRow> {
  const row = await tx.requests.authority(id)
  if (row === null) throw new ProtocolError('not_found', '/id', 'a disclosure to an authority')
  return row
}
function assertState({ state }: AuthorityRow, ...states: AuthorityRow['state'][]): void {
  if (!states.includes(state))
    throw new ProtocolError('conflict', '/id', `a disclosure that is ${states.join(' or ')}`)
}

/** Creates the desk for disclosures to authorities. */
export function createAuthorities(ports: {
  store: Store
  clock: Clock
  random: Random
  crypto: Pick<Crypto, 'sha256'>
  sealer: Sealer<string>
  acts: Pick<Acts, 'add'>
  /** The file about somebody. */
  fileOf: (row: AuthorityRow, member: string | null) => Promise<Uint8Array>
}): Authorities {
  const { store, clock, random, crypto, sealer, acts } = ports

  async function change(
    actor: Actor,
    id: string,
    act: string,
    work: (row: AuthorityRow) => AuthorityRow,
  ): Promise<AuthorityRow> {
    return store.write(async (tx) => {
      const row = work(await need(tx, id))
      await tx.requests.saveAuthority(row)
      await acts.add(tx, { actor, act: `authority.${act}`, subject: id })
      return row
    })
  }
  return {
    propose: async (actor, what) => {
      const row: AuthorityRow = {
        id: `d-${toHex(random.bytes(ID_BYTES))}`,
        subject: what.subject,
        memberKey: what.subject === 'member' ? what.memberKey : null,
        customer: what.subject === 'owner' ? what.customer : null,
        authority: what.authority,
        basis: what.basis,
        proposedAt: clock.now(),
        proposedBy: actor.id,
        approvals: [],
        state: 'proposed',
        exportedAt: null,
        digest: null,
        sealed: what.subject === 'member' ? sealer.seal(what.member) : null,
      }
      await store.write(async (tx) => {
        await tx.requests.saveAuthority(row)
        await acts.add(tx, { actor, act: 'authority.propose', subject: row.id })
      })
      return shown(row)
    },
    list: async (limit) =>
      (await store.read((tx) => tx.requests.authorities({ limit }))).map(shown),
    get: async (id) => shown(await store.read((tx) => need(tx, id))),
    approve: async (actor, id) => {
      if (actor.kind === 'node')
        throw new ProtocolError('conflict', '/id', 'an approval by a person')
      const row = await change(actor, id, 'approve', (before) => {
        assertState(before, 'proposed')
        // Decided in the transaction: of two requests at a time by one person one must fail.
        if (before.approvals.some((one) => one.actor === actor.id))
          throw new ProtocolError('conflict', '/id', 'an approval by somebody else')
        const approvals = [...before.approvals, { actor: actor.id, time: clock.now() }]
        const state = approvals.length >= APPROVALS ? 'approved' : 'proposed'
        return { ...before, approvals, state }
      })
      return shown(row)
    },
    decline: async (actor, id) => {
      const row = await change(actor, id, 'decline', (before) => {
        assertState(before, 'proposed', 'approved')
        return { ...before, state: 'declined', sealed: null }
      })
      return shown(row)
    },
    export: async (actor, id) => {
      const before = await store.read((tx) => need(tx, id))
      assertState(before, 'approved')
      const file = await ports.fileOf(before, sealer.open(before.sealed))
      const digest = crypto.sha256(file)
      // The row is durable before the first byte leaves.
      await change(actor, id, 'export', (row) => {
        assertState(row, 'approved')
        return { ...row, state: 'exported', exportedAt: clock.now(), digest, sealed: null }
      })
      return file
    },
  }
}
