import { createPublicKey, hkdfSync, verify as opensslVerify } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { Point } from '@noble/ed25519'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex, toUtf8 } from '../../protocol/bytes.ts'
import {
  assertPublicKey,
  deriveKeySeed,
  isCanonicalPoint,
  isSmallOrder,
  publicKeyOf,
  sha256,
  sign,
  verifyStrict,
} from '../../protocol/keys.ts'

const VECTORS = '../shared/vectors/ed25519/cctv_ed25519vectors.json'
const P = 2n ** 255n - 19n

interface Vector {
  key: string
  sig: string
  msg: string
  flags: string[] | null
}

function littleEndian(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0')).toReversed()
}

/** Every 32 bytes that decode to a point of small order, found by multiplying. */
function smallOrderEncodings(): string[] {
  const generator = Point.fromBytes(
    fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'),
  )
  const found = new Set<string>()
  let point = Point.ZERO
  for (let times = 0; times < 8; times += 1) {
    const { y } = point.toAffine()
    for (const spelling of [y, y + P].filter((each) => each < 2n ** 255n))
      for (const signBit of [0, 0x80]) {
        const bytes = littleEndian(spelling)
        bytes[31] = (bytes[31] ?? 0) | signBit
        found.add(toHex(bytes))
      }
    point = point.add(generator)
  }
  return [...found]
}

function openssl(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey])
  return opensslVerify(
    null,
    message,
    createPublicKey({ key: der, format: 'der', type: 'spki' }),
    signature,
  )
}

describe('isSmallOrder', () => {
  it('knows the 14 encodings of points of small order', () => {
    const encodings = smallOrderEncodings()
    expect(encodings).toHaveLength(14)
    for (const encoding of encodings) expect(isSmallOrder(fromHex(encoding))).toBe(true)
  })

  it('knows no other', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
        expect(isSmallOrder(publicKeyOf(seed))).toBe(false)
      }),
      { numRuns: 20 },
    )
  })
})

describe('isCanonicalPoint', () => {
  it('refuses y coordinates from 2^255 - 19', () => {
    expect(isCanonicalPoint(littleEndian(P - 1n))).toBe(true)
    for (let excess = 0n; excess < 19n; excess += 1n)
      expect(isCanonicalPoint(littleEndian(P + excess))).toBe(false)
    expect(isCanonicalPoint(littleEndian(2n ** 255n + P))).toBe(false)
    expect(isCanonicalPoint(littleEndian(2n ** 255n + P - 1n))).toBe(true)
  })
})

describe('assertPublicKey', () => {
  it('accepts the key of a seed', () => {
    expect(() => assertPublicKey(publicKeyOf(new Uint8Array(32)))).not.toThrow()
  })

  it('refuses small order, other spellings and what is not on the curve', () => {
    for (const encoding of smallOrderEncodings())
      expect(() => assertPublicKey(fromHex(encoding))).toThrow('malformed')
    for (let excess = 0n; excess < 19n; excess += 1n)
      expect(() => assertPublicKey(littleEndian(P + excess))).toThrow('malformed')
    expect(() => assertPublicKey(littleEndian(2n))).toThrow('malformed')
  })

  it.each([0, 31, 33])('refuses %i bytes', (length) => {
    expect(() => assertPublicKey(new Uint8Array(length))).toThrow('wrong_type')
  })
})

