/** The audit of a small network: when receipts came, what is late, and the same when made anew. */
import { describe, expect, it } from 'vitest'
import type { FindingPage } from '../../node/core/finding-rows.ts'
import { DAY_SECONDS } from '../../protocol/dates.ts'
import { A, aMember, aWorld, B, C, NETWORK, put, type SiteMachine, type World } from './world.ts'

/** Coarse, so that days are few steps; the proportions are those of the usual terms. */
const STEP = DAY_SECONDS
const TERMS = {
  heartbeatSeconds: STEP,
  hideAfterSeconds: 3 * STEP,
  eraseAfterSeconds: 6 * STEP,
  erasureDeadlineSeconds: 3 * STEP,
  registryLeaseSeconds: 20 * STEP,
}
const ALL: FindingPage = {
  filter: {},
  order: 'since',
  isDescending: false,
  offset: 0,
  limit: 1000,
}

async function steps(world: World, count: number): Promise<void> {
  for (let step = 0; step < count; step += 1) {
    await world.tick(STEP - 60)
    await world.tick(60)
  }
}

async function withdraw(world: World, site: SiteMachine, name: string): Promise<number> {
  await put(site, aMember(name))
  await world.tick(60)
  const done = await site.site.withdrawer.withdraw([name], 'consent-withdrawn', '')
  await world.tick(60)
  await world.tick(60)
  return [...done.values()][0]?.index ?? -1
}

async function found({ coordinator: { coordinator } }: World) {
  const { findings } = await coordinator.findings.list(ALL)
  const rows = []
  for (const { foundAt: _foundAt, ...finding } of findings) {
    const { history } = await coordinator.findings.get(finding.id)
    rows.push({ ...finding, history })
  }
  return rows
}

async function rebuilt(world: World) {
  const { database, coordinator } = world.coordinator
  for (const table of ['findings', 'finding_changes']) database.query(`delete from ${table}`, [])
  await coordinator.audit.rebuild()
  return found(world)
}

async function aTrio() {
  const world = await aWorld(TERMS)
  const [a, b, c] = [await world.addSite(A), await world.addSite(B), await world.addSite(C)]
  const { store } = world.coordinator.ports
  return { world, a, b, c, store }
}

/** Lets no receipt of a site reach the coordinator. */
function silence(world: World, site: SiteMachine | null): void {
  world.wrap(NETWORK, (handlers) => ({
    ...handlers,
    report: async (from, report) =>
      from === site?.id && report.kind === 'receipt'
        ? { kind: 'taken' }
        : handlers.report(from, report),
  }))
}

describe('createAudit', () => {
  it('knows when each receipt for a withdrawal came', async () => {
    const { world, a, store } = await aTrio()
    const index = await withdraw(world, a, 'm1')
    await steps(world, 1)
    const now = world.clock.now()
    const row = await store.read((tx) => tx.audit.withdrawal(A, index, now))
    expect(row).toMatchObject({ state: 'complete', required: 4, received: 4, kind: 'withdraw' })
    const receipts = await store.read((tx) => tx.audit.receiptsOf(A, index))
    expect([...receipts.keys()].toSorted()).toEqual([A, B, C])
    await steps(world, 5)
    expect(await found(world)).toEqual([])
  })

  it('finds a receipt that is overdue, once for all that it has to answer, and closes it', async () => {
    const { world, a, b } = await aTrio()
    silence(world, b)
    const first = await withdraw(world, a, 'm1')
    await withdraw(world, a, 'm2')
    await steps(world, 4)
    const late = await found(world)
    expect(late).toMatchObject([
      { kind: 'overdue-erasure', site: B, subject: `${A}/${first}`, state: 'open' },
    ])
    expect(await rebuilt(world)).toEqual(late)
    silence(world, null)
    await world.restart(b)
    await steps(world, 1)
    const cured = await found(world)
    expect(cured).toMatchObject([{ state: 'closed', since: late[0]?.since }])
    expect(cured[0]?.history.at(-1)?.note).toMatch(/^receipt received at \d{4}-/)
    expect(await rebuilt(world)).toEqual(cured)
  })
})
