import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCbor, encodeCbor } from '../../protocol/cbor.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { parseRecordId, parseSiteId } from '../../protocol/ids.ts'
import { publicKeyOf, sign, verifyStrict } from '../../protocol/keys.ts'
import { PERSON_REQUEST_BYTES, REQUEST_RECORDS, REQUEST_TEXT_CHARS } from '../../protocol/limits.ts'
import {
  normaliseEmail,
  openRequest,
  parseEmail,
  requestAnswerCodec,
  signedRequestCodec,
  signRequest,
  type PersonRequest,
} from '../../protocol/request.ts'
import { refuseFinancial, holdsFinancial } from '../../protocol/financial.ts'

const seed = new Uint8Array(32).fill(1)
const key = { publicKey: publicKeyOf(seed), verify: verifyStrict }
const aRequest: PersonRequest = {
  kind: 'withdraw',
  network: parseSiteId('network.example'),
  home: parseSiteId('amor.example'),
  id: 'n-0f3c',
  email: 'lotte@mail.example',
  time: 1_772_323_200,
}
const aRight: PersonRequest = {
  ...aRequest,
  kind: 'right',
  right: 'correction',
  channel: 'post',
  receivedAt: 1_772_323_200,
  text: '\u{10ffff}'.repeat(REQUEST_TEXT_CHARS / 2),
}
const signed = (request: unknown) => signRequest(request as PersonRequest, { seed, signer: sign })

describe('openRequest', () => {
  it.each([aRequest, aRight])('gives back what was signed: $kind', (request) => {
    const bytes = signedRequestCodec.encode(signed(request))
    expect(bytes.length).toBeLessThan(PERSON_REQUEST_BYTES + 256)
    expect(openRequest(signedRequestCodec.decode(bytes), key)).toEqual(request)
  })

  it('refuses another key, and every changed byte', () => {
    const one = signed(aRequest)
    const other = { ...key, publicKey: publicKeyOf(new Uint8Array(32).fill(2)) }
    expect(() => openRequest(one, other)).toThrow(/bad_signature/)
    for (let at = 0; at < one.request.length; at += 7) {
      const request = one.request.slice()
      request[at] = (request[at] ?? 0) ^ 1
      expect(() => openRequest({ ...one, request }, key)).toThrow(/bad_signature/)
    }
  })

  it('takes no signature made for anything else', () => {
    const request = encodeCbor(aRequest)
    const bare = { request, signature: sign(request, seed) }
    expect(() => openRequest(bare, key)).toThrow(/bad_signature/)
  })

  it.each([
    ['an unknown kind', { ...aRequest, kind: 'copy' }],
    ['a further field', { ...aRequest, name: 'x' }],
    ['a missing one', { ...aRequest, id: undefined }],
    ['an id with other characters', { ...aRequest, id: 'lotte@mail.example' }],
    ['an id too long', { ...aRequest, id: 'n'.repeat(65) }],
    ['no address', { ...aRequest, email: 'lotte' }],
    ['two addresses', { ...aRequest, email: 'a@b.example,c@d.example@e' }],
    ['a home that is none', { ...aRequest, home: 'AMOR' }],
    ['a time before all time', { ...aRequest, time: -1 }],
    ['an unknown right', { ...aRight, right: 'fame' }],
    ['a text too long', { ...aRight, text: 'x'.repeat(REQUEST_TEXT_CHARS + 1) }],
  ])('refuses %s', (_name, request) => {
    const plain = Object.fromEntries(
      Object.entries(request).filter(([, value]) => value !== undefined),
    )
    expect(() => openRequest(signed(plain), key)).toThrow(ProtocolError)
  })
})

describe('the codecs', () => {
  it('bound what they take', () => {
    const large = {
      request: new Uint8Array(PERSON_REQUEST_BYTES + 1),
      signature: new Uint8Array(64),
    }
    expect(() => signedRequestCodec.decode(encodeCbor(large))).toThrow(ProtocolError)
    const short = { ...signed(aRequest), signature: new Uint8Array(63) }
    expect(() => signedRequestCodec.decode(encodeCbor(short))).toThrow(ProtocolError)
    const record = parseRecordId('0'.repeat(32))
    const answer = (count: number) =>
      requestAnswerCodec.encode({ kind: 'withdrawn', records: Array(count).fill(record) })
    expect(requestAnswerCodec.decode(answer(REQUEST_RECORDS)).kind).toBe('withdrawn')
    expect(() => requestAnswerCodec.decode(answer(REQUEST_RECORDS + 1))).toThrow(ProtocolError)
  })

  it('refuse other bytes with a ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        for (const { decode } of [signedRequestCodec, requestAnswerCodec])
          try {
            decode(bytes)
          } catch (error) {
            if (!(error instanceof ProtocolError)) throw error
          }
      }),
    )
    const whole = signedRequestCodec.encode(signed(aRequest))
    for (let length = 0; length < whole.length; length += 1)
      expect(() => signedRequestCodec.decode(whole.subarray(0, length))).toThrow(ProtocolError)
    expect(() => decodeCbor(whole)).not.toThrow()
  })
})

describe('an e-mail address', () => {
  it('is compared without regard to capitals, spaces around it, and wide forms', () => {
    expect(normaliseEmail(' Lotte@Mail.Example ')).toBe('lotte@mail.example')
    expect(normaliseEmail('ｌotte＠mail.example')).toBe('lotte@mail.example')
  })

  it('has two sides and no space', () => {
    expect(parseEmail("o'neil+x@mail.example")).toBe("o'neil+x@mail.example")
    for (const text of ['', 'a', 'a@', '@b', 'a b@c', 'a@b@c', '<a@b>', `${'a'.repeat(65)}@b`])
      expect(() => parseEmail(text)).toThrow(ProtocolError)
  })
})

describe('refuseFinancial', () => {
  // The test numbers that the schemes publish, and the examples of the IBAN registry.
  it.each([
    '4111 1111 1111 1111',
    '4111111111111111',
    '5555-5555-5555-4444',
    '378282246310005',
    '6011111111111117',
    '3530111333300000',
    '30569309025904',
    'Konto DE89 3704 0044 0532 0130 00, danke',
    'GB82WEST12345698765432',
  ])('finds %s', (text) => {
    expect(holdsFinancial(text)).toBe(true)
    expect(() => refuseFinancial({ a: [{ b: text }] })).toThrow(ProtocolError)
  })

  it.each([
    '2026-03-02T20:01:00Z',
    '1772323200000',
    '+49 30 901820',
    '4111 1111 1111 1112',
    'order 20260302-0000000042',
    'DE89',
    '192.0.2.7',
  ])('lets %s be', (text) => {
    expect(holdsFinancial(text)).toBe(false)
  })

  it('says where, and never what', () => {
    const paid = { order: { payment: { cardNumber: 4111111111111111 } } }
    const message = /^(?!.*4111).*\/order\/payment\/cardNumber/
    expect(() => refuseFinancial(paid)).toThrow(message)
    for (const name of ['IBAN', 'card_number', 'CVV', 'account-number'])
      expect(() => refuseFinancial({ [name]: 'x' })).toThrow(ProtocolError)
    expect(() => refuseFinancial({ iban: null, cvv: '', card: null })).not.toThrow()
  })
})
