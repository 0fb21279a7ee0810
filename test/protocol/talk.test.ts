import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCbor, encodeCbor } from '../../protocol/cbor.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { parseRecordId, parseSiteId } from '../../protocol/ids.ts'
import {
  MESSAGE_BYTES,
  PRESENCE_RECORDS,
  TALK_ANSWER_BYTES,
  TALK_BYTES,
} from '../../protocol/limits.ts'
import {
  checkText,
  parseTalkId,
  presenceReplyCodec,
  presenceRequestCodec,
  REFUSALS,
  REPORT_REASONS,
  talkCallCodec,
  talkReplyCodec,
  type PresenceReply,
  type TalkCall,
  type TalkReply,
} from '../../protocol/talk.ts'
import type { Codec } from '../../protocol/wire.ts'

const hex = (n: number): string => n.toString(16).padStart(32, '0')
const record = (n: number) => parseRecordId(hex(n))
const TIME = 1_772_323_200

const aText = (text: string, replyTo?: string): TalkCall => ({
  n: 3,
  request: {
    kind: 'message',
    id: hex(9),
    from: record(1),
    to: record(2),
    time: TIME,
    content: { kind: 'text', text, ...(replyTo !== undefined && { replyTo }) },
  },
})
const aSign = (kind: 'typing' | 'read'): TalkCall => ({
  n: 0,
  request: { ...aText('').request, content: { kind } } as TalkCall['request'],
})
const aReport: TalkCall = {
  n: 1,
  request: {
    kind: 'report',
    id: hex(9),
    home: parseSiteId(`${'a'.repeat(63)}.example`),
    record: record(1),
    reason: 'sexual-content',
    time: TIME,
  },
}
const aPicture: PresenceReply = {
  isAll: true,
  online: [record(1), record(2)],
  offline: [record(3)],
}

const many = (count: number) => Array.from({ length: count }, (_, n) => record(n))

const MESSAGES: [string, Codec<unknown>, unknown][] = [
  ['text', talkCallCodec as Codec<unknown>, aText('Grüß dich', hex(7))],
  ['typing', talkCallCodec as Codec<unknown>, aSign('typing')],
  ['read', talkCallCodec as Codec<unknown>, aSign('read')],
  ['report', talkCallCodec as Codec<unknown>, aReport],
  ['delivered', talkReplyCodec as Codec<unknown>, { n: 0, answer: { kind: 'delivered' } }],
  [
    'refused',
    talkReplyCodec as Codec<unknown>,
    { n: 1, answer: { kind: 'refused', reason: 'held' } },
  ],
  ['noted', talkReplyCodec as Codec<unknown>, { n: 1, answer: { kind: 'noted', state: 'open' } }],
  ['watch', presenceRequestCodec as Codec<unknown>, { kind: 'watch' }],
  ['presence', presenceReplyCodec as Codec<unknown>, aPicture],
]

describe('the codecs of talk and presence', () => {
  it.each(MESSAGES)('give %s back as it was', (_name, codec, message) => {
    expect(codec.decode(codec.encode(message))).toEqual(message)
  })

  it.each(MESSAGES)('refuse %s cut at any byte, and with one more', (_name, codec, message) => {
    const bytes = codec.encode(message)
    for (let length = 0; length < bytes.length; length += 1)
      expect(() => codec.decode(bytes.subarray(0, length))).toThrow(ProtocolError)
    expect(() => codec.decode(Uint8Array.of(...bytes, 0))).toThrow(ProtocolError)
  })

  it.each(MESSAGES)(
    'refuse %s with a field more or less, or of another type',
    (_n, codec, message) => {
      const plain = decodeCbor(codec.encode(message)) as Record<string, unknown>
      expect(() => codec.decode(encodeCbor({ ...plain, extra: 1 }))).toThrow(ProtocolError)
      for (const name of Object.keys(plain)) {
        const { [name]: _gone, ...rest } = plain
        expect(() => codec.decode(encodeCbor(rest))).toThrow(ProtocolError)
        expect(() => codec.decode(encodeCbor({ ...plain, [name]: null }))).toThrow(ProtocolError)
      }
    },
  )

  it('carry a text of 16 KiB within the bound on a frame, and not one byte more', () => {
    const longest = talkCallCodec.encode(aText('é'.repeat(MESSAGE_BYTES / 2), hex(7)))
    expect(longest.length).toBeLessThanOrEqual(TALK_BYTES)
    expect(talkCallCodec.decode(longest).request).toMatchObject({ kind: 'message' })
    for (const text of ['a'.repeat(MESSAGE_BYTES + 1), ''])
      expect(() => talkCallCodec.decode(talkCallCodec.encode(aText(text)))).toThrow(ProtocolError)
  })

  it('carry every answer within its bound', () => {
    const answers: TalkReply['answer'][] = [
      ...REFUSALS.map((reason) => ({ kind: 'refused' as const, reason })),
      { kind: 'noted', state: 'handled' },
    ]
    for (const answer of answers) {
      const bytes = talkReplyCodec.encode({ n: Number.MAX_SAFE_INTEGER, answer })
      expect(bytes.length).toBeLessThanOrEqual(TALK_ANSWER_BYTES)
    }
  })

  it('carry 1,024 records each way, and not one more', () => {
    const full = { isAll: false, online: many(PRESENCE_RECORDS), offline: many(PRESENCE_RECORDS) }
    expect(presenceReplyCodec.decode(presenceReplyCodec.encode(full))).toEqual(full)
    for (const name of ['online', 'offline'] as const) {
      const over = { ...full, [name]: many(PRESENCE_RECORDS + 1) }
      expect(() => presenceReplyCodec.decode(presenceReplyCodec.encode(over))).toThrow(
        ProtocolError,
      )
    }
  })

  it('take any well-formed text for what it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }), (text) => {
        fc.pre(text.isWellFormed())
        const { request } = talkCallCodec.decode(talkCallCodec.encode(aText(text)))
        expect(request).toMatchObject({ content: { kind: 'text', text } })
      }),
    )
  })

  it('know a closed list of reasons', () => {
    const plain = decodeCbor(talkCallCodec.encode(aReport)) as { request: Record<string, unknown> }
    const spelled = (reason: string) =>
      encodeCbor({ ...plain, request: { ...plain.request, reason } })
    for (const reason of REPORT_REASONS)
      expect(talkCallCodec.decode(spelled(reason)).request).toMatchObject({ reason })
    expect(() => talkCallCodec.decode(spelled('he wrote: …'))).toThrow(ProtocolError)
  })
})

describe('checkText', () => {
  it('measures in bytes of UTF-8', () => {
    expect(checkText('👋'.repeat(MESSAGE_BYTES / 4))).toHaveLength(MESSAGE_BYTES / 2)
    expect(() => checkText('👋'.repeat(MESSAGE_BYTES / 4 + 1))).toThrow(ProtocolError)
    expect(() => checkText('\udc00')).toThrow(ProtocolError)
  })
})

describe('parseTalkId', () => {
  it('takes 32 lower-case hexadecimal digits', () => {
    expect(parseTalkId(hex(10))).toBe(hex(10))
    for (const text of [hex(10).toUpperCase(), hex(1).slice(1), `${hex(1)}0`, ''])
      expect(() => parseTalkId(text)).toThrow(ProtocolError)
  })
})
