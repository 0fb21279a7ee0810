/** API keys: who may use this node's interface, in which role. Only their hashes are kept. */
import { toHex, toUtf8 } from '../../protocol/bytes.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { mayGive, OPERATOR_ACTOR, type Actor } from './people/actor.ts'
import type { Acts } from './people/acts.ts'
import type { Clock, Crypto, Random } from './ports.ts'
import type { ApiKeyRow, Store } from './store.ts'

/** Roles of a site's keys: everything; what a website does; only reading. */
export const SITE_ROLES = ['admin', 'write', 'read'] as const
export type SiteRole = (typeof SITE_ROLES)[number]
/** Roles of the coordinator's keys: those who act, the data protection officer, those who look. */
export const COORDINATOR_ROLES = ['staff', 'dpo', 'auditor'] as const
export type CoordinatorRole = (typeof COORDINATOR_ROLES)[number]

const SECRET_BYTES = 32
/** Digits of 32 bytes in base 62. */
const SECRET_CHARS = 43
const ID_BYTES = 8
const NAME_CHARS = 64
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const KEY = new RegExp(`^dpn_[a-z]{1,16}_[0-9A-Za-z]{${SECRET_CHARS}}$`)

/** A key as a list shows it: never the secret, nor its hash. */
export type ApiKey<Role extends string = string> = Omit<ApiKeyRow, 'hash' | 'role'> & {
  role: Role
}

export interface Access<Role extends string = string> {
  /**
   * Makes a key. `secret` is shown this once and kept nowhere.
   *
   * @throws ProtocolError `out_of_range` for a role or name that is none, or a role that the actor
   *   may not give
   */
  create: (name: string, role: string, by?: Actor) => Promise<{ key: ApiKey<Role>; secret: string }>
  /** The key that the secret belongs to, where it is one and has not been revoked. */
  verify: (secret: string) => Promise<ApiKey<Role> | null>
  list: () => Promise<ApiKey<Role>[]>
  /** @throws ProtocolError `not_found`; repeating it is harmless */
  revoke: (id: string, by?: Actor) => Promise<void>
  /** Calls `listener` with the id of each key as it is revoked; returns how to end that. */
  onRevoke: (listener: (id: string) => void) => () => void
}

function base62(bytes: Uint8Array): string {
  let rest = bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n)
  let text = ''
  for (let at = 0; at < SECRET_CHARS; at += 1) {
    text = (BASE62[Number(rest % 62n)] ?? '') + text
    rest /= 62n
  }
  return text
}

/**
 * Creates the keeper of the keys.
 *
 * @param roles the roles that this node knows: {@link SITE_ROLES} or {@link COORDINATOR_ROLES}
 */
export function createAccess<Role extends string>(
  ports: {
    store: Store
    clock: Clock
    random: Random
    crypto: Pick<Crypto, 'sha256'>
    /** Where it is kept who made and revoked keys: at the coordinator. */
    acts?: Pick<Acts, 'add'>
  },
  roles: readonly Role[],
): Access<Role> {
  const { store, clock, random, crypto, acts } = ports
  const listeners = new Set<(id: string) => void>()
  const isRole = (role: string): role is Role => (roles as readonly string[]).includes(role)
  // A key of a role that this node does not know opens nothing.
  const shown = ({ hash: _hash, role, ...row }: ApiKeyRow): ApiKey<Role>[] =>
    isRole(role) ? [{ ...row, role }] : []

  return {
    create: async (name, role, by = OPERATOR_ACTOR) => {
      if (!isRole(role))
        throw new ProtocolError('out_of_range', '/role', `one of ${roles.join(', ')}`)
      if (name.length < 1 || name.length > NAME_CHARS || /\p{Cc}/u.test(name))
        throw new ProtocolError('out_of_range', '/name', `1 to ${NAME_CHARS} characters`)
      if (acts !== undefined && !mayGive(by, role))
        throw new ProtocolError('out_of_range', '/role', `a role that a ${by.role} may give`)
      const secret = `dpn_${role}_${base62(random.bytes(SECRET_BYTES))}`
      const key = {
        id: toHex(random.bytes(ID_BYTES)),
        name,
        role,
        createdAt: clock.now(),
        revokedAt: null,
      }
      const hash = crypto.sha256(toUtf8(secret))
      await store.write(async (tx) => {
        await tx.desk.addApiKey({ ...key, hash })
        await acts?.add(tx, { actor: by, act: 'key.create', subject: key.id })
      })
      return { key, secret }
    },
    verify: async (secret) => {
      // Asked of the store each time, so that a revocation holds from the next request on. The
      // look-up is by hash: its timing tells nothing about a secret of 256 bits.
      if (!KEY.test(secret)) return null
      const row = await store.read((tx) => tx.desk.apiKeyByHash(crypto.sha256(toUtf8(secret))))
      return row === null || row.revokedAt !== null ? null : (shown(row).at(0) ?? null)
    },
    list: async () => (await store.read((tx) => tx.desk.apiKeys())).flatMap(shown),
    revoke: async (id, by = OPERATOR_ACTOR) => {
      await store.write(async (tx) => {
        const known = (await tx.desk.apiKeys()).find((row) => row.id === id)
        if (known === undefined) throw new ProtocolError('not_found', '/id', 'the id of a key')
        if (acts !== undefined && !mayGive(by, known.role))
          throw new ProtocolError('not_found', '/id', `a key that a ${by.role} may revoke`)
        await tx.desk.revokeApiKey(id, clock.now())
        await acts?.add(tx, { actor: by, act: 'key.revoke', subject: id })
      })
      for (const listener of listeners) listener(id)
    },
    onRevoke: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
