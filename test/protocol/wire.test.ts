import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCbor, encodeCbor } from '../../protocol/cbor.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { parseSiteId } from '../../protocol/ids.ts'
import {
  ADDRESSES,
  ADDRESS_CHARS,
  BODIES_PER_REQUEST,
  BODY_BYTES,
  ENTRY_BYTES,
  HEADS,
  NOTE_BYTES,
  PICTURE_CHUNK_BYTES,
  PICTURE_MANIFEST_BYTES,
  PICTURES_PER_REQUEST,
  PROOF_HASHES,
} from '../../protocol/limits.ts'
import {
  announcementCodec,
  announceTopic,
  bodiesReplyCodec,
  bodiesRequestCodec,
  picturesReplyCodec,
  picturesRequestCodec,
  reportAnswerCodec,
  reportCodec,
  syncReplyCodec,
  syncRequestCodec,
  takeAnswers,
  type Codec,
} from '../../protocol/wire.ts'

const log = parseSiteId('amor.example')
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(7)
const list = <T>(length: number, item: T): T[] => Array.from({ length }, () => item)
const counting = (length: number): number[] => Array.from({ length }, (_, n) => n)
const picture = 'ab'.repeat(32)
const wish = { index: 1, picture, from: 0 }
const head = { log, size: 3, heartbeat: 5 }

type Any = Codec<unknown>
const asAny = <T>(codec: Codec<T>): Any => codec as Any
const CODECS: Record<string, Any> = {
  announcement: asAny(announcementCodec),
  syncRequest: asAny(syncRequestCodec),
  syncReply: asAny(syncReplyCodec),
  bodiesRequest: asAny(bodiesRequestCodec),
  bodiesReply: asAny(bodiesReplyCodec),
  picturesRequest: asAny(picturesRequestCodec),
  picturesReply: asAny(picturesReplyCodec),
  report: asAny(reportCodec),
  reportAnswer: asAny(reportAnswerCodec),
}
const MESSAGES: [codec: keyof typeof CODECS, message: Record<string, unknown>][] = [
  ['announcement', { log, note: 'n', from: 1, entries: [bytes(3), bytes(0)] }],
  ['syncRequest', { kind: 'heads', heads: [head], addresses: ['/dns4/a/tcp/1'] }],
  ['syncRequest', { kind: 'entries', log, from: 0 }],
  ['syncReply', { kind: 'heads', heads: [head], peers: [{ site: log, addresses: [] }] }],
  ['syncReply', { kind: 'checkpoint', note: 'n' }],
  ['syncReply', { kind: 'entries', from: 0, entries: [bytes(1)], proof: [bytes(32)] }],
  ['syncReply', { kind: 'unknown' }],
  ['bodiesRequest', { home: log, indexes: [0, 1, 5], requirements: 0, registry: 0 }],
  [
    'bodiesReply',
    {
      answers: [
        { kind: 'body', index: 0, body: bytes(9) },
        { kind: 'withheld', index: 1 },
        { kind: 'gone', index: 2 },
        { kind: 'unknown', index: 3 },
      ],
    },
  ],
  ['report', { kind: 'receipt', log, note: 'n' }],
  ['report', { kind: 'disclosures', partner: log, what: 'pictures', time: 1, indexes: [4] }],
  [
    'picturesRequest',
    { home: log, requirements: 3, registry: 1, wishes: [{ index: 4, picture, from: 2 }] },
  ],
  ['picturesReply', { kind: 'manifest', wish: 0, manifest: bytes(200) }],
  ['picturesReply', { kind: 'chunk', wish: 63, bytes: bytes(9) }],
  ['picturesReply', { kind: 'gone', wish: 1 }],
  ['report', { kind: 'fork', log, notes: ['a', 'b'] }],
  ['reportAnswer', { kind: 'taken' }],
  ['reportAnswer', { kind: 'refused' }],
]

function codecOf(name: string): Any {
  const codec = CODECS[name]
  if (codec === undefined) throw new Error('no such codec')
  return codec
}
function codeOf(name: string, wire: Uint8Array): string {
  try {
    codecOf(name).decode(wire)
    return 'accepted'
  } catch (error) {
    if (error instanceof ProtocolError) return error.code
    throw error
  }
}
const offer = (name: string, message: unknown): string => codeOf(name, encodeCbor(message))

