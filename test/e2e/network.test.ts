/**
 * The life of a network of five processes, step by step, each building on the one before: what is
 * published arrives where it may, and nowhere else; what is withdrawn vanishes everywhere, with
 * proof. What a site should hold is computed here, by a filter of our own over the input.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { people, type Person } from '../../scripts/people.ts'
import { verifyEvidence } from '../../protocol/evidence.ts'
import { type Shown, type Withdrawn } from './api.ts'
import { completed, NETWORK, startNetwork, writable } from './network.ts'
import type { TestNetwork, TestSite } from './network.ts'
import { dpn, until } from './process.ts'
import { watchRecords } from './watch.ts'

const AMOR = 'amor.example'
const BRIO = 'brio.example'
const CARO = 'caro.example'
const DIVA = 'diva.example'
const WITHDRAWN = 50

const today = new Date().toISOString().slice(0, 10)
const everybody = people(20260301, 1000, today)

/** Whole years on `today`, by comparing dates as texts. */
function ageOf({ profile: { birthDate } }: Person): number {
  const years = Number(today.slice(0, 4)) - Number(birthDate.slice(0, 4))
  return today.slice(5) < birthDate.slice(5) ? years - 1 : years
}

/** Women in Germany of these ages: the age in years as of publishing is that of today, too. */
function germanWomen(from: number, to: number): Person[] {
  return everybody.filter((person) => {
    const { gender, country } = person.profile
    const age = ageOf(person)
    return gender === 'woman' && country === 'DE' && age >= from && age <= to
  })
}

let network: TestNetwork
let amor: TestSite
let brio: TestSite
let caro: TestSite
let diva: TestSite
/** Records by the site's own ids. */
let records: Map<string, string>
let withdrawn: Withdrawn[]

const recordOf = ({ id }: Person): string => records.get(id) ?? ''
const ids = (shown: readonly Shown[]): string[] => shown.map(({ record }) => record).toSorted()
const recordsOf = (persons: readonly Person[]): string[] => persons.map(recordOf).toSorted()
function alive(persons: readonly Person[]): Person[] {
  const ended = new Set(withdrawn.map(({ record }) => record))
  return persons.filter((person) => !ended.has(recordOf(person)))
}

async function shows(site: TestSite, persons: readonly Person[]): Promise<void> {
  const expected = recordsOf(persons)
  await until(`${site.site} shows ${expected.length} records`, async () => {
    const shown = ids(await site.api.records())
    if (shown.join() !== expected.join()) throw new Error(`It shows ${shown.length}`)
    return true
  })
}

async function held(site: TestSite, home: string): Promise<number> {
  const { logs } = await site.api.status()
  return logs.find((log) => log.site === home)?.records.held ?? 0
}

beforeAll(async () => {
  network = await startNetwork()
  ;[amor, brio, caro] = await Promise.all([
    network.startSite(AMOR),
    network.startSite(BRIO),
    network.startSite(CARO),
  ])
})
afterAll(async () => {
  await network.stop()
})

describe('publishing', () => {
  it('gives each site exactly what meets its requirements', async () => {
    await brio.api.require({ genders: ['woman'], countries: ['DE'], ageMin: 25, ageMax: 40 })
    await caro.api.require({ genders: ['man'], countries: ['IS'] })
    records = await amor.api.bulk(everybody)
    expect(records.size).toBe(1000)
    expect(germanWomen(25, 40).length).toBeGreaterThan(20)
    await shows(brio, germanWomen(25, 40))
    expect(await held(brio, AMOR)).toBe(germanWomen(25, 40).length)
    // The log is the same for everybody; bodies are not.
    await until('caro has the log', async () => {
      const log = (await caro.api.status()).logs.find(({ site }) => site === AMOR)
      return log?.size === 1000
    })
    expect(await caro.api.records()).toEqual([])
    expect(await held(caro, AMOR)).toBe(0)
  })

  it('hands over what the consent covers, and nothing else', async () => {
    const byRecord = new Map(everybody.map((person) => [recordOf(person), person]))
    for (const { record, home, age, profile } of await brio.api.records()) {
      const person = byRecord.get(record)
      const scopes = person?.consent['scopes'] as string[]
      expect(home).toBe(AMOR)
      expect(age).toBe(person && ageOf(person))
      expect(profile['nickname']).toBe(person?.profile['nickname'])
      expect(profile['birthDate'] !== undefined).toBe(scopes.includes('birth-date'))
      expect(profile['ageYears'] !== undefined).toBe(!scopes.includes('birth-date'))
      expect(profile['firstName'] !== undefined).toBe(scopes.includes('names'))
      expect(profile['hairColour'] !== undefined).toBe(scopes.includes('appearance'))
      expect(profile['smoking'] !== undefined).toBe(scopes.includes('habits'))
      expect(profile['religion'] !== undefined).toBe(scopes.includes('religion'))
      // Hidden from other sites: language, and whatever is the home's own.
      for (const name of ['language', 'sealed', 'email', 'id', 'latitude'])
        expect(profile).not.toHaveProperty(name)
    }
  })

  it('says to nobody more than what they asked for: the coordinator holds no body', async () => {
    const { logs } = await network.coordinator.api.status()
    expect(logs.find(({ site }) => site === AMOR)).toMatchObject({
      size: 1000,
      forked: false,
      records: { live: 1000, withdrawn: 0 },
    })
  })
})

