/** Consent challenges, from the draw in the log to the verdict, on the cores of real nodes. */
import { describe, expect, it } from 'vitest'
import type { ChallengeRow } from '../../node/core/challenge-rows.ts'
import type { AuditReply } from '../../protocol/challenge.ts'
import { equalBytes, toHex } from '../../protocol/bytes.ts'
import { encodeCbor } from '../../protocol/cbor.ts'
import { decodeEntry } from '../../protocol/entry.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { redraw } from '../../protocol/redraw.ts'
import { systemCrypto } from '../../node/roles/system.ts'
import { A, aMember, aWorld, B, NETWORK, put, type SiteMachine, type World } from './world.ts'

const AUDITOR = { kind: 'key', id: 'k1', role: 'auditor' } as const
const TERMS = { challengeSeconds: 3600, challengesPerRound: 3, auditAnswerSeconds: 7200 }

async function aRound(world: World): Promise<ChallengeRow[]> {
  const { challenges, node } = world.coordinator.coordinator
  const before = node.view.registry().draws.rounds.length
  await world.tick(TERMS.challengeSeconds)
  for (let ticks = 0; ticks < 4; ticks += 1) await world.tick()
  const rounds = node.view.registry().draws.rounds
  expect(rounds.length).toBe(before + 1)
  return challenges.list({ draw: rounds.at(-1)?.index ?? -1, limit: 100 })
}
async function entriesOf(world: World, log: SiteId): Promise<Uint8Array[]> {
  return world.coordinator.ports.store.read(async (tx) =>
    tx.logs.entries(log, 0, (await tx.logs.get(log))?.size ?? 0),
  )
}
/** Puts something in the place of what a site answers to the coordinator. */
function answering(world: World, site: SiteId, answer: (reply: AuditReply) => AuditReply): void {
  world.wrap(site, (handlers) => ({
    ...handlers,
    audit: async (from, request) => answer(await handlers.audit(from, request)),
  }))
}
async function aWorldWith(count: number): Promise<{ world: World; amor: SiteMachine }> {
  const world = await aWorld(TERMS)
  const amor = await world.addSite(A)
  await world.addSite(B)
  for (let at = 0; at < count; at += 1) await put(amor, aMember(`m${at}`))
  await world.tick()
  return { world, amor }
}

