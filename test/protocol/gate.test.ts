import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Scope } from '../../protocol/consent.ts'
import { ageOnDay, dayOf } from '../../protocol/dates.ts'
import type { Entry } from '../../protocol/entry.ts'
import {
  decide,
  decideHome,
  decideRecord,
  type GatedRecord,
  type GateView,
  type Refusal,
} from '../../protocol/gate.ts'
import { parseSiteId, type SiteId } from '../../protocol/ids.ts'
import {
  DEFAULT_TERMS,
  emptyRegistry,
  foldRegistry,
  type Registry,
} from '../../protocol/registry.ts'
import type { Facts, Requirements } from '../../protocol/requirements.ts'
import { NOW } from '../fixtures/people.ts'

const NETWORK = parseSiteId('network.example')
const HOME = parseSiteId('amor.example')
const PARTNER = parseSiteId('beau.example')
const STRANGER = parseSiteId('cher.example')
const TODAY = dayOf(NOW)

function admit(site: SiteId, expires = NOW + 86_400): Entry {
  const logKey = new Uint8Array(32)
  return {
    type: 'admit',
    site,
    logKey,
    witnessKey: logKey,
    siteType: site === NETWORK ? 'coordinator' : 'general',
    jurisdiction: 'DE',
    time: 1,
    expires,
  }
}
const suspend = (site: SiteId): Entry => ({ type: 'suspend', site, reason: 'terms', time: 2 })
const expel = (site: SiteId): Entry => ({ type: 'expel', site, reason: 'terms', time: 2 })
function registryOf(...entries: Entry[]): Registry {
  return [admit(NETWORK), admit(HOME), admit(PARTNER), ...entries].reduce(
    foldRegistry,
    emptyRegistry(NETWORK),
  )
}

function facts(changes: Partial<Facts> = {}): Facts {
  return {
    gender: 'woman',
    seeks: ['man'],
    seeksAgeMin: 30,
    seeksAgeMax: 50,
    birthDay: TODAY - 40 * 366,
    ageYears: null,
    agedOn: null,
    language: 'en',
    country: 'GB',
    latitudeTenths: 538,
    longitudeTenths: -15,
    ...changes,
  }
}
function view(changes: Partial<GateView> = {}): GateView {
  return {
    now: NOW,
    registry: registryOf(),
    home: HOME,
    partner: PARTNER,
    coordinatorHeartbeat: NOW - 60,
    homeHeartbeat: NOW - 60,
    homeExcludes: [],
    requirements: {},
    ...changes,
  }
}
function record(changes: Partial<GatedRecord> = {}): GatedRecord {
  return {
    live: true,
    expires: NOW + 1,
    scopes: ['discovery'],
    excludes: [],
    facts: facts(),
    ...changes,
  }
}
function verdict(of: GateView, about: GatedRecord, scope: Scope = 'discovery'): string {
  const decision = decide(of, about, scope)
  return decision.kind === 'allowed' ? 'allowed' : decision.reason
}

const isFresh = (time: number | null, seconds: number): boolean =>
  time !== null && time <= NOW + 300 && NOW - time < seconds

const { registryLeaseSeconds, hideAfterSeconds } = DEFAULT_TERMS

