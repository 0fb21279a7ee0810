/**
 * The consent record: what a member agreed to, when, having read what. Its parts follow the consent
 * record of ISO/IEC TS 27560:2023 (notice, purposes, event, duration), cut to what we need.
 */
import { z } from 'zod'
import { DAY_SECONDS } from './dates.ts'
import { ProtocolError, at } from './errors.ts'
import { parseSiteId, type SiteId } from './ids.ts'
import { listOf, literal, oneOf, strict, textThat } from './quick.ts'
import { count, parseWith, type ProtocolIssue } from './schema.ts'

/** What can be consented to, each by itself; sorted, as in a consent record. */
export const SCOPES = [
  'appearance',
  'birth-date',
  'discovery',
  'habits',
  'messaging',
  'names',
  'pictures',
  'presence',
  'race',
  'recommendations',
  'religion',
] as const
export type Scope = (typeof SCOPES)[number]

/** The three purposes of the policy (§10.2); there is no other. Sorted. */
export const PURPOSES = ['account', 'recommend', 'viewable'] as const
export type Purpose = (typeof PURPOSES)[number]

/** How the consent reached the site. */
export const CHANNELS = ['app', 'email', 'in-person', 'phone', 'post', 'web'] as const
export type Channel = (typeof CHANNELS)[number]

/** Seconds for which a consent holds at most, and by default: 12 months as 365 days. */
export const CONSENT_SECONDS = 365 * DAY_SECONDS

/** The text that the member saw. */
export interface Notice {
  url: string
  version: string
  /** BCP 47 primary tag. */
  language: string
  /** SHA-256 of the text, hexadecimal. */
  hash: string
}

/** One member's live consent, as it travels in the body. Lists are sorted. */
export interface ConsentRecord {
  notice: Notice
  scopes: Scope[]
  purposes: Purpose[]
  /** Unix seconds. */
  givenAt: number
  /** Unix seconds; from then on the consent is void. */
  expiresAt: number
  channel: Channel
  state: 'given'
  /** Sites that the member excludes; in the body, so that a relay honours it too. */
  excludes?: SiteId[]
}

const protocol = (expected: string): { params: { protocol: ProtocolIssue } } => ({
  params: { protocol: { code: 'out_of_range', expected } },
})
function matching(pattern: RegExp, expected: string): z.ZodString {
  const test = (text: string): boolean => pattern.test(text)
  return textThat(test, z.string().refine(test, protocol(expected)))
}

