import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { equalBytes } from '../../protocol/bytes.ts'
import { decodeCbor, encodeCbor } from '../../protocol/cbor.ts'
import {
  decodeEntry,
  encodeEntry,
  isSiteEntry,
  MEASURE_REASONS,
  WITHDRAW_REASONS,
  type Entry,
  siteEntryType,
} from '../../protocol/entry.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { parseRecordId, parseSiteId } from '../../protocol/ids.ts'
import { ENTRY_BYTES } from '../../protocol/limits.ts'
import { DEFAULT_TERMS } from '../../protocol/registry.ts'

const site = parseSiteId('amor.example')
const record = parseRecordId('00112233445566778899aabbccddeeff')
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(7)
const time = 1_772_323_200

const ENTRIES: Entry[] = [
  {
    type: 'publish',
    record,
    version: 1,
    profile: bytes(32),
    consent: bytes(32),
    time,
    expires: time + 1,
  },
  ...WITHDRAW_REASONS.map((reason): Entry => ({
    type: 'withdraw',
    record,
    reason,
    time,
    notice: 'case-1',
  })),
  {
    type: 'requirements',
    requirements: {
      ageMin: 30,
      genders: ['man', 'woman'],
      near: { latitudeTenths: 515, longitudeTenths: -1, radiusKm: 50 },
    },
    excludes: [parseSiteId('beau.example')],
    time,
  },
  {
    type: 'admit',
    site,
    logKey: bytes(32),
    witnessKey: bytes(32),
    siteType: 'general',
    jurisdiction: 'DE',
    time,
    expires: time + 1,
  },
  {
    type: 'rotate',
    site,
    oldLogKey: bytes(32),
    oldWitnessKey: bytes(32),
    logKey: bytes(32),
    witnessKey: bytes(32),
    size: 12,
    time,
  },
  ...(['suspend', 'reinstate', 'expel'] as const).flatMap((type) =>
    MEASURE_REASONS.map((reason): Entry => ({ type, site, reason, time })),
  ),
  { type: 'terms', terms: DEFAULT_TERMS, time },
  { type: 'order', site, record, size: 3, time, notice: '' },
  { type: 'order', site, record: null, size: 3, time, notice: 'a.b:c_d-1' },
  ...[null, bytes(32)].map((seed): Entry => ({
    type: 'draw',
    seed,
    commitment: bytes(32),
    growth: new Uint8Array(9),
    mix: bytes(32),
    site: seed === null ? null : site,
    count: 4,
    time,
  })),
  { type: 'breach', site, known: time - 1, what: 'what', action: 'act', contact: 'who', time },
]
const byType = [...new Map(ENTRIES.map((entry) => [entry.type, entry]))]

/** The entry as a plain value, with one field put, replaced or (undefined) taken away. */
function wireOf(entry: Entry, changes: Record<string, unknown> = {}): Uint8Array {
  const value: Record<string, unknown> = {
    ...(decodeCbor(encodeEntry(entry)) as Record<string, unknown>),
    ...changes,
  }
  for (const [name, field] of Object.entries(value)) if (field === undefined) delete value[name]
  return encodeCbor(value)
}

function codeOf(wire: Uint8Array): string {
  try {
    decodeEntry(wire)
    return 'accepted'
  } catch (error) {
    if (error instanceof ProtocolError) return error.code
    throw error
  }
}

describe('siteEntryType', () => {
  it.each(byType)('tells %s from its first bytes', (type, entry) => {
    const isOfSite = type === 'publish' || type === 'withdraw' || type === 'requirements'
    expect(siteEntryType(encodeEntry(entry))).toBe(isOfSite ? type : null)
  })
  it('knows the type whatever the time is, and takes nothing else for an entry', () => {
    const entry = ENTRIES[1]
    if (entry?.type !== 'withdraw') throw new Error('expected a withdraw entry')
    for (const at of [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32, 2 ** 53 - 1])
      expect(siteEntryType(encodeEntry({ ...entry, time: at }))).toBe('withdraw')
    for (const other of [new Uint8Array(0), bytes(40), encodeCbor({ time: 'x', type: 'withdraw' })])
      expect(siteEntryType(other)).toBeNull()
  })
})

