import { existsSync, readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toBase64, toHex, toUtf8 } from '../../protocol/bytes.ts'
import { publicKeyOf } from '../../protocol/keys.ts'
import { NOTE_BYTES, NOTE_SIGNATURES } from '../../protocol/limits.ts'
import {
  formatNote,
  formatVerifierKey,
  KEY_TYPE_COSIGNATURE,
  KEY_TYPE_ED25519,
  makeVerifierKey,
  type NoteSignature,
  parseNote,
  parseVerifierKey,
  signNote,
  verifyNote,
} from '../../protocol/note.ts'

const VECTORS = '../shared/vectors/notes/notes.json'
const EXAMPLE_VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const EXAMPLE =
  'This is an example message.\n\n— example.com/foo ' +
  'Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n'

const seed = new Uint8Array(32).fill(1)
const key = makeVerifierKey('amor.example', KEY_TYPE_ED25519, publicKeyOf(seed))
const text = 'first\n\nsecond\n'

function aSignature(name = 'other'): NoteSignature {
  return { name, keyId: Uint8Array.of(1, 2, 3, 4), signature: Uint8Array.of(5) }
}

function aLine(name = 'n', bytes = 5): string {
  return `— ${name} ${toBase64(new Uint8Array(bytes))}\n`
}

describe('parseNote', () => {
  it('splits at the last blank line, and formatNote puts it together again', () => {
    const formatted = formatNote({ text, signatures: [signNote(text, key, seed)] })
    expect(parseNote(formatted).text).toBe(text)
    expect(formatNote(parseNote(formatted))).toBe(formatted)
  })

  it('reads back any note', () => {
    const signature = fc.record({
      name: fc.stringMatching(/^[a-zü\u3042-\u3050/.]{1,20}$/u),
      keyId: fc.uint8Array({ minLength: 4, maxLength: 4 }),
      signature: fc.uint8Array({ minLength: 1, maxLength: 80 }),
    })
    const lines = fc.array(fc.stringMatching(/^[ -~ü]{0,20}$/u), { minLength: 1 })
    fc.assert(
      fc.property(lines, fc.array(signature, { minLength: 1 }), (parts, signatures) => {
        const note = { text: `${parts.join('\n')}\n`, signatures }
        expect(parseNote(formatNote(note))).toEqual(note)
      }),
    )
  })

  it.each([
    ['nothing', ''],
    ['no signature', 'a\n\n'],
    ['no blank line', `a\n${aLine()}`],
    ['no last line feed', `a\n\n${aLine()}`.slice(0, -1)],
    ['a blank line at the end', `a\n\n${aLine()}\n`],
    ['a carriage return', `a\r\n\n${aLine()}`],
    ['a tab', `a\tb\n\n${aLine()}`],
    ['a zero byte', `a\0\n\n${aLine()}`],
    ['a lone surrogate', `a\ud800\n\n${aLine()}`],
    ['a hyphen for the dash', `a\n\n- n AAAAAAA=\n`],
    ['two spaces', `a\n\n—  n AAAAAAA=\n`],
    ['a third part', `a\n\n— n AAAAAAA= x\n`],
    ['no name', `a\n\n— AAAAAAA=\n`],
    ['a plus in the name', `a\n\n${aLine('a+b')}`],
    ['a wide space in the name', `a\n\n${aLine('a\u2003b')}`],
    ['a no-break space in the name', `a\n\n${aLine('a\u00a0b')}`],
    ['a next-line character in the name', `a\n\n${aLine('a\u0085b')}`],
    ['a signature of nothing but a key id', `a\n\n${aLine('n', 4)}`],
    ['base64 without padding', `a\n\n— n AAAAAAA\n`],
    ['base64 with other last bits', `a\n\n— n AAAAAAB=\n`],
  ])('refuses %s', (_name, broken) => {
    expect(() => parseNote(broken)).toThrow('malformed')
  })

  it('refuses a truncation at each character', () => {
    const signatures = [signNote(text, key, seed)]
    const formatted = formatNote({ text, signatures })
    for (let end = 0; end < formatted.length; end += 1)
      expect(() => parseNote(formatted.slice(0, end))).toThrow('malformed')
  })

  it('takes NOTE_SIGNATURES signatures and no more', () => {
    const most = `a\n\n${aLine().repeat(NOTE_SIGNATURES)}`
    expect(parseNote(most).signatures).toHaveLength(NOTE_SIGNATURES)
    expect(() => parseNote(most + aLine())).toThrow('too_large')
    const signatures = Array.from({ length: NOTE_SIGNATURES + 1 }, () => aSignature())
    expect(() => formatNote({ text: 'a\n', signatures })).toThrow('too_large')
  })

  it('takes NOTE_BYTES bytes and no more, counted in UTF-8', () => {
    const end = `\n\n${aLine()}`
    const most = 'a'.repeat(NOTE_BYTES - toUtf8(end).length) + end
    expect(() => parseNote(most)).not.toThrow()
    expect(() => parseNote(`a${most}`)).toThrow('too_large')
    expect(() => parseNote(`ü${most.slice(1)}`)).toThrow('too_large')
  })
})

