/** A mail as the desk sees it, and what of it matters: who wrote it, and who has forwarded it. */
import { holdsFinancial } from '../../../protocol/financial.ts'
import { normaliseEmail } from '../../../protocol/request.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { LABELS } from './mail-words.ts'

/** One message, its texts without markup. */
export interface MailPart {
  from: string[]
  replyTo: string[]
  subject: string
  /** The plain text, and the HTML as text where there is some. */
  texts: string[]
}
export interface ReceivedMail extends MailPart {
  messageId: string | null
  /** Who has sent it on without a word of its own: Resent-From, Sender, Return-Path. */
  senders: string[]
  /** Messages that are attached, those inside of others after them. */
  attached: MailPart[]
}

/** Reads mail as it stands in a file or comes by SMTP. */
export interface MailReader {
  /** @throws ProtocolError `malformed`, `too_large` */
  read: (raw: Uint8Array) => Promise<ReceivedMail>
}

/** How an address was found, the surest first. */
export const HOWS = ['attached', 'forwarded', 'quoted', 'reply-to', 'sender', 'mentioned'] as const
export type How = (typeof HOWS)[number]
export interface Candidate {
  address: string
  how: How
}

/** What the desk needs of a mail. */
export interface MailFacts {
  /** Addresses of whoever sent or forwarded the mail to the desk. */
  forwarders: string[]
  /** Who may be the member, the likeliest first. */
  candidates: Candidate[]
  subject: string
  /** What the member wrote, shortened, without numbers of cards and accounts. */
  excerpt: string
}

const LINES = 4000
const LINE_CHARS = 1000
const MOST_CANDIDATES = 8
const EXCERPT_CHARS = 1500
const SUBJECT_CHARS = 200
/** Lines of a header block that are looked at after the one that names the sender. */
const BLOCK_LINES = 8
const ADDRESS =
  /[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}/gu
