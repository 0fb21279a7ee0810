/**
 * Withdrawal notices (policy §13): a member has written to a site, which forwards the mail to the
 * desk. Staff confirm whom it is about, the home withdraws at once on a signed request, and where it
 * does not, the coordinator orders it. The address is kept, sealed, until the home has answered.
 */
import { toHex, toUtf8 } from '../../../protocol/bytes.ts'
import { isoTimeOf } from '../../../protocol/dates.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import { normaliseEmail, parseEmail } from '../../../protocol/request.ts'
import { memberOf } from '../../../protocol/registry.ts'
import { NODE_ACTOR, type Actor } from '../people/actor.ts'
import type { Acts } from '../people/acts.ts'
import type { Clock, Random } from '../ports.ts'
import type { Sealer } from '../request/sealed.ts'
import type { ReadTransaction, Store, WriteTransaction } from '../store.ts'
import type { View } from '../view.ts'
import { retryAfter, type AskHome } from './ask-home.ts'
import type { Findings } from './findings.ts'
import { readFacts, withoutFinancial, type Candidate, type ReceivedMail } from './mail.ts'
import type {
  CloseReason,
  NoticeChannel,
  NoticeFilter,
  NoticeRow,
  NoticeState,
} from './notice-rows.ts'

const ID_BYTES = 8
const BATCH = 50
/** Notices that wait for staff; beyond that new ones are refused, and mail servers try again. */
const MOST_OPEN = 5000
/** Seconds between two looks at the log of a home that has named the records. */
const LOOK_SECONDS = 30
const TEXT_CHARS = 100_000

/** What is kept of people while a notice is not over. */
export interface NoticeContent {
  forwarders: string[]
  candidates: Candidate[]
  /** The address that staff have chosen, or the only one there is. */
  address: string | null
  subject: string
  excerpt: string
}
/** A notice without what is sealed in it. */
export type Notice = Omit<NoticeRow, 'sealed' | 'digest' | 'dueAt'> & { isLate: boolean }

export interface NewNotice {
  channel: NoticeChannel
  site?: SiteId | undefined
  address?: string | undefined
}

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

