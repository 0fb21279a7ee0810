/** The keys of simulated nodes: the same for the same site, made once. */
import { hash } from 'node:crypto'
import {
  createIdentity,
  derivePrivateKeys,
  type Identity,
  type PrivateKeys,
} from '../../node/core/identity.ts'
import type { SiteId } from '../../protocol/ids.ts'

const made = new Map<string, { identity: Identity; keys: PrivateKeys }>()

/** The keys of a site. */
export function keysFor(network: SiteId, site: SiteId): { identity: Identity; keys: PrivateKeys } {
  const known = made.get(site)
  if (known !== undefined) return known
  const seed = (label: string): Uint8Array =>
    new Uint8Array(hash('sha256', `${label} ${site}`, 'buffer'))
  const keys = {
    identity: createIdentity(network, site, seed('node')),
    keys: derivePrivateKeys(seed('storage')),
  }
  made.set(site, keys)
  return keys
}
