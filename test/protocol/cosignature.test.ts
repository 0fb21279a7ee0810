import { existsSync, readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toUtf8 } from '../../protocol/bytes.ts'
import { signCheckpoint } from '../../protocol/checkpoint.ts'
import {
  addCosignature,
  cosign,
  cosignatureLine,
  findCosignature,
  parseCosignature,
  parseCosignatureLines,
  verifyCosignature,
} from '../../protocol/cosignature.ts'
import { publicKeyOf, verifyStrict } from '../../protocol/keys.ts'
import { NOTE_SIGNATURES } from '../../protocol/limits.ts'
import {
  formatNote,
  KEY_TYPE_COSIGNATURE,
  KEY_TYPE_ED25519,
  makeVerifierKey,
  parseNote,
  parseVerifierKey,
  verifyNote,
} from '../../protocol/note.ts'

const VECTORS = '../shared/vectors/notes'
const seed = new Uint8Array(32).fill(2)
const key = makeVerifierKey('liebe.example', KEY_TYPE_COSIGNATURE, publicKeyOf(seed))
const { note } = signCheckpoint(
  { origin: 'net/amor.example', size: 7, root: new Uint8Array(32) },
  new Uint8Array(32).fill(1),
)
const checkpointText = note.text

function aCosignature(time = 1_700_000_000) {
  return cosign({ checkpointText, time, key, seed })
}

describe('cosign', () => {
  it('signs the known message after eight bytes of time', () => {
    const { signature } = aCosignature(1_679_315_147)
    expect(signature.subarray(0, 8)).toEqual(Uint8Array.of(0, 0, 0, 0, 0x64, 0x18, 0x50, 0xcb))
    const message = toUtf8(`cosignature/v1\ntime 1679315147\n${checkpointText}`)
    expect(verifyStrict(signature.subarray(8), message, key.publicKey)).toBe(true)
  })

  it.each([-1, 0.5, Number.NaN, 2 ** 53])('refuses the time %s', (time) => {
    expect(() => aCosignature(time)).toThrow('out_of_range')
  })

  it('refuses a log key', () => {
    const logKey = makeVerifierKey('a', KEY_TYPE_ED25519, key.publicKey)
    expect(() => cosign({ checkpointText, time: 1, key: logKey, seed })).toThrow('wrong_type')
  })
})

describe('verifyCosignature', () => {
  it('gives the time back, for any time', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (time) => {
        const signature = aCosignature(time)
        expect(parseCosignature(signature).time).toBe(time)
        expect(verifyCosignature({ checkpointText, signature, key })).toBe(time)
      }),
      { numRuns: 10 },
    )
  })

  it('refuses one flipped bit in time, signature or checkpoint', () => {
    const cosignature = aCosignature()
    for (let at = 0; at < 72; at += 1) {
      const signature = Uint8Array.from(cosignature.signature)
      signature[at] = (signature[at] ?? 0) ^ (1 << (at % 8))
      const changed = { ...cosignature, signature }
      expect(() => verifyCosignature({ checkpointText, signature: changed, key })).toThrow(
        'bad_signature',
      )
    }
    const other = checkpointText.replace('7', '8')
    expect(() => verifyCosignature({ checkpointText: other, signature: cosignature, key })).toThrow(
      'bad_signature',
    )
  })

  it('refuses another name, another key id and another key', () => {
    const signature = aCosignature()
    const renamed = { ...signature, name: 'amor.example' }
    expect(() => verifyCosignature({ checkpointText, signature: renamed, key })).toThrow(
      'bad_signature',
    )
    const otherId = { ...signature, keyId: new Uint8Array(4) }
    expect(() => verifyCosignature({ checkpointText, signature: otherId, key })).toThrow(
      'bad_signature',
    )
    const logKey = makeVerifierKey(key.name, KEY_TYPE_ED25519, key.publicKey)
    expect(() => verifyCosignature({ checkpointText, signature, key: logKey })).toThrow(
      'wrong_type',
    )
  })

  it('refuses a plain signature over the checkpoint, and the other way round', () => {
    const logKey = makeVerifierKey(key.name, KEY_TYPE_ED25519, key.publicKey)
    const asPlain = { ...aCosignature(), keyId: logKey.keyId }
    expect(() => verifyNote({ text: checkpointText, signatures: [asPlain] }, [logKey])).toThrow(
      'bad_signature',
    )
  })
})