describe('sign', () => {
  it('gives the known answers of RFC 8032 §7.1', () => {
    const seed = fromHex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60')
    expect(toHex(publicKeyOf(seed))).toBe(
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    )
    expect(toHex(sign(new Uint8Array(0), seed))).toBe(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155' +
        '5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    )
  })

  it.each([0, 31, 33, 64])('refuses a seed of %i bytes', (length) => {
    expect(() => sign(new Uint8Array(1), new Uint8Array(length))).toThrow('wrong_type')
    expect(() => publicKeyOf(new Uint8Array(length))).toThrow('wrong_type')
    expect(() => deriveKeySeed(new Uint8Array(length), 'dpn/log')).toThrow('wrong_type')
  })
})

describe('verifyStrict', () => {
  const seed = new Uint8Array(32).fill(3)
  const key = publicKeyOf(seed)
  const message = toUtf8('a message')
  const signature = sign(message, seed)

  it('accepts what sign makes', () => {
    expect(verifyStrict(signature, message, key)).toBe(true)
    expect(verifyStrict(sign(new Uint8Array(0), seed), new Uint8Array(0), key)).toBe(true)
  })

  it('refuses one flipped bit in the signature, the message or the key', () => {
    const parts = { signature, message, key }
    fc.assert(
      fc.property(
        fc.constantFrom('signature', 'message', 'key'),
        fc.nat(),
        fc.nat(7),
        (part, position, bit) => {
          const changed = Uint8Array.from(parts[part])
          const at = position % changed.length
          changed[at] = (changed[at] ?? 0) ^ (1 << bit)
          const all = { ...parts, [part]: changed }
          expect(verifyStrict(all.signature, all.message, all.key)).toBe(false)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('refuses S with the order added', () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    const s = BigInt(`0x${toHex(signature.slice(32).toReversed())}`)
    const forged = Uint8Array.from([...signature.slice(0, 32), ...littleEndian(s + order)])
    expect(verifyStrict(forged, message, key)).toBe(false)
  })

  it('returns false for any other bytes and lengths', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 70 }),
        fc.uint8Array({ maxLength: 34 }),
        (bytes, other) => !verifyStrict(bytes, message, other),
      ),
    )
    for (const length of [0, 63, 65])
      expect(verifyStrict(new Uint8Array(length), message, key)).toBe(false)
    for (const length of [0, 31, 33])
      expect(verifyStrict(signature, message, new Uint8Array(length))).toBe(false)
  })

  describe.skipIf(!existsSync(VECTORS))('on the edge cases of C2SP/CCTV', () => {
    const vectors: Vector[] = existsSync(VECTORS) ? JSON.parse(readFileSync(VECTORS, 'utf8')) : []
    const REFUSED = /^(?:low_order_[AR]|low_order_residue|non_canonical_[AR])$/

    it('accepts exactly those without small order, residue or second spelling', () => {
      for (const { key: publicKey, sig, msg, flags } of vectors) {
        const expected = !(flags ?? []).some((flag) => REFUSED.test(flag))
        const accepted = verifyStrict(fromHex(sig), toUtf8(msg), fromHex(publicKey))
        expect({ publicKey, sig, accepted }).toEqual({ publicKey, sig, accepted: expected })
      }
    })

    it('agrees with OpenSSL behind the refusal of small order and second spellings', () => {
      for (const { key: publicKey, sig, msg } of vectors) {
        const [s, m, k] = [fromHex(sig), toUtf8(msg), fromHex(publicKey)]
        const isRefused = isSmallOrder(k) || isSmallOrder(s.subarray(0, 32)) || !isCanonicalPoint(k)
        expect(verifyStrict(s, m, k)).toBe(!isRefused && openssl(s, m, k))
      }
    })
  })
})

describe('deriveKeySeed', () => {
  it('derives another seed for each purpose, always the same one', () => {
    const seed = new Uint8Array(32).fill(9)
    const [log, witness] = ['dpn/log', 'dpn/witness'].map((info) => deriveKeySeed(seed, info))
    expect(log).toHaveLength(32)
    expect(log).not.toEqual(witness)
    expect(log).toEqual(deriveKeySeed(seed, 'dpn/log'))
    const known = new Uint8Array(hkdfSync('sha256', seed, '', 'dpn/log', 32))
    expect(log).toEqual(known)
    expect(toHex(known)).toBe('8050128cefcf8688d307ba454884ad44f1d143a39e48d5e26bf7a2cd4d8dce6e')
  })
})

describe('sha256', () => {
  it('hashes its parts one after another', () => {
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    expect(toHex(sha256(toUtf8('abc')))).toBe(abc)
    expect(toHex(sha256(toUtf8('a'), toUtf8(''), toUtf8('bc')))).toBe(abc)
    expect(sha256()).toEqual(sha256(new Uint8Array(0)))
  })
})