describe('formatNote', () => {
  it.each([
    ['text without a last line feed', { text: 'a', signatures: [aSignature()] }],
    ['a control character', { text: 'a\t\n', signatures: [aSignature()] }],
    ['no signature', { text: 'a\n', signatures: [] }],
    ['a bad name', { text: 'a\n', signatures: [aSignature('a b')] }],
    [
      'a short key id',
      { text: 'a\n', signatures: [{ ...aSignature(), keyId: new Uint8Array(3) }] },
    ],
    [
      'an empty one',
      { text: 'a\n', signatures: [{ ...aSignature(), signature: new Uint8Array(0) }] },
    ],
  ])('refuses %s', (_name, note) => {
    expect(() => formatNote(note)).toThrow('malformed')
  })
})

describe('parseVerifierKey', () => {
  it('reads back what formatVerifierKey writes, for both types', () => {
    for (const type of [KEY_TYPE_ED25519, KEY_TYPE_COSIGNATURE]) {
      const each = makeVerifierKey('amor.example/ü', type, key.publicKey)
      expect(parseVerifierKey(formatVerifierKey(each))).toEqual(each)
    }
  })

  it('gives one public key another id for each type and name', () => {
    const ids = ['a', 'b'].flatMap((name) =>
      [KEY_TYPE_ED25519, KEY_TYPE_COSIGNATURE].map((type) =>
        toHex(makeVerifierKey(name, type, key.publicKey).keyId),
      ),
    )
    expect(new Set(ids).size).toBe(4)
  })

  it.each([
    EXAMPLE_VKEY.slice(1),
    EXAMPLE_VKEY.replace('530d903a', '530d903b'),
    EXAMPLE_VKEY.replace('530d903a', '530D903A'),
    EXAMPLE_VKEY.replace('530d903a', '0530d903a'),
    EXAMPLE_VKEY.replace('U2k', 'U2l'),
    `${EXAMPLE_VKEY}\n`,
    ` ${EXAMPLE_VKEY}`,
    'example.com/foo+530d903a',
    'example.com/foo+530d903a+',
    '+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k',
    '',
  ])('refuses %j', (vkey) => {
    expect(() => parseVerifierKey(vkey)).toThrow(/malformed|wrong_type/)
  })

  it('refuses a key of small order, another length, an unknown type and a bad name', () => {
    const identity = Uint8Array.of(1, ...new Uint8Array(31))
    expect(() => makeVerifierKey('a', KEY_TYPE_ED25519, identity)).toThrow('malformed')
    expect(() => makeVerifierKey('a', KEY_TYPE_ED25519, new Uint8Array(31))).toThrow('wrong_type')
    expect(() => makeVerifierKey('a', 2, key.publicKey)).toThrow('malformed')
    expect(() => makeVerifierKey('a b', KEY_TYPE_ED25519, key.publicKey)).toThrow('malformed')
  })
})

