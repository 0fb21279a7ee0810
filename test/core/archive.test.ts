/**
 * Archives of evidence made by real cores and checked by the code that auditors run: what they show,
 * and what they say is missing.
 */
import { describe, expect, it } from 'vitest'
import { fromUtf8 } from '../../protocol/bytes.ts'
import { encodeEntry } from '../../protocol/entry.ts'
import { parsePolicy, satisfiesPolicy } from '../../protocol/proof.ts'
import { archiveOf, check, filesIn, sha256Of } from '../fixtures/archives.ts'
import { announce, aPublished, recordNumber, silent } from './puppet.ts'
import { A, aMember, aWorld, B, C, NETWORK, put } from './world.ts'

const DAY = 86_400

async function aNetwork() {
  const world = await aWorld()
  const a = await world.addSite(A)
  const b = await world.addSite(B)
  const c = await world.addSite(C)
  for (const id of ['m1', 'm2', 'm3', 'm4', 'm5']) await put(a, aMember(id))
  await put(b, aMember('m1'))
  await world.tick()
  const key = world.coordinator.identity.logKey
  const withdraw = async (...ids: string[]): Promise<void> => {
    await a.site.withdrawer.withdraw(ids, 'consent-withdrawn', 'n1')
  }
  return { world, a, b, c, key, withdraw, start: world.clock.now() }
}

