/**
 * Nodes that come back with yesterday's memory: restored from a backup, or a machine that was
 * rolled back as a whole, keys and all. Nobody who has withdrawn since is shown for a moment, and
 * the log goes on without a fork. Each step builds on the one before.
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { people, type Person } from '../../scripts/people.ts'
import { decodeEntry } from '../../protocol/entry.ts'
import { parseSiteId } from '../../protocol/ids.ts'
import { copyFolder } from './files.ts'
import { completed, startNetwork, writable, type TestNetwork, type TestSite } from './network.ts'
import { startPartner, type Partner } from './partner.ts'
import { dpn, until } from './process.ts'
import { watchMembers, watchRecords } from './watch.ts'

const today = new Date().toISOString().slice(0, 10)
const ofAmor = people(61, 60, today)
const ofBrio = people(62, 10, today)
const late = people(63, 5, today)

let network: TestNetwork
let amor: TestSite
let brio: TestSite
/** Asks for what she may not have. */
let eve: Partner
/** Records by the site's own ids, as they were published last. */
const records = new Map<string, string>()
const ended = new Set<string>()

const recordOf = ({ id }: Person): string => records.get(id) ?? ''
const living = (persons: readonly Person[]): string[] =>
  persons
    .map(recordOf)
    .filter((record) => !ended.has(record))
    .toSorted()

async function withdraw(site: TestSite, persons: readonly Person[]): Promise<string[]> {
  const withdrawn = await site.api.withdraw(persons.map(({ id }) => id))
  expect(withdrawn).toHaveLength(persons.length)
  for (const { record } of withdrawn) ended.add(record)
  return withdrawn.map(({ record }) => record)
}

async function shows(site: TestSite, persons: readonly Person[]): Promise<void> {
  await until(`${site.site} shows them`, async () => {
    const shown = (await site.api.records()).map(({ record }) => record).toSorted()
    const expected = living(persons)
    if (shown.join() !== expected.join())
      throw new Error(`It shows ${shown.length}, not ${expected.length}`)
    return true
  })
}

async function backUp(site: TestSite, name: string): Promise<string> {
  const file = join(network.root, name)
  expect(await dpn(['backup', file, '--data', site.folder])).toMatchObject({ code: 0 })
  return file
}
/** Makes a new folder from a backup, with the keys of the old one, and moves the node there. */
async function restore(site: TestSite, file: string): Promise<void> {
  const folder = `${site.folder}.restored`
  const done = await dpn(['restore', file, '--data', folder, '--keys', site.folder])
  expect(done).toMatchObject({ code: 0, err: '' })
  site.moveTo(folder)
  await site.renewKeys()
}

async function noFork(): Promise<void> {
  const { forks } = await network.coordinator.api.get<{ forks: unknown[] }>('/v1/forks')
  expect(forks).toEqual([])
  for (const { api } of [amor, brio])
    expect((await api.status()).logs.filter(({ forked }) => forked)).toEqual([])
}

/** Indexes of the entries that publish these records, by what eve knows of amor's log. */
async function indexesOf(wanted: readonly string[]): Promise<number[]> {
  const log = await eve.sync(amor.site, {
    kind: 'entries',
    log: parseSiteId(amor.site),
    from: 0,
  })
  const entries = log.flatMap((reply) => (reply.kind === 'entries' ? reply.entries : []))
  const places = entries.flatMap((bytes, index) => {
    const entry = decodeEntry(bytes)
    return entry.type === 'publish' && wanted.includes(entry.record) ? [index] : []
  })
  expect(places).toHaveLength(wanted.length)
  return places
}

/** Asks amor for its records as soon as it is there, again and again. */
async function keepAsking(indexes: readonly number[], signal: AbortSignal): Promise<Set<string>> {
  const kinds = new Set<string>()
  while (!signal.aborted) {
    try {
      for (const kind of await eve.ask(amor.site, amor.site, indexes)) kinds.add(kind)
    } catch {
      // Not there yet: asked again.
    }
    await delay(3)
  }
  return kinds
}

beforeAll(async () => {
  network = await startNetwork()
  ;[amor, brio] = await Promise.all([
    network.startSite('amor.example'),
    network.startSite('brio.example'),
  ])
  await Promise.all([amor.api.require({}), brio.api.require({})])
  for (const [id, record] of await amor.api.bulk(ofAmor)) records.set(id, record)
  for (const [id, record] of await brio.api.bulk(ofBrio)) records.set(id, record)
  await shows(brio, ofAmor)
  await shows(amor, ofBrio)
})
afterAll(async () => {
  await eve?.stop()
  await network.stop()
})

