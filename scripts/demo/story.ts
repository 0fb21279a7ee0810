/** The story of the demo, step by step; each step waits until what it tells has come to pass. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DemoNetwork, DemoNode } from './network.ts'
import { expectationOf, type Expectation, type SitePlan } from './plan.ts'
import { assert, DemoError, dpn, dpnJson, until } from './processes.ts'

const SECONDS = 30

export type Tell = (line: string) => void
/** By home, then by partner. */
type Pairs<T> = Record<string, Record<string, T>>

interface Status {
  membership: string
  writable: boolean
  connected: string[]
  logs: { site: string; lease: string; records: { live: number; held: number } }[]
}
interface Progress {
  state: string
  index: number
  receipts: { site: string; receivedAt: number | null }[]
}

/** Every site applies, is admitted, starts, and publishes what it accepts. */
export async function admitAll(network: DemoNetwork, tell: Tell): Promise<void> {
  const { coordinator, sites } = network
  await Promise.all(
    sites.map(async ({ plan, node }) => {
      const { siteType, jurisdiction, site } = plan
      const args = ['apply', '--data', node.folder, '--type', siteType]
      await dpnJson([...args, '--jurisdiction', jurisdiction, '--contact', `owner@${site}`])
    }),
  )
  for (const { plan } of sites) {
    const { status } = await coordinator.ask('POST', `/v1/applications/${plan.site}/admit`)
    assert(status === 200, `${plan.site} is admitted`)
  }
  tell(`${sites.length} sites have applied and are admitted by the coordinator.`)
  await Promise.all(sites.map(({ node }) => node.start()))
  tell('Their nodes are started.')
  await Promise.all(
    sites.map(({ plan, node }) =>
      until(`${plan.site} is connected with everybody`, SECONDS, async () => {
        const { json } = await node.ask<Status>('GET', '/v1/status')
        const isReady = json.writable && json.connected.length === sites.length
        return isReady || undefined
      }),
    ),
  )
  tell('Every node is connected with every other one.')
  for (const { plan, node } of sites) {
    const { requirements, excludes } = plan
    const { status } = await node.ask('PUT', '/v1/requirements', { requirements, excludes })
    assert(status === 200, `${plan.site} has published its requirements`)
    const whom = excludes.length === 0 ? '' : `; it gives nothing to ${excludes.join(', ')}`
    tell(`  ${plan.site} accepts ${JSON.stringify(requirements)}${whom}`)
  }
}

/** Imports everybody's members through the command line. */
export async function publish(base: string, network: DemoNetwork, tell: Tell) {
  const published: Record<string, number> = {}
  await Promise.all(
    network.sites.map(async ({ plan, node }) => {
      const file = join(base, `${plan.site}.ndjson`)
      writeFileSync(file, plan.members.map((person) => `${JSON.stringify(person)}\n`).join(''))
      const done = await dpnJson(['member', 'import', file], node.env)
      published[plan.site] = Number(done['published'])
    }),
  )
  for (const { plan } of network.sites) {
    assert(
      published[plan.site] === plan.members.length,
      `all members of ${plan.site} are published`,
    )
    tell(`${plan.site} has published ${plan.members.length} members.`)
  }
  return published
}

function pairsOf<T>(
  sites: DemoNetwork['sites'],
  make: (home: SitePlan, partner: SitePlan) => T,
): Pairs<T> {
  const partners = (home: SitePlan): [string, T][] =>
    sites.flatMap(({ plan }) => (plan === home ? [] : [[plan.site, make(home, plan)]]))
  return Object.fromEntries(
    sites.map(({ plan }) => [plan.site, Object.fromEntries(partners(plan))]),
  )
}

/** All records of others that a site may show. */
async function visibleAt(node: DemoNode): Promise<{ home: string; record: string }[]> {
  const records: { home: string; record: string }[] = []
  for (let cursor = ''; ;) {
    const { json } = await node.ask<{ records: typeof records; next: string | null }>(
      'GET',
      `/v1/records?limit=200${cursor}`,
    )
    records.push(...json.records)
    if (json.next === null) return records
    cursor = `&cursor=${json.next}`
  }
}

/** Waits until every site holds and shows exactly what it may have. */
export async function spread(network: DemoNetwork, tell: Tell) {
  const { sites } = network
  const expected = pairsOf<Expectation>(sites, expectationOf)
  const disclosed: Pairs<number> = pairsOf(sites, () => 0)
  for (const { plan, node } of sites) {
    const homes = Object.keys(expected).filter((home) => home !== plan.site)
    const wanted = (home: string): number => expected[home]?.[plan.site]?.ids.length ?? -1
    let last = ''
    const shown = await until(`${plan.site} has what it may have`, SECONDS, async () => {
      const records = await visibleAt(node)
      const counts = homes.map((home) => records.filter((one) => one.home === home).length)
      last = counts.join()
      return homes.every((home, at) => counts[at] === wanted(home)) ? counts : undefined
    }).catch((error: unknown) => {
      throw new DemoError(`${String(error)} (has ${last}, may ${homes.map(wanted).join()})`)
    })
    for (const [at, home] of homes.entries()) {
      const ofHome = disclosed[home]
      if (ofHome !== undefined) ofHome[plan.site] = shown[at] ?? 0
      const { withheld = 0, reasons = {} } = expected[home]?.[plan.site] ?? {}
      const why = Object.entries(reasons)
        .map(([reason, count]) => `${count} for ${reason}`)
        .join(', ')
      tell(
        `  ${home} -> ${plan.site}: ${shown[at]} disclosed, ${withheld} withheld` +
          (why === '' ? '' : ` (${why})`),
      )
    }
  }
  return { expected, disclosed }
}

