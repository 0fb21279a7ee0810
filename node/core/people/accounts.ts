/** Accounts at the coordinator: who has one, in which role, for which sites. */
import { toHex } from '../../../protocol/bytes.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { memberOf } from '../../../protocol/registry.ts'
import type { MailQueue } from '../mail.ts'
import type { Clock, Random } from '../ports.ts'
import type { Store, WriteTransaction } from '../store.ts'
import type { View } from '../view.ts'
import { mayGive, type Actor } from './actor.ts'
import type { Acts } from './acts.ts'
import { parseEmail, type Addresses } from './address.ts'
import type { Letters } from './letters.ts'
import type { AccountRole, AccountRow, AccountSource } from './rows.ts'
import type { SignIn } from './sign-in.ts'

/** An account with its address in clear, for those who may see it. */
export type Account = Omit<AccountRow, 'email' | 'emailKey'> & { email: string }

export interface NewAccount {
  email: string
  role: AccountRole
  sites: readonly SiteId[]
}
export interface AccountChange {
  role?: AccountRole
  sites?: readonly SiteId[]
  isDisabled?: boolean
}

export interface Accounts {
  /**
   * Makes an account and invites its person. `link` signs in once; it is there only where no mail
   * can be sent, so that else nobody but the person has it.
   *
   * @throws ProtocolError `conflict` where the address has an account, `out_of_range` for a role
   *   that the actor may not give or sites that are not members
   */
  create: (by: Actor, account: NewAccount) => Promise<{ account: Account; link: string | null }>
  /** Sees to it that a site has an owner with this address, in the caller's transaction. */
  registerOwner: (tx: WriteTransaction, by: Actor, email: string, site: SiteId) => Promise<void>
  /**
   * Changes an account; with its role or its sites, and when it is disabled, its sessions end.
   *
   * @throws ProtocolError `not_found`, `out_of_range`
   */
  change: (by: Actor, id: string, change: AccountChange) => Promise<Account>
  /**
   * Removes an account and all that is kept of its person.
   *
   * @throws ProtocolError `not_found`; `conflict` for the last owner of a member, who must be
   *   reached when there is a breach
   */
  remove: (by: Actor, id: string) => Promise<void>
  /** Ends whatever session or link an account has. @throws ProtocolError `not_found` */
  endSessions: (by: Actor, id: string) => Promise<void>
  get: (id: string) => Promise<Account | null>
  /** In the order of ids. */
  list: (after: string, limit: number) => Promise<{ accounts: Account[]; next: string | null }>
}

const ID_BYTES = 8
/** Accounts kept: owners of as many sites as a network can have, with those who left, and staff. */
const MOST_ACCOUNTS = 5000
const MOST_SITES = 50

function assertMayGive(by: Actor, role: string): void {
  if (!mayGive(by, role))
    throw new ProtocolError('out_of_range', '/role', `a role that a ${by.role} may give`)
}

/** The account, where the actor may change such a one. */
async function changeable(tx: WriteTransaction, by: Actor, id: string): Promise<AccountRow> {
  const row = await tx.people.account(id)
  if (row === null) throw new ProtocolError('not_found', '/account', 'an account')
  assertMayGive(by, row.role)
  return row
}

