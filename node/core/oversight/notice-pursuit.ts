/**
 * Pursues confirmed notices: asks the home, watches its log, orders what the home has named and not
 * ended by the deadline, and says by a finding what came too late.
 */
import { isoTimeOf } from '../../../protocol/dates.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import { NODE_ACTOR } from '../people/actor.ts'
import type { Acts } from '../people/acts.ts'
import type { Clock } from '../ports.ts'
import type { Sealer } from '../request/sealed.ts'
import type { Store, WriteTransaction } from '../store.ts'
import { retryAfter, type AskHome } from './ask-home.ts'
import type { Findings } from './findings.ts'
import { overNow, type NoticeContent } from './notice-content.ts'
import type { NoticeRow } from './notice-rows.ts'

const BATCH = 50
/** Seconds between two looks at the log of a home that has named the records. */
const LOOK_SECONDS = 30

/** Creates the task that goes through what is due. */
export function createPursuit(ports: {
  store: Store
  clock: Clock
  sealer: Sealer<NoticeContent>
  acts: Pick<Acts, 'add'>
  ask: AskHome
  findings: Pick<Findings, 'raise' | 'cure'>
  order: (site: SiteId, record: RecordId | null, notice: string) => Promise<{ index: number }>
}): () => Promise<void> {
  const { store, clock, sealer, acts, ask } = ports
  const over = (row: NoticeRow, state: 'done' | 'ordered'): NoticeRow =>
    overNow(row, state, clock.now())

  /** What has become of the records that the home has named, by its log. */
  async function look(row: NoticeRow): Promise<{ ended: boolean; live: RecordId[] }> {
    const { site } = row
    if (site === null) return { ended: true, live: [] }
    const states = await store.read((tx) => tx.records.getMany(site, row.records))
    const ended = states.filter(({ live }) => !live).length === row.records.length
    return { ended, live: states.filter(({ live }) => live).map(({ record }) => record) }
  }

  async function raiseOverdue(tx: WriteTransaction, row: NoticeRow): Promise<void> {
    if (row.site === null || row.deadline === null) return
    await ports.findings.raise(tx, {
      kind: 'overdue-erasure',
      site: row.site,
      subject: `notice/${row.id}`,
      severity: 'serious',
      since: row.deadline,
      evidence: {
        notice: row.id,
        requestedAt: row.confirmedAt ?? row.receivedAt,
        deadline: row.deadline,
        attempts: row.attempts,
        records: row.records,
      },
    })
  }

  /** Saves what came of an attempt, unless staff have changed the notice meanwhile. */
  async function settle(row: NoticeRow, next: NoticeRow): Promise<void> {
    await store.write(async (tx) => {
      const now = await tx.notices.get(row.id)
      if (now === null || now.state !== row.state || now.confirmedAt !== row.confirmedAt) return
      await tx.notices.save(next)
      if (next.state !== row.state) {
        const act = { actor: NODE_ACTOR, act: `notice.${next.state}`, subject: row.id }
        await acts.add(tx, act)
      }
      const isOver = row.deadline !== null && clock.now() > row.deadline
      if (next.state === 'overdue' || next.state === 'ordered' || isOver)
        await raiseOverdue(tx, next)
      if (next.state === 'done' && isOver && row.site !== null) {
        const name = {
          kind: 'overdue-erasure',
          site: row.site,
          subject: `notice/${row.id}`,
        } as const
        const note = `the home's entries were seen at ${isoTimeOf(clock.now())}`
        await ports.findings.cure(tx, name, clock.now(), note)
      }
    }, 'erase')
  }

  async function askFor(row: NoticeRow): Promise<NoticeRow> {
    const now = clock.now()
    const address = sealer.open(row.sealed)?.address ?? null
    const isOver = row.deadline !== null && now > row.deadline
    const failed: NoticeRow = {
      ...row,
      state: isOver ? 'overdue' : row.state,
      attempts: row.attempts + 1,
      dueAt: isOver
        ? now + retryAfter(row.attempts)
        : Math.min(now + retryAfter(row.attempts), (row.deadline ?? now) + 1),
    }
    // Sealed under a key that is not there any more: staff have to look.
    if (address === null || row.site === null) return { ...row, state: 'unmatched', dueAt: null }
    try {
      const answer = await ask(row.site, { kind: 'withdraw', id: row.id, email: address })
      if (answer.kind === 'unknown') return { ...row, state: 'unmatched', dueAt: null }
      if (answer.kind !== 'withdrawn' || answer.records.length === 0) return failed
      // The home knows whom it is about: the address is not needed here any more.
      return { ...row, state: 'answered', records: answer.records, sealed: null, dueAt: now }
    } catch {
      // Away, or not able to: the host has said so by an event.
      return failed
    }
  }

  async function follow(row: NoticeRow): Promise<NoticeRow> {
    const { ended, live } = await look(row)
    if (ended) return over(row, 'done')
    const now = clock.now()
    const isOver = row.deadline !== null && now > row.deadline
    if (!isOver || row.site === null) return { ...row, dueAt: now + LOOK_SECONDS }
    // The home has named what is not in its log: there is nothing to order, and staff have to see it.
    if (live.length === 0) return { ...row, state: 'overdue', dueAt: null }
    const orders: number[] = []
    for (const record of live) orders.push((await ports.order(row.site, record, row.id)).index)
    return { ...over(row, 'ordered'), orders: [...row.orders, ...orders] }
  }

  async function advance(row: NoticeRow): Promise<void> {
    await settle(row, row.state === 'answered' ? await follow(row) : await askFor(row))
  }

  return async () => {
    const rows = await store.read((tx) => tx.notices.due(clock.now(), BATCH))
    // Side by side: a home that does not answer must not keep the others waiting.
    await Promise.all(rows.map(advance))
  }
}
