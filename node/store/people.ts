/** Accounts of the coordinator's people: links, sessions, passkeys. */
import type { SiteId } from '../../protocol/ids.ts'
import type {
  AccountRow,
  LinkRow,
  PasskeyRow,
  PeopleWriter,
  SessionRow,
} from '../core/people/rows.ts'
import type { AccountTable, LinkTable, PasskeyTable, SessionTable } from './people-tables.ts'
import { joinWords, plainBytes, run, splitWords, type Tx } from './transaction.ts'

function accountOf(row: AccountTable): AccountRow {
  return {
    id: row.id,
    role: row.role,
    sites: splitWords<SiteId>(row.sites),
    email: plainBytes(row.email),
    emailKey: plainBytes(row.email_key),
    source: row.source,
    createdAt: row.created_at,
    seenAt: row.seen_at,
    disabledAt: row.disabled_at,
  }
}

function linkOf({ hash, account, created_at, expires_at }: LinkTable): LinkRow {
  return { hash: plainBytes(hash), account, createdAt: created_at, expiresAt: expires_at }
}

function sessionOf({ method, hash, account, created_at, expires_at }: SessionTable): SessionRow {
  return { hash: plainBytes(hash), account, method, createdAt: created_at, expiresAt: expires_at }
}

function passkeyOf(row: PasskeyTable): PasskeyRow {
  return {
    id: plainBytes(row.id),
    account: row.account,
    publicKey: plainBytes(row.public_key),
    counter: row.counter,
    transports: splitWords(row.transports),
    createdAt: row.created_at,
    usedAt: row.used_at,
  }
}

async function ownersOf(tx: Tx, site: SiteId): Promise<AccountRow[]> {
  // Names of sites hold neither comma nor wildcard but the hyphen and the dot.
  const rows = await run<AccountTable>(
    tx,
    "select * from accounts where instr(',' || sites || ',', ?) > 0 order by id",
    [`,${site},`],
  )
  return rows.map(accountOf)
}

async function saveAccount(tx: Tx, row: AccountRow): Promise<void> {
  const columns = {
    role: row.role,
    sites: joinWords(row.sites),
    email: row.email,
    email_key: row.emailKey,
    source: row.source,
    created_at: row.createdAt,
    seen_at: row.seenAt,
    disabled_at: row.disabledAt,
  }
  await tx.db
    .insertInto('accounts')
    .values({ id: row.id, ...columns })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(columns))
    .execute()
}

async function endSessions(tx: Tx, account: string): Promise<void> {
  for (const table of ['links', 'sessions'] as const)
    await tx.db.deleteFrom(table).where('account', '=', account).execute()
}

async function removeAccount(tx: Tx, id: string): Promise<void> {
  await endSessions(tx, id)
  await tx.db.deleteFrom('passkeys').where('account', '=', id).execute()
  await tx.db.deleteFrom('accounts').where('id', '=', id).execute()
}

async function takeLink(tx: Tx, hash: Uint8Array): Promise<LinkRow | null> {
  const row = await tx.db
    .deleteFrom('links')
    .where('hash', '=', hash)
    .returningAll()
    .executeTakeFirst()
  return row === undefined ? null : linkOf(row)
}

async function savePasskey(tx: Tx, row: PasskeyRow): Promise<void> {
  const changing = { counter: row.counter, used_at: row.usedAt }
  await tx.db
    .insertInto('passkeys')
    .values({
      id: row.id,
      account: row.account,
      public_key: row.publicKey,
      transports: joinWords(row.transports),
      created_at: row.createdAt,
      ...changing,
    })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(changing))
    .execute()
}

async function count(tx: Tx, sql: string, values: readonly string[]): Promise<number> {
  const [row] = await run<{ count: number }>(tx, sql, values)
  return row?.count ?? 0
}

/** The people inside one transaction. */
export function peopleIn(tx: Tx): PeopleWriter {
  return {
    account: async (id) => {
      const [row] = await run<AccountTable>(tx, 'select * from accounts where id = ?', [id])
      return row === undefined ? null : accountOf(row)
    },
    byEmailKey: async (emailKey) => {
      const sql = 'select * from accounts where email_key = ?'
      const [row] = await run<AccountTable>(tx, sql, [emailKey])
      return row === undefined ? null : accountOf(row)
    },
    ownersOf: (site) => ownersOf(tx, site),
    accounts: async (after, limit) => {
      const sql = 'select * from accounts where id > ? order by id limit ?'
      return (await run<AccountTable>(tx, sql, [after, limit])).map(accountOf)
    },
    countAccounts: () => count(tx, 'select count(*) as count from accounts', []),
    session: async (hash) => {
      const [row] = await run<SessionTable>(tx, 'select * from sessions where hash = ?', [hash])
      return row === undefined ? null : sessionOf(row)
    },
    sessionsOf: async (account) => {
      const sql = 'select * from sessions where account = ? order by created_at desc, hash'
      return (await run<SessionTable>(tx, sql, [account])).map(sessionOf)
    },
    link: async (hash) => {
      const [row] = await run<LinkTable>(tx, 'select * from links where hash = ?', [hash])
      return row === undefined ? null : linkOf(row)
    },
    countLinks: (account) =>
      count(tx, 'select count(*) as count from links where account = ?', [account]),
    passkey: async (id) => {
      const [row] = await run<PasskeyTable>(tx, 'select * from passkeys where id = ?', [id])
      return row === undefined ? null : passkeyOf(row)
    },
    passkeysOf: async (account) => {
      const sql = 'select * from passkeys where account = ? order by created_at, id'
      return (await run<PasskeyTable>(tx, sql, [account])).map(passkeyOf)
    },
    saveAccount: (row) => saveAccount(tx, row),
    removeAccount: (id) => removeAccount(tx, id),
    addLink: async ({ hash, account, createdAt, expiresAt }) => {
      const times = { created_at: createdAt, expires_at: expiresAt }
      await tx.db
        .insertInto('links')
        .values({ hash, account, method: null, ...times })
        .execute()
    },
    takeLink: (hash) => takeLink(tx, hash),
    addSession: async ({ hash, account, method, createdAt, expiresAt }) => {
      const times = { created_at: createdAt, expires_at: expiresAt }
      await tx.db
        .insertInto('sessions')
        .values({ hash, account, method, ...times })
        .execute()
    },
    removeSession: async (hash) => {
      await tx.db.deleteFrom('sessions').where('hash', '=', hash).execute()
    },
    endSessions: (account) => endSessions(tx, account),
    savePasskey: (row) => savePasskey(tx, row),
    removePasskey: async (id) => {
      await tx.db.deleteFrom('passkeys').where('id', '=', id).execute()
    },
    prune: async (now) => {
      for (const table of ['links', 'sessions'] as const)
        await tx.db.deleteFrom(table).where('expires_at', '<=', now).execute()
    },
  }
}
