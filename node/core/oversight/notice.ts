/**
 * Withdrawal notices (policy §13): a member has written to a site, which forwards the mail to the
 * desk. Staff confirm whom it is about, the home withdraws at once on a signed request, and where it
 * does not, the coordinator orders it. The address is kept, sealed, until the home has answered.
 */
import { at, ProtocolError } from '../../../protocol/errors.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import { normaliseEmail, parseEmail } from '../../../protocol/request.ts'
import type { Actor } from '../people/actor.ts'
import type { Acts } from '../people/acts.ts'
import type { Clock, Random } from '../ports.ts'
import type { Sealer } from '../request/sealed.ts'
import type { ReadTransaction, Store } from '../store.ts'
import type { View } from '../view.ts'
import type { AskHome } from './ask-home.ts'
import type { Findings } from './findings.ts'
import type { ReceivedMail } from './mail.ts'
import { memberSite, overNow, type NewNotice, type NoticeContent } from './notice-content.ts'
import { createNoticeIntake } from './notice-intake.ts'
import { createPursuit } from './notice-pursuit.ts'
import type { CloseReason, NoticeFilter, NoticeRow, NoticeState } from './notice-rows.ts'

/** A notice without what is sealed in it. */
export type Notice = Omit<NoticeRow, 'sealed' | 'digest' | 'dueAt'> & { isLate: boolean }

export interface Notices {
  /** Takes a mail; the same one again changes nothing. @throws ProtocolError `conflict`: too many */
  receive: (actor: Actor, mail: ReceivedMail, given: NewNotice) => Promise<Notice>
  /** Takes the words of a mail, or of a letter, as somebody has typed them. */
  enter: (actor: Actor, text: string, given: NewNotice) => Promise<Notice>
  list: (filter: NoticeFilter) => Promise<Notice[]>
  counts: () => Promise<Partial<Record<NoticeState, number>>>
  /** @throws ProtocolError `not_found` */
  get: (id: string) => Promise<{ notice: Notice; content: NoticeContent | null }>
  /**
   * Confirms whom the notice is about: the home is asked from now on.
   *
   * @throws ProtocolError `not_found`, `conflict`; `malformed` where address or site are missing
   */
  confirm: (
    actor: Actor,
    id: string,
    given: { site?: SiteId | undefined; address?: string | undefined },
  ) => Promise<Notice>
  /** Orders one record, or (null) all that the site has published so far. */
  order: (actor: Actor, id: string, record: RecordId | null) => Promise<Notice>
  /** Closes a notice that leads to no withdrawal. */
  close: (actor: Actor, id: string, reason: CloseReason) => Promise<Notice>
  /** Asks homes, looks at their logs, orders what is late. */
  run: () => Promise<void>
  /** A home is connected: it is asked at once. */
  connected: (site: SiteId) => Promise<void>
}

const CONFIRMABLE: readonly NoticeState[] = ['received', 'parsed', 'unmatched']

async function need(tx: Pick<ReadTransaction, 'notices'>, id: string): Promise<NoticeRow> {
  const row = await tx.notices.get(id)
  if (row === null) throw new ProtocolError('not_found', '/id', 'a notice')
  return row
}

/** Creates the desk for withdrawal notices. */
export function createNotices(ports: {
  view: View
  store: Store
  clock: Clock
  random: Random
  sealer: Sealer<NoticeContent>
  acts: Pick<Acts, 'add'>
  ask: AskHome
  findings: Pick<Findings, 'raise' | 'cure'>
  order: (site: SiteId, record: RecordId | null, notice: string) => Promise<{ index: number }>
  /** Sites of whose owner this is a registered address. */
  sitesOf: (address: string) => Promise<SiteId[]>
  /** Addresses of the desk itself. */
  ownAddresses: readonly string[]
  /** Runs {@link Notices.run} soon. */
  soon: () => void
}): Notices {
  const { view, store, clock, sealer, acts } = ports
  const intake = createNoticeIntake(ports)

  function shown({ sealed: _sealed, digest: _digest, dueAt: _dueAt, ...row }: NoticeRow): Notice {
    const { erasureDeadlineSeconds } = view.registry().terms
    const by = row.deadline ?? row.receivedAt + erasureDeadlineSeconds
    return { ...row, isLate: row.closedAt === null && clock.now() > by }
  }
  const over = (row: NoticeRow, state: 'ordered' | 'closed'): NoticeRow =>
    overNow(row, state, clock.now())

  async function change(
    actor: Actor,
    id: string,
    act: string,
    work: (row: NoticeRow) => NoticeRow,
  ): Promise<Notice> {
    const row = await store.write(async (tx) => {
      const next = work(await need(tx, id))
      await tx.notices.save(next)
      await acts.add(tx, { actor, act: `notice.${act}`, subject: id })
      return next
    }, 'erase')
    return shown(row)
  }

  return {
    receive: async (...taken) => shown(await intake.receive(...taken)),
    enter: async (...taken) => shown(await intake.enter(...taken)),
    list: async (filter) => (await store.read((tx) => tx.notices.list(filter))).map(shown),
    counts: () => store.read((tx) => tx.notices.counts()),
    get: async (id) => {
      const row = await store.read((tx) => need(tx, id))
      return { notice: shown(row), content: sealer.open(row.sealed) }
    },
    confirm: async (actor, id, given) => {
      const notice = await change(actor, id, 'confirm', (row) => {
        if (!CONFIRMABLE.includes(row.state))
          throw new ProtocolError('conflict', '/id', 'a notice that waits for staff')
        const content = sealer.open(row.sealed)
        const { address: written } = given
        const address =
          written === undefined
            ? (content?.address ?? null)
            : normaliseEmail(at('/address', () => parseEmail(written)))
        const site = given.site === undefined ? row.site : memberSite(view, given.site)
        if (content === null || address === null)
          throw new ProtocolError('malformed', '/address', "the member's e-mail address")
        if (site === null) throw new ProtocolError('malformed', '/site', "the member's site")
        const now = clock.now()
        return {
          ...row,
          site,
          state: 'requested',
          sealed: sealer.seal({ ...content, address }),
          confirmedAt: now,
          deadline: now + view.registry().terms.erasureDeadlineSeconds,
          dueAt: now,
          attempts: 0,
        }
      })
      ports.soon()
      return notice
    },
    order: async (actor, id, record) => {
      const row = await store.read((tx) => need(tx, id))
      if (row.site === null) throw new ProtocolError('malformed', '/site', "the member's site")
      if (row.closedAt !== null)
        throw new ProtocolError('conflict', '/id', 'a notice that is not over')
      const { index } = await ports.order(row.site, record, row.id)
      return change(actor, id, 'order', (now) => ({
        ...over(now, 'ordered'),
        records: record === null ? now.records : [...new Set([...now.records, record])],
        orders: [...now.orders, index],
      }))
    },
    close: (actor, id, reason) =>
      change(actor, id, 'close', (row) => {
        if (row.closedAt !== null || row.state === 'answered')
          throw new ProtocolError('conflict', '/id', 'a notice that waits')
        return { ...over(row, 'closed'), reason }
      }),
    run: createPursuit(ports),
    connected: async (site) => {
      await store.write((tx) => tx.notices.hurry(site, clock.now()))
      ports.soon()
    },
  }
}