describe('createArchives', () => {
  it('proves every withdrawal and order of the Network with all receipts', async () => {
    const { world, b, key, withdraw } = await aNetwork()
    await withdraw('m1')
    await world.tick(300)
    await b.site.withdrawer.withdraw(['m1'], 'erased', '')
    await withdraw('m2', 'm3')
    await world.tick(300)
    await world.coordinator.coordinator.admission.order(A, null, 'mail-1')
    await world.tick(300)
    await world.tick(300)
    const verdict = check(await archiveOf(world), key)
    expect(verdict).toMatchObject({
      failure: null,
      missingCount: 0,
      counts: { logs: 3, late: 0 },
      note: { network: NETWORK, unwitnessed: 0 },
    })
    // Four withdrawals, the order, and the home's own entries that carry it out.
    expect(verdict.counts.withdrawals).toBe(verdict.note?.withdrawals)
    expect(verdict.counts.withdrawals).toBeGreaterThanOrEqual(5)
    expect(verdict.counts.receipts).toBe(verdict.counts.checkpoints * 4)
    expect(verdict.counts.leftOut).toBeGreaterThan(0)
  })

  it('holds every entry where that is asked for, so that none can be left out', async () => {
    const { world, key, withdraw } = await aNetwork()
    await withdraw('m1', 'm4')
    await world.tick(300)
    await world.tick(300)
    const verdict = check(await archiveOf(world, { entries: 'all' }), key)
    // All logs, those without a withdrawal too.
    expect(verdict).toMatchObject({
      failure: null,
      missingCount: 0,
      counts: { withdrawals: 2, leftOut: 0, logs: 4 },
    })
  })

  it('is about one site and its period', async () => {
    const { world, b, key, withdraw, start } = await aNetwork()
    await withdraw('m1')
    await b.site.withdrawer.withdraw(['m1'], 'erased', '')
    await world.tick(300)
    await world.pass(DAY)
    await withdraw('m2', 'm3')
    await world.tick(300)
    await world.tick(300)
    const counts = async (scope: object) => check(await archiveOf(world, scope), key).counts
    expect(await counts({ site: A })).toMatchObject({ withdrawals: 3, logs: 1 })
    expect(await counts({ site: A, to: start + 3600 })).toMatchObject({ withdrawals: 1, logs: 1 })
    expect(await counts({ site: A, from: start + 3600 })).toMatchObject({ withdrawals: 2, logs: 1 })
    expect(await counts({ site: B })).toMatchObject({ withdrawals: 1, logs: 1 })
    expect(await counts({ site: C })).toMatchObject({ withdrawals: 0, logs: 0 })
    expect(await counts({ from: start + 3600 })).toMatchObject({ withdrawals: 2, logs: 1 })
    await expect(archiveOf(world, { from: 5, to: 5 })).rejects.toMatchObject({ path: '/to' })
    await expect(archiveOf(world, { site: 'nobody.example' as never })).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  it('names who has not signed, and takes a receipt that comes later', async () => {
    const { world, key, withdraw, start } = await aNetwork()
    world.cut(C)
    await withdraw('m1')
    await world.tick(300)
    await withdraw('m2', 'm3')
    await world.tick(300)
    await world.tick(300)
    const without = check(await archiveOf(world), key)
    expect(without).toMatchObject({ failure: null, missingCount: 1, counts: { withdrawals: 3 } })
    expect(without.missing).toEqual([
      { log: A, member: C, withdrawals: 3, since: expect.any(Number) as number },
    ])
    expect(without.missing[0]?.since).toBeLessThan(start + 10)
    await world.pass(2 * DAY)
    await world.heal(C)
    await world.tick(300)
    await world.tick(300)
    const late = check(await archiveOf(world), key)
    expect(late).toMatchObject({ failure: null, missingCount: 0, counts: { withdrawals: 3 } })
    expect(late.counts.late).toBe(1)
    expect(late.counts.longestSeconds).toBeGreaterThan(2 * DAY)
  })

  it('asks nothing of whom is expelled', async () => {
    const { world, key, withdraw } = await aNetwork()
    world.cut(C)
    await withdraw('m1')
    await world.tick(300)
    await world.coordinator.coordinator.admission.measure('expel', C, 'terms')
    await world.tick(300)
    await world.tick(300)
    const verdict = check(await archiveOf(world), key)
    expect(verdict).toMatchObject({ failure: null, missingCount: 0 })
    expect(verdict.counts.withdrawals).toBe(2)
  })

  it('says how many withdrawals the coordinator has not cosigned yet', async () => {
    const world = await aWorld()
    const forger = await world.admit(C)
    world.join(C, silent)
    const withdrawn = (n: number): Uint8Array =>
      encodeEntry({
        type: 'withdraw',
        record: recordNumber(n),
        reason: 'erased',
        time: world.clock.now(),
        notice: '',
      })
    const { handlers } = world.coordinator.coordinator.node
    const entries = [aPublished(1).entry, withdrawn(1)]
    await handlers.announcement(C, announce(forger, entries, { time: world.clock.now() }))
    await world.tick()
    await world.tick()
    // Without a heartbeat on it a checkpoint is applied, and never cosigned.
    await handlers.announcement(C, announce(forger, [...entries, withdrawn(2)], { from: 2 }))
    await world.tick()
    const verdict = check(await archiveOf(world), world.coordinator.identity.logKey)
    expect(verdict).toMatchObject({
      failure: null,
      counts: { withdrawals: 1 },
      note: { withdrawals: 1, unwitnessed: 1 },
    })
  })

  it('has files that other tools can check: policies, checkpoints, hashes', async () => {
    const { world, withdraw } = await aNetwork()
    await withdraw('m1')
    await world.tick(300)
    await world.tick(300)
    const files = filesIn(await archiveOf(world))
    const named = (end: string) => files.filter(({ name }) => name.endsWith(end))
    const [policy] = named('.policy')
    const [checkpoint] = named('.checkpoint')
    const verdict = satisfiesPolicy(
      fromUtf8(checkpoint?.bytes ?? new Uint8Array(0)),
      parsePolicy(fromUtf8(policy?.bytes ?? new Uint8Array(0))),
    )
    expect(verdict).toMatchObject({ satisfied: true, checkpoint: { origin: `${NETWORK}/${A}` } })
    const manifest = files
      .filter(({ name }) => name.startsWith('manifest/'))
      .flatMap(({ bytes }) => fromUtf8(bytes).trimEnd().split('\n'))
    expect(manifest).toEqual(
      files
        .filter(({ name }) => !name.startsWith('manifest'))
        .map(({ name, bytes }) => `${sha256Of(bytes)} ${bytes.length} ${name}`),
    )
  })

  it('states findings of the scope, and says that they are only stated', async () => {
    const { world, key, withdraw, start } = await aNetwork()
    await withdraw('m1')
    await world.tick(300)
    await world.tick(300)
    const { findings } = world.coordinator.coordinator
    for (const [site, since] of [
      [A, start],
      [A, start - DAY],
      [B, start],
    ] as const) {
      const subject = `${site}/${since}`
      const finding = { site, subject, since, evidence: { index: 3 } }
      await world.coordinator.ports.store.write((tx) =>
        findings.raise(tx, { kind: 'overdue-erasure', severity: 'serious', ...finding }),
      )
    }
    const statements = async (scope: object) => check(await archiveOf(world, scope), key).statements
    expect(await statements({})).toEqual({ findings: 3 })
    expect(await statements({ site: A })).toEqual({ findings: 2 })
    expect(await statements({ site: A, from: start - 3600 })).toEqual({ findings: 1 })
    const [file] = filesIn(await archiveOf(world)).filter(({ name }) => name.endsWith('.jsonl'))
    expect(file?.name).toBe('statements/findings/000000.jsonl')
    expect(fromUtf8(file?.bytes ?? new Uint8Array(0))).not.toContain('owner')
  })

  it('lets one checkpoint stand for many withdrawals within the deadline', async () => {
    const { world, a, key } = await aNetwork()
    const ids = Array.from({ length: 12 }, (_, place) => `x${place}`)
    for (const id of ids) await put(a, aMember(id))
    for (const id of ids) {
      await a.site.withdrawer.withdraw([id], 'consent-withdrawn', '')
      await world.tick(300)
    }
    await world.tick(300)
    const { counts, failure } = check(await archiveOf(world), key)
    expect({ failure, ...counts }).toMatchObject({ failure: null, withdrawals: 12, checkpoints: 1 })
  })
})
