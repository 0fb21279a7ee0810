/** The audit of a small network: when receipts came, what is late, and the same when made anew. */
import { describe, expect, it } from 'vitest'
import type { FindingPage } from '../../node/core/finding-rows.ts'
import { createAudit } from '../../node/core/oversight/audit.ts'
import { systemCrypto } from '../../node/roles/system.ts'
import { DAY_SECONDS } from '../../protocol/dates.ts'
import { verifyFindingFile } from '../../protocol/finding-file.ts'
import { announce, aPublished, syncOf } from './puppet.ts'
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

/** What the file of each finding shows, checked as anybody can. */
async function shownFor(world: World) {
  const { findings, findingFiles } = world.coordinator.coordinator
  const shown = []
  for (const finding of (await findings.list(ALL)).findings) {
    const file = await findingFiles.file(finding)
    const verdict = verifyFindingFile(file, world.coordinator.identity.logKey, systemCrypto.verify)
    expect(verdict.failure).toBeNull()
    if (verdict.shown !== null) shown.push(verdict.shown)
  }
  return shown
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

  it('finds nothing twice after a restart, and goes on where it was', async () => {
    const { world, a, b, store } = await aTrio()
    silence(world, b)
    await withdraw(world, a, 'm1')
    await steps(world, 4)
    const before = await found(world)
    const { findings } = world.coordinator.coordinator
    const ports = { network: NETWORK, store, clock: world.clock, findings }
    const place = await store.read((tx) => tx.audit.position())
    await createAudit(ports).run()
    expect(await found(world)).toEqual(before)
    expect(await store.read((tx) => tx.audit.position())).toEqual(place)
    silence(world, null)
    await world.restart(b)
    await steps(world, 1)
    await createAudit(ports).run()
    expect(await found(world)).toMatchObject([{ id: before[0]?.id, state: 'closed' }])
  })

  it('finds receipts that are missing where nothing was withdrawn', async () => {
    const { world, a, b } = await aTrio()
    silence(world, b)
    await put(a, aMember('m1'))
    await steps(world, 8)
    const missing = await found(world)
    expect(missing).toMatchObject([
      { kind: 'missing-receipts', site: B, subject: expect.stringMatching(NETWORK), state: 'open' },
      { kind: 'missing-receipts', site: B, subject: `${A}/2`, state: 'open', severity: 'minor' },
    ])
    const stated = { kind: 'no-receipt', site: B }
    expect(await shownFor(world)).toMatchObject([stated, stated])
    silence(world, null)
    await world.restart(b)
    await steps(world, 1)
    const cured = await found(world)
    expect(cured.map(({ state }) => state)).toEqual(['closed', 'closed'])
    for (const { words } of await shownFor(world))
      expect(words.at(-1)).toMatch(/; receipt received at \d{4}-/)
    expect(await rebuilt(world)).toEqual(cured)
  })

  it('does not count the time in which the coordinator itself was away', async () => {
    const { world, a, b } = await aTrio()
    silence(world, b)
    await withdraw(world, a, 'm1')
    silence(world, null)
    await world.tick(20 * STEP)
    await world.restart(b)
    await steps(world, 1)
    expect(await found(world)).toEqual([])
    expect(await rebuilt(world)).toEqual([])
  })

  it('finds a site that is not heard, says so in words, and when it came back', async () => {
    const { world, c } = await aTrio()
    world.cut(C)
    await steps(world, 4)
    const lapsed = (await found(world)).filter(({ kind }) => kind === 'lapsed-heartbeat')
    expect(lapsed).toMatchObject([{ site: C, state: 'open' }])
    await world.heal(C)
    await world.restart(c)
    await steps(world, 2)
    const back = await found(world)
    const closed = back.filter(({ kind }) => kind === 'lapsed-heartbeat')
    expect(closed).toMatchObject([{ state: 'closed' }])
    expect(closed[0]?.history.at(-1)?.note).toMatch(/^heartbeat received, signed at /)
    expect((await shownFor(world)).map(({ kind }) => kind)).toContain('no-heartbeat')
    expect(await rebuilt(world)).toEqual(back)
  })

  it('finds a log that came back shorter, by its own signatures', async () => {
    const { world, a } = await aTrio()
    await withdraw(world, a, 'm1')
    await steps(world, 1)
    const entries = await a.ports.store.read((tx) => tx.logs.entries(A, 0, 1))
    await world.tick(60)
    const { handlers } = world.coordinator.coordinator.node
    const time = world.clock.now()
    await handlers.announcement(A, announce(a.identity, entries, { time }))
    await world.tick(1)
    expect(await found(world)).toMatchObject([{ kind: 'rolled-back', site: A, since: time }])
    expect(await shownFor(world)).toMatchObject([{ kind: 'rolled-back', site: A }])
    // An old heartbeat that was on its way for long says nothing of the kind.
    await handlers.announcement(A, announce(a.identity, entries, { time: time - 3 * STEP }))
    await world.tick(1)
    expect(await found(world)).toHaveLength(1)
  })

  it.each([
    ['shorter', 2],
    ['as long', 3],
    ['longer', 5],
  ])('proves a fork by a history that is %s', async (_what, size) => {
    const { world, a } = await aTrio()
    await withdraw(world, a, 'm1')
    const { handlers, follower } = world.coordinator.coordinator.node
    const forged = Array.from({ length: size }, (_, n) => aPublished(n + 1).entry)
    const time = world.clock.now()
    if (size > 3) {
      world.wrap(A, (honest) => ({
        ...honest,
        async *sync(_from, request) {
          if (request.kind === 'entries')
            yield* syncOf(a.identity, forged, { from: request.from, time })
        },
      }))
      await follower.pull(A, A).catch(() => undefined)
    } else await handlers.announcement(A, announce(a.identity, forged, { time }))
    await world.tick(1)
    expect(await found(world)).toMatchObject([{ kind: 'fork', site: A, severity: 'critical' }])
    expect(await shownFor(world)).toMatchObject([{ kind: 'fork', site: A }])
    expect(world.coordinator.coordinator.node.view.registry().members.get(A)?.status).toBe(
      'suspended',
    )
  })

  it('lists withdrawals, and reckons how long they took', async () => {
    const { world, a, b } = await aTrio()
    await withdraw(world, a, 'm1')
    await withdraw(world, b, 'm2')
    silence(world, b)
    await withdraw(world, a, 'm3')
    await steps(world, 4)
    const { figures, admission } = world.coordinator.coordinator
    const overview = await figures.overview(null)
    expect(overview.states).toMatchObject({ complete: 2, overdue: 1 })
    expect(overview.histogram.at(-1)).toMatchObject({ count: 2 })
    expect(overview.days.reduce((sum, { count }) => sum + count, 0)).toBe(2)
    expect(await figures.sites()).toMatchObject([
      { site: A, withdrawals: 2, complete: 1, overdue: 1 },
      { site: B, withdrawals: 1, complete: 1, overdue: 0 },
    ])
    const page = { order: 'state', isDescending: false, offset: 0, limit: 2 } as const
    const listed = await figures.list({ ...page, filter: { site: A } })
    expect(listed).toMatchObject({ total: 2 })
    expect(listed.withdrawals.map(({ state }) => state)).toEqual(['complete', 'overdue'])
    const late = await figures.list({ ...page, filter: { state: 'overdue' } })
    expect(late).toMatchObject({ total: 1, withdrawals: [{ log: A, received: 3, required: 4 }] })
    const index = late.withdrawals[0]?.index ?? -1
    const { receipts } = await figures.withdrawal(A, index)
    expect(receipts.filter(({ receivedAt }) => receivedAt === null)).toEqual([
      { site: B, receivedAt: null },
    ])
    // Who is expelled can no longer be made to sign, and is not waited for.
    await admission.measure('expel', B, 'terms')
    await steps(world, 1)
    expect((await figures.withdrawal(A, index)).withdrawal).toMatchObject({ required: 3 })
    const before = await figures.list({ ...page, limit: 100, filter: {} })
    await world.coordinator.coordinator.audit.rebuild()
    expect(await figures.list({ ...page, limit: 100, filter: {} })).toEqual(before)
  })
})
