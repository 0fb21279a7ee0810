/**
 * Probes: members are asked for records that have ended, by the coordinator and through volunteers.
 * `gone` and `unknown` are right. A body contradicts the receipt; `withheld` says nothing about what
 * is held, so that it counts as no answer until the deadline, and then as a wrong one.
 */
import { openStatement, type ProbeAnswer } from '../../../protocol/challenge.ts'
import { equalBytes } from '../../../protocol/bytes.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { CLOCK_SKEW_SECONDS, PROBE_NONCE_BYTES } from '../../../protocol/limits.ts'
import { isActive, logKeyAt, memberOf } from '../../../protocol/registry.ts'
import type { Actor } from '../people/actor.ts'
import type { Acts } from '../people/acts.ts'
import type { Clock, Crypto, Events, Network, Random } from '../ports.ts'
import { askForEnded, endedPublish } from '../record/probe.ts'
import type { Store, WriteTransaction } from '../store.ts'
import { reasonOf, type Tasks } from '../tasks.ts'
import type { View } from '../view.ts'
import type { ProbeFilter, ProbeRow } from '../challenge-rows.ts'
import type { NewFinding } from './finding.ts'
import { rateOf, type Rate } from './interval.ts'
import { createPicker } from './pick.ts'
import { FAR_OFF_SECONDS, nextTry } from './retry.ts'

export interface ProbeRate extends Rate {
  site: SiteId
  waiting: number
  unanswered: number
}

export interface Probes {
  /** Plans and asks what is due, aside. */
  run: () => void
  /** Plans probes of one site on somebody's demand, which is recorded; returns how many. */
  demand: (actor: Actor, target: SiteId, count: number) => Promise<number>
  list: (filter: ProbeFilter) => Promise<ProbeRow[]>
  rates: () => Promise<ProbeRate[]>
}

/** Probes looked at in one go. */
const BATCH = 64
/** Volunteers asked for one probe before the coordinator asks itself. */
const VOLUNTEERS = 4
/** Seconds for which a site that does not volunteer is not asked again. */
const UNWILLING_SECONDS = 86_400
/** Seconds over which the probes of a round are spread: their time is not to be guessed. */
const SPREAD_SECONDS = 3600
const PROBED_AT = 'probed-at'

/** What came, and who says so. */
interface Answered {
  answer: ProbeAnswer
  via: SiteId | null
  statement: string | null
}

