/**
 * How people sign in at the coordinator: by links sent to their address, each good once and for a
 * quarter of an hour; and the sessions that follow. What opens anything is kept as a hash alone.
 */
import { fromHex, toHex, toUtf8 } from '../../../protocol/bytes.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { labelled, type PrivateKeys } from '../identity.ts'
import type { MailQueue } from '../mail.ts'
import type { Clock, Crypto, Random } from '../ports.ts'
import type { Store, WriteTransaction } from '../store.ts'
import type { Actor } from './actor.ts'
import type { Acts } from './acts.ts'
import { parseEmail, type Addresses } from './address.ts'
import type { Letters } from './letters.ts'
import type { AccountRow, SessionRow, SignInMethod } from './rows.ts'

/** Seconds for which a link opens. */
export const LINK_SECONDS = 15 * 60
/** Seconds for which a session lasts, used or not. */
export const SESSION_SECONDS = 12 * 3600

const TOKEN_BYTES = 32
const TOKEN = /^[0-9a-f]{64}$/
/** Links of one account that can be open at once: who asks again and again floods a mailbox. */
const MOST_LINKS = 3
/** Sessions of one account; the oldest end. */
const MOST_SESSIONS = 20
const SHOWN_DIGITS = 16
const PRUNE_SECONDS = 600

/** Somebody who is signed in. */
export interface SignedIn {
  actor: Actor
  account: AccountRow
  session: SessionRow
  /** What forms of this session carry, so that no other site can send them. */
  formToken: string
}

/** A session as lists show it. */
export interface ShownSession {
  id: string
  method: SignInMethod
  createdAt: number
  expiresAt: number
}

export interface SignIn {
  /** Sends a link, where somebody has this address; nobody learns whether. */
  ask: (email: string) => Promise<void>
  /** Makes a link in the caller's transaction; returns what it carries. */
  makeLink: (tx: WriteTransaction, account: AccountRow) => Promise<string>
  /** Uses a link up. Returns what the cookie carries, or null where it opens nothing. */
  open: (token: string) => Promise<string | null>
  /** Begins a session in the caller's transaction. */
  begin: (tx: WriteTransaction, account: AccountRow, method: SignInMethod) => Promise<string>
  /** Who has this cookie; null where it is nobody (any more). */
  verify: (token: string) => Promise<SignedIn | null>
  end: (signedIn: SignedIn) => Promise<void>
  sessions: (account: string) => Promise<ShownSession[]>
  /** Ends one session of an account. @throws ProtocolError `not_found` */
  endOne: (account: string, id: string) => Promise<void>
  /** Removes what has ended. */
  prune: () => Promise<void>
}

const shownId = (hash: Uint8Array): string => toHex(hash).slice(0, SHOWN_DIGITS)

/** The actor that an account is. */
export function actorOf({ id, role }: Pick<AccountRow, 'id' | 'role'>): Actor {
  return { kind: 'account', id, role }
}

/** Creates the door for people. */
export function createSignIn(ports: {
  store: Store
  clock: Clock
  random: Random
  crypto: Pick<Crypto, 'sha256' | 'hmacSha256'>
  keys: Pick<PrivateKeys, 'peopleIndex'>
  addresses: Addresses
  acts: Pick<Acts, 'add'>
  mail: MailQueue
  letters: Letters
}): SignIn {
  const { store, clock, random, crypto, keys, addresses, acts, mail, letters } = ports
  let prunedAt: number | null = null
  const hashOf = (token: string): Uint8Array => crypto.sha256(fromHex(token))

  async function makeLink(tx: WriteTransaction, account: AccountRow): Promise<string> {
    const token = toHex(random.bytes(TOKEN_BYTES))
    const now = clock.now()
    await tx.people.addLink({
      hash: hashOf(token),
      account: account.id,
      createdAt: now,
      expiresAt: now + LINK_SECONDS,
    })
    return token
  }

  async function begin(
    tx: WriteTransaction,
    account: AccountRow,
    method: SignInMethod,
  ): Promise<string> {
    const token = toHex(random.bytes(TOKEN_BYTES))
    const now = clock.now()
    const open = await tx.people.sessionsOf(account.id)
    for (const { hash } of open.slice(MOST_SESSIONS - 1)) await tx.people.removeSession(hash)
    await tx.people.addSession({
      hash: hashOf(token),
      account: account.id,
      method,
      createdAt: now,
      expiresAt: now + SESSION_SECONDS,
    })
    await tx.people.saveAccount({ ...account, seenAt: now })
    await acts.add(tx, { actor: actorOf(account), act: 'session.begin', subject: method })
    return token
  }

  async function remove(tx: WriteTransaction, session: SessionRow, by: Actor): Promise<void> {
    await tx.people.removeSession(session.hash)
    await acts.add(tx, { actor: by, act: 'session.end', subject: shownId(session.hash) })
  }

  return {
    ask: async (text) => {
      const emailKey = addresses.keyOf(parseEmail(text))
      await store.write(async (tx) => {
        const account = await tx.people.byEmailKey(emailKey)
        if (account === null || account.disabledAt !== null) return
        await tx.people.prune(clock.now())
        if ((await tx.people.countLinks(account.id)) >= MOST_LINKS) return
        const letter = letters.signIn(await makeLink(tx, account))
        await mail.add(tx, { kind: 'sign-in', account, letter })
      })
    },
    makeLink,
    open: async (token) => {
      if (!TOKEN.test(token)) return null
      return store.write(async (tx) => {
        const link = await tx.people.takeLink(hashOf(token))
        if (link === null || clock.now() >= link.expiresAt) return null
        const account = await tx.people.account(link.account)
        if (account === null || account.disabledAt !== null) return null
        return begin(tx, account, 'link')
      })
    },
    begin,
    verify: async (token) => {
      if (!TOKEN.test(token)) return null
      const hash = hashOf(token)
      // Asked of the store each time, so that an ended session and a changed role hold at once.
      return store.read(async (tx) => {
        const session = await tx.people.session(hash)
        if (session === null || clock.now() >= session.expiresAt) return null
        const account = await tx.people.account(session.account)
        if (account === null || account.disabledAt !== null) return null
        const form = crypto.hmacSha256(keys.peopleIndex, labelled('form', toUtf8(token)))
        return { actor: actorOf(account), account, session, formToken: toHex(form) }
      })
    },
    end: ({ session, actor }) => store.write((tx) => remove(tx, session, actor)),
    sessions: async (account) => {
      const rows = await store.read((tx) => tx.people.sessionsOf(account))
      return rows
        .filter(({ expiresAt }) => clock.now() < expiresAt)
        .map(({ hash, method, createdAt, expiresAt }) => ({
          id: shownId(hash),
          method,
          createdAt,
          expiresAt,
        }))
    },
    endOne: (account, id) =>
      store.write(async (tx) => {
        const row = await tx.people.account(account)
        const all = await tx.people.sessionsOf(account)
        const session = all.find(({ hash }) => shownId(hash) === id)
        if (row === null || session === undefined)
          throw new ProtocolError('not_found', '/session', 'a session of this account')
        await remove(tx, session, actorOf(row))
      }),
    prune: async () => {
      const now = clock.now()
      if (prunedAt !== null && Math.abs(now - prunedAt) < PRUNE_SECONDS) return
      prunedAt = now
      await store.write((tx) => tx.people.prune(now))
    },
  }
}