describe('encodeEntry and decodeEntry', () => {
  it.each(ENTRIES.map((entry, at) => [`${entry.type} ${at}`, entry] as const))(
    'round trip %s',
    (_name, entry) => {
      const wire = encodeEntry(entry)
      expect(decodeEntry(wire)).toEqual(entry)
      expect(encodeEntry(decodeEntry(wire))).toEqual(wire)
      expect(wire.length).toBeLessThan(1024)
    },
  )

  it.each(byType)('refuse %s cut short at any byte, and with a byte too many', (_type, entry) => {
    const wire = encodeEntry(entry)
    for (let length = 0; length < wire.length; length += 1)
      expect(codeOf(wire.subarray(0, length))).not.toBe('accepted')
    expect(codeOf(Uint8Array.from([...wire, 0]))).not.toBe('accepted')
  })

  it.each(byType)('refuse %s with an unknown field, or with one missing', (_type, entry) => {
    expect(codeOf(wireOf(entry, { note: 'Hazel' }))).toBe('unknown_field')
    for (const name of Object.keys(entry))
      expect(codeOf(wireOf(entry, { [name]: undefined }))).not.toBe('accepted')
  })

  it.each(byType)('refuse %s with a field of another type', (type, entry) => {
    const wrong = [null, true, -1, 'Hazel Moss', bytes(5), [], {}, ['Hazel Moss'], { x: 1 }]
    const fitting = new Set([
      'order record null',
      'draw seed null',
      'draw site null',
      'requirements requirements {}',
      'requirements excludes []',
      ...['what', 'action', 'contact'].map((name) => `breach ${name} "Hazel Moss"`),
    ])
    for (const name of Object.keys(entry))
      for (const value of wrong) {
        const what = `${type} ${name} ${JSON.stringify(value)}`
        if (fitting.has(what)) continue
        expect(`${what} ${codeOf(wireOf(entry, { [name]: value }))}`).not.toMatch(/accepted$/)
      }
  })

  it.each([
    ['publish', { record: bytes(15) }],
    ['publish', { record: bytes(17) }],
    ['publish', { record: '00112233445566778899aabbccddeeff' }],
    ['publish', { version: 0 }],
    ['publish', { profile: bytes(31) }],
    ['publish', { consent: bytes(33) }],
    ['withdraw', { reason: 'moved to Leeds' }],
    ['withdraw', { notice: 'a'.repeat(65) }],
    ['withdraw', { notice: 'hazel@moss' }],
    ['withdraw', { notice: 'Hazel Moss' }],
    ['withdraw', { notice: 'a\n' }],
    ['withdraw', { notice: 'é' }],
    ['requirements', { requirements: { city: 'Leeds' } }],
    ['requirements', { requirements: { ageMin: 17 } }],
    ['requirements', { excludes: ['Amor.example'] }],
    ['requirements', { excludes: ['Hazel Moss'] }],
    ['admit', { site: 'Amor.example' }],
    ['admit', { siteType: 'my own' }],
    ['admit', { jurisdiction: 'de' }],
    ['admit', { jurisdiction: 'DEU' }],
    ['admit', { logKey: bytes(31) }],
    ['terms', { terms: { ...DEFAULT_TERMS, minimumAge: 17 } }],
    ['terms', { terms: { ...DEFAULT_TERMS, heartbeatSeconds: 0 } }],
    ['terms', { terms: { ...DEFAULT_TERMS, noticeVersions: [] } }],
    ['terms', { terms: { ...DEFAULT_TERMS, hideAfterSeconds: 11 * 366 * 86_400 } }],
    ['terms', { terms: { ...DEFAULT_TERMS, note: '' } }],
    ['terms', { terms: { ...DEFAULT_TERMS, challengesPerRound: 17 } }],
    ['draw', { growth: new Uint8Array(4) }],
    ['draw', { growth: new Uint8Array(3003) }],
    ['draw', { count: 0 }],
    ['draw', { count: 17 }],
    ['draw', { seed: new Uint8Array(31) }],
    ['breach', { what: '' }],
    ['breach', { what: 'a'.repeat(1001) }],
    ['order', { record: bytes(15) }],
    ['suspend', { reason: 'because of Hazel' }],
    ['suspend', { type: 'promote' }],
    ['suspend', { type: 'publish' }],
  ] as const)('refuse %s with %j', (type, changes) => {
    const entry = byType.find(([name]) => name === type)?.[1]
    if (entry === undefined) throw new Error('no such entry')
    expect(codeOf(wireOf(entry, changes))).not.toBe('accepted')
  })

  it('refuse more than 4 KiB before anything else, and write no more', () => {
    expect(codeOf(new Uint8Array(ENTRY_BYTES + 1))).toBe('too_large')
    expect(codeOf(new Uint8Array(ENTRY_BYTES))).not.toBe('too_large')
    const label = 'a'.repeat(60)
    const excludes = Array.from({ length: 40 }, (_, n) =>
      parseSiteId(`${label}.${label}.x${n}.example`),
    )
    expect(() => encodeEntry({ type: 'requirements', requirements: {}, excludes, time })).toThrow(
      expect.objectContaining({ code: 'too_large' }),
    )
  })

  it('accept only the one deterministic encoding', () => {
    // Method: damage valid entries, and offer the other spellings that CBOR has for a head.
    const damaged = fc.tuple(
      fc.constantFrom(...ENTRIES.map(encodeEntry)),
      fc.nat(400),
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom('replace', 'insert', 'delete'),
    )
    fc.assert(
      fc.property(damaged, ([wire, place, byte, how]) => {
        const at = place % wire.length
        const rest = how === 'insert' ? wire.subarray(at) : wire.subarray(at + 1)
        const middle = how === 'delete' ? [] : [byte]
        const made = Uint8Array.from([...wire.subarray(0, at), ...middle, ...rest])
        const isTaken = codeOf(made) === 'accepted'
        expect(isTaken ? encodeEntry(decodeEntry(made)) : made).toEqual(made)
      }),
      { numRuns: 3000 },
    )
    const wire = encodeEntry({ type: 'terms', terms: DEFAULT_TERMS, time })
    const longer = Uint8Array.from([
      0xb8,
      wire[0] === undefined ? 0 : wire[0] & 0x1f,
      ...wire.subarray(1),
    ])
    expect(codeOf(longer)).not.toBe('accepted')
    const indefinite = Uint8Array.from([0xbf, ...wire.subarray(1), 0xff])
    expect(codeOf(indefinite)).not.toBe('accepted')
    const tagged = Uint8Array.from([0xd9, 0xd9, 0xf7, ...wire])
    expect(codeOf(tagged)).not.toBe('accepted')
  })

  it('throw nothing but a ProtocolError on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (wire) => {
        expect(codeOf(wire)).not.toBe('accepted')
      }),
    )
  })
})

describe('an entry', () => {
  it('has no room for the text of a person, except in the notice of a breach', () => {
    const texts = ['Hazel Moss', 'hazel@moss.example', '+44 20 7946 0958', 'Straße 1']
    for (const [type, entry] of byType) {
      if (type === 'breach' || type === 'terms') continue
      for (const name of Object.keys(entry))
        for (const text of texts) {
          expect(codeOf(wireOf(entry, { [name]: text }))).not.toBe('accepted')
          expect(codeOf(wireOf(entry, { [name]: [text] }))).not.toBe('accepted')
        }
    }
  })

  it('is written by a site or by the coordinator, never by both', () => {
    const written = byType.filter(([, entry]) => isSiteEntry(entry)).map(([type]) => type)
    expect(written).toEqual(['publish', 'withdraw', 'requirements'])
  })

  it('of a record does not depend on how its id was spelt', () => {
    const [publish] = ENTRIES
    if (publish?.type !== 'publish') throw new Error('no publish')
    const { record: id } = decodeCbor(encodeEntry(publish)) as { record: Uint8Array }
    expect(
      equalBytes(
        id,
        Uint8Array.from([
          0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee,
          0xff,
        ]),
      ),
    ).toBe(true)
  })
})
