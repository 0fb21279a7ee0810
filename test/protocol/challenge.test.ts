/** The audit protocol: messages, openings, signed statements. */
import { describe, expect, it } from 'vitest'
import { encodeBody, openingOf, isCommittedBody } from '../../protocol/body.ts'
import { encodeCbor } from '../../protocol/cbor.ts'
import {
  auditReplyCodec,
  auditRequestCodec,
  checkOpening,
  openStatement,
  PROBE_ANSWERS,
  signStatement,
  type AuditReply,
  type AuditRequest,
  type Challenged,
  type Statement,
} from '../../protocol/challenge.ts'
import { parseCheckpoint } from '../../protocol/checkpoint.ts'
import type { ConsentRecord } from '../../protocol/consent.ts'
import type { Publish } from '../../protocol/entry.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { parseSiteId, recordIdOf } from '../../protocol/ids.ts'
import { publicKeyOf } from '../../protocol/keys.ts'
import { KEY_TYPE_ED25519, makeVerifierKey, parseNote } from '../../protocol/note.ts'
import { shareProfile } from '../../protocol/vocabulary.ts'
import { aConsent, aProfile, NOW, TODAY } from '../fixtures/people.ts'

const A = parseSiteId('amor.example')
const B = parseSiteId('beau.example')
const NETWORK = parseSiteId('network.example')
const DAY = 86_400

function published(overrides: Partial<ConsentRecord> = {}) {
  const consent = aConsent(overrides)
  const { profile } = shareProfile(aProfile(), ['discovery'], TODAY)
  const { bytes, commitments } = encodeBody({
    profile: { ...profile, sealed: new Uint8Array(40) },
    consent,
    profileSalt: new Uint8Array(32).fill(1),
    consentSalt: new Uint8Array(32).fill(2),
  })
  const entry: Publish = {
    type: 'publish',
    record: recordIdOf(new Uint8Array(16)),
    version: 1,
    ...commitments,
    time: NOW,
    expires: consent.expiresAt,
  }
  return { bytes, entry, consent }
}
const ONE_NOTICE = (): Set<string> => new Set([aConsent().notice.version])
function challenged(entry: Publish, changes: Partial<Challenged> = {}): Challenged {
  const noticesBetween = ONE_NOTICE
  return { entry, joinedAt: NOW, noticesBetween, registryLeaseSeconds: 7 * DAY, ...changes }
}
function codeOf(run: () => unknown): string {
  try {
    run()
    return 'accepted'
  } catch (error) {
    if (error instanceof ProtocolError) return error.code
    throw error
  }
}

describe('openingOf', () => {
  it('gives the consent and its salt, and not a byte of the profile', () => {
    const { bytes, entry, consent } = published()
    const opening = openingOf(bytes)
    expect(checkOpening(opening, challenged(entry))).toEqual(consent)
    const text = Buffer.from(encodeCbor({ ...opening })).toString('latin1')
    for (const word of ['Hazel', 'Leeds', '1990', 'woman']) expect(text).not.toContain(word)
    expect(Object.keys(opening).toSorted()).toEqual(['consent', 'salt'])
  })
})

describe('checkOpening', () => {
  it.each([
    ['another salt', 'bad_commitment', (o: object) => ({ ...o, salt: new Uint8Array(32) })],
    ['another consent', 'bad_commitment', (o: object) => ({ ...o, consent: new Uint8Array(3) })],
  ])('refuses %s', (_name, code, change) => {
    const { bytes, entry } = published()
    const opening = change(openingOf(bytes)) as ReturnType<typeof openingOf>
    expect(codeOf(() => checkOpening(opening, challenged(entry)))).toBe(code)
  })

  it('refuses what was committed to and is no consent to discovery', () => {
    const { bytes, entry } = published({ scopes: ['names'] })
    expect(codeOf(() => checkOpening(openingOf(bytes), challenged(entry)))).toBe('no_consent')
  })

  it.each([
    ['given after it was published', { givenAt: NOW + 301 }],
    ['over when it was published', { givenAt: NOW - 2 * DAY, expiresAt: NOW }],
  ])('refuses a consent %s', (_name, overrides) => {
    const { bytes, entry } = published(overrides)
    expect(codeOf(() => checkOpening(openingOf(bytes), challenged(entry)))).toBe('no_consent')
  })

  it('refuses a consent that ends at another time than the entry says', () => {
    const { bytes, entry } = published()
    const other = { ...entry, expires: entry.expires + 1 }
    expect(codeOf(() => checkOpening(openingOf(bytes), challenged(other)))).toBe('bad_commitment')
  })

  it('looks for the notice among the terms of when the record joined', () => {
    const { bytes, entry } = published()
    const asked: number[][] = []
    const noticesBetween = (from: number, to: number): Set<string> => {
      asked.push([from, to])
      return new Set(['other'])
    }
    const question = challenged(entry, { noticesBetween })
    expect(codeOf(() => checkOpening(openingOf(bytes), question))).toBe('outdated_notice')
    expect(asked).toEqual([[NOW - 7 * DAY, NOW + 300]])
  })

  it('looks from when the consent was given, where that was after the record had joined', () => {
    const { bytes, entry } = published({ givenAt: NOW - DAY })
    const asked: number[][] = []
    const noticesBetween = (from: number, to: number): Set<string> => {
      asked.push([from, to])
      return new Set([aConsent().notice.version])
    }
    checkOpening(openingOf(bytes), challenged(entry, { noticesBetween, joinedAt: NOW - 9 * DAY }))
    expect(asked).toEqual([[NOW - DAY - 7 * DAY, NOW + 300]])
  })
})