/** A member of the first site whom every partner but those excluded has. */
function memberSeenBy(expected: Pairs<Expectation>, home: string, partners: string[]): string {
  const [first, ...rest] = partners.map((partner) => expected[home]?.[partner]?.ids ?? [])
  const id = first?.find((one) => rest.every((ids) => ids.includes(one)))
  assert(id !== undefined, `a member of ${home} is known to ${partners.join(' and ')}`)
  return id
}

/** Whose receipts are missing. */
function awaited({ receipts }: Progress): string[] {
  return receipts.flatMap((one) => (one.receivedAt === null ? [one.site] : []))
}

const isShown = async (node: DemoNode, home: string, record: string): Promise<boolean> =>
  (await node.ask('GET', `/v1/records/${home}/${record}`)).status === 200

/** Withdraws a member while one partner is down, and waits for everybody's receipt. */
export async function withdraw(network: DemoNetwork, expected: Pairs<Expectation>, tell: Tell) {
  const [home, herz, lune] = network.sites
  assert(home !== undefined && herz !== undefined && lune !== undefined, 'there are three sites')
  const site = home.plan.site
  const id = memberSeenBy(expected, site, [herz.plan.site, lune.plan.site])
  const { json: member } = await home.node.ask<{ record: string }>('GET', `/v1/members/${id}`)
  const { record } = member
  assert(await isShown(herz.node, site, record), 'herz shows the record before')
  assert(await isShown(lune.node, site, record), 'lune shows the record before')
  const { json: seen } = await home.node.ask<{ disclosures: { partner: string }[] }>(
    'GET',
    `/v1/members/${id}/disclosures`,
  )
  const recipients = [...new Set(seen.disclosures.map(({ partner }) => partner))].toSorted()
  tell(`${site} can tell member ${id} who has the data: ${recipients.join(', ')}.`)

  await lune.node.process?.kill()
  tell(`${lune.plan.site} loses power (SIGKILL).`)
  const gone = await home.node.ask('DELETE', `/v1/members/${id}`)
  assert(gone.status === 200, 'the withdrawal is taken')
  tell(`Member ${id} withdraws. Nothing of record ${record} can be read at ${site} any more.`)
  await until(`${herz.plan.site} has erased it`, SECONDS, async () =>
    (await isShown(herz.node, site, record)) ? undefined : true,
  )
  const progress = async (): Promise<Progress> =>
    (await home.node.ask<Progress>('GET', `/v1/withdrawals/${record}`)).json
  const partial = await until('all but one have confirmed', SECONDS, async () => {
    const now = await progress()
    return awaited(now).join() === lune.plan.site ? now : undefined
  })
  const path = `/v1/withdrawals/${record}/evidence`
  const early = await home.node.ask('GET', path)
  assert(early.status === 409, 'there is no evidence before the last receipt')
  tell(
    `${partial.receipts.length - 1} of ${partial.receipts.length} have confirmed; ` +
      `${lune.plan.site} is awaited, so there is no evidence file yet.`,
  )

  await lune.node.start()
  tell(`${lune.plan.site} is back.`)
  let shownAfterReturn = 0
  const complete = await until(`${lune.plan.site} has confirmed`, SECONDS, async () => {
    if (await isShown(lune.node, site, record)) shownAfterReturn += 1
    const now = await progress()
    return now.state === 'complete' ? now : undefined
  })
  assert(shownAfterReturn === 0, 'the returned site never shows the withdrawn record')
  tell(`It never showed the record again, and everybody has confirmed:`)
  for (const { site: by, receivedAt } of complete.receipts)
    tell(`  receipt by ${by}, ${new Date((receivedAt ?? 0) * 1000).toISOString()}`)
  return {
    recipients,
    withdrawal: { home: site, record, index: complete.index, whileDown: lune.plan.site },
    receipts: complete.receipts,
  }
}

/** Another record's name in the entry: the proof must not cover that. */
function forge(text: string): string {
  const evidence = JSON.parse(text) as { entry: string }
  const entry = Buffer.from(evidence.entry, 'base64')
  const at = entry.indexOf(Buffer.from('record')) + 'record'.length + 3
  entry.writeUInt8(entry.readUInt8(at) ^ 0x01, at)
  return JSON.stringify({ ...evidence, entry: entry.toString('base64') })
}

/** Saves the evidence, and has it and a forged copy checked by the real command. */
export async function prove(base: string, network: DemoNetwork, record: string, tell: Tell) {
  const [home] = network.sites
  assert(home !== undefined, 'there is a home')
  const [evidence, forged] = [join(base, 'evidence.json'), join(base, 'forged.json')]
  await dpnJson(['withdrawals', 'evidence', record, evidence], home.node.env)
  writeFileSync(forged, forge(readFileSync(evidence, 'utf8')))
  const key = network.coordinatorKey
  const [truth, lie] = await Promise.all(
    [evidence, forged].map((file) => dpn(['verify', file, '--key', key])),
  )
  assert(truth !== undefined && lie !== undefined, 'both files are checked')
  tell(`$ dpn verify ${evidence} --key ${key}`)
  for (const line of truth.out.trim().split('\n')) tell(`  ${line}`)
  assert(truth.code === 0, `the evidence is accepted: ${truth.err}`)
  tell(`$ dpn verify ${forged} --key …   (the same with another record in it)`)
  for (const line of lie.out.trim().split('\n').slice(-2)) tell(`  ${line}`)
  assert(lie.code === 1, 'the forged evidence is refused')
  return { evidence, forged, verdicts: { evidence: 'proven', forged: 'refused' } }
}