const notice = strict({
  url: matching(/^https?:\/\/[^\s<>"]{1,2000}$/, 'the http(s) address of the notice'),
  version: matching(/^[\w.-]{1,40}$/, '1 to 40 letters, digits, dots, hyphens'),
  language: matching(/^[a-z]{2,3}$/, 'a BCP 47 primary language tag in lower case'),
  hash: matching(/^[0-9a-f]{64}$/, 'a SHA-256 as 64 lower-case hexadecimal digits'),
})
/** Sites excluded by one member at most; who excludes more had better not consent. */
const EXCLUDED_SITES = 256
const excludes = listOf(
  textThat(() => true, z.string()),
  0,
  EXCLUDED_SITES,
).exactOptional()

/** The JSON by which a site hands in a consent: lists in any order, defaults where we have some. */
export const consentInputSchema = strict({
  notice,
  scopes: listOf(oneOf(SCOPES), 0, SCOPES.length),
  purposes: listOf(oneOf(PURPOSES), 1, PURPOSES.length).optional(),
  givenAt: count,
  expiresAt: count.optional(),
  channel: oneOf(CHANNELS),
  state: literal('given').optional(),
  excludes,
})

const consentSchema = strict({
  notice,
  scopes: listOf(oneOf(SCOPES), 0, SCOPES.length),
  purposes: listOf(oneOf(PURPOSES), 1, PURPOSES.length),
  givenAt: count,
  expiresAt: count,
  channel: oneOf(CHANNELS),
  state: literal('given'),
  excludes,
})

/** Whether each text is greater than the one before, hence sorted without repetition. */
export function isSortedUnique(list: readonly string[]): boolean {
  for (let i = 1; i < list.length; i += 1) if ((list[i - 1] ?? '') >= (list[i] ?? '')) return false
  return true
}

/** The list sorted, as a new one; most are sorted already, and sorting allocates much. */
export function sorted<Word extends string>(list: readonly Word[]): Word[] {
  return isSortedUnique(list) ? [...list] : list.toSorted()
}

type Unchecked = Omit<ConsentRecord, 'excludes'> & { excludes?: string[] }

function check(consent: Unchecked): ConsentRecord {
  if (!consent.scopes.includes('discovery'))
    throw new ProtocolError('no_consent', '/scopes', 'the scope discovery among them')
  if (!isSortedUnique(consent.scopes))
    throw new ProtocolError('out_of_range', '/scopes', 'each scope once, sorted')
  if (!isSortedUnique(consent.purposes))
    throw new ProtocolError('out_of_range', '/purposes', 'each purpose once, sorted')
  const duration = consent.expiresAt - consent.givenAt
  if (duration <= 0 || duration > CONSENT_SECONDS)
    throw new ProtocolError('out_of_range', '/expiresAt', 'at most 365 days after givenAt')
  checkExcludes(consent)
  return consent
}

/** A site's name is parsed into itself. */
function checkExcludes(consent: Unchecked): asserts consent is ConsentRecord {
  const { excludes: sites = [] } = consent
  if (!isSortedUnique(sites))
    throw new ProtocolError('out_of_range', '/excludes', 'each site once, sorted')
  for (const site of sites) at('/excludes', () => parseSiteId(site))
}

/**
 * Parses the consent that a site hands in as JSON: sorts the lists, sets the defaults (all three
 * purposes, 365 days).
 *
 * @throws ProtocolError `unknown_field`, `wrong_type`, `out_of_range`; `no_consent` where it is
 *   absent or without `discovery`
 */
export function parseConsentInput(json: unknown): ConsentRecord {
  if (json === undefined || json === null)
    throw new ProtocolError('no_consent', '', 'the consent of the member')
  const input = parseWith(consentInputSchema, json)
  return check({
    notice: input.notice,
    scopes: sorted(input.scopes),
    purposes: sorted(input.purposes ?? PURPOSES),
    givenAt: input.givenAt,
    expiresAt: input.expiresAt ?? input.givenAt + CONSENT_SECONDS,
    channel: input.channel,
    state: 'given',
    ...(input.excludes && { excludes: sorted(input.excludes) }),
  })
}

/**
 * Parses a consent record just decoded from CBOR: everything present, lists sorted. What is given
 * back may be `value` itself.
 *
 * @throws ProtocolError as {@link parseConsentInput}
 */
export function parseConsent(value: unknown): ConsentRecord {
  return check(parseWith(consentSchema, value, 'own'))
}

/** Whether the consent holds at `now` (unix seconds). */
export function isConsentLive(consent: ConsentRecord, now: number): boolean {
  return now >= consent.givenAt && now < consent.expiresAt
}

/** Whether the consent holds at `now` (unix seconds) and has `scope`. */
export function consentCovers(consent: ConsentRecord, scope: Scope, now: number): boolean {
  return isConsentLive(consent, now) && consent.scopes.includes(scope)
}

/**
 * Refuses a consent that does not hold at `now` (unix seconds).
 *
 * @throws ProtocolError `no_consent`
 */
export function checkConsentLive(consent: ConsentRecord, now: number): void {
  if (now < consent.givenAt)
    throw new ProtocolError('no_consent', '/givenAt', 'a consent that is not of the future')
  if (now >= consent.expiresAt)
    throw new ProtocolError('no_consent', '/expiresAt', 'a consent that has not expired')
}

/**
 * Refuses a consent bound to a notice that is not accepted (any more): a changed purpose needs
 * consent anew.
 *
 * @param noticeVersions the accepted ones, from the Network's terms
 * @throws ProtocolError `outdated_notice`
 */
export function checkNotice(consent: ConsentRecord, noticeVersions: readonly string[]): void {
  if (!noticeVersions.includes(consent.notice.version))
    throw new ProtocolError(
      'outdated_notice',
      '/notice/version',
      `one of ${noticeVersions.join(', ')}`,
    )
}