describe('isCommittedBody', () => {
  it('knows the body of an entry from anything else', () => {
    const { bytes, entry } = published()
    expect(isCommittedBody(bytes, entry)).toBe(true)
    expect(isCommittedBody(bytes, { ...entry, profile: new Uint8Array(32) })).toBe(false)
    expect(isCommittedBody(bytes.slice(0, -1), entry)).toBe(false)
    expect(isCommittedBody(new Uint8Array(40_000), entry)).toBe(false)
  })
})

const seed = new Uint8Array(32).fill(9)
const key = makeVerifierKey(`${NETWORK}/${B}`, KEY_TYPE_ED25519, publicKeyOf(seed))
const STATEMENT: Statement = {
  network: NETWORK,
  volunteer: B,
  target: A,
  home: A,
  index: 12,
  answer: 'gone',
  time: NOW,
  nonce: new Uint8Array(16).fill(7),
}

describe('signStatement and openStatement', () => {
  it.each(PROBE_ANSWERS)('carry the answer %s', (answer) => {
    const statement = { ...STATEMENT, answer }
    expect(openStatement(signStatement(statement, key, seed), key)).toEqual(statement)
  })

  it('make something that nobody can take for a checkpoint', () => {
    const { text } = parseNote(signStatement(STATEMENT, key, seed))
    expect(codeOf(() => parseCheckpoint(text))).toBe('malformed')
  })

  it('refuse another signer, a changed line and too much', () => {
    const note = signStatement(STATEMENT, key, seed)
    const other = makeVerifierKey(key.name, KEY_TYPE_ED25519, publicKeyOf(new Uint8Array(32)))
    expect(codeOf(() => openStatement(note, other))).toBe('bad_signature')
    expect(codeOf(() => openStatement(note.replace('gone', 'body'), key))).toBe('bad_signature')
    expect(codeOf(() => openStatement(note.padEnd(3000, '\n'), key))).toBe('too_large')
  })

  it('refuse lines that are no statement, though they are signed', () => {
    const wrong = [{ answer: 'maybe' }, { index: 1.5 }, { home: 'AMOR' }, { nonce: seed }]
    for (const changes of wrong) {
      const note = signStatement({ ...STATEMENT, ...changes } as Statement, key, seed)
      expect(codeOf(() => openStatement(note, key))).toBe('malformed')
    }
  })
})

const REQUESTS: AuditRequest[] = [
  { kind: 'open', draw: 3, index: 9 },
  { kind: 'probe', target: A, home: B, index: 1, nonce: new Uint8Array(16) },
]
const REPLIES: AuditReply[] = [
  { kind: 'opening', index: 3, consent: new Uint8Array(5), salt: new Uint8Array(32) },
  { kind: 'statement', note: 'x' },
  { kind: 'ended' },
  { kind: 'unready' },
  { kind: 'refused' },
]

describe('auditRequestCodec and auditReplyCodec', () => {
  it('carry every message, and refuse each that is cut off at any byte', () => {
    for (const request of REQUESTS) {
      const bytes = auditRequestCodec.encode(request)
      expect(auditRequestCodec.decode(bytes)).toEqual(request)
      for (let length = 0; length < bytes.length; length += 1)
        expect(codeOf(() => auditRequestCodec.decode(bytes.slice(0, length)))).not.toBe('accepted')
    }
    for (const reply of REPLIES) {
      const bytes = auditReplyCodec.encode(reply)
      expect(auditReplyCodec.decode(bytes)).toEqual(reply)
      for (let length = 0; length < bytes.length; length += 1)
        expect(codeOf(() => auditReplyCodec.decode(bytes.slice(0, length)))).not.toBe('accepted')
    }
  })

  it('refuse a profile beside the consent, and what is beyond a bound', () => {
    const replies: [object, string][] = [
      [{ profile: new Uint8Array(1) }, 'unknown_field'],
      [{ salt: new Uint8Array(31) }, 'malformed'],
      [{ consent: new Uint8Array(32 * 1024 + 1) }, 'malformed'],
    ]
    for (const [changes, code] of replies) {
      const bytes = encodeCbor({ ...REPLIES[0], ...changes })
      expect(codeOf(() => auditReplyCodec.decode(bytes))).toBe(code)
    }
    const requests: [object, string][] = [
      [{ home: 'AMOR' }, 'malformed'],
      [{ nonce: new Uint8Array(17) }, 'malformed'],
      [{ index: -1 }, 'out_of_range'],
    ]
    for (const [changes, code] of requests) {
      const bytes = encodeCbor({ ...REQUESTS[1], ...changes })
      expect(codeOf(() => auditRequestCodec.decode(bytes))).toBe(code)
    }
  })
})