describe('parseCosignature', () => {
  it.each([0, 1, 64, 71, 73])('refuses %i bytes', (length) => {
    const signature = { ...aCosignature(), signature: new Uint8Array(length) }
    expect(() => parseCosignature(signature)).toThrow('malformed')
    expect(() => verifyCosignature({ checkpointText, signature, key })).toThrow('bad_signature')
  })

  it('refuses a time above 2^53 - 1', () => {
    const bytes = new Uint8Array(72)
    bytes[1] = 0x20
    expect(() => parseCosignature({ ...aCosignature(), signature: bytes })).toThrow('malformed')
    bytes.fill(0xff)
    expect(() => parseCosignature({ ...aCosignature(), signature: bytes })).toThrow('malformed')
  })
})

describe('parseCosignatureLines', () => {
  it('reads back lines, and none', () => {
    const lines = [aCosignature(1), aCosignature(2)]
    expect(parseCosignatureLines(lines.map(cosignatureLine).join(''))).toEqual(lines)
    expect(parseCosignatureLines('')).toEqual([])
  })

  it('refuses a missing line feed, a blank line, another signature, and too many', () => {
    const line = cosignatureLine(aCosignature())
    expect(() => parseCosignatureLines(line.slice(0, -1))).toThrow('malformed')
    expect(() => parseCosignatureLines(`${line}\n`)).toThrow('malformed')
    expect(() => parseCosignatureLines('— a AAAAAAA=\n')).toThrow('malformed')
    expect(parseCosignatureLines(line.repeat(NOTE_SIGNATURES))).toHaveLength(NOTE_SIGNATURES)
    expect(() => parseCosignatureLines(line.repeat(NOTE_SIGNATURES + 1))).toThrow('too_large')
  })
})

describe('addCosignature', () => {
  it('adds a line that verifies, to a note or its text', () => {
    const signed = addCosignature(formatNote(note), aCosignature())
    expect(signed).toEqual(addCosignature(note, aCosignature()))
    expect(signed.signatures).toHaveLength(2)
    expect(verifyNote(parseNote(formatNote(signed)), [key])).toEqual([key])
  })

  it('keeps the newest line of a key, in whatever order they come', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([1, 2, 3, 4], { minLength: 1 }), (times) => {
        let signed = note
        for (const time of times) signed = addCosignature(signed, aCosignature(time))
        const found = findCosignature(signed, key)
        expect(signed.signatures).toHaveLength(2)
        expect(found && parseCosignature(found).time).toBe(Math.max(...times))
      }),
      { numRuns: 10 },
    )
  })

  it('leaves the lines of other keys alone, of the same name too', () => {
    const otherSeed = new Uint8Array(32).fill(3)
    const other = makeVerifierKey(key.name, KEY_TYPE_COSIGNATURE, publicKeyOf(otherSeed))
    const theirs = cosign({ checkpointText, time: 1, key: other, seed: otherSeed })
    const signed = addCosignature(addCosignature(note, theirs), aCosignature())
    expect(signed.signatures).toEqual([...note.signatures, theirs, aCosignature()])
  })

  it('refuses one signature more than a note may have', () => {
    const line = { name: 'a', keyId: new Uint8Array(4), signature: new Uint8Array(1) }
    const full = {
      text: note.text,
      signatures: Array.from({ length: NOTE_SIGNATURES }, () => line),
    }
    expect(() => addCosignature(full, aCosignature())).toThrow('too_large')
  })

  it('refuses what is not a cosignature', () => {
    expect(() =>
      addCosignature(note, { ...aCosignature(), signature: new Uint8Array(64) }),
    ).toThrow('malformed')
  })
})

interface Published {
  src: string
  vkey: string
  file: string
}

describe.skipIf(!existsSync(VECTORS))('on published cosignatures', () => {
  const { cosignatures }: { cosignatures: Published[] } = existsSync(VECTORS)
    ? JSON.parse(readFileSync(`${VECTORS}/notes.json`, 'utf8'))
    : { cosignatures: [] }

  it.each(cosignatures)('verifies that of $src', ({ vkey, file }) => {
    const published = parseNote(readFileSync(`${VECTORS}/${file}`, 'utf8'))
    const witness = parseVerifierKey(vkey)
    const signature = findCosignature(published, witness)
    if (signature === undefined) throw new Error('the vector has no such line')
    const claim = { checkpointText: published.text, signature, key: witness }
    expect(verifyCosignature(claim)).toBe(0x69546780)
    expect(verifyNote(published, [witness])).toEqual([witness])
  })
})