describe('a home that is down', () => {
  it('is stood in for by a holder', async () => {
    expect(await amor.stop()).toBe(0)
    diva = await network.startSite(DIVA)
    await diva.api.require({ genders: ['woman'], countries: ['DE'], ageMin: 30, ageMax: 50 })
    // Only what brio holds can come now; the others come when amor is back.
    await shows(diva, germanWomen(30, 40))
    expect(germanWomen(30, 40).length).toBeGreaterThan(10)
  })

  it('learns when it is back who has got what from whom', async () => {
    await amor.start()
    await shows(diva, germanWomen(30, 50))
    const viaBrio = germanWomen(30, 40)
    const direct = germanWomen(41, 50)
    await until('amor knows of every recipient', async () => {
      for (const person of viaBrio) {
        const rows = await amor.api.disclosures(person.id)
        const row = rows.find(({ partner }) => partner === DIVA)
        if (row === undefined) throw new Error(`No recipient diva: ${JSON.stringify(rows)}`)
        expect(row.via).toBe(BRIO)
        expect(row.versions.map(({ record }) => record)).toContain(recordOf(person))
      }
      return true
    })
    for (const person of direct.slice(0, 5)) {
      const rows = await amor.api.disclosures(person.id)
      expect(rows.map(({ partner, via }) => ({ partner, via }))).toEqual([
        { partner: DIVA, via: null },
      ])
    }
    const stranger = everybody.find(({ profile }) => profile['gender'] === 'man')
    expect(await amor.api.disclosures(stranger?.id ?? '')).toEqual([])
  })
})

describe('a withdrawal', () => {
  it('is never undone by a site that was killed and did not hear of it', async () => {
    const ofBrio = germanWomen(25, 40)
    const chosen = ofBrio.slice(0, Math.floor(ofBrio.length / 2))
    const others = everybody.filter((person) => !ofBrio.includes(person))
    const ending = [...chosen, ...others.slice(0, WITHDRAWN - chosen.length)]
    await brio.kill()
    withdrawn = await amor.api.withdraw(ending.map(({ id }) => id))
    expect(withdrawn.map(({ record }) => record).toSorted()).toEqual(recordsOf(ending))
    expect(withdrawn).toHaveLength(WITHDRAWN)

    const forbidden = new Set(withdrawn.map(({ record }) => record))
    const watch = watchRecords(brio, forbidden)
    brio.spawn()
    await completed(
      amor,
      withdrawn.map(({ record }) => record),
    )
    await shows(brio, alive(ofBrio))
    const seen = await watch.end()
    expect(seen).toMatchObject({ shown: [], faults: [] })
    expect(seen.answers).toBeGreaterThan(2)
    // It did show the others meanwhile: the watch has looked at more than an empty list.
    expect(seen.most).toBe(alive(ofBrio).length)
    await shows(diva, alive(germanWomen(30, 50)))
  })

  it('has a receipt of every member', async () => {
    for (const { record } of withdrawn) {
      const { receipts, state } = await amor.api.progress(record)
      expect(state).toBe('complete')
      expect(receipts.map(({ site }) => site).toSorted()).toEqual([AMOR, BRIO, CARO, DIVA, NETWORK])
      expect(receipts.every(({ receivedAt }) => receivedAt !== null)).toBe(true)
    }
  })

  it('leaves evidence that anybody can check with the key of the coordinator alone', async () => {
    for (const { record, index } of withdrawn) {
      const { failure, proven } = verifyEvidence(
        await amor.api.evidence(record),
        network.coordinatorKey,
      )
      expect(failure).toBeNull()
      expect(proven).toMatchObject({ log: AMOR, index, entry: { type: 'withdraw', record } })
      const names = proven?.cosigned.map(({ name }) => name).toSorted()
      expect(names).toHaveLength(5)
      for (const site of [AMOR, BRIO, CARO, DIVA])
        expect(names).toContain(`${NETWORK}/${site}/witness`)
    }
  })

  it('is proven by dpn verify, which refuses what was tampered with', async () => {
    const [first, second] = withdrawn
    const text = await amor.api.evidence(first?.record ?? '')
    const other = await amor.api.evidence(second?.record ?? '')
    const good = join(network.root, 'evidence.json')
    writeFileSync(good, text)
    const proven = await dpn(['verify', good, '--key', network.coordinatorVkey])
    expect(proven).toMatchObject({ code: 0, err: '' })
    expect(proven.out).toContain(`PROVEN: withdraw of record ${first?.record ?? ''}`)

    type File = Record<'entry' | 'proof' | 'policy', string> & { registry: { entries: string[] } }
    const tampered = (change: (file: File) => void): string => {
      const file = JSON.parse(text) as File
      change(file)
      return JSON.stringify(file)
    }
    const lies = {
      'another entry': tampered((file) => {
        file.entry = (JSON.parse(other) as File).entry
      }),
      'one receipt less': tampered((file) => {
        const lines = file.proof.split('\n')
        const at = lines.findIndex((line) => line.includes(`${BRIO}/witness`))
        file.proof = lines.toSpliced(at, 1).join('\n')
      }),
      'a policy that asks fewer': tampered((file) => {
        file.policy = file.policy.replaceAll(BRIO, CARO)
      }),
      'a registry with a member less': tampered((file) => {
        file.registry.entries.pop()
      }),
      'another index': tampered((file) => {
        file.proof = file.proof.replace(/^index (\d+)/m, (_all, index) => `index ${+index + 1}`)
      }),
    }
    for (const [what, lie] of Object.entries(lies)) {
      expect({ what, changed: lie !== text }).toEqual({ what, changed: true })
      const { failure, proven: believed } = verifyEvidence(lie, network.coordinatorKey)
      expect({ what, believed, refused: failure !== null }).toEqual({
        what,
        believed: null,
        refused: true,
      })
    }
    const bad = join(network.root, 'tampered.json')
    writeFileSync(bad, lies['one receipt less'])
    const refused = await dpn(['verify', bad, '--key', network.coordinatorVkey])
    expect(refused.code).toBe(1)
    expect(refused.out).toContain('REFUSED')
  })
})

