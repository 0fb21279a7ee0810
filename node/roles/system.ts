/** The real clock, randomness and cryptography behind the core's ports. */
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  hash,
  randomFillSync,
  sign as nativeSign,
  verify as nativeVerify,
  type KeyObject,
} from 'node:crypto'
import type { Clock, Crypto, Events, Random } from '../core/ports.ts'
import { reasonOf } from '../core/tasks.ts'
import { briefBytes, concatBytes, passingBytes } from '../../protocol/bytes.ts'
import {
  isCanonicalPoint,
  isSmallOrder,
  PUBLIC_KEY_BYTES,
  SIGNATURE_BYTES,
} from '../../protocol/keys.ts'

/** A plain view: Buffer's `slice` shares its memory, where the core expects a copy. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}

const DIGEST_BYTES = 32

/** Through a text of one character a byte: Node's Buffer costs twice as much as the hash itself. */
function sha256(data: Uint8Array): Uint8Array {
  const digest = hash('sha256', data, 'binary')
  const bytes = new Uint8Array(DIGEST_BYTES)
  for (let at = 0; at < DIGEST_BYTES; at += 1) bytes[at] = digest.charCodeAt(at)
  return bytes
}

/** The machine's clock. A timer keeps no process alive that has nothing else to do. */
export function createClock(events: Events): Clock {
  return {
    now: () => Math.floor(Date.now() / 1000),
    every: (seconds, task) => {
      const run = (): void => {
        task().catch((error: unknown) => {
          events.emit({ type: 'task.failed', task: 'timer', reason: reasonOf(error) })
        })
      }
      const timer = setInterval(run, seconds * 1000)
      timer.unref()
      return () => clearInterval(timer)
    },
  }
}

/** Bytes asked of the operating system at once: its calls cost more than the bytes. */
const POOL_BYTES = 8 * 1024
const pool = new Uint8Array(POOL_BYTES)
let drawn = POOL_BYTES

/** The operating system's generator. */
export const systemRandom: Random = {
  bytes: (length) => {
    if (length > POOL_BYTES) return randomFillSync(new Uint8Array(length))
    if (drawn + length > POOL_BYTES) {
      randomFillSync(pool)
      drawn = 0
    }
    const bytes = pool.slice(drawn, drawn + length)
    // What is given out leaves the pool: a key must not linger where nobody erases it.
    pool.fill(0, drawn, drawn + length)
    drawn += length
    return bytes
  },
}

/** DER in front of a raw Ed25519 key (RFC 8410): a SubjectPublicKeyInfo, and a PKCS #8 key. */
const SPKI = Uint8Array.from(Buffer.from('302a300506032b6570032100', 'hex'))
const PKCS8 = Uint8Array.from(Buffer.from('302e020100300506032b657004220420', 'hex'))

/** Imported public keys kept: more than a network has members, with their old keys. */
const KEPT_KEYS = 4096
const publicKeys = new Map<string, KeyObject>()
const privateKeys = new WeakMap<Uint8Array, KeyObject>()

function publicKeyObject(key: Uint8Array): KeyObject {
  const name = Buffer.from(key).toString('latin1')
  const kept = publicKeys.get(name)
  if (kept !== undefined) return kept
  const der = Buffer.from(concatBytes(SPKI, key))
  const made = createPublicKey({ key: der, format: 'der', type: 'spki' })
  if (publicKeys.size >= KEPT_KEYS) publicKeys.clear()
  publicKeys.set(name, made)
  return made
}

function privateKeyObject(seed: Uint8Array): KeyObject {
  const kept = privateKeys.get(seed)
  if (kept !== undefined) return kept
  const der = Buffer.from(concatBytes(PKCS8, seed))
  const made = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  privateKeys.set(seed, made)
  return made
}

// Raw keys are accepted too, but cost three times as much as a key object made here (Node 24).
const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const keyBytes = new Uint8Array(64)

const BLOCK_BYTES = 64
const pads = new WeakMap<Uint8Array, { inner: Uint8Array; outer: Uint8Array }>()

/**
 * The key xored with HMAC's two paddings (RFC 2104 §2), kept for as long as the key is: two one-shot
 * hashes over them cost a third of `createHmac`, and every record needs several.
 */
function padsOf(key: Uint8Array): { inner: Uint8Array; outer: Uint8Array } {
  const kept = pads.get(key)
  if (kept !== undefined) return kept
  const short = key.length > BLOCK_BYTES ? sha256(key) : key
  const inner = new Uint8Array(BLOCK_BYTES).fill(0x36)
  const outer = new Uint8Array(BLOCK_BYTES).fill(0x5c)
  for (const [at, byte] of short.entries()) {
    inner[at] = 0x36 ^ byte
    outer[at] = 0x5c ^ byte
  }
  const made = { inner, outer }
  pads.set(key, made)
  return made
}

/** A copy where native code reads it in place: V8 would first move a short key off its heap. */
function keyObject(key: Uint8Array): KeyObject {
  const bytes = keyBytes.subarray(0, key.length)
  bytes.set(key)
  const made = createSecretKey(bytes)
  bytes.fill(0)
  return made
}

function seal(key: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const sealed = briefBytes(NONCE_BYTES + plaintext.length + TAG_BYTES)
  sealed.set(systemRandom.bytes(NONCE_BYTES))
  const nonce = sealed.subarray(0, NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, keyObject(key), nonce, { authTagLength: TAG_BYTES })
  // GCM is as long as the text, and has nothing left at the end but the tag.
  sealed.set(cipher.update(plaintext), NONCE_BYTES)
  cipher.final()
  sealed.set(cipher.getAuthTag(), NONCE_BYTES + plaintext.length)
  return sealed
}

function open(key: Uint8Array, sealed: Uint8Array): Uint8Array | null {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return null
  const end = sealed.length - TAG_BYTES
  try {
    const nonce = sealed.subarray(0, NONCE_BYTES)
    const decipher = createDecipheriv(CIPHER, keyObject(key), nonce, { authTagLength: TAG_BYTES })
    decipher.setAuthTag(sealed.subarray(end))
    const opened = decipher.update(sealed.subarray(NONCE_BYTES, end))
    decipher.final()
    return plain(opened)
  } catch {
    return null
  }
}

/**
 * OpenSSL's primitives. For signatures the stricter answer wins: OpenSSL takes points of small
 * order and other spellings of a key, which the protocol refuses (design §4.1).
 */
export const systemCrypto: Crypto = {
  sha256,
  verify: (signature, message, publicKey) => {
    if (signature.length !== SIGNATURE_BYTES || publicKey.length !== PUBLIC_KEY_BYTES) return false
    if (!isCanonicalPoint(publicKey) || isSmallOrder(publicKey)) return false
    if (isSmallOrder(signature.subarray(0, PUBLIC_KEY_BYTES))) return false
    try {
      return nativeVerify(null, message, publicKeyObject(publicKey), signature)
    } catch {
      return false
    }
  },
  sign: (message, seed) => plain(nativeSign(null, message, privateKeyObject(seed))),
  seal,
  open,
  hmacSha256: (key, data) => {
    const { inner, outer } = padsOf(key)
    return sha256(passingBytes(outer, sha256(passingBytes(inner, data))))
  },
}
