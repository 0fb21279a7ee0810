/** The endpoints of webhooks. */
import type { WebhookRow, WebhookWriter } from '../core/feed-rows.ts'
import type { WebhookTable } from './schema.ts'
import { joinWords, plainBytes, splitWords, type Tx } from './transaction.ts'

function rowOf(row: WebhookTable): WebhookRow {
  return {
    id: row.id,
    url: row.url,
    secret: plainBytes(row.secret),
    types: splitWords(row.types),
    createdAt: row.created_at,
    cursor: row.cursor,
    failures: row.failures,
    failingSince: row.failing_since,
    retryAt: row.retry_at,
    lastSuccessAt: row.last_success_at,
    lastFailure: row.last_failure,
    disabledAt: row.disabled_at,
  }
}

async function save(tx: Tx, row: WebhookRow): Promise<void> {
  const columns = {
    url: row.url,
    secret: row.secret,
    types: joinWords(row.types),
    created_at: row.createdAt,
    cursor: row.cursor,
    failures: row.failures,
    failing_since: row.failingSince,
    retry_at: row.retryAt,
    last_success_at: row.lastSuccessAt,
    last_failure: row.lastFailure,
    disabled_at: row.disabledAt,
  }
  await tx.db
    .insertInto('webhooks')
    .values({ id: row.id, ...columns })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(columns))
    .execute()
}

/** The webhooks inside one transaction. */
export function webhooksIn(tx: Tx): WebhookWriter {
  return {
    all: async () => {
      const rows = await tx.db
        .selectFrom('webhooks')
        .selectAll()
        .orderBy('created_at')
        .orderBy('id')
        .execute()
      return rows.map(rowOf)
    },
    get: async (id) => {
      const row = await tx.db
        .selectFrom('webhooks')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst()
      return row === undefined ? null : rowOf(row)
    },
    save: (row) => save(tx, row),
    remove: async (id) => {
      await tx.db.deleteFrom('webhooks').where('id', '=', id).execute()
    },
  }
}