/** Creates the keeper of accounts. */
export function createAccounts(ports: {
  view: View
  store: Store
  clock: Clock
  random: Random
  addresses: Addresses
  acts: Pick<Acts, 'add'>
  mail: MailQueue
  letters: Letters
  signIn: Pick<SignIn, 'makeLink'>
}): Accounts {
  const { view, store, clock, random, addresses, acts, mail, letters, signIn } = ports

  function shown({ email, emailKey: _key, ...row }: AccountRow): Account {
    return { ...row, email: addresses.open(email) }
  }

  function checkSites(sites: readonly SiteId[]): SiteId[] {
    if (sites.length > MOST_SITES)
      throw new ProtocolError('out_of_range', '/sites', `at most ${MOST_SITES} sites`)
    if (sites.some((site) => memberOf(view.registry(), site) === undefined))
      throw new ProtocolError('out_of_range', '/sites', 'sites that were admitted')
    return [...new Set(sites)]
  }

  async function add(
    tx: WriteTransaction,
    by: Actor,
    given: NewAccount & { source: AccountSource },
  ): Promise<AccountRow> {
    if ((await tx.people.countAccounts()) >= MOST_ACCOUNTS)
      throw new ProtocolError('conflict', '', `at most ${MOST_ACCOUNTS} accounts`)
    const { email, role, sites, source } = given
    const row: AccountRow = {
      id: toHex(random.bytes(ID_BYTES)),
      role,
      sites: [...sites],
      email: addresses.seal(email),
      emailKey: addresses.keyOf(email),
      source,
      createdAt: clock.now(),
      seenAt: null,
      disabledAt: null,
    }
    await tx.people.saveAccount(row)
    await acts.add(tx, { actor: by, act: 'account.create', subject: row.id })
    if (mail.isOn)
      await mail.add(tx, {
        kind: 'invitation',
        account: row,
        letter: letters.invitation(role, sites),
      })
    return row
  }

  async function isLastOwner(tx: WriteTransaction, row: AccountRow): Promise<boolean> {
    for (const site of row.sites) {
      const status = memberOf(view.registry(), site)?.status
      if (status === undefined || status === 'expelled') continue
      const others = (await tx.people.ownersOf(site)).filter(({ id }) => id !== row.id)
      if (others.length === 0) return true
    }
    return false
  }

  return {
    create: async (by, given) => {
      const email = at('/email', () => parseEmail(given.email))
      assertMayGive(by, given.role)
      const sites = checkSites(given.sites)
      const made = await store.write(async (tx) => {
        if ((await tx.people.byEmailKey(addresses.keyOf(email))) !== null)
          throw new ProtocolError('conflict', '/email', 'an address without an account')
        const row = await add(tx, by, { ...given, email, sites, source: 'invitation' })
        return { row, token: mail.isOn ? null : await signIn.makeLink(tx, row) }
      })
      const link = made.token === null ? null : letters.linkOf(made.token)
      return { account: shown(made.row), link }
    },
    registerOwner: async (tx, by, email, site) => {
      const known = await tx.people.byEmailKey(addresses.keyOf(email))
      if (known === null) {
        await add(tx, by, { email, role: 'owner', sites: [site], source: 'registration' })
        return
      }
      if (known.sites.includes(site)) return
      await tx.people.saveAccount({ ...known, sites: [...known.sites, site] })
      await acts.add(tx, { actor: by, act: 'account.change', subject: known.id })
    },
    change: async (by, id, change) => {
      const { role, isDisabled } = change
      if (role !== undefined) assertMayGive(by, role)
      const sites = change.sites && checkSites(change.sites)
      return store.write(async (tx) => {
        const row = await changeable(tx, by, id)
        const disabledAt = isDisabled === true ? (row.disabledAt ?? clock.now()) : null
        const next: AccountRow = {
          ...row,
          ...(role !== undefined && { role }),
          ...(sites !== undefined && { sites }),
          ...(isDisabled !== undefined && { disabledAt }),
        }
        await tx.people.saveAccount(next)
        // Who was let in under other rights begins anew under these.
        if (role !== undefined || sites !== undefined || isDisabled === true)
          await tx.people.endSessions(id)
        await acts.add(tx, { actor: by, act: 'account.change', subject: id })
        return shown(next)
      })
    },
    remove: (by, id) =>
      store.write(async (tx) => {
        const row = await changeable(tx, by, id)
        if (await isLastOwner(tx, row))
          throw new ProtocolError(
            'conflict',
            '/account',
            'an account other than the only one that owns a member of the Network',
          )
        await tx.mail.drop(id, clock.now())
        await tx.people.removeAccount(id)
        await acts.add(tx, { actor: by, act: 'account.remove', subject: id })
      }),
    endSessions: (by, id) =>
      store.write(async (tx) => {
        await changeable(tx, by, id)
        await tx.people.endSessions(id)
        await acts.add(tx, { actor: by, act: 'account.sign-out', subject: id })
      }),
    get: async (id) => {
      const row = await store.read((tx) => tx.people.account(id))
      return row === null ? null : shown(row)
    },
    list: async (after, limit) => {
      const rows = await store.read((tx) => tx.people.accounts(after, limit))
      const next = rows.length < limit ? null : (rows.at(-1)?.id ?? null)
      return { accounts: rows.map(shown), next }
    },
  }
}