describe('a home restored from a backup', () => {
  const leaving = ofAmor.slice(0, 10)
  let size: number

  it('goes on with its log without a fork, and nobody who left since is back', async () => {
    const file = await backUp(amor, 'amor.backup')
    for (const [id, record] of await amor.api.bulk(late)) records.set(id, record)
    for (const person of ofAmor.slice(20, 23)) {
      const profile = { ...person.profile, headline: 'A new headline.' }
      expect(await amor.api.put({ ...person, profile })).toMatchObject({ outcome: 'updated' })
    }
    await completed(amor, await withdraw(amor, leaving))
    await shows(brio, [...ofAmor, ...late])
    size = await network.coordinator.api.sizeOf(amor.site)
    expect(size).toBe(1 + 60 + 5 + 3 + 10)

    expect(await amor.stop()).toBe(0)
    await restore(amor, file)
    const watch = watchMembers(amor, ended)
    await amor.start()
    await writable(amor)
    expect(await network.coordinator.api.sizeOf(amor.site)).toBe(size)
    // Their bodies come back from brio: of those published after the backup, too.
    await until('all living members are back', async () => {
      const members = (await amor.api.members()).map(({ record }) => record).toSorted()
      return members.join() === living([...ofAmor, ...late]).join()
    })
    for (const { id } of ofAmor.slice(20, 23))
      expect(await amor.api.member(id)).toMatchObject({
        id,
        version: 2,
        profile: { headline: 'A new headline.' },
      })
    expect(await watch.end()).toMatchObject({ shown: [], faults: [] })
    for (const { id } of leaving) expect(await amor.api.member(id)).toBeNull()
    await noFork()
  })

  it('takes nobody back by an old consent that is sent again', async () => {
    for (const { id, ...rest } of leaving.slice(0, 3)) {
      const { status, text } = await amor.api.ask('PUT', `/v1/members/${id}`, rest)
      expect({ status, text }).toMatchObject({ status: 422 })
      expect(JSON.parse(text)).toMatchObject({ code: 'no_consent' })
    }
  })

  it('knows of its members what it knew: the same again changes nothing, a change counts', async () => {
    const [one] = ofAmor.slice(30)
    if (one === undefined) throw new Error('nobody is left')
    const profile = { ...one.profile, headline: 'After the restore.' }
    const changed = await amor.api.put({ ...one, profile })
    expect(changed).toMatchObject({ outcome: 'updated', record: recordOf(one), version: 2 })
    const repeated = await amor.api.put({ ...one, profile })
    expect(repeated).toMatchObject({ outcome: 'unchanged', record: recordOf(one), version: 2 })
    await until('brio shows the change', async () => {
      const shown = (await brio.api.records()).find(({ record }) => record === recordOf(one))
      return shown?.profile['headline'] === 'After the restore.'
    })
    expect(await network.coordinator.api.sizeOf(amor.site)).toBe(size + 1)
    await noFork()
  })

  it('gets what it held of others back, too', async () => {
    await shows(amor, ofBrio)
    expect((await amor.api.status()).writable).toBe(true)
  })
})

describe('a partner restored from a backup', () => {
  it('never shows who has withdrawn since', async () => {
    const file = await backUp(brio, 'brio.backup')
    await brio.kill()
    const gone = await withdraw(amor, ofAmor.slice(40, 48))
    await restore(brio, file)
    const watch = watchRecords(brio, ended)
    brio.spawn()
    await completed(amor, gone)
    await shows(brio, [...ofAmor, ...late])
    const seen = await watch.end()
    expect(seen).toMatchObject({ shown: [], faults: [] })
    // It did show the others meanwhile: the watch has looked at more than an empty list.
    expect(seen.most).toBe(living([...ofAmor, ...late]).length)
    await noFork()
  })

  it('has its own members back from its partners', async () => {
    const members = await until('all members are back', async () => {
      const list = await brio.api.members()
      return list.length === ofBrio.length && list
    })
    expect(members.map(({ record }) => record).toSorted()).toEqual(living(ofBrio))
  })
})

describe('a machine that was rolled back as a whole', () => {
  beforeAll(async () => {
    eve = await startPartner(network, 'eve.example')
    await eve.core.demands.put({}, [])
  })

  it('shows nobody who has withdrawn since, though it has the old keys', async () => {
    await brio.stop()
    const image = copyFolder(brio.folder, join(network.root, 'brio.image'))
    await brio.start()
    const gone = await withdraw(amor, ofAmor.slice(50, 55))
    await completed(amor, gone)
    await brio.kill()
    brio.moveTo(image)
    const watch = watchRecords(brio, ended)
    brio.spawn()
    await writable(brio)
    await shows(brio, [...ofAmor, ...late])
    expect(await watch.end()).toMatchObject({ shown: [], faults: [] })
    await noFork()
  })

  it('as a home goes on without a fork, and gives nobody away who has left', async () => {
    await amor.stop()
    const image = copyFolder(amor.folder, join(network.root, 'amor.image'))
    await amor.start()
    await writable(amor)
    const leaving = ofAmor.slice(55, 58)
    const indexes = await indexesOf(leaving.map(recordOf))
    expect(await eve.ask(amor.site, amor.site, indexes)).toEqual(['body', 'body', 'body'])
    await completed(amor, await withdraw(amor, leaving))
    await amor.kill()
    amor.moveTo(image)
    const asking = new AbortController()
    const asked = keepAsking(indexes, asking.signal)
    await amor.start()
    await writable(amor)
    // From here on it says of its own members, too, what the log says.
    const watch = watchMembers(amor, ended)
    const more = people(64, 1, today)
    for (const [id, record] of await amor.api.bulk(more)) records.set(id, record)
    await shows(brio, [...ofAmor, ...late, ...more])
    expect(await eve.ask(amor.site, amor.site, indexes)).toEqual(['gone', 'gone', 'gone'])
    asking.abort()
    const kinds = await asked
    expect(kinds).toContain('gone')
    expect(kinds).not.toContain('body')
    expect(await watch.end()).toMatchObject({ shown: [], faults: [] })
    for (const { id } of leaving) expect(await amor.api.member(id)).toBeNull()
    await noFork()
  })
})
