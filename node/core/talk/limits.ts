/**
 * How much may be said: token buckets by pair, member and site, and a watch for one text that goes
 * to many. All of it is in memory, bounded, and under keyed hashes, so that not even a dump of the
 * memory lists who wrote to whom.
 */
import { concatBytes, toHex, toUtf8 } from '../../../protocol/bytes.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import type { TalkMessage } from '../../../protocol/talk.ts'
import type { Clock, Crypto, Random } from '../ports.ts'

export interface Rate {
  /** Tokens that come back every second. */
  perSecond: number
  /** Tokens of a full bucket. */
  burst: number
}
export interface TalkRates {
  /** Texts from one record to one other. */
  pair: Rate
  /** Texts from one record to all others. */
  member: Rate
  /** Typing and read, from one record to one other. */
  signs: Rate
  /** All that one site tells another. */
  site: Rate
  /** Recipients of one text by one member within {@link WINDOW_SECONDS}. */
  sameTextByMember: number
  /** Recipients of one long text by all members of a site. */
  sameTextBySite: number
}

/** People type slowly: these are in nobody's way but a program's. */
export const TALK_RATES: TalkRates = {
  pair: { perSecond: 0.5, burst: 30 },
  member: { perSecond: 1, burst: 60 },
  signs: { perSecond: 1, burst: 30 },
  site: { perSecond: 500, burst: 5000 },
  sameTextByMember: 8,
  sameTextBySite: 40,
}
/**
 * What a receiver grants beyond what the sender should keep to by itself: the two clocks differ,
 * and an honest sender must never be refused for that.
 */
export const RECEIVER_FACTOR = 2

/** Seconds for which a text is remembered. */
export const WINDOW_SECONDS = 3600
/** Letters from which on a text is looked at for all members of a site: greetings are alike. */
const LONG_LETTERS = 40
/** Buckets of each kind, and texts, that are kept at most; then the one used longest ago goes. */
const BUCKETS = 20_000
const TEXTS = 5000
const KEY_BYTES = 32
const NAME_BYTES = 12

/** A name that says nothing without a key that only this process has. */
export type Naming = (...parts: string[]) => string

/** Creates names under a new random key. */
export function createNaming(ports: { crypto: Pick<Crypto, 'sha256'>; random: Random }): Naming {
  const { crypto, random } = ports
  const key = random.bytes(KEY_BYTES)
  // A hash over key and parts is enough, at half the price of an HMAC: cut to this length it cannot be
  // continued, and a name proves nothing to anybody.
  return (...parts) =>
    toHex(crypto.sha256(concatBytes(key, toUtf8(parts.join('\0')))).subarray(0, NAME_BYTES))
}

/** A map that forgets what was used longest ago. */
class Recent<Value> extends Map<string, Value> {
  readonly #most: number

  constructor(most: number) {
    super()
    this.#most = most
  }
  override set(name: string, value: Value): this {
    this.delete(name)
    super.set(name, value)
    if (this.size > this.#most)
      for (const oldest of this.keys()) {
        this.delete(oldest)
        break
      }
    return this
  }
}

/** Takes a token; false where the bucket of that name is empty. */
export type Buckets = (name: string) => boolean

/** Creates buckets of one kind. */
export function createBuckets({ perSecond, burst }: Rate, clock: Pick<Clock, 'now'>): Buckets {
  const buckets = new Recent<{ tokens: number; at: number }>(BUCKETS)
  return (name) => {
    const now = clock.now()
    const held = buckets.get(name)
    // A clock that goes back gives nothing, and takes nothing.
    const gained = held === undefined ? burst : Math.max(0, now - held.at) * perSecond
    const tokens = Math.min(burst, (held?.tokens ?? 0) + gained)
    buckets.set(name, { tokens: tokens < 1 ? tokens : tokens - 1, at: now })
    return tokens >= 1
  }
}

/** Letters alone, in one case: numbers, signs and spaces are what senders vary. */
export function normalText(text: string): string {
  const letters = text.normalize('NFKC').toLowerCase().replaceAll(/\P{L}/gu, '')
  return letters === '' ? text.trim() : letters
}

/** What became of a text in the watch. */
export type Burst = { kind: 'free' } | { kind: 'held'; isNew: boolean; recipients: number }

interface Watched {
  recipients: Set<string>
  since: number
  isHeld: boolean
}

/** Watches for one text to many. */
function createBursts(
  rates: TalkRates,
  clock: Pick<Clock, 'now'>,
  nameOf: Naming,
): (site: SiteId, message: TalkMessage, text: string) => Burst {
  const texts = new Recent<Watched>(TEXTS)

  function look(scope: string, letters: string, to: string, most: number): Burst {
    const name = nameOf(scope, letters)
    const now = clock.now()
    const known = texts.get(name)
    const isOver = known === undefined || Math.abs(now - known.since) > WINDOW_SECONDS
    const watched = isOver ? { recipients: new Set<string>(), since: now, isHeld: false } : known
    texts.set(name, watched)
    if (watched.recipients.has(to)) return { kind: 'free' }
    if (watched.recipients.size < most) {
      watched.recipients.add(to)
      return { kind: 'free' }
    }
    const isNew = !watched.isHeld
    watched.isHeld = true
    return { kind: 'held', isNew, recipients: most + 1 }
  }

  return (site, message, text) => {
    const letters = normalText(text)
    const to = nameOf(message.to)
    const own = look(`member ${site} ${message.from}`, letters, to, rates.sameTextByMember)
    if (own.kind === 'held' || letters.length < LONG_LETTERS) return own
    return look(`site ${site}`, letters, to, rates.sameTextBySite)
  }
}

export type Admission = { kind: 'admitted' } | { kind: 'rate' } | (Burst & { kind: 'held' })

export interface TalkLimits {
  /** Whether the site has said more than it may. */
  site: (site: SiteId) => boolean
  /**
   * Counts a message between two records.
   *
   * @param pair the name of site, sender and receiver
   */
  admit: (site: SiteId, message: TalkMessage, pair: string) => Admission
}

/**
 * Creates the limits of one direction.
 *
 * @param site of `admit`: the site whose member writes
 */
export function createTalkLimits(
  ports: { clock: Pick<Clock, 'now'>; nameOf: Naming },
  rates: TalkRates,
): TalkLimits {
  const { clock, nameOf } = ports
  const pair = createBuckets(rates.pair, clock)
  const member = createBuckets(rates.member, clock)
  const signs = createBuckets(rates.signs, clock)
  const site = createBuckets(rates.site, clock)
  const burst = createBursts(rates, clock, nameOf)
  return {
    site: (name) => site(name),
    admit: (home, message, both) => {
      const { from, content } = message
      if (content.kind !== 'text') return { kind: signs(both) ? 'admitted' : 'rate' }
      if (!pair(both) || !member(nameOf(home, from))) return { kind: 'rate' }
      const found = burst(home, message, content.text)
      return found.kind === 'held' ? found : { kind: 'admitted' }
    },
  }
}

/** The rates times a factor, for who checks what another should have kept to. */
export function timesRates(rates: TalkRates, factor: number): TalkRates {
  const times = ({ perSecond, burst }: Rate): Rate => ({
    perSecond: perSecond * factor,
    burst: burst * factor,
  })
  return {
    pair: times(rates.pair),
    member: times(rates.member),
    signs: times(rates.signs),
    site: times(rates.site),
    sameTextByMember: rates.sameTextByMember * factor,
    sameTextBySite: rates.sameTextBySite * factor,
  }
}
