/**
 * Consent challenges: asks the homes of drawn publishes to open the consent, checks it against the
 * log, and keeps the verdict. What was opened is dropped as soon as it is checked.
 */
import { toHex } from '../../../protocol/bytes.ts'
import {
  checkOpening,
  openingDigest,
  type AuditReply,
  type AuditRequest,
} from '../../../protocol/challenge.ts'
import { decodeEntry, type Publish } from '../../../protocol/entry.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { isActive, noticesBetween } from '../../../protocol/registry.ts'
import { logStateOf } from '../log/writer.ts'
import type { Actor } from '../people/actor.ts'
import type { Acts } from '../people/acts.ts'
import type { Clock, Crypto, Events, Network } from '../ports.ts'
import type { ReadTransaction, RecordState, Store, WriteTransaction } from '../store.ts'
import { reasonOf, type Tasks } from '../tasks.ts'
import { isKnown, type View } from '../view.ts'
import type { ChallengeFilter, ChallengeReason, ChallengeRow } from '../challenge-rows.ts'
import type { Drawer } from './draw.ts'
import type { NewFinding, Severity } from './finding.ts'
import { rateOf, type Rate } from './interval.ts'
import { FAR_OFF_SECONDS, nextTry } from './retry.ts'

export interface ChallengeRate extends Rate {
  site: SiteId
  waiting: number
  /** Decided neither way: the record had ended, or a newer version had taken its place. */
  ended: number
  superseded: number
}

export interface Challenges {
  /** Draws and asks what is due, aside. */
  run: () => void
  /** Draws from one site on somebody's demand, which is recorded. */
  demand: (actor: Actor, site: SiteId, count: number) => Promise<{ draw: number; drawn: number }>
  list: (filter: ChallengeFilter) => Promise<ChallengeRow[]>
  rates: () => Promise<ChallengeRate[]>
}

/** Challenges looked at in one go: each waits for an answer of its own. */
const BATCH = 64

type Opened = Extract<AuditReply, { kind: 'opening' }>
/** What comes of a look: a verdict, or another try. */
type Verdict =
  | { state: 'waiting'; reason: ChallengeReason | null }
  | { state: 'passed' | 'superseded'; opened: Opened }
  | { state: 'ended' | 'void' }
  | { state: 'failed'; reason: ChallengeReason; since: number; opened: Opened | null }

const REASONS: Partial<Record<string, ChallengeReason>> = {
  bad_commitment: 'bad-commitment',
  no_consent: 'no-consent',
  outdated_notice: 'outdated-notice',
}
/** No answer may have a harmless cause; a wrong one has none. */
const SEVERITIES = {
  unanswered: 'serious',
  refused: 'serious',
  'not-shown': 'serious',
  'outdated-notice': 'serious',
  'bad-commitment': 'critical',
  malformed: 'critical',
  'no-consent': 'critical',
} satisfies Record<ChallengeReason, Severity>

function findingOf(row: ChallengeRow, reason: ChallengeReason, since: number): NewFinding {
  const { site, index, record, draw, drawnAt, dueAt, openedIndex, digest } = row
  return {
    kind: reason === 'outdated-notice' ? 'outdated-notice' : 'failed-challenge',
    site,
    subject: `${site}/${index}`,
    severity: SEVERITIES[reason],
    since,
    evidence: {
      log: site,
      index,
      record,
      draw,
      reason,
      drawnAt,
      dueAt,
      ...(openedIndex !== null && { openedIndex }),
      ...(digest !== null && { digest: toHex(digest) }),
    },
  }
}

async function publishAt(
  tx: ReadTransaction,
  site: SiteId,
  index: number,
): Promise<Publish | null> {
  const bytes = (await tx.logs.entriesAt(site, [index])).get(index)
  const entry = bytes === undefined ? undefined : decodeEntry(bytes)
  return entry?.type === 'publish' ? entry : null
}

