import { describe, expect, it } from 'vitest'
import { decodeBody, encodeBody, openBody, type Body } from '../../protocol/body.ts'
import { BODY_BYTES } from '../../protocol/limits.ts'
import { parseConsentInput } from '../../protocol/consent.ts'
import { parseIsoDate } from '../../protocol/dates.ts'
import { parseProfileInput, shareProfile } from '../../protocol/vocabulary.ts'
import { aConsent, aProfile, people, TODAY } from '../fixtures/people.ts'

const refusal = (code: string, path: string): object => expect.objectContaining({ code, path })
const ADULT = { today: TODAY, minimumAge: 18 }

function aBody(overrides: { profile?: object; consent?: object } = {}): Body {
  const { profile } = shareProfile(aProfile(), ['discovery'], TODAY)
  return {
    profile: { ...profile, sealed: new Uint8Array(60).fill(7), ...overrides.profile },
    consent: aConsent(overrides.consent),
    profileSalt: new Uint8Array(32).fill(1),
    consentSalt: new Uint8Array(32).fill(2),
  }
}
const open = (body: Body, context = ADULT): Body => {
  const { bytes, commitments } = encodeBody(body)
  return openBody(bytes, commitments, context)
}

describe('openBody', () => {
  it('gives back what encodeBody was given', () => {
    for (const { profile, consent: json } of people(5, 50, TODAY)) {
      const consent = parseConsentInput(json)
      const input = parseProfileInput(profile)
      const shared = shareProfile(input, consent.scopes, TODAY).profile
      const body = { ...aBody(), profile: { ...shared, sealed: new Uint8Array(9) }, consent }
      const { bytes, commitments } = encodeBody(body)
      expect(openBody(bytes, commitments, ADULT)).toEqual(body)
      expect(decodeBody(bytes)).toEqual(body)
    }
  })
  it('refuses a body that the log does not commit to, part by part', () => {
    const body = aBody()
    const { bytes, commitments: expected } = encodeBody(body)
    const other = new Uint8Array(32)
    expect(() => openBody(bytes, { ...expected, profile: other }, ADULT)).toThrow(
      refusal('bad_commitment', '/profile'),
    )
    expect(() => openBody(bytes, { ...expected, consent: other }, ADULT)).toThrow(
      refusal('bad_commitment', '/consent'),
    )
  })
  it('refuses another salt, another sealed part, another word', () => {
    const expected = encodeBody(aBody()).commitments
    const changed = [
      { ...aBody(), profileSalt: new Uint8Array(32) },
      aBody({ profile: { sealed: new Uint8Array(60) } }),
      aBody({ profile: { nickname: 'Hazel Fox' } }),
    ]
    for (const body of changed)
      expect(() => openBody(encodeBody(body).bytes, expected, ADULT)).toThrow(
        refusal('bad_commitment', '/profile'),
      )
  })
  it('refuses fields outside the consent, contact details, and minors', () => {
    const cases = [
      [{ heightCm: 170 }, 'no_consent', '/profile/heightCm'],
      [{ headline: 'mail anna@example.com' }, 'contact_details', '/profile/headline'],
      [{ phone: '1' }, 'unknown_field', '/profile/phone'],
      [{ sealed: new Uint8Array(1025) }, 'malformed', '/profile/sealed'],
      [{ ageYears: 17 }, 'out_of_range', '/profile/ageYears'],
    ] as const
    for (const [profile, code, path] of cases)
      expect(() => open(aBody({ profile }))).toThrow(refusal(code, path))
    expect(() => open(aBody(), { today: TODAY, minimumAge: 36 })).toThrow(
      refusal('under_age', '/profile/ageYears'),
    )
  })
  it('refuses a consent that is incomplete or has expired', () => {
    expect(() => open(aBody({ consent: { scopes: ['names'] } }))).toThrow(
      refusal('no_consent', '/consent/scopes'),
    )
    expect(() => open(aBody(), { today: parseIsoDate('2028-01-01'), minimumAge: 18 })).toThrow(
      refusal('no_consent', '/consent/expiresAt'),
    )
  })
  it('refuses bytes cut anywhere, and bytes beyond the limit', () => {
    const body = aBody()
    const { bytes, commitments } = encodeBody(body)
    for (let end = 0; end < bytes.length; end += 1)
      expect(() => openBody(bytes.slice(0, end), commitments, ADULT)).toThrow(
        expect.objectContaining({ name: 'ProtocolError' }),
      )
    expect(() => openBody(new Uint8Array(BODY_BYTES + 1), commitments, ADULT)).toThrow(
      refusal('too_large', ''),
    )
  })
  it('fits the longest texts that the vocabulary allows', () => {
    const long = {
      description: '🦊'.repeat(1000),
      hobbies: '🦊'.repeat(1000),
      headline: '🦊'.repeat(255),
    }
    const body = aBody({ profile: long })
    expect(open(body)).toEqual(body)
  })
})
