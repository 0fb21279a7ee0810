/**
 * Shows the whole system on one machine: a coordinator and four sites as processes of their own,
 * 400 invented members, a withdrawal that reaches everybody, and the proof of it; then two sites more
 * whose websites run the old module.
 *
 *   npm run demo                        plays the story, prints the addresses, and stays up
 *   npm run demo -- --once [--json]     plays it, ends, and fails unless every step held
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { goOn, joinBridged, type BridgedSite } from './demo/bridge.ts'
import { makeNetwork, type DemoNetwork, type DemoNode } from './demo/network.ts'
import { makePlan, NETWORK } from './demo/plan.ts'
import { endAll, shareCompiled } from './demo/processes.ts'
import { admitAll, prove, publish, spread, withdraw, type Tell } from './demo/story.ts'

async function play(base: string, tell: Tell) {
  const started = performance.now()
  const plans = makePlan()
  const members = plans.reduce((sum, plan) => sum + plan.members.length, 0)
  tell(`A network of ${plans.length} sites and a coordinator, each a process of its own.`)
  shareCompiled(join(base, 'network', 'compiled'))
  const network = await makeNetwork(join(base, 'network'), plans)
  await admitAll(network, tell)
  const published = await publish(base, network, tell)
  const { expected, disclosed } = await spread(network, tell)
  const { recipients, withdrawal, receipts } = await withdraw(network, expected, tell)
  const proof = await prove(base, network, withdrawal.record, tell)
  const { bridged, sites: bridgedSites } = await joinBridged(network, join(base, 'network'), tell)
  const withheld = Object.fromEntries(
    Object.entries(expected).map(([home, partners]) => [
      home,
      Object.fromEntries(
        Object.entries(partners).map(([partner, one]) => [
          partner,
          { count: one.withheld, reasons: one.reasons },
        ]),
      ),
    ]),
  )
  const seconds = Math.round((performance.now() - started) / 100) / 10
  tell(`Every step held. ${seconds} s.`)
  const result = {
    ok: true,
    network: NETWORK,
    coordinator: { url: network.coordinator.url, key: network.coordinatorKey },
    sites: network.sites.map(({ plan, node }) => ({
      site: plan.site,
      type: plan.siteType,
      language: plan.language,
      requirements: plan.requirements,
      excludes: plan.excludes,
      members: plan.members.length,
      url: node.url,
    })),
    members,
    published,
    disclosed,
    withheld,
    recipients,
    withdrawals: [withdrawal],
    receipts,
    ...proof,
    bridged,
    seconds,
  }
  return { network, bridgedSites, result }
}

/** For a shell: AMOR is the address of `amor.example`, AMOR_KEY its key, and so on. */
const ENV_FILE = 'demo.env'

/** A link that signs a browser in as one of the staff, once, within 15 minutes. */
async function staffLink({ url, key }: DemoNode): Promise<string> {
  const answer = await fetch(`${url}/v1/accounts`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'staff@desk.example', role: 'staff', sites: [] }),
  })
  const { link } = (await answer.json()) as { link: string }
  return new URL(link, url).href
}

async function tellAddresses(
  { coordinator, auditorKey, sites }: DemoNetwork,
  bridged: readonly BridgedSite[],
  print: Tell,
): Promise<void> {
  const nodes = [coordinator, ...[...sites, ...bridged].map(({ node }) => node)]
  const variables = nodes.flatMap(({ name, url, key }) => {
    const [label = ''] = name === NETWORK ? ['coordinator'] : name.split('.')
    const variable = label.toUpperCase()
    return [`${variable}=${url}`, `${variable}_KEY=${key}`]
  })
  variables.push(`AUDITOR_KEY=${auditorKey}`)
  writeFileSync(ENV_FILE, `export ${variables.join(' ')}\n`, { mode: 0o600 })
  print('')
  print('The network stays up, until Ctrl-C. Every interface is described at its address:')
  for (const { name, url } of nodes) print(`  ${name.padEnd(14)} ${url}/v1/docs`)
  print("The coordinator's pages, for everybody:")
  for (const path of ['/', '/policy', '/log', '/status']) print(`  ${coordinator.url}${path}`)
  print('and for auditors and staff (/audit, /desk), by this link, once, within 15 minutes:')
  print(`  ${await staffLink(coordinator)}`)
  print(`Addresses and keys for everything are in ${ENV_FILE}. For example:`)
  print(`  . ./${ENV_FILE}; curl -H "Authorization: Bearer $AMOR_KEY" "$AMOR/v1/status"`)
  print(`  . ./${ENV_FILE}; curl -H "Authorization: Bearer $ROSA_KEY" "$ROSA/v1/bridge"`)
  print(
    `  . ./${ENV_FILE}; curl -H "Authorization: Bearer $AUDITOR_KEY" "$COORDINATOR/audit?format=json"`,
  )
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { once: { type: 'boolean' }, json: { type: 'boolean' } },
  })
  // With --json standard output carries the one object and nothing else.
  const out = values.json === true ? process.stderr : process.stdout
  const begin = performance.now()
  const tell: Tell = (line) => {
    const seconds = ((performance.now() - begin) / 1000).toFixed(1)
    out.write(`${seconds.padStart(5)}  ${line}
`)
  }
  const print: Tell = (line) =>
    void out.write(`${line}
`)
  const base = mkdtempSync(join(tmpdir(), 'dpn-demo-'))
  const interrupted = new Promise<'interrupted'>((resolve) => {
    process.once('SIGINT', () => resolve('interrupted'))
    process.once('SIGTERM', () => resolve('interrupted'))
  })
  try {
    const played = await Promise.race([play(base, tell), interrupted])
    if (played === 'interrupted') return 130
    if (values.json === true) process.stdout.write(`${JSON.stringify(played.result)}\n`)
    if (values.once === true) return 0
    await tellAddresses(played.network, played.bridgedSites, print)
    const over = new AbortController()
    const going = played.bridgedSites.map((site) => goOn(site, over.signal))
    await interrupted
    over.abort()
    await Promise.all(going)
    return 0
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  } finally {
    await endAll()
    // The evidence stays: it can be checked again at any time. Data folders go.
    rmSync(join(base, 'network'), { recursive: true, force: true })
    if (values.once !== true) rmSync(ENV_FILE, { force: true })
  }
}

process.exit(await main())