/** Creates the challenges of the coordinator. */
export function createChallenges(ports: {
  view: View
  store: Store
  clock: Clock
  crypto: Crypto
  network: Pick<Network, 'audit' | 'connected'>
  events: Events
  tasks: Tasks
  drawer: Drawer
  acts: Acts
  /** Tries to bring what is missing of a log. */
  pull: (log: SiteId) => Promise<void>
  raise: (tx: WriteTransaction, finding: NewFinding) => Promise<void>
}): Challenges {
  const { view, store, clock, crypto, network, events, tasks, drawer, acts, pull, raise } = ports

  /** What can be said without asking; null where the site has to be asked. */
  function verdictOf(row: ChallengeRow, state: RecordState | null): Verdict | null {
    const { site, dueAt, tries } = row
    const now = clock.now()
    if (!isKnown(view, site)) return { state: 'void' }
    if (state?.live !== true || state.expires <= now) return { state: 'ended' }
    if (!nextTry(now, { dueAt, tries }).isLast) return null
    if (!isActive(view.registry(), site, now)) return { state: 'void' }
    const reason = row.reason ?? 'unanswered'
    return { state: 'failed', reason, since: dueAt, opened: null }
  }

  /** Checks an opening; of which version it may be says the log. */
  async function check(
    tx: ReadTransaction,
    row: ChallengeRow,
    state: RecordState,
    opened: Opened,
  ): Promise<Verdict> {
    const { site, index, record } = row
    // The newer version that was opened has not come here yet.
    if (opened.index >= (await logStateOf(tx, site)).size) {
      tasks.background('pull', () => pull(site))
      return { state: 'waiting', reason: null }
    }
    const entry = await publishAt(tx, site, opened.index)
    const since = entry?.time ?? row.drawnAt
    const failed = (reason: ChallengeReason): Verdict => ({
      state: 'failed',
      reason,
      since,
      opened,
    })
    if (entry?.record !== record || opened.index < index) return failed('bad-commitment')
    const registry = view.registry()
    try {
      checkOpening(
        opened,
        {
          entry,
          joinedAt: state.joinedAt,
          noticesBetween: (from, to) => noticesBetween(registry, from, to),
          registryLeaseSeconds: registry.terms.registryLeaseSeconds,
        },
        crypto.sha256,
      )
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      return failed(REASONS[error.code] ?? 'malformed')
    }
    return { state: opened.index === index ? 'passed' : 'superseded', opened }
  }

  function changed(row: ChallengeRow, verdict: Verdict): ChallengeRow {
    const now = clock.now()
    const tries = row.tries + 1
    if (verdict.state === 'waiting') {
      const { at } = nextTry(now, { dueAt: row.dueAt, tries })
      return { ...row, tries, reason: verdict.reason ?? row.reason, retryAt: at }
    }
    const opened = 'opened' in verdict ? verdict.opened : null
    return {
      ...row,
      tries,
      state: verdict.state,
      reason: verdict.state === 'failed' ? verdict.reason : null,
      retryAt: null,
      decidedAt: now,
      openedIndex: opened?.index ?? null,
      digest: opened === null ? null : openingDigest(opened, crypto.sha256),
    }
  }

  async function save(tx: WriteTransaction, row: ChallengeRow, verdict: Verdict): Promise<void> {
    const next = changed(row, verdict)
    await tx.challenges.save(next)
    if (verdict.state === 'failed') await raise(tx, findingOf(next, verdict.reason, verdict.since))
  }

  async function ask(row: ChallengeRow): Promise<AuditReply | null> {
    const { site, draw, index } = row
    if (!network.connected().includes(site)) return null
    const request: AuditRequest = { kind: 'open', draw, index }
    try {
      return await network.audit(site, request)
    } catch (error) {
      events.emit({ type: 'peer.failed', site, action: 'challenge', reason: reasonOf(error) })
      return null
    }
  }

  /** What an answer is worth; the log is looked at again, since it may have moved meanwhile. */
  async function judge(
    tx: ReadTransaction,
    row: ChallengeRow,
    reply: AuditReply | null,
  ): Promise<Verdict> {
    const state = await tx.records.get(row.site, row.record)
    if (state?.live !== true) return { state: 'ended' }
    switch (reply?.kind) {
      case 'opening':
        return check(tx, row, state, reply)
      case 'ended':
        tasks.background('pull', () => pull(row.site))
        return { state: 'waiting', reason: 'not-shown' }
      case 'refused':
      case 'statement':
        return { state: 'waiting', reason: 'refused' }
      default:
        return { state: 'waiting', reason: 'unanswered' }
    }
  }

  async function look(row: ChallengeRow): Promise<void> {
    const state = await store.read((tx) => tx.records.get(row.site, row.record))
    const before = verdictOf(row, state)
    const reply = before === null ? await ask(row) : null
    const verdict = await store.write(async (tx) => {
      const now = await tx.challenges.get(row.id)
      if (now?.state !== 'waiting') return null
      const found = before ?? (await judge(tx, now, reply))
      await save(tx, now, found)
      return found
    })
    if (verdict === null || verdict.state === 'waiting') return
    const { site, draw, index } = row
    events.emit({ type: 'challenge.decided', site, draw, index, state: verdict.state })
  }

  const run = tasks.coalesced('challenges', async () => {
    await drawer.drawIfDue()
    const now = clock.now()
    const rows = await store.read((tx) => tx.challenges.due(now, now + FAR_OFF_SECONDS, BATCH))
    for (const row of rows) await look(row)
  })

  return {
    run,
    demand: async (actor, site, count) => {
      const done = await drawer.demand(site, count, (tx, draw) =>
        acts.add(tx, { actor, act: 'challenge.demand', subject: `${site}/${draw}` }),
      )
      run()
      return done
    },
    list: (filter) => store.read((tx) => tx.challenges.list(filter)),
    rates: async () => {
      const counts = await store.read((tx) => tx.challenges.counts())
      const bySite = Map.groupBy(counts, ({ site }) => site)
      return [...bySite].map(([site, rows]) => {
        const of = (state: ChallengeRow['state']): number =>
          rows.find((row) => row.state === state)?.count ?? 0
        const rate = rateOf(of('passed'), of('failed'))
        const [waiting, ended, superseded] = [of('waiting'), of('ended'), of('superseded')]
        return { site, ...rate, waiting, ended, superseded }
      })
    },
  }
}