describe('challenges', () => {
  it('draws live publishes that the home opens, and that pass', async () => {
    const { world } = await aWorldWith(5)
    const rows = await aRound(world)
    const passed = { site: A, state: 'passed' }
    expect(rows).toMatchObject([passed, passed, passed])
    expect(new Set(rows.map(({ index }) => index)).size).toBe(3)
    expect(await world.findings()).toEqual([])
  })

  it('keeps the commitment that the opening made, and nothing of the opening', async () => {
    const { world } = await aWorldWith(2)
    const [row] = await aRound(world)
    const entries = await entriesOf(world, A)
    const entry = decodeEntry(entries[row?.index ?? -1] ?? new Uint8Array(0))
    expect(
      entry.type === 'publish' && equalBytes(entry.consent, row?.digest ?? entry.profile),
    ).toBe(true)
    const bytes = Buffer.from(world.coordinator.database.serialize())
    expect(bytes.includes('https://')).toBe(false)
  })

  it('lets anybody draw the same again from the logs alone', async () => {
    const { world, amor } = await aWorldWith(9)
    await amor.site.withdrawer.withdraw(['m3'], 'consent-withdrawn', '')
    await put(amor, aMember('m4', { profile: { nickname: 'Other' } }))
    await world.tick()
    const rows = await aRound(world)
    const log = await entriesOf(world, NETWORK)
    const logs = new Map([
      [A, await entriesOf(world, A)],
      [B, await entriesOf(world, B)],
    ])
    const again = redraw(NETWORK, log, rows[0]?.draw ?? -1, (site) => logs.get(site) ?? [])
    expect(again.fault).toBeNull()
    expect(again.isMixed).toBe(true)
    expect(again.drawn.map(({ index }) => index)).toEqual(
      rows.toSorted((a, b) => a.id - b.id).map(({ index }) => index),
    )
  })

  it('is in the ledger and the feed of the home, so that the member can see it', async () => {
    const { world, amor } = await aWorldWith(1)
    await aRound(world)
    const { disclosures } = await amor.site.members.export('m0')
    expect(disclosures.filter(({ partner }) => partner === NETWORK)).toMatchObject([
      { what: 'consent', via: null, versions: [{ index: 1 }] },
    ])
    const part = await amor.site.feed.read(0, 100)
    const types = part.kind === 'events' ? part.events.map(({ type }) => type) : []
    expect(types).toContain('consent.opened')
  })

  it('has no profile in what crosses the network', async () => {
    const { world, amor } = await aWorldWith(1)
    const seen: AuditReply[] = []
    answering(world, A, (reply) => {
      seen.push(reply)
      return reply
    })
    await aRound(world)
    expect(seen).toMatchObject([{ kind: 'opening', index: 1 }])
    const bytes = Buffer.from(encodeCbor(seen[0]))
    const member = await amor.site.members.get('m0')
    expect(bytes.includes(member?.profile.nickname ?? '')).toBe(false)
    expect(bytes.includes('discovery')).toBe(true)
  })

  it('counts a record that ends meanwhile as ended, once the log shows it', async () => {
    const { world, amor } = await aWorldWith(1)
    answering(world, A, () => ({ kind: 'ended' }))
    const [row] = await aRound(world)
    expect(row).toMatchObject({ state: 'waiting', reason: 'not-shown' })
    await amor.site.withdrawer.withdraw(['m0'], 'consent-withdrawn', '')
    await world.tick(600)
    await world.tick()
    const { challenges } = world.coordinator.coordinator
    expect(await challenges.list({ limit: 9 })).toMatchObject([{ state: 'ended', reason: null }])
  })

  it('finds a site that says a record has ended, and never shows it', async () => {
    const { world } = await aWorldWith(1)
    answering(world, A, () => ({ kind: 'ended' }))
    await aRound(world)
    for (let ticks = 0; ticks < 12; ticks += 1) await world.tick(900)
    expect(await world.findings()).toContainEqual(
      expect.objectContaining({
        kind: 'failed-challenge',
        site: A,
        subject: `${A}/1`,
        evidence: expect.objectContaining({ reason: 'not-shown', index: 1 }) as unknown,
      }),
    )
  })

  it('takes the opening of a newer version for neither', async () => {
    const { world, amor } = await aWorldWith(1)
    answering(world, A, () => ({ kind: 'unready' }))
    await aRound(world)
    await put(amor, aMember('m0', { profile: { nickname: 'Other' } }))
    world.wrap(A, null)
    await world.tick(600)
    await world.tick()
    const { challenges } = world.coordinator.coordinator
    expect(await challenges.list({ limit: 9 })).toMatchObject([
      { state: 'superseded', index: 1, openedIndex: 2 },
    ])
  })

  it.each([
    [
      'another salt',
      (reply: AuditReply) => ({ ...reply, salt: new Uint8Array(32) }),
      'bad-commitment',
    ],
    ['another record', (reply: AuditReply) => ({ ...reply, index: 0 }), 'bad-commitment'],
    [
      'rubbish',
      (reply: AuditReply) => ({ ...reply, consent: new Uint8Array(9) }),
      'bad-commitment',
    ],
  ])('finds a site that opens %s', async (_name, change, reason) => {
    const { world } = await aWorldWith(1)
    answering(world, A, (reply) => change(reply))
    const [row] = await aRound(world)
    expect(row).toMatchObject({ state: 'failed', reason })
    expect(await world.findings()).toMatchObject([
      { kind: 'failed-challenge', site: A, severity: 'critical', evidence: { reason } },
    ])
  })

  it('finds a site that refuses, by the deadline and not before', async () => {
    const { world } = await aWorldWith(1)
    answering(world, A, () => ({ kind: 'refused' }))
    const [row] = await aRound(world)
    expect(row).toMatchObject({ state: 'waiting', reason: 'refused' })
    for (let ticks = 0; ticks < 6; ticks += 1) await world.tick(900)
    expect(await world.findings()).toEqual([])
    for (let ticks = 0; ticks < 6; ticks += 1) await world.tick(900)
    expect((await world.findings())[0]).toMatchObject({
      kind: 'failed-challenge',
      severity: 'serious',
      since: (row?.drawnAt ?? 0) + TERMS.auditAnswerSeconds,
    })
  })

  it('does not blame a site for a coordinator that was away until the deadline', async () => {
    const { world } = await aWorldWith(1)
    world.cut(A, NETWORK)
    await aRound(world)
    world.clock.set(world.clock.now() + 2 * TERMS.auditAnswerSeconds)
    await world.heal(A, NETWORK)
    await world.tick()
    await world.tick(60)
    const { challenges } = world.coordinator.coordinator
    const [oldest] = (await challenges.list({ limit: 9 })).toReversed()
    expect(oldest?.state).toBe('passed')
    expect(await world.findings()).toEqual([])
  })

  it('says how sure a rate is', async () => {
    const { world } = await aWorldWith(3)
    await aRound(world)
    const { challenges } = world.coordinator.coordinator
    const [rate] = await challenges.rates()
    expect(rate).toMatchObject({ site: A, passed: 3, failed: 0, share: 1, high: 1 })
    expect(rate?.low).toBeCloseTo(0.4385, 4)
  })
})

