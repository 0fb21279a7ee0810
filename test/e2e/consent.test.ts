/**
 * Without consent nothing of a member is on the wire, in the log, or on disk; with it, only what it
 * covers. Method: words that stand nowhere else, and three captures: every byte between the
 * processes, by proxies; every message that a partner gets, in clear, by a partner inside the test;
 * every file. A member who does consent shows that the captures work.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Person } from '../../scripts/people.ts'
import { decodeBody } from '../../protocol/body.ts'
import { toUtf8 } from '../../protocol/bytes.ts'
import { decodeEntry } from '../../protocol/entry.ts'
import { parseSiteId } from '../../protocol/ids.ts'
import { FIELDS, type FieldName } from '../../protocol/vocabulary.ts'
import { aMarkedMember, MARK, wordsOutside, wordsWithin, type Marked } from './canaries.ts'
import { copyFolder, filesIn, findIn, findInFiles, spellingsOfText } from './files.ts'
import { startNetwork, type TestNetwork, type TestSite } from './network.ts'
import { startPartner, type Partner } from './partner.ts'
import { until } from './process.ts'
import { tapWire, type Wire } from './proxy.ts'
import { ciphertextsIn } from './theft.ts'

const DAY = 86_400
const now = Math.floor(Date.now() / 1000)

/** Consents that are none, and what the node calls them. */
const REFUSED: Record<string, { consent: unknown; code: string; pointer: string }> = {
  'no consent': { consent: undefined, code: 'no_consent', pointer: '/consent' },
  'null for consent': { consent: null, code: 'no_consent', pointer: '/consent' },
  'a flag for consent': { consent: true, code: 'wrong_type', pointer: '/consent' },
  'no scope at all': {
    consent: { scopes: [] },
    code: 'no_consent',
    pointer: '/consent/scopes',
  },
  'all scopes but discovery': {
    consent: { scopes: ['names', 'race', 'religion', 'pictures'] },
    code: 'no_consent',
    pointer: '/consent/scopes',
  },
  'an outdated notice': {
    consent: { notice: { version: '2017-01-01' } },
    code: 'outdated_notice',
    pointer: '/consent/notice/version',
  },
  'a consent that has expired': {
    consent: { givenAt: now - 400 * DAY, expiresAt: now - 35 * DAY },
    code: 'no_consent',
    pointer: '/consent/expiresAt',
  },
  'a consent of the future': {
    consent: { givenAt: now + DAY },
    code: 'no_consent',
    pointer: '/consent/givenAt',
  },
  'a fourth purpose': {
    consent: { purposes: ['account', 'advertising'] },
    code: 'out_of_range',
    pointer: '/consent/purposes/1',
  },
}

interface Refusal extends Marked {
  what: string
  code: string
  pointer: string
}

function refusals(): Refusal[] {
  return Object.entries(REFUSED).map(([what, { consent, code, pointer }]) => {
    const marked = aMarkedMember(`refused ${what}`)
    const { consent: good, ...rest } = marked.person
    const given = typeof consent === 'object' && consent !== null ? mix(good, consent) : consent
    return { ...marked, person: { ...rest, consent: given } as Person, what, code, pointer }
  })
}
/** A consent with some parts replaced; the notice part by part. */
function mix(good: Person['consent'], changes: object): object {
  const notice = 'notice' in changes ? (changes.notice as object) : {}
  return { ...good, ...changes, notice: { ...(good['notice'] as object), ...notice } }
}

const refused = refusals()
const marks = spellingsOfText(MARK)
const modest = aMarkedMember('modest', ['discovery'])
const generous = aMarkedMember('generous', ['discovery', 'names', 'race', 'birth-date'])

let wire: Wire
let network: TestNetwork
let amor: TestSite
let brio: TestSite
let eve: Partner

beforeAll(async () => {
  wire = tapWire()
  network = await startNetwork({ through: wire.before })
  ;[amor, brio] = await Promise.all([
    network.startSite('amor.example'),
    network.startSite('brio.example'),
  ])
  eve = await startPartner(network, 'eve.example')
  await eve.core.demands.put({}, [])
  await brio.api.require({})
})
afterAll(async () => {
  await eve?.stop()
  await network.stop()
  wire.stop()
})

/** Whether a text is in what the partner has got, in clear. */
function isReceived(word: string): boolean {
  const bytes = Buffer.from(toUtf8(word))
  return eve.received.some((message) => Buffer.from(message).includes(bytes))
}
/** The fields of the newest body that the partner has got of a nickname. */
function receivedOf({ words }: Marked): { fields: string[]; scopes: string[] } | null {
  const body = eve.bodies
    .map(decodeBody)
    .findLast(({ profile }) => profile.nickname === words['nickname'])
  if (body === undefined) return null
  const fields = Object.keys(body.profile).filter((name) => name !== 'sealed')
  return { fields, scopes: body.consent.scopes }
}

const scopeOf = (field: string): string => FIELDS[field as FieldName].scope

