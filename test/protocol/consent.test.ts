import { describe, expect, it } from 'vitest'
import {
  CONSENT_SECONDS,
  checkConsentLive,
  checkNotice,
  consentCovers,
  isConsentLive,
  parseConsent,
  parseConsentInput,
} from '../../protocol/consent.ts'
import { aConsent, NOW } from '../fixtures/people.ts'

const refusal = (code: string, path: string): object => expect.objectContaining({ code, path })
const json = (overrides: object = {}): object => ({
  notice: aConsent().notice,
  scopes: ['names', 'discovery'],
  givenAt: NOW,
  channel: 'web',
  ...overrides,
})

describe('parseConsentInput', () => {
  it('sorts the scopes, and sets 365 days and the three purposes', () => {
    expect(parseConsentInput(json())).toEqual({
      ...aConsent({ givenAt: NOW, scopes: ['discovery', 'names'] }),
      purposes: ['account', 'recommend', 'viewable'],
      expiresAt: NOW + 365 * 86_400,
    })
  })
  it('refuses an absent consent and one without discovery', () => {
    expect(() => parseConsentInput(undefined)).toThrow(refusal('no_consent', ''))
    expect(() => parseConsentInput(json({ scopes: ['names'] }))).toThrow(
      refusal('no_consent', '/scopes'),
    )
    expect(() => parseConsentInput(json({ scopes: [] }))).toThrow(refusal('no_consent', '/scopes'))
  })
  it.each([
    [{ purposes: ['advertising'] }, 'out_of_range', '/purposes/0'],
    [{ purposes: [] }, 'out_of_range', '/purposes'],
    [{ scopes: ['discovery', 'discovery'] }, 'out_of_range', '/scopes'],
    [{ scopes: ['discovery', 'device'] }, 'out_of_range', '/scopes/1'],
    [{ scopes: 'discovery' }, 'wrong_type', '/scopes'],
    [{ expiresAt: NOW + CONSENT_SECONDS + 1 }, 'out_of_range', '/expiresAt'],
    [{ expiresAt: NOW }, 'out_of_range', '/expiresAt'],
    [{ givenAt: 1.5 }, 'wrong_type', '/givenAt'],
    [{ channel: 'pigeon' }, 'out_of_range', '/channel'],
    [{ state: 'withdrawn' }, 'out_of_range', '/state'],
    [{ ip: '192.0.2.1' }, 'unknown_field', '/ip'],
    [{ notice: { ...aConsent().notice, hash: 'ab' } }, 'out_of_range', '/notice/hash'],
    [{ notice: { ...aConsent().notice, url: 'ftp://a' } }, 'out_of_range', '/notice/url'],
  ])('refuses %j', (overrides, code, path) => {
    expect(() => parseConsentInput(json(overrides))).toThrow(refusal(code, path))
  })
})

describe('excluded sites', () => {
  it('come out sorted, and only as domain names', () => {
    const consent = parseConsentInput(json({ excludes: ['b.example', 'a.example'] }))
    expect(consent.excludes).toEqual(['a.example', 'b.example'])
    expect(parseConsent(consent)).toEqual(consent)
    expect(() => parseConsentInput(json({ excludes: ['B!'] }))).toThrow(
      refusal('malformed', '/excludes'),
    )
    expect(() => parseConsentInput(json({ excludes: Array(257).fill('a.example') }))).toThrow(
      refusal('out_of_range', '/excludes'),
    )
  })
})

describe('parseConsent', () => {
  it('accepts what parseConsentInput gives', () => {
    const consent = parseConsentInput(json())
    expect(parseConsent(consent)).toEqual(consent)
  })
  it('refuses unsorted lists: one consent has one encoding', () => {
    const consent = aConsent({ scopes: ['names', 'discovery'] })
    expect(() => parseConsent(consent)).toThrow(refusal('out_of_range', '/scopes'))
  })
})

describe('a consent in time', () => {
  const consent = aConsent({ givenAt: NOW })
  it('holds from its first second to the one before it expires', () => {
    expect(isConsentLive(consent, NOW - 1)).toBe(false)
    expect(isConsentLive(consent, NOW)).toBe(true)
    expect(isConsentLive(consent, NOW + CONSENT_SECONDS - 1)).toBe(true)
    expect(isConsentLive(consent, NOW + CONSENT_SECONDS)).toBe(false)
  })
  it('covers its scopes only, and only while it holds', () => {
    expect(consentCovers(consent, 'discovery', NOW)).toBe(true)
    expect(consentCovers(consent, 'names', NOW)).toBe(false)
    expect(consentCovers(consent, 'discovery', NOW + CONSENT_SECONDS)).toBe(false)
  })
  it('is refused when expired or of the future', () => {
    expect(() => checkConsentLive(consent, NOW)).not.toThrow()
    expect(() => checkConsentLive(consent, NOW - 1)).toThrow(refusal('no_consent', '/givenAt'))
    expect(() => checkConsentLive(consent, NOW + CONSENT_SECONDS)).toThrow(
      refusal('no_consent', '/expiresAt'),
    )
  })
})

describe('checkNotice', () => {
  it('refuses a notice that is not among the accepted versions', () => {
    expect(() => checkNotice(aConsent(), ['2018-06-19'])).not.toThrow()
    expect(() => checkNotice(aConsent(), ['2025-01-01'])).toThrow(
      refusal('outdated_notice', '/notice/version'),
    )
  })
})
