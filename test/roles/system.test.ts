/**
 * The native cryptography against the pure one. Goal: both accept exactly the same signatures.
 * Method: the public edge cases (C2SP/CCTV), valid signatures with every bit of signature and key
 * flipped, keys and points of small order in all spellings.
 */
import { createHmac } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { Event } from '../../node/core/ports.ts'
import { createClock, systemCrypto, systemRandom } from '../../node/roles/system.ts'
import { fromHex, toUtf8 } from '../../protocol/bytes.ts'
import { publicKeyOf, sha256, sign, verifyStrict } from '../../protocol/keys.ts'

const VECTORS = '../shared/vectors/ed25519/cctv_ed25519vectors.json'

interface Vector {
  number: number
  key: string
  sig: string
  msg: string
}

describe('verify', () => {
  it.skipIf(!existsSync(VECTORS))('agrees with the strict verifier on the CCTV vectors', () => {
    const vectors = JSON.parse(readFileSync(VECTORS, 'utf8')) as Vector[]
    expect(vectors.length).toBeGreaterThan(900)
    const differing = vectors.filter(({ key, sig, msg }) => {
      const [signature, message, publicKey] = [fromHex(sig), toUtf8(msg), fromHex(key)]
      return (
        systemCrypto.verify(signature, message, publicKey) !==
        verifyStrict(signature, message, publicKey)
      )
    })
    expect(differing.map(({ number }) => number)).toEqual([])
  })

  it('accepts what was signed, by either implementation, and agrees on every flipped bit', () => {
    const seed = new Uint8Array(32).fill(7)
    const key = publicKeyOf(seed)
    const message = toUtf8('a message')
    const signature = systemCrypto.sign(message, seed)
    expect(signature).toEqual(sign(message, seed))
    expect(systemCrypto.verify(signature, message, key)).toBe(true)
    for (const [name, bytes] of Object.entries({ signature, key }))
      for (let bit = 0; bit < bytes.length * 8; bit += 1) {
        const flipped = bytes.slice()
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const [s, k] = name === 'key' ? [signature, flipped] : [flipped, key]
        expect(systemCrypto.verify(s, message, k)).toBe(verifyStrict(s, message, k))
        expect(systemCrypto.verify(s, message, k)).toBe(false)
      }
  })

  it('agrees on random keys, lengths and spellings', () => {
    const bytes = fc.uint8Array({ minLength: 31, maxLength: 33 })
    const property = fc.property(bytes, fc.uint8Array({ maxLength: 65 }), (key, signature) => {
      const message = toUtf8('m')
      return systemCrypto.verify(signature, message, key) === verifyStrict(signature, message, key)
    })
    expect(() => fc.assert(property, { numRuns: 300 })).not.toThrow()
  })
})

describe('sha256 and hmacSha256', () => {
  it('agree with the pure ones', () => {
    const property = fc.property(fc.uint8Array(), fc.uint8Array(), (key, data) => {
      expect(systemCrypto.sha256(data)).toEqual(sha256(data))
      expect([...systemCrypto.hmacSha256(key, data)]).toEqual([
        ...createHmac('sha256', key).update(data).digest(),
      ])
    })
    fc.assert(property, { numRuns: 50 })
  })

  it('give plain bytes, whose slices are copies', () => {
    const digest = systemCrypto.sha256(new Uint8Array(1))
    expect(Object.getPrototypeOf(digest)).toBe(Uint8Array.prototype)
  })
})

describe('seal and open', () => {
  const key = systemRandom.bytes(32)

  it('give back what was sealed, each time under another nonce', () => {
    const plaintext = toUtf8('Grüße')
    const sealed = systemCrypto.seal(key, plaintext)
    expect(systemCrypto.seal(key, plaintext)).not.toEqual(sealed)
    expect(systemCrypto.open(key, sealed)).toEqual(plaintext)
    expect(systemCrypto.open(key, systemCrypto.seal(key, new Uint8Array(0)))).toHaveLength(0)
  })

  it('refuse another key, a flipped bit and every truncation', () => {
    const sealed = systemCrypto.seal(key, toUtf8('text'))
    expect(systemCrypto.open(systemRandom.bytes(32), sealed)).toBeNull()
    for (let at = 0; at < sealed.length; at += 1) {
      const flipped = sealed.slice()
      flipped[at] = (flipped[at] ?? 0) ^ 1
      expect(systemCrypto.open(key, flipped)).toBeNull()
      expect(systemCrypto.open(key, sealed.slice(0, at))).toBeNull()
    }
  })
})

describe('createClock', () => {
  it('reports a task that fails, and goes on until it is cancelled', async () => {
    const events: Event[] = []
    const clock = createClock({ emit: (event) => void events.push(event) })
    const cancel = clock.every(0.01, () => Promise.reject(new TypeError('x')))
    await vi.waitFor(() => expect(events.length).toBeGreaterThan(1))
    cancel()
    expect(events[0]).toEqual({ type: 'task.failed', task: 'timer', reason: 'TypeError' })
    expect(Number.isInteger(clock.now())).toBe(true)
  })
})