describe('a member without consent', () => {
  it.each(refused)('is refused with $what', async ({ person, code, pointer }) => {
    const { id, ...rest } = person
    const { status, text } = await amor.api.ask('PUT', `/v1/members/${id}`, rest)
    expect({ status, text }).toMatchObject({ status: 422 })
    expect(JSON.parse(text)).toMatchObject({ code, pointer })
    const [line] = await amor.api.lines<{ problem: unknown }>('/v1/members:bulk', [person])
    expect(line?.problem).toMatchObject({ code, pointer })
    // An answer repeats no value: it may end up in somebody's log.
    expect(text).not.toContain(MARK)
  })
})

describe('a member who consents to discovery alone', () => {
  it('gives the partner the fields of that scope, and no other', async () => {
    expect(await amor.api.put(modest.person)).toMatchObject({ outcome: 'published' })
    const got = await until('eve gets the body', () => receivedOf(modest))
    expect(got.scopes).toEqual(['discovery'])
    expect(got.fields.filter((field) => scopeOf(field) !== 'discovery')).toEqual([])
    expect(got.fields).toContain('ageYears')
    for (const word of wordsWithin(modest, ['discovery'])) expect(isReceived(word)).toBe(true)
    for (const word of wordsOutside(modest, ['discovery'])) expect(isReceived(word)).toBe(false)
    expect(isReceived('1990-05-12')).toBe(false)
    await until('brio shows it', async () => (await brio.api.records()).length === 1)
  })
})

describe('a member who takes a scope back', () => {
  it('loses its fields everywhere, by a version without them', async () => {
    await amor.api.put(generous.person)
    const got = await until('eve gets the body', () => receivedOf(generous))
    expect(got.fields).toEqual(
      expect.arrayContaining(['firstName', 'raceDescription', 'birthDate']),
    )
    const { id, consent } = generous.person
    const less = { ...consent, scopes: ['discovery', 'birth-date'] }
    await amor.api.send('PUT', `/v1/members/${id}/consent`, less)
    const narrowed = await until('eve gets the next version', () => {
      const newest = receivedOf(generous)
      return newest !== null && newest.scopes.length === 2 && newest
    })
    expect(narrowed.fields.filter((field) => !less.scopes.includes(scopeOf(field)))).toEqual([])
    await until('brio shows no name any more', async () => {
      const shown = (await brio.api.records()).find(
        ({ profile }) => profile['nickname'] === generous.words['nickname'],
      )
      return shown !== undefined && shown.profile['firstName'] === undefined
    })
    const copy = copyFolder(brio.folder, join(network.root, 'brio.copy'))
    expect(ciphertextsIn(join(copy, 'node.db'))).toHaveLength(2)
  })
})

describe('what was captured', () => {
  it('shows nothing of the refused in any message', () => {
    // How many messages there are is a matter of speed; that they are captured, of what is in them.
    expect(isReceived(modest.words['nickname'] ?? '')).toBe(true)
    const words = refused.flatMap((one) => Object.values(one.words))
    expect(words.filter(isReceived)).toEqual([])
  })

  it('shows nothing at all in clear on the wire', () => {
    const recorded = wire.recorded()
    const bytes = recorded.reduce((sum, stream) => sum + stream.length, 0)
    // Bodies have gone through the proxies, both ways.
    expect(recorded.length).toBeGreaterThan(0)
    expect(bytes).toBeGreaterThan(eve.bodies.reduce((sum, body) => sum + body.length, 0))
    const spellings = [
      ...marks,
      ...spellingsOfText('amor.example/privacy'),
      ...spellingsOfText('1990-05-12'),
    ]
    for (const stream of recorded) expect(findIn(stream, spellings)).toEqual([])
  })

  it('shows no entry of the refused in the log, and no word of anybody', async () => {
    const log = await eve.sync(amor.site, {
      kind: 'entries',
      log: parseSiteId(amor.site),
      from: 0,
    })
    const entries = log.flatMap((reply) => (reply.kind === 'entries' ? reply.entries : []))
    // The modest one once, the generous one twice.
    expect(entries.map((bytes) => decodeEntry(bytes).type)).toEqual(Array(3).fill('publish'))
    for (const bytes of entries) expect(findIn(Buffer.from(bytes), marks)).toEqual([])
  })

  it('shows nothing on any disk, neither in clear nor sealed', () => {
    expect(findInFiles(filesIn(network.root), marks)).toEqual([])
    const copy = copyFolder(amor.folder, join(network.root, 'amor.copy'))
    const sealed = ciphertextsIn(join(copy, 'node.db'))
    expect(sealed).toHaveLength(2)
  })

  it('shows that nothing is kept of the refused: the site asks in vain', async () => {
    for (const { person } of refused) {
      expect(await amor.api.member(person.id)).toBeNull()
      const { status } = await amor.api.ask('GET', `/v1/members/${person.id}/export`)
      expect(status).toBe(404)
    }
    expect((await amor.api.members()).length).toBe(2)
  })
})
