/**
 * Messages between a record of this site and one of another: straight through, never kept. What is
 * remembered of them, for a while and in memory, are keyed hashes.
 */
import { toHex } from '../../../protocol/bytes.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import {
  checkText,
  parseTalkId,
  type Content,
  type TalkAnswer,
  type TalkMessage,
  type TalkRefusal,
} from '../../../protocol/talk.ts'
import type { PrivateKeys } from '../identity.ts'
import type { Clock, Crypto, Network, Random } from '../ports.ts'
import { memberKeyOf } from '../record/member.ts'
import type { Store, WriteTransaction } from '../store.ts'
import type { View } from '../view.ts'
import type { Notice, Website } from '../website.ts'
import {
  createBuckets,
  createNaming,
  createTalkLimits,
  RECEIVER_FACTOR,
  TALK_RATES,
  timesRates,
  type TalkRates,
} from './limits.ts'
import { sightOf } from './sight.ts'
import { createPairTurns } from './turns.ts'

const ID_BYTES = 16
/** Messages of one pair that wait for one another. */
const PAIR_WAITING = 16
/** Messages remembered against repetition, and for how many seconds. */
const REMEMBERED = 20_000
const REMEMBERED_SECONDS = 600
/** Answers "rate" to one site, after which it is a flood: no node that keeps to the limits goes on. */
const FLOOD = { perSecond: 50, burst: 2000 }

/** A message as this site's website hands it in. */
export interface Outgoing {
  /** The site's own id of the member who writes. */
  from: string
  to: { home: SiteId; record: RecordId }
  /** Repeat it with the same id, and it arrives once. */
  id?: string
  content: Content
}
export type SendOutcome = { id: string } & (
  | { outcome: 'delivered' }
  | { outcome: 'refused'; reason: TalkRefusal }
  | { outcome: 'unreachable' }
)

export interface Messages {
  /**
   * Hands a message to the other site and waits until its website has it.
   *
   * @throws ProtocolError for bad input, `not_found` at `/from`, `not_ready`
   */
  send: (message: Outgoing) => Promise<SendOutcome>
  /**
   * Takes a message from another site.
   *
   * @throws ProtocolError for a flood
   */
  take: (from: SiteId, message: TalkMessage) => Promise<TalkAnswer>
}

export interface MessagePorts {
  view: View
  store: Store
  clock: Clock
  random: Random
  crypto: Crypto
  network: Pick<Network, 'talk'>
  keys: PrivateKeys
  website: Website
  /** Tells the website something durably. */
  notify: (tx: WriteTransaction, notices: readonly Notice[]) => Promise<void>
  assertWritable: () => void
  isWritable: () => boolean
  rates?: TalkRates
}

function checkContent(content: Content): Content {
  if (content.kind !== 'text') return content
  at('/text', () => checkText(content.text))
  if (content.replyTo !== undefined) {
    const { replyTo } = content
    at('/replyTo', () => parseTalkId(replyTo))
  }
  return content
}

const refused = (reason: TalkRefusal): TalkAnswer => ({ kind: 'refused', reason })
const DELIVERED: TalkAnswer = { kind: 'delivered' }
const UNREACHABLE: TalkAnswer = { kind: 'unreachable' }

/** Remembers what has arrived, so that it arrives once. */
function createMemory(clock: Pick<Clock, 'now'>) {
  const known = new Map<string, { since: number; answer: Promise<TalkAnswer> }>()

  function forget(): void {
    const now = clock.now()
    for (const [name, { since }] of known) {
      if (known.size <= REMEMBERED && Math.abs(now - since) <= REMEMBERED_SECONDS) return
      known.delete(name)
    }
  }
  return {
    /** The answer to the first of its name, or that of `run`. */
    once: (name: string, run: () => Promise<TalkAnswer>): Promise<TalkAnswer> => {
      forget()
      const first = known.get(name)
      if (first !== undefined) return first.answer
      const drop = (): void => {
        known.delete(name)
      }
      // Only what the website has is final; anything else may be tried again under the same id.
      const answer = run()
      known.set(name, { since: clock.now(), answer })
      const look = async (): Promise<void> => {
        if ((await answer).kind !== 'delivered') drop()
      }
      look().catch(drop)
      return answer
    },
  }
}

