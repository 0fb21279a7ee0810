/**
 * Fast cryptography for simulations. Signatures are a hash under the signer's seed, which verifying
 * makes anew: as with Ed25519, only who has the seed can sign, and the same message has the same
 * signature. The real ones, and what they refuse, have tests of their own.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hash,
} from 'node:crypto'
import type { Crypto } from '../../node/core/ports.ts'
import type { Dice } from './dice.ts'

const PRIVATE_DER = Buffer.from('302e020100300506032b657004220420', 'hex')
const PUBLIC_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Seeds that have signed, and the public keys by which they are found. */
const publicKeys = new Map<string, string>()
const seeds = new Map<string, Uint8Array>()

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** Enters a seed, so that what it signs can be verified. */
function enter(seed: Uint8Array): void {
  if (publicKeys.has(text(seed))) return
  const key = Buffer.concat([PRIVATE_DER, seed])
  const pair = createPublicKey(createPrivateKey({ key, format: 'der', type: 'pkcs8' }))
  const raw = pair.export({ format: 'der', type: 'spki' }).subarray(-PUBLIC_BYTES)
  publicKeys.set(text(seed), text(raw))
  seeds.set(text(raw), seed.slice())
}

const signed = (seed: Uint8Array, message: Uint8Array): Buffer =>
  hash('sha512', Buffer.concat([seed, message]), 'buffer')

/** The cryptography of one simulation; nonces come from its dice. */
export function createSimCrypto(dice: Dice): Crypto {
  return {
    sha256: (bytes) => new Uint8Array(hash('sha256', bytes, 'buffer')),
    sign: (message, seed) => {
      enter(seed)
      return new Uint8Array(signed(seed, message))
    },
    verify: (signature, message, publicKey) => {
      const seed = seeds.get(text(publicKey))
      return seed !== undefined && signed(seed, message).equals(signature)
    },
    seal: (key, plaintext) => {
      const nonce = dice.bytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      const parts = [nonce, cipher.update(plaintext), cipher.final()]
      return new Uint8Array(Buffer.concat([...parts, cipher.getAuthTag()]))
    },
    open: (key, sealed) => {
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES))
        decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
        const plain = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES))
        return new Uint8Array(Buffer.concat([plain, decipher.final()]))
      } catch {
        return null
      }
    },
    hmacSha256: (key, bytes) => new Uint8Array(createHmac('sha256', key).update(bytes).digest()),
  }
}
