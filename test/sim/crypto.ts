/** Fast cryptography for simulations: the same functions, natively, with verdicts remembered. */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hash,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'
import type { Crypto } from '../../node/core/ports.ts'
import type { Dice } from './dice.ts'

const PRIVATE_DER = Buffer.from('302e020100300506032b657004220420', 'hex')
const PUBLIC_DER = Buffer.from('302a300506032b6570032100', 'hex')
const NONCE_BYTES = 12
const TAG_BYTES = 16

const keys = new Map<string, KeyObject>()

function keyOf(kind: 'private' | 'public', raw: Uint8Array): KeyObject {
  const name = `${kind} ${Buffer.from(raw).toString('latin1')}`
  let key = keys.get(name)
  if (key === undefined) {
    key =
      kind === 'private'
        ? createPrivateKey({
            key: Buffer.concat([PRIVATE_DER, raw]),
            format: 'der',
            type: 'pkcs8',
          })
        : createPublicKey({ key: Buffer.concat([PUBLIC_DER, raw]), format: 'der', type: 'spki' })
    keys.set(name, key)
  }
  return key
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** The cryptography of one simulation; nonces come from its dice. */
export function createSimCrypto(dice: Dice): Crypto {
  const verdicts = new Map<string, boolean>()
  return {
    sha256: (bytes) => new Uint8Array(hash('sha256', bytes, 'buffer')),
    sign: (message, seed) => new Uint8Array(sign(null, message, keyOf('private', seed))),
    verify: (signature, message, publicKey) => {
      const name = `${text(signature)}${text(publicKey)}${text(message)}`
      let verdict = verdicts.get(name)
      if (verdict === undefined) {
        try {
          verdict = verify(null, message, keyOf('public', publicKey), signature)
        } catch {
          verdict = false
        }
        verdicts.set(name, verdict)
      }
      return verdict
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
