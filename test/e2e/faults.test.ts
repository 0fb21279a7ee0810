/**
 * What goes wrong in a network: processes killed in the midst of work, damaged files, a coordinator
 * that is another one, and a partner that asks for what it may not have.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { people } from '../../scripts/people.ts'
import { decodeEntry } from '../../protocol/entry.ts'
import { parseSiteId } from '../../protocol/ids.ts'
import type { PutLine } from './api.ts'
import { completed, startNetwork, writable, type TestNetwork, type TestSite } from './network.ts'
import { startPartner, type Partner } from './partner.ts'
import { dpn, freePort, until } from './process.ts'

const today = new Date().toISOString().slice(0, 10)

let network: TestNetwork
let amor: TestSite
let brio: TestSite
let eve: Partner

beforeAll(async () => {
  network = await startNetwork()
  ;[amor, brio] = await Promise.all([
    network.startSite('amor.example'),
    network.startSite('brio.example'),
  ])
  eve = await startPartner(network, 'eve.example')
  await brio.api.require({})
})
afterAll(async () => {
  await eve?.stop()
  await network.stop()
})

async function sizesAgree(): Promise<number> {
  return until('everybody has the whole log of amor', async () => {
    const sizes = await Promise.all(
      [amor, brio, network.coordinator].map(async ({ api }) => {
        const { logs } = await api.status()
        const log = logs.find(({ site }) => site === amor.site)
        expect(log?.forked).toBe(false)
        return log?.size
      }),
    )
    return new Set(sizes).size === 1 && (sizes[0] ?? null)
  })
}

describe('a node killed in the midst of work', () => {
  const persons = people(71, 400, today)

  it('has kept all that it answered, and nobody twice', async () => {
    // One request each, so that many are under way and some are answered when it dies.
    const answered: string[] = []
    const publishing = Promise.allSettled(
      persons.slice(0, 200).map(async (person) => {
        const { record } = await amor.api.put(person)
        answered.push(record)
      }),
    )
    await until('some are answered', () => answered.length >= 20)
    await amor.kill()
    await publishing
    expect(answered.length).toBeLessThan(200)
    await amor.start()
    await writable(amor)
    const kept = (await amor.api.members()).map(({ record }) => record)
    expect(answered.filter((record) => !kept.includes(record))).toEqual([])

    const lines = await amor.api.lines<PutLine>('/v1/members:bulk', persons)
    const outcomes = lines.map(({ outcome }) => outcome)
    expect(outcomes.filter((outcome) => outcome === 'unchanged')).toHaveLength(kept.length)
    expect(outcomes.filter((outcome) => outcome === 'published')).toHaveLength(400 - kept.length)
    expect(await sizesAgree()).toBe(400)
    await until('brio shows all', async () => (await brio.api.records()).length === 400)
  })

  it('forgets whom it said it would', async () => {
    const ended: string[] = []
    const withdrawing = Promise.allSettled(
      persons.slice(0, 150).map(async ({ id }) => {
        for (const { record } of await amor.api.withdraw([id])) ended.push(record)
      }),
    )
    await until('some are answered', () => ended.length >= 10)
    await amor.kill()
    await withdrawing
    await amor.start()
    await writable(amor)
    const kept = new Set((await amor.api.members()).map(({ record }) => record))
    expect(ended.filter((record) => kept.has(record))).toEqual([])
    // Those whose answer was lost are withdrawn or not; asking again settles it.
    await amor.api.withdraw(persons.slice(0, 150).map(({ id }) => id))
    await completed(amor, ended)
    await until('brio shows the rest', async () => (await brio.api.records()).length === 250)
    expect(await sizesAgree()).toBe(550)
  })
})

describe('a second process on the folder of a running node', () => {
  it('is refused, and disturbs nothing', async () => {
    const [p2p, http] = [await freePort(), await freePort()]
    const { code, err } = await dpn(['site', '--data', brio.folder], {
      DPN_LISTEN: `/ip4/127.0.0.1/tcp/${p2p}`,
      DPN_HTTP_PORT: String(http),
    })
    expect(code).toBe(1)
    expect(err).toMatch(/^dpn: The data folder .* in use by another process.*\n$/)
    expect(brio.isRunning()).toBe(true)
    const lines = await brio.api.lines<PutLine>('/v1/members:bulk', people(72, 1, today))
    expect(lines).toMatchObject([{ outcome: 'published' }])
  })
})

describe('a partner', () => {
  const amorId = parseSiteId('amor.example')
  let indexes: number[]
  let gone: number[]

  beforeAll(async () => {
    const replies = await eve.sync(amorId, { kind: 'entries', log: amorId, from: 0 })
    const entries = replies
      .flatMap((reply) => (reply.kind === 'entries' ? reply.entries : []))
      .map(decodeEntry)
    const ended = new Set(
      entries.flatMap((entry) => (entry.type === 'withdraw' ? [entry.record] : [])),
    )
    const places = entries.flatMap((entry, index) =>
      entry.type === 'publish' ? [{ index, isGone: ended.has(entry.record) }] : [],
    )
    indexes = places.filter(({ isGone }) => !isGone).map(({ index }) => index)
    gone = places.filter(({ isGone }) => isGone).map(({ index }) => index)
  })

  const kindsOf = async (source: string, list: readonly number[]): Promise<string[]> => [
    ...new Set(await eve.ask(source, amorId, list)),
  ]

  it('that has published no requirements gets nothing, from the home or a holder', async () => {
    expect([indexes.length, gone.length]).toEqual([250, 150])
    expect(await kindsOf(amor.site, indexes)).toEqual(['withheld'])
    expect(await kindsOf(brio.site, indexes)).toEqual(['withheld'])
  })

  it('gets nothing beside its requirements, whatever it asks for', async () => {
    await eve.core.demands.put({ countries: ['IS'] }, [])
    await until('both know', async () => {
      const kinds = [...(await kindsOf(amor.site, indexes)), ...(await kindsOf(brio.site, indexes))]
      return kinds.join() === 'withheld,withheld'
    })
    // Nor by claiming other requirements than those in its log.
    expect(new Set(await eve.ask(amor.site, amorId, indexes, 0))).toEqual(new Set(['unknown']))
    expect(new Set(await eve.ask(amor.site, amorId, indexes, 7))).toEqual(new Set(['unknown']))
  })

  it('gets no record that has ended, and nothing that is not there', async () => {
    expect(await kindsOf(amor.site, gone)).toEqual(['gone'])
    expect(await kindsOf(brio.site, gone)).toEqual(['gone'])
    expect(await kindsOf(amor.site, [100_000])).toEqual(['unknown'])
    expect(await kindsOf(network.coordinator.site, indexes)).toEqual(['unknown'])
  })

  it('has left no disclosure, having got nothing', async () => {
    expect(eve.bodies).toEqual([])
    for (const { id } of people(71, 400, today).slice(200, 220))
      expect((await amor.api.disclosures(id)).map(({ partner }) => partner)).toEqual([brio.site])
  })

  it('that is excluded by the home gets nothing, though it matches', async () => {
    await amor.api.send('PUT', '/v1/requirements', { requirements: {}, excludes: [eve.site] })
    await eve.core.demands.put({}, [])
    for (const source of [amor, brio])
      await until(`${source.site} withholds`, async () => {
        const kinds = await kindsOf(source.site, indexes)
        expect(kinds).not.toContain('body')
        return kinds.join() === 'withheld'
      })
    await amor.api.send('PUT', '/v1/requirements', { requirements: {}, excludes: [] })
    await until('amor gives again', async () =>
      (await kindsOf(amor.site, indexes)).includes('body'),
    )
  })

  it('that is suspended gets nothing more, and shows nothing', async () => {
    await until('eve shows records', async () => {
      const { records } = await eve.core.discovery.list({ limit: 10 })
      return records.length > 0
    })
    await network.coordinator.api.measure('suspend', eve.site)
    for (const source of [amor, brio])
      await until(`${source.site} withholds`, async () => {
        const kinds = await kindsOf(source.site, indexes)
        return kinds.join() === 'withheld'
      })
    await until('eve knows, too', async () => {
      const { records } = await eve.core.discovery.list({ limit: 10 })
      return records.length === 0
    })
    expect(eve.host.connected()).toContain(amorId)
  })

  it('that is expelled is cut off, and let in by nobody', async () => {
    await network.coordinator.api.measure('expel', eve.site)
    for (const { api, site } of [amor, brio, network.coordinator])
      await until(`${site} has cut it off`, async () => {
        return !(await api.status()).connected.includes(eve.site)
      })
    for (const source of [amor, brio, network.coordinator]) {
      await expect(eve.ask(source.site, amorId, indexes)).rejects.toThrow('unreachable')
      expect((await source.api.status()).connected).not.toContain(eve.site)
    }
  })
})

describe('a coordinator that is not the configured one', () => {
  it('is never believed', async () => {
    const other = await startNetwork()
    try {
      // The address of one network, the key of another.
      const lost = await other.addSite('lost.example', {
        coordinatorAddress: `/ip4/127.0.0.1/tcp/${network.coordinator.p2pPort}`,
      })
      await lost.start()
      await until('it has tried', () => lost.log().includes('"action":"dial"'))
      const { writable: isWritable, connected, logs } = await lost.api.status()
      expect({ isWritable, connected, logs }).toEqual({
        isWritable: false,
        connected: [],
        logs: [],
      })
      const { status } = await lost.api.ask('PUT', '/v1/requirements', { requirements: {} })
      expect(status).toBe(503)
    } finally {
      await other.stop()
    }
  })
})

describe('a damaged database', () => {
  it('is refused at the start; a backup brings the node back, and the network its bodies', async () => {
    const file = join(network.root, 'brio.backup')
    expect(await dpn(['backup', file, '--data', brio.folder])).toMatchObject({ code: 0 })
    expect(await brio.stop()).toBe(0)
    const database = join(brio.folder, 'node.db')
    const bytes = readFileSync(database)
    writeFileSync(database, bytes.fill(0x5a, 8192, 8192 + Math.floor(bytes.length / 2)))
    brio.spawn()
    expect(await brio.ended()).toBe(1)
    expect(brio.log().trim().split('\n').at(-1)).toMatch(/^dpn: The database .* restore a backup/)

    const folder = `${brio.folder}.restored`
    const args = ['restore', file, '--data', folder, '--keys', brio.folder]
    expect(await dpn(args)).toMatchObject({ code: 0, err: '' })
    brio.moveTo(folder)
    await brio.renewKeys()
    await brio.start()
    await writable(brio)
    const shown = await until('brio shows what it showed', async () => {
      const records = await brio.api.records()
      return records.length === 250 && records
    })
    expect(new Set(shown.map(({ home }) => home))).toEqual(new Set([amor.site]))
  })
})