const WAITING: readonly NoticeState[] = ['received', 'parsed', 'unmatched', 'requested', 'overdue']
const CONFIRMABLE: readonly NoticeState[] = ['received', 'parsed', 'unmatched']

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
  const { view, store, clock, random, sealer, acts, ask } = ports

  function shown({ sealed: _sealed, digest: _digest, dueAt: _dueAt, ...row }: NoticeRow): Notice {
    const { erasureDeadlineSeconds } = view.registry().terms
    const by = row.deadline ?? row.receivedAt + erasureDeadlineSeconds
    return { ...row, isLate: row.closedAt === null && clock.now() > by }
  }
  async function need(tx: Pick<ReadTransaction, 'notices'>, id: string): Promise<NoticeRow> {
    const row = await tx.notices.get(id)
    if (row === null) throw new ProtocolError('not_found', '/id', 'a notice')
    return row
  }
  function checkSite(site: SiteId): SiteId {
    if (memberOf(view.registry(), site) === undefined || site === view.network)
      throw new ProtocolError('not_found', '/site', 'a member of the Network')
    return site
  }
  /** A notice is over: nothing of the person stays. */
  function over(row: NoticeRow, state: 'done' | 'ordered' | 'closed'): NoticeRow {
    return { ...row, state, sealed: null, dueAt: null, closedAt: clock.now() }
  }

  /** The site that the forwarder runs, by the address, else by its domain, else by the words. */
  async function siteOf(forwarders: readonly string[], texts: readonly string[]) {
    for (const address of forwarders) {
      const [site, ...more] = await ports.sitesOf(address)
      if (site !== undefined && more.length === 0) return site
    }
    const members = [...view.registry().members.keys()]
    const isBelow = (domain: string, site: SiteId): boolean =>
      domain === site || domain.endsWith(`.${site}`)
    const byDomain = members.filter((site) =>
      forwarders.some((address) => isBelow(address.slice(address.lastIndexOf('@') + 1), site)),
    )
    if (byDomain.length > 0) return byDomain.toSorted((a, b) => b.length - a.length)[0] ?? null
    const words = texts.join('\n').toLowerCase()
    const named = members.filter((site) => words.includes(site))
    return named.length === 1 ? (named[0] ?? null) : null
  }

  async function add(
    actor: Actor,
    { channel, site: givenSite, address: givenAddress }: NewNotice,
    { digest, content, site }: { digest: Uint8Array; content: NoticeContent; site: SiteId | null },
  ): Promise<Notice> {
    const address =
      givenAddress === undefined
        ? content.candidates.length === 1
          ? (content.candidates[0]?.address ?? null)
          : null
        : normaliseEmail(at('/address', () => parseEmail(givenAddress)))
    const home = givenSite === undefined ? site : checkSite(givenSite)
    const row: NoticeRow = {
      id: `n-${toHex(random.bytes(ID_BYTES))}`,
      channel,
      digest,
      receivedAt: clock.now(),
      site: home,
      state: address === null || home === null ? 'received' : 'parsed',
      sealed: sealer.seal({ ...content, address }),
      confirmedAt: null,
      deadline: null,
      dueAt: null,
      attempts: 0,
      records: [],
      orders: [],
      closedAt: null,
      reason: null,
    }
    return store.write(async (tx) => {
      const known = await tx.notices.byDigest(digest)
      if (known !== null) return shown(known)
      const counts = await tx.notices.counts()
      const open = WAITING.reduce((sum, state) => sum + (counts[state] ?? 0), 0)
      if (open >= MOST_OPEN) throw new ProtocolError('conflict', '', 'fewer notices that wait')
      await tx.notices.save(row)
      await acts.add(tx, { actor, act: 'notice.take', subject: row.id })
      return shown(row)
    })
  }

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

  return {
    receive: async (actor, mail, given) => {
      const contacts = new Set<string>()
      const named = [...mail.from, ...mail.senders, ...mail.attached.flatMap(({ from }) => from)]
      for (const address of named.map(normaliseEmail))
        if ((await ports.sitesOf(address)).length > 0) contacts.add(address)
      const known = {
        domains: [view.network, ...view.registry().members.keys()],
        addresses: ports.ownAddresses.map(normaliseEmail),
      }
      const facts = readFacts(mail, known, (address) => contacts.has(address))
      const content = { ...facts, address: null }
      const words = [mail.subject, ...mail.texts, ...mail.attached.flatMap(({ texts }) => texts)]
      const site = await siteOf(facts.forwarders, words)
      const digest = sealer.keyOf(mail.messageId ?? JSON.stringify([mail.from, ...words]))
      return add(actor, given, { digest, content, site })
    },
    enter: async (actor, text, given) => {
      const words = text.slice(0, TEXT_CHARS)
      const known = {
        domains: [view.network, ...view.registry().members.keys()],
        addresses: ports.ownAddresses.map(normaliseEmail),
      }
      const empty = { from: [], replyTo: [], subject: '', senders: [], attached: [] }
      const mail = { ...empty, messageId: null, texts: [words] }
      const facts = readFacts(mail, known, () => false)
      const content = { ...facts, excerpt: withoutFinancial(facts.excerpt), address: null }
      // Typed twice it is two notices only where something differs.
      const digest = sealer.keyOf(toUtf8(JSON.stringify([words, given.site, given.address])))
      return add(actor, given, { digest, content, site: await siteOf([], [words]) })
    },
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
        const site = given.site === undefined ? row.site : checkSite(given.site)
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
    run: async () => {
      const rows = await store.read((tx) => tx.notices.due(clock.now(), BATCH))
      // Side by side: a home that does not answer must not keep the others waiting.
      await Promise.all(rows.map(advance))
    },
    connected: async (site) => {
      await store.write((tx) => tx.notices.hurry(site, clock.now()))
      ports.soon()
    },
  }
}