/** Creates the sending and the receiving side. */
export function createMessages(ports: MessagePorts): Messages {
  const { view, store, clock, random, crypto, network, keys, website, notify } = ports
  const rates = ports.rates ?? TALK_RATES
  const nameOf = createNaming({ crypto, random })
  const limits = createTalkLimits({ clock, nameOf }, rates)
  const received = createTalkLimits({ clock, nameOf }, timesRates(rates, RECEIVER_FACTOR))
  const flood = createBuckets(FLOOD, clock)
  const memory = createMemory(clock)
  const outgoing = createPairTurns(PAIR_WAITING)
  const incoming = createPairTurns(PAIR_WAITING)

  async function hold(record: RecordId, recipients: number): Promise<void> {
    await store.write((tx) => notify(tx, [{ type: 'messages.held', record, recipients }]))
  }

  /** Gate, blocks and limits of the sender's own node; null where nothing is in the way. */
  async function barred(
    home: SiteId,
    message: TalkMessage,
    pair: string,
  ): Promise<TalkRefusal | null> {
    const sight = { own: message.from, home, other: message.to }
    const refusal = await store.read((tx) => sightOf(tx, view, sight))
    if (refusal !== null) return refusal
    if (!limits.site(home)) return 'rate'
    const admission = limits.admit(view.self, message, pair)
    if (admission.kind === 'held' && admission.isNew) await hold(message.from, admission.recipients)
    return admission.kind === 'admitted' ? null : admission.kind
  }

  async function pass(home: SiteId, message: TalkMessage, pair: string): Promise<TalkAnswer> {
    const reason = await barred(home, message, pair)
    if (reason !== null) return refused(reason)
    try {
      const answer = await network.talk(home, message)
      // A report's answer to a message is no answer.
      return answer.kind === 'noted' ? UNREACHABLE : answer
    } catch {
      // Not told to the operator: a line for each would be a list of when somebody wrote.
      return UNREACHABLE
    }
  }

  async function deliver(from: SiteId, message: TalkMessage, pair: string): Promise<TalkAnswer> {
    const sight = { own: message.to, home: from, other: message.from }
    const refusal = await store.read((tx) => sightOf(tx, view, sight))
    if (refusal !== null) return refused(refusal)
    const admission = received.admit(from, message, pair)
    if (admission.kind !== 'admitted') return refused(admission.kind)
    const taken = await website.deliver({
      type: 'message',
      id: message.id,
      from: { home: from, record: message.from },
      to: message.to,
      content: message.content,
      time: message.time,
    })
    return taken === 'taken' ? DELIVERED : UNREACHABLE
  }

  return {
    send: async ({ from, to, id: given, content }) => {
      checkContent(content)
      const id =
        given === undefined ? toHex(random.bytes(ID_BYTES)) : at('/id', () => parseTalkId(given))
      if (to.home === view.self)
        throw new ProtocolError(
          'out_of_range',
          '/to/home',
          'another site: members of one site talk without the Network',
        )
      ports.assertWritable()
      const key = memberKeyOf(crypto, keys, from)
      const [row] = await store.read((tx) => tx.members.byKeys([key]))
      if (row === undefined)
        throw new ProtocolError('not_found', '/from', 'a member with a live record')
      const message: TalkMessage = {
        kind: 'message',
        id,
        from: row.record,
        to: to.record,
        time: clock.now(),
        content,
      }
      const pair = nameOf(view.self, row.record, to.record)
      const answer = await (outgoing.run(pair, () => pass(to.home, message, pair)) ??
        refused('rate'))
      if (answer.kind === 'refused') return { id, outcome: 'refused', reason: answer.reason }
      return { id, outcome: answer.kind === 'delivered' ? 'delivered' : 'unreachable' }
    },
    take: async (from, message) => {
      if (!received.site(from)) {
        if (!flood(from)) throw new ProtocolError('out_of_range', '', 'messages within the limits')
        return refused('rate')
      }
      // A node that may be behind its own log might have somebody who has withdrawn.
      if (!ports.isWritable()) return UNREACHABLE
      const pair = nameOf(from, message.from, message.to)
      return memory.once(
        nameOf(from, message.from, message.to, message.id),
        () =>
          incoming.run(pair, () => deliver(from, message, pair)) ??
          Promise.resolve(refused('rate')),
      )
    },
  }
}