describe('challenges on demand', () => {
  it('draw from one site, and stand in the log and in the access log', async () => {
    const { world } = await aWorldWith(4)
    const { challenges, people, node } = world.coordinator.coordinator
    const { draw, drawn } = await challenges.demand(AUDITOR, A, 2)
    for (let ticks = 0; ticks < 3; ticks += 1) await world.tick()
    expect(drawn).toBe(2)
    expect(await challenges.list({ draw, limit: 9 })).toMatchObject([
      { site: A, state: 'passed' },
      { site: A, state: 'passed' },
    ])
    const round = node.view.registry().draws.rounds.at(-1)
    expect(round?.entry).toMatchObject({ site: A, count: 2 })
    expect(await people.acts.list({ limit: 1 })).toMatchObject([
      { actor: AUDITOR, act: 'challenge.demand', subject: `${A}/${draw}` },
    ])
  })

  it('are bounded in a day', async () => {
    const { world } = await aWorldWith(1)
    const { challenges } = world.coordinator.coordinator
    for (let at = 0; at < 24; at += 1) {
      await challenges.demand(AUDITOR, A, 1)
      await world.tick()
    }
    await expect(challenges.demand(AUDITOR, A, 1)).rejects.toMatchObject({ code: 'conflict' })
  })

  it('are refused for a site that takes no part', async () => {
    const { world } = await aWorldWith(1)
    const { challenges } = world.coordinator.coordinator
    await expect(challenges.demand(AUDITOR, NETWORK, 1)).rejects.toMatchObject({
      code: 'not_found',
    })
  })
})

describe('a home', () => {
  it('opens nothing that was not drawn, and nothing to anybody else', async () => {
    const { world, amor } = await aWorldWith(8)
    const rows = await aRound(world)
    const drawn = new Set(rows.map(({ index }) => index))
    const draw = rows[0]?.draw ?? -1
    const { handlers } = amor.site.node
    for (let index = 1; index <= 8; index += 1) {
      const reply = await handlers.audit(NETWORK, { kind: 'open', draw, index })
      expect(reply.kind).toBe(drawn.has(index) ? 'opening' : 'refused')
    }
    const index = rows[0]?.index ?? -1
    await expect(handlers.audit(B, { kind: 'open', draw, index })).rejects.toMatchObject({
      code: 'not_admitted',
    })
    const other = await handlers.audit(NETWORK, { kind: 'open', draw: draw - 1, index })
    expect(other.kind).toBe('refused')
    const future = await handlers.audit(NETWORK, { kind: 'open', draw: draw + 9, index })
    expect(future.kind).toBe('unready')
  })

  it('cannot know a draw before it is revealed', async () => {
    const { world } = await aWorldWith(2)
    await aRound(world)
    const { rounds } = world.coordinator.coordinator.node.view.registry().draws
    const seeds = rounds.map(({ entry }) => entry.seed)
    expect(seeds[0]).toBeNull()
    for (const [at, round] of rounds.slice(1).entries()) {
      const seed = round.entry.seed ?? new Uint8Array(0)
      const promised = rounds[at]?.entry.commitment ?? new Uint8Array(0)
      expect(toHex(systemCrypto.sha256(seed))).toBe(toHex(promised))
    }
  })
})