/** Creates the probes of the coordinator. */
export function createProbes(ports: {
  view: View
  store: Store
  clock: Clock
  random: Random
  crypto: Crypto
  network: Pick<Network, 'audit' | 'bodies' | 'connected'>
  events: Events
  tasks: Tasks
  acts: Acts
  raise: (tx: WriteTransaction, finding: NewFinding) => Promise<void>
}): Probes {
  const { view, store, clock, random, crypto, network, events, tasks, acts, raise } = ports
  const picker = createPicker(ports)
  /** When sites said that they do not volunteer. */
  const unwilling = new Map<SiteId, number>()

  async function plan(tx: WriteTransaction, target: SiteId, count: number): Promise<number> {
    const now = clock.now()
    const { probeSeconds, auditAnswerSeconds } = view.registry().terms
    const spread = Math.min(SPREAD_SECONDS, probeSeconds)
    const picked = new Map<string, { home: SiteId; index: number }>()
    for (let planned = 0; planned < count; planned += 1) {
      const one = await picker.ended(tx, target)
      if (one !== null) picked.set(`${one.home} ${one.index}`, one)
    }
    const rows = [...picked.values()].map((one): Omit<ProbeRow, 'id'> => {
      const retryAt = now + picker.below(spread)
      return {
        ...one,
        target,
        state: 'waiting',
        answer: null,
        via: null,
        statement: null,
        plannedAt: now,
        dueAt: retryAt + auditAnswerSeconds,
        retryAt,
        tries: 0,
        decidedAt: null,
      }
    })
    await tx.probes.add(rows)
    return rows.length
  }

  async function planRound(): Promise<void> {
    const { probeSeconds, probesPerRound } = view.registry().terms
    if (probesPerRound === 0) return
    const now = clock.now()
    const last = Number((await store.read((tx) => tx.desk.setting(PROBED_AT))) ?? -Infinity)
    if (now >= last && now - last < probeSeconds) return
    await store.write(async (tx) => {
      await tx.desk.setSetting(PROBED_AT, String(now))
      for (const target of view.activeOthers()) await plan(tx, target, probesPerRound)
    })
  }

  function isUnwilling(site: SiteId): boolean {
    const since = unwilling.get(site)
    const now = clock.now()
    return since !== undefined && now >= since && now - since < UNWILLING_SECONDS
  }

  /** Through a volunteer; null where there is none, or none that could ask. */
  async function askThrough(row: ProbeRow): Promise<Answered | null> {
    const connected = new Set(network.connected())
    const candidates = view
      .activeOthers()
      .filter((site) => connected.has(site) && site !== row.target && site !== row.home)
      .filter((site) => !isUnwilling(site))
    for (const via of picker.shuffled(candidates).slice(0, VOLUNTEERS)) {
      const found = await askVolunteer(row, via)
      if (found !== null) return found
    }
    return null
  }

  async function askVolunteer(row: ProbeRow, via: SiteId): Promise<Answered | null> {
    const { target, home, index } = row
    const nonce = random.bytes(PROBE_NONCE_BYTES)
    try {
      const reply = await network.audit(via, { kind: 'probe', target, home, index, nonce })
      if (reply.kind === 'refused') unwilling.set(via, clock.now())
      const member = memberOf(view.registry(), via)
      if (reply.kind !== 'statement' || member === undefined) return null
      const key = logKeyAt(view.network, member, Number.MAX_SAFE_INTEGER)
      const said = openStatement(reply.note, key, crypto.verify)
      const isAboutThis =
        said.network === view.network &&
        said.volunteer === via &&
        said.target === target &&
        said.home === home &&
        said.index === index &&
        equalBytes(said.nonce, nonce) &&
        Math.abs(said.time - clock.now()) <= 2 * CLOCK_SKEW_SECONDS
      return isAboutThis ? { answer: said.answer, via, statement: reply.note } : null
    } catch (error) {
      events.emit({ type: 'peer.failed', site: via, action: 'probe', reason: reasonOf(error) })
      return null
    }
  }

  async function askItself({ target, home, index }: ProbeRow): Promise<Answered | null> {
    if (!network.connected().includes(target)) return null
    try {
      const answer = await askForEnded(ports, { target, home, index })
      return { answer, via: null, statement: null }
    } catch (error) {
      events.emit({ type: 'peer.failed', site: target, action: 'probe', reason: reasonOf(error) })
      return null
    }
  }

  function findingOf(row: ProbeRow): NewFinding {
    const { target, home, index, answer, via, statement, plannedAt, dueAt } = row
    return {
      kind: 'failed-probe',
      site: target,
      subject: `${home}/${index}`,
      // The coordinator has seen it itself, or one site says it of another and has signed that.
      severity: answer === 'body' && via === null ? 'critical' : 'serious',
      since: answer === 'withheld' ? dueAt : clock.now(),
      evidence: {
        log: home,
        index,
        answer: answer ?? '',
        asked: via ?? view.network,
        plannedAt,
        ...(statement !== null && { statements: [statement] }),
      },
    }
  }

  function stateOf(row: ProbeRow, answered: Answered | null): ProbeRow['state'] {
    const answer = answered?.answer
    if (answer === 'gone' || answer === 'unknown') return 'passed'
    if (answer === 'body' || answer === 'bytes') return 'failed'
    if (!nextTry(clock.now(), row).isLast) return 'waiting'
    return (answer ?? row.answer) === 'withheld' ? 'failed' : 'unanswered'
  }

  async function look(row: ProbeRow): Promise<void> {
    const ended = await store.read((tx) => endedPublish(tx, row))
    const isOver = ended === null || !isActive(view.registry(), row.target, clock.now())
    // Half of them by itself, so that no site is left to the word of others.
    const isThrough = !isOver && picker.below(2) === 0
    const answered = isOver
      ? null
      : ((isThrough ? await askThrough(row) : null) ?? (await askItself(row)))
    const state = isOver ? 'unanswered' : stateOf(row, answered)
    const isOpen = state === 'waiting'
    const tries = row.tries + 1
    const next: ProbeRow = {
      ...row,
      ...answered,
      state,
      tries,
      retryAt: isOpen ? nextTry(clock.now(), { dueAt: row.dueAt, tries }).at : null,
      decidedAt: isOpen ? null : clock.now(),
    }
    await store.write(async (tx) => {
      await tx.probes.save(next)
      if (state === 'failed') await raise(tx, findingOf(next))
    })
    if (isOpen) return
    const { target, home, index } = row
    events.emit({ type: 'probe.decided', target, home, index, state })
  }

  const run = tasks.coalesced('probes', async () => {
    await planRound()
    const now = clock.now()
    const farOff = now + FAR_OFF_SECONDS
    const rows = await store.read((tx) => tx.probes.due(now, farOff, BATCH))
    for (const row of rows) await look(row)
  })

  return {
    run,
    demand: async (actor, target, count) => {
      const planned = await store.write(async (tx) => {
        await acts.add(tx, { actor, act: 'probe.demand', subject: target })
        return plan(tx, target, count)
      })
      run()
      return planned
    },
    list: (filter) => store.read((tx) => tx.probes.list(filter)),
    rates: async () => {
      const counts = await store.read((tx) => tx.probes.counts())
      const bySite = Map.groupBy(counts, ({ site }) => site)
      return [...bySite].map(([site, rows]) => {
        const of = (state: ProbeRow['state']): number =>
          rows.find((row) => row.state === state)?.count ?? 0
        const rate = rateOf(of('passed'), of('failed'))
        return { site, ...rate, waiting: of('waiting'), unanswered: of('unanswered') }
      })
    },
  }
}
