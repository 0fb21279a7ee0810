/**
 * A scripted year on the injected clock: twelve sites, of which one never signs that it has erased,
 * one shows two histories, one has published without a consent that it could show, and one goes away
 * for weeks. The audit has to find exactly that, and the same again when everything that it has made
 * of the logs is dropped and made anew.
 */
import { describe, expect, it } from 'vitest'
import type { FindingPage } from '../../node/core/finding-rows.ts'
import type { Finding, FindingChange } from '../../node/core/oversight/finding.ts'
import { systemCrypto } from '../../node/roles/system.ts'
import { DAY_SECONDS } from '../../protocol/dates.ts'
import { verifyFindingFile } from '../../protocol/finding-file.ts'
import { parseSiteId, type SiteId } from '../../protocol/ids.ts'
import { announce, aPublished } from './puppet.ts'
import { aMember, aWorld, NETWORK, put, type SiteMachine, type World } from './world.ts'

/** Coarse, so that a year has few steps; the proportions are those of the usual terms. */
const STEP = 7 * DAY_SECONDS
const STEPS_OF_A_YEAR = 52
const TERMS = {
  heartbeatSeconds: STEP,
  hideAfterSeconds: 3 * STEP,
  eraseAfterSeconds: 6 * STEP,
  erasureDeadlineSeconds: 3 * STEP,
  registryLeaseSeconds: 20 * STEP,
  challengeSeconds: 4 * STEP,
  probeSeconds: 4 * STEP,
  // Longer than the absence: who comes back can still answer.
  auditAnswerSeconds: 9 * STEP,
}
const NAMES = [
  'amor',
  'beau',
  'cher',
  'dora',
  'elan',
  'fee',
  'gala',
  'hera',
  'ida',
  'juno',
  'kis',
  'lia',
]
const ALL: FindingPage = {
  filter: {},
  order: 'since',
  isDescending: false,
  offset: 0,
  limit: 1000,
}

async function steps(world: World, count: number): Promise<void> {
  for (let step = 0; step < count; step += 1) {
    await world.tick(STEP)
  }
}

/** A member of each site joins, and leaves later. */
async function comeAndGo(world: World, sites: readonly SiteMachine[], name: string) {
  for (const site of sites) await put(site, aMember(name))
  await steps(world, 2)
  for (const site of sites) await site.site.withdrawer.withdraw([name], 'consent-withdrawn', '')
  await steps(world, 4)
}

type Found = Finding & { history: FindingChange[] }

async function found({ coordinator: { coordinator } }: World): Promise<Found[]> {
  const { findings } = await coordinator.findings.list(ALL)
  const rows: Found[] = []
  for (const finding of findings) {
    const { history } = await coordinator.findings.get(finding.id)
    // When it was written down is the only thing that depends on when somebody looked.
    rows.push({ ...finding, foundAt: 0, history })
  }
  return rows.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

describe('a year of the audit', () => {
  it('finds what was done, nothing else, and the same when it is made anew', async () => {
    const world = await aWorld(TERMS, { exchangeSeconds: 10 * STEP })
    const sites: SiteMachine[] = []
    for (const name of NAMES) sites.push(await world.addSite(parseSiteId(`${name}.example`)))
    const [holder, forker, absent, liar] = sites
    if (holder === undefined || forker === undefined) throw new Error()
    if (absent === undefined || liar === undefined) throw new Error()
    const others = sites.filter((site) => site !== forker)
    await comeAndGo(world, sites, 'm1')
    expect(await found(world)).toEqual([])

    // Everybody is stopped for weeks, the coordinator too: nobody is to blame for that.
    await world.tick(5 * STEP)
    await comeAndGo(world, sites, 'm2')
    expect(await found(world)).toEqual([])

    // One publishes somebody whose consent it cannot show.
    world.wrap(liar.id, (handlers) => ({ ...handlers, audit: async () => ({ kind: 'refused' }) }))
    await put(liar, aMember('stays'))

    // From now on one site never says that it has erased anything.
    world.wrap(NETWORK, (handlers) => ({
      ...handlers,
      report: async (from, report) =>
        from === holder.id && report.kind === 'receipt'
          ? { kind: 'taken' }
          : handlers.report(from, report),
    }))
    await comeAndGo(world, sites, 'm3')
    await steps(world, 4)

    // One shows another history of its log.
    const { handlers } = world.coordinator.coordinator.node
    const size = (await forker.ports.store.read((tx) => tx.logs.get(forker.id)))?.size ?? 0
    const forged = Array.from({ length: size }, (_, n) => aPublished(n + 1).entry)
    await handlers.announcement(forker.id, announce(forker.identity, forged))
    await comeAndGo(world, others, 'm4')
    await steps(world, 4)

    // One is away for weeks, and comes back.
    world.cut(absent.id)
    await comeAndGo(
      world,
      others.filter((site) => site !== absent),
      'm5',
    )
    await steps(world, 1)
    await world.heal(absent.id)
    await steps(world, STEPS_OF_A_YEAR - 5 - 4 - 4 - 1 - 5 * 6)

    const all = await found(world)
    const logsOf = (kind: Finding['kind'], site: SiteId): string[] =>
      all
        .filter((one) => one.kind === kind && one.site === site)
        .map(({ subject }) => subject.split('/')[0] ?? '')
        .toSorted()
    const names = sites.map(({ id }) => id)
    expect(logsOf('overdue-erasure', holder.id)).toEqual(names.filter((id) => id !== holder.id))
    expect(logsOf('missing-receipts', holder.id)).toEqual([NETWORK])
    expect(logsOf('fork', forker.id)).toEqual([forker.id])
    expect(logsOf('lapsed-heartbeat', absent.id)).toEqual([absent.id])
    expect(logsOf('overdue-erasure', absent.id)).toEqual(
      names.filter((id) => id !== absent.id && id !== forker.id),
    )
    expect(logsOf('failed-challenge', liar.id)).toEqual([liar.id])
    expect(all).toHaveLength(11 + 1 + 1 + 1 + 10 + 1)
    const closed = all.filter(({ state }) => state === 'closed')
    expect(closed.every(({ site }) => site === absent.id)).toBe(true)
    expect(closed).toHaveLength(11)

    for (const finding of all) {
      const file = await world.coordinator.coordinator.findingFiles.file(finding)
      const key = world.coordinator.identity.logKey
      const { failure, shown } = verifyFindingFile(file, key, systemCrypto.verify)
      expect(failure).toBeNull()
      expect(shown?.site).toBe(finding.site)
    }

    // Everything that follows from the logs is dropped, findings too; what a site answered does not.
    const challenged = all.filter(({ kind }) => kind === 'failed-challenge').map(({ id }) => id)
    world.coordinator.database.query('delete from findings where id <> ?', challenged)
    world.coordinator.database.query('delete from finding_changes where finding <> ?', challenged)
    await world.coordinator.coordinator.audit.rebuild()
    expect(await found(world)).toEqual(all)
  }, 600_000)
})
