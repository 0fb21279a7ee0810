/** Takes notices in: a forwarded mail, or words that somebody has pasted or typed. */
import { toHex, toUtf8 } from '../../../protocol/bytes.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { normaliseEmail, parseEmail } from '../../../protocol/request.ts'
import type { Actor } from '../people/actor.ts'
import type { Acts } from '../people/acts.ts'
import type { Clock, Random } from '../ports.ts'
import type { Sealer } from '../request/sealed.ts'
import type { Store } from '../store.ts'
import type { View } from '../view.ts'
import { readFacts, type ReceivedMail } from './mail.ts'
import { memberSite, type NewNotice, type NoticeContent } from './notice-content.ts'
import type { NoticeRow, NoticeState } from './notice-rows.ts'

const ID_BYTES = 8
/** Notices that wait for staff; beyond that new ones are refused, and mail servers try again. */
const MOST_OPEN = 5000
const TEXT_CHARS = 100_000
const WAITING: readonly NoticeState[] = ['received', 'parsed', 'unmatched', 'requested', 'overdue']

/** Whether a domain is the site's, or one below it. */
function isBelow(domain: string, site: SiteId): boolean {
  return domain === site || domain.endsWith(`.${site}`)
}

export interface Intake {
  /** Takes a mail; the same one again changes nothing. @throws ProtocolError `conflict`: too many */
  receive: (actor: Actor, mail: ReceivedMail, given: NewNotice) => Promise<NoticeRow>
  /** Takes the words of a mail, or of a letter, as somebody has typed them. */
  enter: (actor: Actor, text: string, given: NewNotice) => Promise<NoticeRow>
}

/** Creates the intake. */
export function createNoticeIntake(ports: {
  view: View
  store: Store
  clock: Clock
  random: Random
  sealer: Sealer<NoticeContent>
  acts: Pick<Acts, 'add'>
  /** Sites of whose owner this is a registered address. */
  sitesOf: (address: string) => Promise<SiteId[]>
  /** Addresses of the desk itself. */
  ownAddresses: readonly string[]
}): Intake {
  const { view, store, clock, random, sealer, acts } = ports

  /** The site that the forwarder runs, by the address, else by its domain, else by the words. */
  async function siteOf(forwarders: readonly string[], texts: readonly string[]) {
    for (const address of forwarders) {
      const [site, ...more] = await ports.sitesOf(address)
      if (site !== undefined && more.length === 0) return site
    }
    const members = [...view.registry().members.keys()]
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
  ): Promise<NoticeRow> {
    const address =
      givenAddress === undefined
        ? content.candidates.length === 1
          ? (content.candidates[0]?.address ?? null)
          : null
        : normaliseEmail(at('/address', () => parseEmail(givenAddress)))
    const home = givenSite === undefined ? site : memberSite(view, givenSite)
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
      if (known !== null) return known
      const counts = await tx.notices.counts()
      const open = WAITING.reduce((sum, state) => sum + (counts[state] ?? 0), 0)
      if (open >= MOST_OPEN) throw new ProtocolError('conflict', '', 'fewer notices that wait')
      await tx.notices.save(row)
      await acts.add(tx, { actor, act: 'notice.take', subject: row.id })
      return row
    })
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
      const content = { ...facts, address: null }
      // Typed twice it is two notices only where something differs.
      const digest = sealer.keyOf(toUtf8(JSON.stringify([words, given.site, given.address])))
      return add(actor, given, { digest, content, site: await siteOf([], [words]) })
    },
  }
}
