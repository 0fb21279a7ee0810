/**
 * Consent challenges and probes over real libp2p, between real processes: the coordinator draws and
 * asks by itself, a volunteer asks for it, and an outsider draws the same again from the tiles.
 */
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStatement } from '../../protocol/challenge.ts'
import { parseSiteId, type SiteId } from '../../protocol/ids.ts'
import { parseVerifierKey } from '../../protocol/note.ts'
import { redraw } from '../../protocol/redraw.ts'
import { decodeEntryBundle, TILE_WIDTH, tilePath } from '../../protocol/tiles.ts'
import { people } from '../../scripts/people.ts'
import { completed, NETWORK, startNetwork, type TestNetwork, type TestSite } from './network.ts'
import { dpn, until } from './process.ts'

interface Challenge {
  site: string
  index: number
  draw: number
  state: string
}
interface Probe {
  target: string
  home: string
  answer: string | null
  state: string
  via: string | null
  statement: string | null
}

const today = new Date().toISOString().slice(0, 10)
const members = people(81, 12, today).map((person) => ({ ...person }))
const AMOR = 'amor.example'
const BRIO = 'brio.example'
const CORA = 'cora.example'

let network: TestNetwork
let amor: TestSite

beforeAll(async () => {
  const terms = { challengeSeconds: 3, challengesPerRound: 2, probeSeconds: 3, probesPerRound: 2 }
  network = await startNetwork({ terms })
  amor = await network.startSite(AMOR)
  const brio = await network.startSite(BRIO)
  const cora = await network.startSite(CORA, { volunteer: true })
  await brio.api.require({})
  await cora.api.require({})
  await amor.api.bulk(members)
  await until('brio shows the members', async () => (await brio.api.records()).length > 0)
  const [first] = await amor.api.withdraw([members[0]?.id ?? ''])
  await completed(amor, [first?.record ?? ''])
})
afterAll(() => network.stop())

function challenges(query: string): Promise<{ challenges: Challenge[] }> {
  return network.coordinator.api.get(`/v1/challenges?limit=200&${query}`)
}

/** A file of a log, as anybody gets it. */
function fileOf(path: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const asked = request(`${network.coordinator.url}/log/${path}`, { agent: false }, (got) => {
      const parts: Buffer[] = []
      got.on('data', (part: Buffer) => parts.push(part))
      got.on('end', () => resolve(Buffer.concat(parts)))
      got.on('error', reject)
    })
    asked.on('error', reject)
    asked.end()
  })
}
async function entriesOf(origin: string): Promise<Uint8Array[]> {
  const [, size = '0'] = (await fileOf(`${origin}/checkpoint`)).toString('utf8').split('\n')
  const entries: Uint8Array[] = []
  for (let from = 0; from < Number(size); from += TILE_WIDTH) {
    const width = Math.min(TILE_WIDTH, Number(size) - from)
    const bundle = await fileOf(`${origin}/${tilePath('entries', from / TILE_WIDTH, width)}`)
    entries.push(...decodeEntryBundle(new Uint8Array(bundle), width))
  }
  return entries
}

describe('a network that is audited', () => {
  it('opens the consents that were drawn, again and again', async () => {
    await until('four challenges have passed', async () => {
      const { challenges: passed } = await challenges(`site=${AMOR}&state=passed`)
      return passed.length >= 4
    })
    expect((await challenges('state=failed')).challenges).toEqual([])
  })

  it('lets an outsider draw the same again', async () => {
    const { challenges: rows } = await challenges(`site=${AMOR}`)
    const draw = rows.find(({ state }) => state === 'passed')?.draw ?? -1
    const logs = new Map<SiteId, Uint8Array[]>()
    for (const site of [AMOR, BRIO, CORA].map(parseSiteId))
      logs.set(site, await entriesOf(`${NETWORK}/${site}`))
    const own = await entriesOf(NETWORK)
    const again = redraw(parseSiteId(NETWORK), own, draw, (site) => logs.get(site) ?? [])
    expect(again.fault).toBeNull()
    const drawn = again.drawn.filter(({ site }) => site === AMOR).map(({ index }) => index)
    const asked = (await challenges(`site=${AMOR}&draw=${draw}`)).challenges
    expect(new Set(asked.map(({ index }) => index))).toEqual(new Set(drawn))
    expect(asked).toHaveLength(drawn.length)
  })

  it('tells the members whose consent was looked at', async () => {
    const seen: unknown[] = []
    for (const { id } of members.slice(1))
      for (const { partner, what } of await amor.api.disclosures(id))
        if (partner === NETWORK) seen.push(what)
    expect(seen.length).toBeGreaterThan(0)
    expect(new Set(seen)).toEqual(new Set(['consent']))
  })

  it('draws on demand, by the command line', async () => {
    const key = network.coordinator.key()
    const url = network.coordinator.url
    const args = ['challenge', 'demand', AMOR, '--count', '3', '--json', '--url', url, '--key', key]
    const made = await dpn(args)
    expect(made.code).toBe(0)
    const { draw, drawn } = JSON.parse(made.out) as { draw: number; drawn: number }
    expect(drawn).toBe(3)
    await until('they have passed', async () => {
      const rows = (await challenges(`draw=${draw}`)).challenges
      return rows.length === 3 && rows.every(({ state }) => state === 'passed')
    })
    const rates = await dpn(['challenge', 'rates', '--url', url, '--key', key])
    expect(rates.out).toContain(AMOR)
  })

  it('answers gone for what was withdrawn, also to a volunteer', async () => {
    let probes: Probe[] = []
    await until('a volunteer has asked brio', async () => {
      const path = '/v1/probes?limit=200&state=passed'
      probes = (await network.coordinator.api.get<{ probes: Probe[] }>(path)).probes
      return probes.some(({ via, target }) => via === CORA && target === BRIO)
    })
    for (const probe of probes) expect(probe).toMatchObject({ home: AMOR, answer: 'gone' })
    const { members: all } = await network.coordinator.api.get<{
      members: { site: string; keys: { logKey: string }[] }[]
    }>('/v1/members')
    const key = all.find(({ site }) => site === CORA)?.keys[0]?.logKey ?? ''
    const told = probes.find(({ via, target }) => via === CORA && target === BRIO)
    const statement = openStatement(told?.statement ?? '', parseVerifierKey(key))
    expect(statement).toMatchObject({ volunteer: CORA, target: BRIO, answer: 'gone' })
  })
})
