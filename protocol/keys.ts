/** Ed25519 without its ambiguities, key derivation, and the default hash. */
import { hashes, Point, getPublicKey, sign as nobleSign } from '@noble/ed25519'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 as nobleSha256, sha512 } from '@noble/hashes/sha2.js'
import { concatBytes, equalBytes, passingBytes, toUtf8 } from './bytes.ts'
import { ProtocolError } from './errors.ts'

hashes.sha512 = sha512

export const SEED_BYTES = 32
export const PUBLIC_KEY_BYTES = 32
export const SIGNATURE_BYTES = 64
export const HASH_BYTES = 32

/** Whether `signature` over `message` is by `publicKey`. Never throws. */
export type Verifier = (
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
) => boolean
/** The Ed25519 signature of `message` with the key of `seed`. */
export type Signer = (message: Uint8Array, seed: Uint8Array) => Uint8Array
/** SHA-256 by whatever implementation is at hand; it keeps nothing of what it is given. */
export type Hash = (data: Uint8Array) => Uint8Array

/** The order of the base point, as 32 little-endian bytes: S has to be below it. */
const ORDER = 0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3edn

/**
 * The y coordinates of the points of small order, without the sign bit: 0, 1, those of order 8,
 * p - 1, and the spellings p and p + 1 of 0 and 1. With either sign they are 14 encodings.
 */
const SMALL_ORDER_Y = [
  little(0n),
  little(1n),
  little(0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n),
  little(0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n),
  little(2n ** 255n - 20n),
  little(2n ** 255n - 19n),
  little(2n ** 255n - 18n),
]

function little(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32)
  let rest = value
  for (let at = 0; at < 32; at += 1) {
    bytes[at] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return bytes
}

function fromLittle(bytes: Uint8Array): bigint {
  let value = 0n
  for (let at = bytes.length - 1; at >= 0; at -= 1) value = (value << 8n) | BigInt(bytes[at] ?? 0)
  return value
}

/**
 * Whether 32 bytes are one of the 14 encodings of a point of small order. As a key such a point
 * would verify signatures that nobody made; some libraries accept it, so that they would disagree.
 */
export function isSmallOrder(point: Uint8Array): boolean {
  return SMALL_ORDER_Y.some((y) => {
    for (let at = 0; at < 31; at += 1) if (point[at] !== y[at]) return false
    return ((point[31] ?? 0) & 0x7f) === y[31]
  })
}

/** Whether the y coordinate in 32 bytes is below 2^255 - 19, the only spelling that we accept. */
export function isCanonicalPoint(point: Uint8Array): boolean {
  if (((point[31] ?? 0) & 0x7f) !== 0x7f) return true
  for (let at = 30; at > 0; at -= 1) if (point[at] !== 0xff) return true
  return (point[0] ?? 0) < 0xed
}

/**
 * Checks that `key` is an Ed25519 public key that every verifier reads alike: 32 bytes, canonical,
 * on the curve, not of small order.
 *
 * @throws ProtocolError `wrong_type` for another length, otherwise `malformed`
 */
export function assertPublicKey(key: Uint8Array): void {
  if (!(key instanceof Uint8Array) || key.length !== PUBLIC_KEY_BYTES)
    throw new ProtocolError('wrong_type', '', '32 bytes')
  if (isSmallOrder(key) || !isOnCurve(key))
    throw new ProtocolError('malformed', '', 'a canonical Ed25519 public key of large order')
}

function isOnCurve(key: Uint8Array): boolean {
  try {
    Point.fromBytes(key, false)
    return true
  } catch {
    return false
  }
}

/**
 * Whether `signature` is the Ed25519 signature of `message` by `publicKey`: canonical encodings
 * only, no points of small order, and the equation without the cofactor. OpenSSL computes it the
 * same way, so that a fast verifier and this one never disagree; with the cofactor they would, on
 * keys and signatures made for that purpose.
 *
 * @see RFC 8032 §5.1.7
 */
export const verifyStrict: Verifier = (signature, message, publicKey) => {
  if (signature.length !== SIGNATURE_BYTES || publicKey.length !== PUBLIC_KEY_BYTES) return false
  const r = signature.subarray(0, 32)
  const s = fromLittle(signature.subarray(32))
  if (s >= ORDER || isSmallOrder(r) || isSmallOrder(publicKey)) return false
  try {
    const a = Point.fromBytes(publicKey, false)
    const k = fromLittle(sha512(concatBytes(r, publicKey, message))) % ORDER
    const expected = Point.BASE.multiply(s, false).subtract(a.multiply(k, false))
    return equalBytes(expected.toBytes(), r)
  } catch {
    return false
  }
}

/**
 * The public key of a 32-byte seed.
 *
 * @throws ProtocolError `wrong_type` for another length
 */
export function publicKeyOf(seed: Uint8Array): Uint8Array {
  assertSeed(seed)
  return getPublicKey(seed)
}

/**
 * The Ed25519 signature of `message`, 64 bytes.
 *
 * @throws ProtocolError `wrong_type` for a seed of another length than 32
 */
export function sign(message: Uint8Array, seed: Uint8Array): Uint8Array {
  assertSeed(seed)
  return nobleSign(message, seed)
}

function assertSeed(seed: Uint8Array): void {
  if (!(seed instanceof Uint8Array) || seed.length !== SEED_BYTES)
    throw new ProtocolError('wrong_type', '', 'a seed of 32 bytes')
}

/**
 * The seed of one of a node's keys, so that a site keeps a single secret.
 *
 * @param info what the key is for: `dpn/log` or `dpn/witness`
 * @see RFC 5869, with SHA-256 and an empty salt
 */
export function deriveKeySeed(nodeSeed: Uint8Array, info: string): Uint8Array {
  assertSeed(nodeSeed)
  return hkdf(nobleSha256, nodeSeed, new Uint8Array(0), toUtf8(info), SEED_BYTES)
}

/** SHA-256 of the parts, one after another. */
export function sha256(...parts: Uint8Array[]): Uint8Array {
  const [only] = parts
  return nobleSha256(parts.length === 1 && only !== undefined ? only : passingBytes(...parts))
}