describe('narrower requirements', () => {
  it('erase what does not match any more, and leave evidence of that', async () => {
    const wanted = alive(germanWomen(25, 30))
    const { index } = await brio.api.require({
      genders: ['woman'],
      countries: ['DE'],
      ageMin: 25,
      ageMax: 30,
    })
    await shows(brio, wanted)
    expect(wanted.length).toBeGreaterThan(0)
    expect(await held(brio, AMOR)).toBe(wanted.length)
    const text = await until('everybody has confirmed the entry', () =>
      network.coordinator.api.evidence(BRIO, index),
    )
    const { failure, proven } = verifyEvidence(text, network.coordinatorKey)
    expect(failure).toBeNull()
    expect(proven).toMatchObject({
      log: BRIO,
      index,
      entry: { type: 'requirements', requirements: { ageMin: 25, ageMax: 30 } },
    })
    expect(proven?.cosigned).toHaveLength(5)
  })
})

describe('the expulsion of a home', () => {
  it('erases all of its records everywhere, and leaves evidence of that', async () => {
    expect((await diva.api.records()).length).toBeGreaterThan(0)
    const index = await network.coordinator.api.sizeOf(NETWORK)
    await network.coordinator.api.measure('expel', AMOR)
    for (const site of [brio, diva]) {
      await shows(site, [])
      await until(`${site.site} holds nothing of it`, async () => (await held(site, AMOR)) === 0)
    }
    const text = await until('everybody has confirmed the entry', () =>
      network.coordinator.api.evidence(NETWORK, index),
    )
    const { failure, proven } = verifyEvidence(text, network.coordinatorKey)
    expect(failure).toBeNull()
    expect(proven).toMatchObject({ log: NETWORK, index, entry: { type: 'expel', site: AMOR } })
    const names = proven?.cosigned.map(({ name }) => name) ?? []
    expect(names).toHaveLength(4)
    expect(names).not.toContain(`${NETWORK}/${AMOR}/witness`)
  })

  it('lasts over a restart of a holder', async () => {
    const watch = watchRecords(brio, new Set(records.values()))
    await brio.kill()
    brio.spawn()
    await until('brio answers again', async () => (await brio.api.status()).writable)
    await writable(brio)
    expect(await watch.end()).toMatchObject({ shown: [], faults: [] })
    expect(await brio.api.records()).toEqual([])
    expect(await held(brio, AMOR)).toBe(0)
  })
})
