/** The endpoints of webhooks: made, listed, changed, removed by the operator. */
import { fromUtf8, toHex, toUtf8 } from '../../../protocol/bytes.ts'
import { invariant, ProtocolError } from '../../../protocol/errors.ts'
import type { Feed } from '../feed.ts'
import type { WebhookRow } from '../feed-rows.ts'
import type { Clock, Crypto, Random } from '../ports.ts'
import { EVENT_TYPES } from '../website.ts'
import { makeSecret } from './signature.ts'

const ID_BYTES = 8
const URL_CHARS = 2048
/** Endpoints of one site. */
const MOST_ENDPOINTS = 16

/** An endpoint as it is shown: never its secret. */
export type Endpoint = Omit<WebhookRow, 'secret' | 'cursor'>

export interface Endpoints {
  /**
   * Adds an endpoint; the secret is shown this once. It gets what comes from now on.
   *
   * @param types of events; empty for all
   * @throws ProtocolError `out_of_range`, or `conflict` where there are too many
   */
  add: (url: string, types: readonly string[]) => Promise<{ endpoint: Endpoint; secret: string }>
  list: () => Promise<Endpoint[]>
  /** Changes an endpoint; one that was disabled is tried again. @throws ProtocolError `not_found` */
  change: (id: string, url: string, types: readonly string[]) => Promise<Endpoint>
  /** @throws ProtocolError `not_found` */
  remove: (id: string) => Promise<void>
}

/** The state of an endpoint that has never failed, or is to be tried as if it had not. */
export const UNTRIED = { failures: 0, failingSince: null, retryAt: 0, disabledAt: null } as const

/** The secret that a row holds under the operator's key. */
export function openSecret(crypto: Pick<Crypto, 'open'>, key: Uint8Array, row: WebhookRow): string {
  const secret = crypto.open(key, row.secret)
  invariant(secret !== null, 'the secret of a webhook opens')
  return fromUtf8(secret)
}

function shown({ secret: _secret, cursor: _cursor, ...endpoint }: WebhookRow): Endpoint {
  return endpoint
}

/** What can be said of an address without asking anybody; the rest is checked at each call. */
function checkUrl(url: string): void {
  if (url.length > URL_CHARS || !/^https?:\/\/[^\s/?#@\\]+(?:[/?#]\S*)?$/.test(url))
    throw new ProtocolError(
      'out_of_range',
      '/url',
      `an http(s) address of at most ${URL_CHARS} characters, without a user name`,
    )
}

function checkTypes(types: readonly string[]): string[] {
  for (const [place, type] of types.entries())
    if (!EVENT_TYPES.includes(type))
      throw new ProtocolError('out_of_range', `/types/${place}`, `one of ${EVENT_TYPES.join(', ')}`)
  return [...new Set(types)]
}

/**
 * Creates the desk for endpoints.
 *
 * @param ports.key seals secrets in the database, and so in backups
 */
export function createEndpoints(ports: {
  feed: Feed
  clock: Clock
  random: Random
  crypto: Crypto
  key: Uint8Array
  /** An endpoint was added, changed or removed. */
  onChange: () => void
}): Endpoints {
  const { feed, clock, random, crypto, key, onChange } = ports
  const { store } = feed

  async function find(id: string, tx: Parameters<Parameters<typeof store.write>[0]>[0]) {
    const row = await tx.webhooks.get(id)
    if (row === null) throw new ProtocolError('not_found', '/id', 'the id of a webhook')
    return row
  }

  return {
    add: async (url, types) => {
      checkUrl(url)
      const secret = makeSecret(random)
      const sealed = crypto.seal(key, toUtf8(secret))
      const chosen = checkTypes(types)
      const id = toHex(random.bytes(ID_BYTES))
      const row = await store.write(async (tx) => {
        if ((await tx.webhooks.all()).length >= MOST_ENDPOINTS)
          throw new ProtocolError('conflict', '', `at most ${MOST_ENDPOINTS} webhooks`)
        const made: WebhookRow = {
          id,
          url,
          secret: sealed,
          types: chosen,
          createdAt: clock.now(),
          cursor: await tx.feed.newest(),
          ...UNTRIED,
          lastSuccessAt: null,
          lastFailure: null,
        }
        await tx.webhooks.save(made)
        return made
      })
      onChange()
      return { endpoint: shown(row), secret }
    },
    list: async () => (await store.read((tx) => tx.webhooks.all())).map(shown),
    change: async (id, url, types) => {
      checkUrl(url)
      const chosen = checkTypes(types)
      const row = await store.write(async (tx) => {
        const changed = { ...(await find(id, tx)), url, types: chosen, ...UNTRIED }
        await tx.webhooks.save(changed)
        return changed
      })
      onChange()
      return shown(row)
    },
    remove: async (id) => {
      await store.write(async (tx) => {
        await find(id, tx)
        await tx.webhooks.remove(id)
      })
      onChange()
    },
  }
}
