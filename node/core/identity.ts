/** A node's keys, derived from its two secrets. */
import { concatBytes, toHex, toUtf8 } from '../../protocol/bytes.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { deriveKeySeed, publicKeyOf } from '../../protocol/keys.ts'
import {
  KEY_TYPE_COSIGNATURE,
  KEY_TYPE_ED25519,
  makeVerifierKey,
  type VerifierKey,
} from '../../protocol/note.ts'
import { originOf, witnessName } from '../../protocol/registry.ts'

export interface Identity {
  network: SiteId
  site: SiteId
  /** Origin of the own log. */
  origin: string
  logSeed: Uint8Array
  logKey: VerifierKey
  witnessSeed: Uint8Array
  witnessKey: VerifierKey
  /** From it follow the seeds of draws; only a coordinator uses it. */
  drawSeed: Uint8Array
}

/**
 * Derives the signing keys.
 *
 * @param nodeSeed 32 bytes, the content of `node.key`
 */
export function createIdentity(network: SiteId, site: SiteId, nodeSeed: Uint8Array): Identity {
  const origin = originOf(network, site)
  const logSeed = deriveKeySeed(nodeSeed, 'dpn/log')
  const witnessSeed = deriveKeySeed(nodeSeed, 'dpn/witness')
  return {
    network,
    site,
    origin,
    logSeed,
    logKey: makeVerifierKey(origin, KEY_TYPE_ED25519, publicKeyOf(logSeed)),
    witnessSeed,
    witnessKey: makeVerifierKey(
      witnessName(network, site),
      KEY_TYPE_COSIGNATURE,
      publicKeyOf(witnessSeed),
    ),
    drawSeed: deriveKeySeed(nodeSeed, 'dpn/draw'),
  }
}

/** Keys for what only this node may read; they outlive a rotation of the signing keys. */
export interface PrivateKeys {
  /** Wraps the content keys in the slot file. */
  master: Uint8Array
  /** Seals the part of a body that is the home's own. */
  seal: Uint8Array
  /** Turns the site's member ids into keys of an index. */
  index: Uint8Array
  /** Signs the links under which browsers get pictures. */
  links: Uint8Array
  /** Seals the secrets by which webhooks are signed. */
  webhook: Uint8Array
}

/**
 * Derives the private keys.
 *
 * @param storageKey 32 bytes, the content of `storage.key`
 */
export function derivePrivateKeys(storageKey: Uint8Array): PrivateKeys {
  return {
    master: deriveKeySeed(storageKey, 'dpn/master'),
    seal: deriveKeySeed(storageKey, 'dpn/seal'),
    index: deriveKeySeed(storageKey, 'dpn/index'),
    links: deriveKeySeed(storageKey, 'dpn/links'),
    webhook: deriveKeySeed(storageKey, 'dpn/webhook'),
  }
}

/** A name for a key in a map: hexadecimal. */
export function keyText(publicKey: Uint8Array): string {
  return toHex(publicKey)
}

/** Input for a keyed hash: a label, a zero byte, the value, so that uses cannot be confused. */
export function labelled(label: string, value: Uint8Array): Uint8Array {
  return concatBytes(toUtf8(`${label}\0`), value)
}