const LABEL = /^([\p{L}\p{M}][\p{L}\p{M}'’ -]{0,23})\s*[*_]*\s*[:：]\s*[*_]*\s*(.*)$/u
const QUOTE = /^[\s>|*_\u200e\u200f\u202a-\u202c\ufeff]+/u

/** Addresses in a text, in their order, without dots that ended a sentence. */
function addressesIn(text: string): string[] {
  const found = text.slice(0, LINE_CHARS).matchAll(ADDRESS)
  return [...found].map(([address]) => normaliseEmail(address.replace(/^['*_]+|[.'*_]+$/g, '')))
}

interface Line {
  text: string
  /** Whether the line is quoted. */
  isQuoted: boolean
  label: string | null
  value: string
}

function linesOf(text: string): Line[] {
  return text
    .split(/\r\n|\n|\r/, LINES)
    .map((raw) => raw.slice(0, LINE_CHARS))
    .map((raw) => {
      const plain = raw.replaceAll('\u00a0', ' ').replace(QUOTE, '').trimEnd()
      const [, label = null, value = ''] = LABEL.exec(plain) ?? []
      const isQuoted = /^\s*[>|]/.test(raw)
      return { text: plain, isQuoted, label: label?.trim().toLowerCase() ?? null, value }
    })
}

/** Whether the line at `at` begins the headers of a forwarded message. */
function isBlock(lines: readonly Line[], at: number): boolean {
  let others = 0
  let blanks = 0
  for (const line of lines.slice(Math.max(0, at - 2), at))
    if (line.label !== null && LABELS.header.has(line.label)) others += 1
  for (const line of lines.slice(at + 1, at + 1 + BLOCK_LINES)) {
    if (line.text === '') blanks += 1
    else if (line.label !== null && LABELS.header.has(line.label)) others += 1
    // Mail programs of tongues that the list lacks still write one header under the other.
    else if (line.label !== null && blanks === 0 && line.value !== '') others += 0.5
    if (blanks > 2) break
  }
  return others >= 1
}

/** Senders named by header blocks that mail programs write above what they forward. */
function forwardedSenders(lines: readonly Line[]): string[] {
  return lines.flatMap(({ label, value }, at) => {
    if (label === null || !LABELS.from.has(label) || !isBlock(lines, at)) return []
    // A long name pushes the address to the next line.
    const next = lines[at + 1]
    const rest = next?.label === null ? ` ${next.text}` : ''
    return (addressesIn(value).at(0) ?? addressesIn(rest).at(0)) || []
  })
}

/** Senders named by a line above what is quoted: "On …, Lotte <lotte@mail.example> wrote:". */
function quotedSenders(lines: readonly Line[]): string[] {
  return lines.flatMap(({ text }, at) => {
    if (!/[:：]$/.test(text)) return []
    const isAbove = lines.slice(at + 1, at + 3).some((line) => line.isQuoted)
    if (!isAbove) return []
    const before = lines[at - 1]?.text ?? ''
    const address = addressesIn(text).at(-1) ?? addressesIn(`${before} ${text}`).at(-1)
    return address ?? []
  })
}

/** Whether the address belongs to one of these domains or one below. */
function isOf(address: string, domains: readonly string[]): boolean {
  const domain = address.slice(address.lastIndexOf('@') + 1)
  return domains.some((one) => domain === one || domain.endsWith(`.${one}`))
}

/** A text with the numbers of cards and accounts taken out: they are kept nowhere. */
export function withoutFinancial(text: string): string {
  return text
    .split('\n')
    .map((line) => (holdsFinancial(line) ? '[a number of a card or account was removed]' : line))
    .join('\n')
}

function shorten(text: string, chars: number): string {
  const plain = text.replaceAll(/[^\S\n]+/g, ' ').replaceAll(/\n{3,}/g, '\n\n')
  // A pair of surrogates that the cut has split is taken out.
  return plain
    .trim()
    .slice(0, chars)
    .replace(/[\ud800-\udbff]$/, '')
}

/** The parts of a text that nobody else than the member can have meant. */
function excerptOf({ texts, attached }: Pick<ReceivedMail, 'texts' | 'attached'>): string {
  const text = (attached.at(-1)?.texts ?? texts).find((one) => one.trim() !== '') ?? ''
  return withoutFinancial(shorten(text.slice(0, 4 * EXCERPT_CHARS), EXCERPT_CHARS))
}

/**
 * Finds who has written what the mail forwards. The innermost message comes first: in a chain from
 * the member by the site's support to its owner the member stands last.
 *
 * @param known domains and addresses that are no member's: sites of the Network, the desk itself
 * @param isContact whether the address is the registered one of a site's owner
 */
export function readFacts(
  mail: ReceivedMail,
  known: { domains: readonly SiteId[]; addresses: readonly string[] },
  isContact: (address: string) => boolean,
): MailFacts {
  const from = mail.from.map(normaliseEmail)
  const forwarders = [...new Set([...from, ...mail.senders.map(normaliseEmail)])]
  const texts = mail.texts.map(linesOf)
  const isSite = (address: string): boolean => isOf(address, known.domains) || isContact(address)
  const isOutside = (address: string): boolean =>
    !isSite(address) && !known.addresses.includes(address)
  const found: Candidate[] = []
  const add = (how: How, addresses: readonly string[]): void => {
    for (const address of addresses.map(normaliseEmail))
      if (isOutside(address) && !found.some((one) => one.address === address))
        found.push({ address, how })
  }
  const isForwarder = (address: string): boolean => forwarders.includes(address)
  const all = (find: (lines: readonly Line[]) => string[]): string[] =>
    texts.flatMap((lines) => find(lines).toReversed())

  const inside = mail.attached.toReversed()
  add(
    'attached',
    inside.flatMap((part) => part.from),
  )
  const attachedTexts = inside.flatMap((part) => part.texts.map(linesOf))
  add(
    'forwarded',
    attachedTexts.flatMap((lines) => forwardedSenders(lines).toReversed()),
  )
  add(
    'forwarded',
    all(forwardedSenders).filter((one) => !isForwarder(one)),
  )
  if (found.length === 0)
    add(
      'quoted',
      all(quotedSenders).filter((one) => !isForwarder(one)),
    )
  if (found.length === 0) add('reply-to', mail.replyTo)
  // Nobody else is in it: a member has written to the desk, or a site has redirected the mail.
  const isDirect = found.length === 0
  if (isDirect) add('sender', from)
  if (found.length === 0)
    add(
      'mentioned',
      texts.flatMap((lines) => lines.flatMap(({ text }) => addressesIn(text))),
    )
  return {
    forwarders,
    candidates: found.slice(0, MOST_CANDIDATES),
    subject: withoutFinancial(shorten(mail.subject, SUBJECT_CHARS)),
    excerpt: excerptOf(mail),
  }
}
