import { existsSync, readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase64, toBase64 } from '../../protocol/bytes.ts'
import {
  formatCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  parseSize,
  signCheckpoint,
} from '../../protocol/checkpoint.ts'
import { publicKeyOf } from '../../protocol/keys.ts'
import { KEY_TYPE_ED25519, makeVerifierKey, parseNote } from '../../protocol/note.ts'

const VECTORS = '../shared/vectors/notes/notes.json'
const ROOT = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I='
const TEXT = `example.com/behind-the-sofa\n20852163\n${ROOT}\n`
const seed = new Uint8Array(32).fill(1)
const logKey = makeVerifierKey('net/amor.example', KEY_TYPE_ED25519, publicKeyOf(seed))

function aCheckpoint(change: object = {}) {
  return { origin: 'net/amor.example', size: 7, root: new Uint8Array(32).fill(5), ...change }
}

describe('parseCheckpoint', () => {
  it('reads the example of the specification', () => {
    const expected = {
      origin: 'example.com/behind-the-sofa',
      size: 20852163,
      root: fromBase64(ROOT),
    }
    expect(parseCheckpoint(TEXT)).toEqual(expected)
    expect(formatCheckpoint(expected)).toBe(TEXT)
  })

  it('reads back any checkpoint', () => {
    const checkpoint = fc.record({
      origin: fc.stringMatching(/^[ -~ü]{1,40}$/u),
      size: fc.maxSafeNat(),
      root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    })
    fc.assert(
      fc.property(checkpoint, (each) => {
        expect(parseCheckpoint(formatCheckpoint(each))).toEqual(each)
      }),
    )
  })

  it.each([
    ['nothing', ''],
    ['no origin', `\n1\n${ROOT}\n`],
    ['a control character in the origin', `a\u0085\n1\n${ROOT}\n`],
    ['an extension line', `${TEXT}extension\n`],
    ['an empty line', `${TEXT}\n`],
    ['no last line feed', TEXT.slice(0, -1)],
    ['a leading zero', `a\n01\n${ROOT}\n`],
    ['a sign', `a\n+1\n${ROOT}\n`],
    ['a negative size', `a\n-1\n${ROOT}\n`],
    ['an exponent', `a\n1e3\n${ROOT}\n`],
    ['no size', `a\n\n${ROOT}\n`],
    ['another spelling of the root', `a\n1\n${ROOT.replace('2I=', '2J=')}\n`],
    ['a root without padding', `a\n1\n${ROOT.slice(0, -1)}\n`],
    ['a root of 31 bytes', `a\n1\n${toBase64(new Uint8Array(31))}\n`],
    ['a root of 33 bytes', `a\n1\n${toBase64(new Uint8Array(33))}\n`],
  ])('refuses %s', (_name, text) => {
    expect(() => parseCheckpoint(text)).toThrow('malformed')
  })

  it('refuses a truncation at each character', () => {
    for (let end = 0; end < TEXT.length; end += 1)
      expect(() => parseCheckpoint(TEXT.slice(0, end))).toThrow('malformed')
  })
})

describe('parseSize', () => {
  it('takes 2^53 - 1 and refuses more, up to and beyond u64', () => {
    expect(parseSize('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER)
    for (const text of ['9007199254740992', '9007199254740993', '18446744073709551615'])
      expect(() => parseSize(text)).toThrow('out_of_range')
    expect(() => parseSize('1'.repeat(21))).toThrow('malformed')
  })
})

describe('formatCheckpoint', () => {
  it.each([
    ['an empty origin', { origin: '' }, 'malformed'],
    ['a line feed in the origin', { origin: 'a\nb' }, 'malformed'],
    ['a negative size', { size: -1 }, 'out_of_range'],
    ['half a leaf', { size: 0.5 }, 'out_of_range'],
    ['a size above 2^53 - 1', { size: 2 ** 53 }, 'out_of_range'],
    ['a short root', { root: new Uint8Array(31) }, 'malformed'],
  ])('refuses %s', (_name, change, code) => {
    expect(() => formatCheckpoint(aCheckpoint(change))).toThrow(code)
  })
})

describe('openCheckpoint', () => {
  it('opens what signCheckpoint signs', () => {
    const { note, text } = signCheckpoint(aCheckpoint(), seed)
    expect(openCheckpoint(text, logKey)).toEqual({ checkpoint: aCheckpoint(), note })
    expect(parseNote(text)).toEqual(note)
  })

  it('refuses the checkpoint of another log, also when signed by the same seed', () => {
    const { text } = signCheckpoint(aCheckpoint({ origin: 'net/liebe.example' }), seed)
    expect(() => openCheckpoint(text, logKey)).toThrow('unknown_origin')
  })

  it('refuses the signature of another key under the same name', () => {
    const { text } = signCheckpoint(aCheckpoint(), new Uint8Array(32).fill(2))
    expect(() => openCheckpoint(text, logKey)).toThrow('bad_signature')
  })

  it('refuses one changed character anywhere', () => {
    const { text } = signCheckpoint(aCheckpoint(), seed)
    for (let at = 0; at < text.length; at += 1) {
      const other = text[at] === 'A' ? 'B' : 'A'
      const changed = text.slice(0, at) + other + text.slice(at + 1)
      expect(() => openCheckpoint(changed, logKey)).toThrow(
        /malformed|bad_signature|unknown_origin|out_of_range/,
      )
    }
  })

  it('cannot sign an origin that cannot name a key', () => {
    expect(() => signCheckpoint(aCheckpoint({ origin: 'a b' }), seed)).toThrow('malformed')
  })
})

describe.skipIf(!existsSync(VECTORS))('on published checkpoints', () => {
  const { notes, nonCanonicalBase64 } = existsSync(VECTORS)
    ? JSON.parse(readFileSync(VECTORS, 'utf8'))
    : { notes: [], nonCanonicalBase64: {} }
  const published: { src: string; note: string }[] = notes.filter(
    (each: { checkpoint?: boolean }) => each.checkpoint,
  )

  it.each(published)('reads that of $src', ({ note }) => {
    const { text } = parseNote(note)
    expect(formatCheckpoint(parseCheckpoint(text))).toBe(text)
  })

  it('refuses the other spelling of a root', () => {
    const { canonical, variant } = nonCanonicalBase64
    expect(() => parseCheckpoint(`a\n1\n${canonical}\n`)).not.toThrow()
    expect(() => parseCheckpoint(`a\n1\n${variant}\n`)).toThrow('malformed')
  })
})
