import { describe, expect, it } from 'vitest'
import { createContact, type ModuleContact } from '../../../node/core/bridge/contact/contact.ts'
import { countriesOf } from '../../../node/core/bridge/contact/lands.ts'
import { requirementsOf } from '../../../node/core/bridge/contact/wants.ts'
import { COUNTRIES } from '../../../protocol/countries.ts'
import { A, aMember, aWorld, put, type SiteMachine } from '../world.ts'

/** A contact as it is after each start of the node. */
function contactOf({ ports, site, id }: SiteMachine): Promise<ModuleContact> {
  return createContact({ ...ports, site: id, demands: site.demands })
}

async function aContact() {
  const world = await aWorld()
  const machine = await world.addSite(A, { requirements: null })
  return { world, machine, contact: await contactOf(machine) }
}

const query = (fields: Record<string, string | string[]>): Map<string, string[]> =>
  new Map(Object.entries(fields).map(([name, value]) => [name, [value].flat()]))

describe('createContact', () => {
  it('knows key and domain together, in whichever spelling of the domain', async () => {
    const { contact } = await aContact()
    expect(contact.view().isPaired).toBe(false)
    expect(await contact.isKnown('', 'amor.example')).toBe(false)
    const key = await contact.makeKey()
    for (const domain of ['amor.example', 'WWW.Amor.Example', 'https://www.amor.example/'])
      expect(await contact.isKnown(key, domain)).toBe(true)
    for (const domain of ['', 'beau.example', 'x.amor.example', 'amor.example.evil.example'])
      expect(await contact.isKnown(key, domain)).toBe(false)
    expect(await contact.isKnown(`${key} `, 'amor.example')).toBe(false)
    expect(contact.view().isPaired).toBe(true)
  })

  it('keeps of a key only what cannot be used, across a start', async () => {
    const { machine, contact } = await aContact()
    const key = await contact.makeKey()
    const kept = await machine.ports.store.read((tx) => tx.desk.setting('bridge-key'))
    expect(kept).toMatch(/^[0-9a-f]{64}$/)
    expect(kept).not.toContain(key)
    const again = await contactOf(machine)
    expect(await again.isKnown(key, A)).toBe(true)
    const newer = await again.makeKey()
    expect(await again.isKnown(key, A)).toBe(false)
    expect(await again.isKnown(newer, A)).toBe(true)
  })

  it('gives one key to two that ask at once', async () => {
    const { contact } = await aContact()
    await contact.openWindow()
    const pairings = await Promise.all([contact.pair(A), contact.pair(A)])
    expect(pairings.map(({ kind }) => kind)).toEqual(['paired', 'refused'])
  })

  it('opens the window for ten minutes', async () => {
    const { world, contact } = await aContact()
    const until = await contact.openWindow()
    expect(until).toBe(world.clock.now() + 600)
    expect(contact.view().windowUntil).toBe(until)
    world.clock.set(until)
    expect(contact.view().windowUntil).toBeNull()
    expect(await contact.pair(A)).toEqual({ kind: 'refused', word: 'invalid_data' })
  })

  it('remembers across a start when the module has called, and the form of its ids', async () => {
    const { world, machine, contact } = await aContact()
    expect(contact.view()).toMatchObject({ lastSeenAt: null, canRemove: 'unknown' })
    const first = world.clock.now()
    contact.seen()
    await contact.noteIds('text')
    await contact.tick()
    // Not written yet: at most once a minute.
    expect((await contactOf(machine)).view()).toMatchObject({ lastSeenAt: null, canRemove: 'no' })
    world.clock.set(first + 60)
    await contact.tick()
    expect((await contactOf(machine)).view().lastSeenAt).toBe(first)
    await contact.noteIds('integers')
    expect((await contactOf(machine)).canRemove()).toBe('yes')
  })
})

