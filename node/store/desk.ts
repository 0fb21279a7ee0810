/** What the operator and the coordinator's staff keep: settings, API keys, applications, forks. */
import type { SiteId } from '../../protocol/ids.ts'
import type { ApiKeyRow, ApplicationRow, DeskWriter, ForkRow } from '../core/store.ts'
import type { ApiKeyTable, ApplicationTable, ForkTable } from './schema.ts'
import { internSite, plainBytes, run, siteOf, type Tx } from './transaction.ts'

function apiKeyOf(row: ApiKeyTable): ApiKeyRow {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    hash: plainBytes(row.hash),
    createdAt: row.created_at,
    revokedAt: row.revoked_at,
  }
}

function applicationOf(row: ApplicationTable): ApplicationRow {
  return {
    site: row.site,
    logKey: plainBytes(row.log_key),
    witnessKey: plainBytes(row.witness_key),
    siteType: row.site_type,
    jurisdiction: row.jurisdiction,
    contact: row.contact,
    appliedAt: row.applied_at,
    state: row.state,
  }
}

async function getSetting(tx: Tx, name: string): Promise<string | null> {
  const sql = 'select value from settings where name = ?'
  const [row] = await run<{ value: string }>(tx, sql, [name])
  return row?.value ?? null
}

async function setSetting(tx: Tx, name: string, value: string): Promise<void> {
  await tx.db
    .insertInto('settings')
    .values({ name, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute()
}

async function getApiKeyByHash(tx: Tx, hash: Uint8Array): Promise<ApiKeyRow | null> {
  const row = await tx.db
    .selectFrom('api_keys')
    .selectAll()
    .where('hash', '=', hash)
    .executeTakeFirst()
  return row === undefined ? null : apiKeyOf(row)
}

async function getApiKeys(tx: Tx): Promise<ApiKeyRow[]> {
  const rows = await tx.db
    .selectFrom('api_keys')
    .selectAll()
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  return rows.map(apiKeyOf)
}

async function addApiKey(tx: Tx, row: ApiKeyRow): Promise<void> {
  const { id, name, role, hash, createdAt, revokedAt } = row
  await tx.db
    .insertInto('api_keys')
    .values({ id, name, role, hash, created_at: createdAt, revoked_at: revokedAt })
    .execute()
}

async function revokeApiKey(tx: Tx, id: string, time: number): Promise<void> {
  // The first revocation stands, since it says from when on the key was refused.
  await tx.db
    .updateTable('api_keys')
    .set({ revoked_at: time })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .execute()
}

async function getApplication(tx: Tx, site: SiteId): Promise<ApplicationRow | null> {
  const row = await tx.db
    .selectFrom('applications')
    .selectAll()
    .where('site', '=', site)
    .executeTakeFirst()
  return row === undefined ? null : applicationOf(row)
}

async function getApplications(tx: Tx): Promise<ApplicationRow[]> {
  const rows = await tx.db
    .selectFrom('applications')
    .selectAll()
    .orderBy('applied_at')
    .orderBy('site')
    .execute()
  return rows.map(applicationOf)
}

async function saveApplication(tx: Tx, row: ApplicationRow): Promise<void> {
  const columns = {
    log_key: row.logKey,
    witness_key: row.witnessKey,
    site_type: row.siteType,
    jurisdiction: row.jurisdiction,
    contact: row.contact,
    applied_at: row.appliedAt,
    state: row.state,
  }
  await tx.db
    .insertInto('applications')
    .values({ site: row.site, ...columns })
    .onConflict((conflict) => conflict.column('site').doUpdateSet(columns))
    .execute()
}

function branchIn({ branch }: Pick<ForkTable, 'branch'>): Pick<ForkRow, 'branch'> {
  if (branch === null) return {}
  const parsed: NonNullable<ForkRow['branch']> = JSON.parse(branch)
  return { branch: parsed }
}

async function getForks(tx: Tx): Promise<ForkRow[]> {
  const rows = await tx.db.selectFrom('forks').selectAll().orderBy('id').execute()
  const forks: ForkRow[] = []
  for (const row of rows)
    forks.push({
      log: await siteOf(tx, row.log),
      size: row.size,
      notes: [row.first_note, row.second_note],
      ...branchIn(row),
      foundAt: row.found_at,
    })
  return forks
}

async function addFork(tx: Tx, row: ForkRow): Promise<void> {
  const [first, second] = row.notes
  await tx.db
    .insertInto('forks')
    .values({
      log: await internSite(tx, row.log),
      size: row.size,
      first_note: first,
      second_note: second,
      found_at: row.foundAt,
      branch: row.branch === undefined ? null : JSON.stringify(row.branch),
    })
    .execute()
}

/** The desk inside one transaction. */
export function deskIn(tx: Tx): DeskWriter {
  return {
    setting: (name) => getSetting(tx, name),
    apiKeyByHash: (hash) => getApiKeyByHash(tx, hash),
    apiKeys: () => getApiKeys(tx),
    application: (site) => getApplication(tx, site),
    applications: () => getApplications(tx),
    forks: () => getForks(tx),
    setSetting: (name, value) => setSetting(tx, name, value),
    addApiKey: (row) => addApiKey(tx, row),
    revokeApiKey: (id, time) => revokeApiKey(tx, id, time),
    saveApplication: (row) => saveApplication(tx, row),
    addFork: (row) => addFork(tx, row),
  }
}