describe('the codecs', () => {
  it.each(MESSAGES)('round trip %s %j', (name, message) => {
    const wire = codecOf(name).encode(message)
    expect(codecOf(name).decode(wire)).toEqual(message)
    expect(codecOf(name).encode(codecOf(name).decode(wire))).toEqual(wire)
  })

  it.each(MESSAGES)(
    'refuse %s %j cut short at any byte, or with more behind it',
    (name, message) => {
      const wire = codecOf(name).encode(message)
      for (let length = 0; length < wire.length; length += 1)
        expect(codeOf(name, wire.subarray(0, length))).not.toBe('accepted')
      expect(codeOf(name, Uint8Array.from([...wire, 0xf6]))).not.toBe('accepted')
    },
  )

  it.each(MESSAGES)('refuse %s %j with a field too many or too few', (name, message) => {
    expect(offer(name, { ...message, more: 1 })).not.toBe('accepted')
    for (const field of Object.keys(message)) {
      const { [field]: _gone, ...rest } = message
      expect(offer(name, rest)).not.toBe('accepted')
    }
  })

  it.each<[name: string, at: unknown, over: unknown]>([
    [
      'announcement',
      { log, note: 'n'.repeat(NOTE_BYTES), from: 0, entries: [] },
      { log, note: 'n'.repeat(NOTE_BYTES + 1), from: 0, entries: [] },
    ],
    [
      'announcement',
      { log, note: '', from: 0, entries: [bytes(ENTRY_BYTES)] },
      { log, note: '', from: 0, entries: [bytes(ENTRY_BYTES + 1)] },
    ],
    [
      'announcement',
      { log, note: '', from: 0, entries: list(65_536, bytes(0)) },
      { log, note: '', from: 0, entries: list(65_537, bytes(0)) },
    ],
    [
      'announcement',
      { log, note: '', from: Number.MAX_SAFE_INTEGER, entries: [] },
      { log, note: '', from: -1, entries: [] },
    ],
    [
      'syncRequest',
      { kind: 'heads', heads: list(HEADS, head), addresses: [] },
      { kind: 'heads', heads: list(HEADS + 1, head), addresses: [] },
    ],
    [
      'syncRequest',
      { kind: 'heads', heads: [], addresses: list(ADDRESSES, 'a') },
      { kind: 'heads', heads: [], addresses: list(ADDRESSES + 1, 'a') },
    ],
    [
      'syncRequest',
      { kind: 'heads', heads: [], addresses: ['a'.repeat(ADDRESS_CHARS)] },
      { kind: 'heads', heads: [], addresses: ['a'.repeat(ADDRESS_CHARS + 1)] },
    ],
    [
      'syncReply',
      { kind: 'heads', heads: [], peers: list(HEADS, { site: log, addresses: [] }) },
      { kind: 'heads', heads: [], peers: list(HEADS + 1, { site: log, addresses: [] }) },
    ],
    [
      'syncReply',
      { kind: 'entries', from: 0, entries: [], proof: list(PROOF_HASHES, bytes(32)) },
      { kind: 'entries', from: 0, entries: [], proof: list(PROOF_HASHES + 1, bytes(32)) },
    ],
    [
      'syncReply',
      { kind: 'entries', from: 0, entries: [], proof: [bytes(32)] },
      { kind: 'entries', from: 0, entries: [], proof: [bytes(33)] },
    ],
    [
      'bodiesRequest',
      { home: log, indexes: counting(BODIES_PER_REQUEST), requirements: 0, registry: 0 },
      { home: log, indexes: counting(BODIES_PER_REQUEST + 1), requirements: 0, registry: 0 },
    ],
    [
      'bodiesRequest',
      { home: log, indexes: [0], requirements: 0, registry: 0 },
      { home: log, indexes: [], requirements: 0, registry: 0 },
    ],
    [
      'bodiesReply',
      { answers: [{ kind: 'body', index: 0, body: bytes(BODY_BYTES) }] },
      { answers: [{ kind: 'body', index: 0, body: bytes(BODY_BYTES + 1) }] },
    ],
    [
      'bodiesReply',
      { answers: list(BODIES_PER_REQUEST, { kind: 'gone', index: 1 }) },
      { answers: list(BODIES_PER_REQUEST + 1, { kind: 'gone', index: 1 }) },
    ],
    [
      'report',
      { kind: 'fork', log, notes: ['a', 'b'] },
      { kind: 'fork', log, notes: ['a', 'b', 'c'] },
    ],
    [
      'report',
      {
        kind: 'disclosures',
        partner: log,
        what: 'body',
        time: 1,
        indexes: counting(BODIES_PER_REQUEST),
      },
      {
        kind: 'disclosures',
        partner: log,
        what: 'body',
        time: 1,
        indexes: counting(BODIES_PER_REQUEST + 1),
      },
    ],
    [
      'picturesRequest',
      { home: log, requirements: 0, registry: 1, wishes: list(PICTURES_PER_REQUEST, wish) },
      { home: log, requirements: 0, registry: 1, wishes: list(PICTURES_PER_REQUEST + 1, wish) },
    ],
    [
      'picturesRequest',
      { home: log, requirements: 0, registry: 1, wishes: [wish] },
      { home: log, requirements: 0, registry: 1, wishes: [] },
    ],
    [
      'picturesRequest',
      { home: log, requirements: 0, registry: 1, wishes: [wish] },
      {
        home: log,
        requirements: 0,
        registry: 1,
        wishes: [{ ...wish, picture: picture.toUpperCase() }],
      },
    ],
    [
      'picturesReply',
      { kind: 'manifest', wish: 0, manifest: bytes(PICTURE_MANIFEST_BYTES) },
      { kind: 'manifest', wish: 0, manifest: bytes(PICTURE_MANIFEST_BYTES + 1) },
    ],
    [
      'picturesReply',
      { kind: 'chunk', wish: 0, bytes: bytes(PICTURE_CHUNK_BYTES) },
      { kind: 'chunk', wish: 0, bytes: bytes(PICTURE_CHUNK_BYTES + 1) },
    ],
    [
      'picturesReply',
      { kind: 'unknown', wish: PICTURES_PER_REQUEST - 1 },
      { kind: 'unknown', wish: PICTURES_PER_REQUEST },
    ],
  ])('take %s at its bound and refuse it one over', (name, at, over) => {
    expect(offer(name, at)).toBe('accepted')
    expect(offer(name, over)).not.toBe('accepted')
  })

  it.each([[[1, 0]], [[3, 3]], [[0, 1, 2, 2]], [[-1, 0]], [['0']]])(
    'refuse the indexes %j',
    (indexes) => {
      expect(offer('bodiesRequest', { home: log, indexes, requirements: 0, registry: 0 })).not.toBe(
        'accepted',
      )
      expect(offer('report', { kind: 'disclosures', partner: log, time: 1, indexes })).not.toBe(
        'accepted',
      )
    },
  )

  it.each(['Amor.example', '', 'amor.example/x', 'a'.repeat(254), 1, null, bytes(3)])(
    'refuse the site %j',
    (site) => {
      expect(offer('announcement', { log: site, note: '', from: 0, entries: [] })).not.toBe(
        'accepted',
      )
    },
  )

  it('throw nothing but a ProtocolError on random bytes and on damaged messages', () => {
    const random = fc.uint8Array({ maxLength: 200 })
    const damaged = fc
      .tuple(fc.constantFrom(...MESSAGES), fc.nat(300), fc.integer({ min: 0, max: 255 }))
      .map(([[name, message], place, byte]) => {
        const wire = codecOf(name).encode(message)
        wire[place % wire.length] = byte
        return wire
      })
    fc.assert(
      fc.property(fc.oneof(random, damaged), (wire) => {
        const isTaken = Object.keys(CODECS).some((name) => codeOf(name, wire) === 'accepted')
        expect(isTaken ? encodeCbor(decodeCbor(wire)) : wire).toEqual(wire)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('takeAnswers', () => {
  it('strikes off what is answered, and refuses the rest', () => {
    const open = new Set([1, 2, 3])
    takeAnswers(open, [
      { kind: 'gone', index: 3 },
      { kind: 'withheld', index: 1 },
    ])
    expect([...open]).toEqual([2])
    expect(() => takeAnswers(open, [{ kind: 'gone', index: 3 }])).toThrow(ProtocolError)
    expect(() => takeAnswers(open, [{ kind: 'gone', index: 9 }])).toThrow(ProtocolError)
    const twice = list(2, { kind: 'gone' as const, index: 2 })
    expect(() => takeAnswers(open, twice)).toThrow(ProtocolError)
  })
})

describe('announceTopic', () => {
  it('is different for each network', () => {
    expect(announceTopic(log)).toBe('/dpn/amor.example/announce/1')
  })
})