describe('verifyNote', () => {
  const own = signNote(text, key, seed)

  it('verifies the example of the specification', () => {
    const example = parseVerifierKey(EXAMPLE_VKEY)
    expect(verifyNote(parseNote(EXAMPLE), [example])).toEqual([example])
    expect(formatNote(parseNote(EXAMPLE))).toBe(EXAMPLE)
  })

  it('ignores unknown keys, even under a known name or with a known id', () => {
    const sameName = { ...aSignature(key.name) }
    const sameId = { ...aSignature('other'), keyId: key.keyId }
    const note = { text, signatures: [sameName, sameId, own] }
    expect(verifyNote(note, [key])).toEqual([key])
  })

  it('refuses a note on which no known key signed', () => {
    expect(() => verifyNote({ text, signatures: [aSignature()] }, [key])).toThrow('bad_signature')
    expect(() => verifyNote({ text, signatures: [own] }, [])).toThrow('bad_signature')
  })

  it("refuses the whole note for a known key's bad signature, beside a good one too", () => {
    const bad = { ...own, signature: own.signature.map((byte) => byte ^ 1) }
    for (const signatures of [[bad], [own, bad], [bad, own]])
      expect(() => verifyNote({ text, signatures }, [key])).toThrow('bad_signature')
  })

  it('refuses a signature of another length', () => {
    for (const length of [1, 63, 65, 72]) {
      const signatures = [{ ...own, signature: new Uint8Array(length) }]
      expect(() => verifyNote({ text, signatures }, [key], () => true)).toThrow('bad_signature')
    }
  })

  it('returns a key once that signed twice', () => {
    expect(verifyNote({ text, signatures: [own, own] }, [key])).toEqual([key])
  })

  it('refuses one flipped bit anywhere in the text', () => {
    const formatted = toUtf8(
      formatNote({ text: 'a note\n', signatures: [signNote('a note\n', key, seed)] }),
    )
    for (let at = 0; at < 7; at += 1) {
      const changed = Uint8Array.from(formatted)
      changed[at] = (changed[at] ?? 0) ^ 1
      const altered = new TextDecoder().decode(changed)
      expect(() => verifyNote(parseNote(altered), [key])).toThrow(/bad_signature|malformed/)
    }
  })

  it('uses the verifier that it is given', () => {
    const anything = { ...own, signature: new Uint8Array(64) }
    expect(verifyNote({ text, signatures: [anything] }, [key], () => true)).toEqual([key])
  })
})

describe('signNote', () => {
  it('refuses a cosignature key', () => {
    const witness = makeVerifierKey('a', KEY_TYPE_COSIGNATURE, key.publicKey)
    expect(() => signNote(text, witness, seed)).toThrow('wrong_type')
  })
})

interface Vectors {
  notes: { src: string; vkeys?: string[]; rawPubHex?: string; sigType?: number; note?: string }[]
  badVkeys: { vkey: string; why: string }[]
}

describe.skipIf(!existsSync(VECTORS))('on published notes', () => {
  const { notes, badVkeys }: Vectors = existsSync(VECTORS)
    ? JSON.parse(readFileSync(VECTORS, 'utf8'))
    : { notes: [], badVkeys: [] }

  it.each(notes.filter(({ note }) => note !== undefined))(
    'verifies every signature of $src',
    ({ vkeys, note = '', rawPubHex = '', sigType = 0 }) => {
      const parsed = parseNote(note)
      const name = parsed.signatures[0]?.name ?? ''
      const keys = vkeys?.map(parseVerifierKey) ?? [
        makeVerifierKey(name, sigType, fromHex(rawPubHex)),
      ]
      expect(verifyNote(parsed, keys)).toEqual(keys)
      expect(formatNote(parsed)).toBe(note)
      const changed = { ...parsed, text: `x${parsed.text}` }
      expect(() => verifyNote(changed, keys)).toThrow('bad_signature')
    },
  )

  it.each(badVkeys)('refuses a vkey with $why', ({ vkey }) => {
    expect(() => parseVerifierKey(vkey)).toThrow(/malformed|wrong_type/)
  })
})