describe("the module's settings", () => {
  const wanted = query({ user_type: 'female', land: 'all', min_age: '30', max_age: '40' })
  const requirements = { ageMin: 30, ageMax: 40, genders: ['woman'] }

  it('become the requirements of a site that has none', async () => {
    const { machine, contact } = await aContact()
    await contact.settings(wanted)
    expect(machine.site.demands.get()?.requirements).toEqual(requirements)
    expect(contact.view().requirements).toEqual(requirements)
    expect((await contactOf(machine)).view().requirements).toEqual(requirements)
  })

  it('are put once, changed by the module, and keep the sites that the owner leaves out', async () => {
    const { machine, contact } = await aContact()
    const { demands } = machine.site
    await contact.settings(wanted)
    const index = demands.get()?.index
    await contact.settings(wanted)
    await (await contactOf(machine)).tick()
    expect(demands.get()?.index).toBe(index)
    await demands.put(requirements, ['beau.example'])
    await contact.settings(query({ user_type: 'male' }))
    expect(demands.get()).toMatchObject({
      requirements: { genders: ['man'] },
      excludes: ['beau.example'],
    })
  })

  it('are only shown where the owner has put others', async () => {
    const { machine, contact } = await aContact()
    const { demands } = machine.site
    await contact.settings(wanted)
    await demands.put({ genders: ['man'] }, undefined)
    await contact.settings(query({ user_type: 'transgender' }))
    await contact.tick()
    expect(demands.get()?.requirements).toEqual({ genders: ['man'] })
    expect(contact.view().requirements?.genders).toContain('trans-woman')
  })

  it('leave the owner master from the beginning', async () => {
    const world = await aWorld()
    const machine = await world.addSite(A, { requirements: { countries: ['FR'] } })
    const contact = await contactOf(machine)
    await contact.settings(wanted)
    expect(machine.site.demands.get()?.requirements).toEqual({ countries: ['FR'] })
  })

  it('wait for a log that may not be written yet', async () => {
    const { world, machine } = await aContact()
    const before = world.snapshot(machine)
    await put(machine, aMember('1'))
    await world.tick(60)
    world.cut(A)
    await world.rollBack(machine, before)
    const contact = await contactOf(machine)
    await contact.settings(wanted)
    await contact.tick()
    expect(machine.site.demands.get()).toBeNull()
    await world.heal(A)
    await world.pass(600)
    await (await contactOf(machine)).tick()
    expect(machine.site.demands.get()?.requirements).toEqual(requirements)
  })
})

describe('requirementsOf', () => {
  it.each<[string, Record<string, string | string[]>, object]>([
    ['nothing', {}, {}],
    [
      'all of everything',
      { site_type: 'all', user_type: 'all', orientation: 'all', lang: 'all', land: 'all' },
      {},
    ],
    ['all beside others', { user_type: ['male', 'all'] }, {}],
    ['types of sites', { site_type: ['white', 'general'] }, { siteTypes: ['general', 'white'] }],
    ['orientations', { orientation: ['queer', 'gay'] }, { orientations: ['gay', 'queer'] }],
    ['languages', { lang: ['RU', 'EN'] }, { languages: ['en', 'ru'] }],
    [
      'the word that stands for several',
      { user_type: 'transgender' },
      { genders: ['self-described', 'trans-man', 'trans-woman'] },
    ],
    ['countries', { country_code: ['US', 'FR'] }, { countries: ['FR', 'US'] }],
    [
      'countries outside of the lands',
      { country_code: ['US', 'FR'], land: 'europe' },
      { countries: ['FR'] },
    ],
    ['ages', { min_age: '18', max_age: '80' }, { ageMin: 18, ageMax: 80 }],
    ['an age below the least', { min_age: '12' }, { ageMin: 18 }],
    ['an age above the most', { max_age: '999' }, { ageMax: 120 }],
    ['ages that exclude each other', { min_age: '50', max_age: '40' }, {}],
    ['ages that are none', { min_age: 'x', max_age: '-5' }, {}],
    ['unknown words beside known ones', { user_type: ['couple', 'male'] }, { genders: ['man'] }],
    [
      'nothing but unknown words',
      { user_type: 'couple', lang: 'ENG' },
      { genders: [], languages: [] },
    ],
  ])('reads %s', (_, fields, expected) => {
    expect(requirementsOf(query(fields))).toEqual(expected)
  })
})

describe('countriesOf', () => {
  const LANDS = ['africa', 'asia', 'australia', 'europe', 'north-america', 'south-america']

  it('has every country in one land, but those of the Antarctic', () => {
    const all = LANDS.flatMap(countriesOf)
    expect(new Set(all).size).toBe(all.length)
    expect(COUNTRIES.filter((code) => !all.includes(code))).toEqual(['AQ', 'BV', 'GS', 'HM', 'TF'])
  })

  it.each([
    ['europe', 'FR'],
    ['north-america', 'MX'],
    ['south-america', 'BR'],
    ['australia', 'NZ'],
    ['asia', 'JP'],
    ['africa', 'EG'],
  ])('has in %s %s', (land, code) => {
    expect(countriesOf(land)).toContain(code)
  })

  it('has none in a land that is none', () => {
    expect(countriesOf('atlantis')).toEqual([])
  })
})