describe('decide', () => {
  it.each<[verdict: Refusal | 'allowed', Partial<GateView>, Partial<GatedRecord>, Scope?]>([
    ['allowed', {}, {}],
    ['registry-stale', { coordinatorHeartbeat: null }, {}],
    ['registry-stale', { coordinatorHeartbeat: NOW - registryLeaseSeconds }, {}],
    ['allowed', { coordinatorHeartbeat: NOW - registryLeaseSeconds + 1 }, {}],
    ['registry-stale', { coordinatorHeartbeat: NOW + 301 }, {}],
    ['allowed', { coordinatorHeartbeat: NOW + 300 }, {}],
    ['home-inactive', { home: STRANGER }, {}],
    ['home-inactive', { registry: registryOf(suspend(HOME)) }, {}],
    ['home-inactive', { registry: registryOf(expel(HOME)) }, {}],
    ['home-inactive', { registry: registryOf(admit(HOME, NOW)) }, {}],
    ['allowed', { registry: registryOf(admit(HOME, NOW + 1)) }, {}],
    ['partner-inactive', { partner: STRANGER }, {}],
    ['partner-inactive', { registry: registryOf(suspend(PARTNER)) }, {}],
    ['partner-inactive', { registry: registryOf(expel(PARTNER)) }, {}],
    ['partner-inactive', { registry: registryOf(admit(PARTNER, NOW)) }, {}],
    ['home-silent', { homeHeartbeat: null }, {}],
    ['home-silent', { homeHeartbeat: NOW - hideAfterSeconds }, {}],
    ['allowed', { homeHeartbeat: NOW - hideAfterSeconds + 1 }, {}],
    ['home-silent', { homeHeartbeat: NOW + 301 }, {}],
    ['excluded', { homeExcludes: [STRANGER, PARTNER] }, {}],
    ['allowed', { homeExcludes: [STRANGER] }, {}],
    ['no-requirements', { requirements: null }, {}],
    ['not-live', {}, { live: false }],
    ['no-consent', {}, { expires: NOW }],
    ['no-consent', {}, { scopes: [] }],
    ['no-consent', {}, {}, 'messaging'],
    ['allowed', {}, { scopes: ['discovery', 'messaging'] }, 'messaging'],
    ['excluded', {}, { excludes: [PARTNER] }],
    ['under-age', {}, { facts: facts({ birthDay: TODAY - 17 * 365 }) }],
    ['under-age', {}, { facts: facts({ birthDay: null, ageYears: 17, agedOn: TODAY }) }],
    ['no-match', { requirements: { genders: ['man'] } }, {}],
    ['no-match', { requirements: { siteTypes: ['senior'] } }, {}],
    ['allowed', { requirements: { siteTypes: ['general'], ageMin: 39, ageMax: 41 } }, {}],
    ['allowed', { partner: HOME, requirements: null }, {}],
    ['allowed', { partner: HOME, requirements: null }, { excludes: [HOME] }],
    ['not-live', { partner: HOME, requirements: null }, { live: false }],
    ['no-consent', { partner: HOME, requirements: null }, { expires: NOW }],
  ])('says %s of %j and %j', (expected, changes, about, scope) => {
    expect(verdict(view(changes), record(about), scope)).toBe(expected)
  })

  it('refuses a birthday too early, by the date and by the years as published', () => {
    const born = TODAY - 365 * 18 - 5
    const eighteen = [born - 1, born, born + 1].map((birthDay) => [
      ageOnDay(birthDay, TODAY) >= 18,
      verdict(view(), record({ facts: facts({ birthDay }) })) === 'allowed',
    ])
    for (const [isOfAge, isAllowed] of eighteen) expect(isAllowed).toBe(isOfAge)
  })

  it('is decideHome and then decideRecord', () => {
    const silentHome = view({ homeHeartbeat: null })
    expect(decideHome(silentHome)).toEqual({ kind: 'refused', reason: 'home-silent' })
    expect(decideHome(view())).toEqual({ kind: 'allowed' })
    expect(decideRecord(view(), record({ live: false }), 'discovery')).toEqual({
      kind: 'refused',
      reason: 'not-live',
    })
  })

  it('allows exactly what every single rule allows', () => {
    // Method: the rules of the design, one by one and naively, against the function.
    const site = fc.constantFrom(HOME, PARTNER, STRANGER)
    const beat = fc.option(
      fc.constantFrom(
        ...[-301, -300, 0, 60, hideAfterSeconds - 1, hideAfterSeconds, registryLeaseSeconds].map(
          (age) => NOW - age,
        ),
      ),
    )
    const requirements = fc.option(
      fc.constantFrom<Requirements>(
        {},
        { genders: ['man'] },
        { genders: ['woman'] },
        { ageMin: 50 },
        { countries: [] },
      ),
    )
    const entries = fc.subarray([suspend(HOME), suspend(PARTNER), expel(PARTNER), admit(HOME, NOW)])
    const aView = fc.record({
      home: site,
      partner: site,
      coordinatorHeartbeat: beat,
      homeHeartbeat: beat,
      homeExcludes: fc.subarray([HOME, PARTNER, STRANGER]),
      requirements,
      entries,
    })
    const aRecord = fc.record({
      live: fc.boolean(),
      expires: fc.constantFrom(NOW - 1, NOW, NOW + 1),
      scopes: fc.subarray<Scope>(['discovery', 'presence']),
      excludes: fc.subarray([HOME, PARTNER]),
      age: fc.constantFrom(17, 18, 40, 60),
    })
    fc.assert(
      fc.property(
        aView,
        aRecord,
        fc.constantFrom<Scope>('discovery', 'presence'),
        (v, r, scope) => {
          const registry = registryOf(...v.entries)
          const isMember = (one: SiteId): boolean => {
            const found = registry.members.get(one)
            return found?.status === 'admitted' && found.expires > NOW
          }
          const isOwn = v.home === v.partner
          const suits =
            v.requirements !== null &&
            (v.requirements.genders?.includes('woman') ?? true) &&
            (v.requirements.countries?.includes('GB') ?? true) &&
            r.age >= (v.requirements.ageMin ?? 0)
          const naive =
            isFresh(v.coordinatorHeartbeat, registryLeaseSeconds) &&
            isMember(v.home) &&
            isMember(v.partner) &&
            isFresh(v.homeHeartbeat, hideAfterSeconds) &&
            !v.homeExcludes.includes(v.partner) &&
            r.live &&
            r.expires > NOW &&
            r.scopes.includes(scope) &&
            (isOwn || (suits && !r.excludes.includes(v.partner) && r.age >= 18))
          const { entries: _entries, ...rest } = v
          const { age, ...about } = r
          const made = record({
            ...about,
            facts: facts({ birthDay: null, ageYears: age, agedOn: TODAY }),
          })
          expect(verdict(view({ ...rest, registry }), made, scope) === 'allowed').toBe(naive)
        },
      ),
      { numRuns: 3000 },
    )
  })
})
