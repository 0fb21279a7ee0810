/** Messages and presence between the old module's fast channel and the Network; nothing is stored. */
import { toUtf8 } from '../../../protocol/bytes.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { MESSAGE_BYTES } from '../../../protocol/limits.ts'
import type { Hub, Listener } from '../hub.ts'
import type { Clock } from '../ports.ts'
import type { Messages } from '../talk/message.ts'
import type { Presence } from '../talk/presence.ts'
import type { Watch } from '../talk/watch.ts'
import type { MessageEvent, PresenceEvent } from '../website.ts'
import type { Deliveries } from './delivery/deliveries.ts'
import { quoteText, readText } from './quoting.ts'
import type { Holds } from './members/holds.ts'
import type { NetId } from './rows.ts'
import { wholeOf, type ModuleValue } from './value.ts'

/** Events that the module knows, in either direction. */
export const TALK_EVENTS = ['im.message', 'active', 'inactive'] as const
export type TalkEvent = (typeof TALK_EVENTS)[number]
/** Its data: ids, and a text where it is a message. */
export type TalkData = Readonly<Record<string, string | number>>

/** One connected module. */
export interface ModuleLine {
  /** It asks for what has waited: whatever came while it was away for a moment. */
  saved: () => void
  /** It says something; what it may not say is left out and counted. */
  say: (event: string, data: Readonly<Record<string, ModuleValue>>) => void
  close: () => void
}
export interface ModuleTalk {
  /**
   * A module has connected; one that was connected before is replaced.
   *
   * @param send writes an event; false where it could not be written
   */
  connect: (send: (event: TalkEvent, data: TalkData) => boolean) => ModuleLine
  isConnected: () => boolean
  /** What was said and not carried on, by reason; since the start. */
  dropped: () => Readonly<Record<TalkLoss, number>>
  /** Renews who is online, both ways. */
  tick: () => Promise<void>
  stop: () => void
}

/** Why something was said and not carried on. */
export const TALK_LOSSES = [
  /** Not one of the events, or without what belongs to it. */
  'malformed',
  /** One of the two is nobody that the module may name, or be told of. */
  'unknown-id',
  /** Longer than a message of the Network, or than a frame of the module. */
  'too-long',
  /** More at once than this node takes. */
  'busy',
  /** The other site, the gate or the limits of talk have refused it, or it is away. */
  'undelivered',
  /** The module was away. */
  'away',
] as const
export type TalkLoss = (typeof TALK_LOSSES)[number]

/** Seconds that a message waits for a module that is away: the hub waits for one more. */
export const WAIT_SECONDS = 9
/** Seconds of absence in which it is thought to come back: it tries every 5 or 10. */
const AWAY_SECONDS = 30
/** Messages that wait, and things said by the module that are being worked on. */
const WAITING = 500
const WORKING = 500
/** Bytes of a message as JSON; what the frame has around it is less than what is left of 65,535. */
const FRAME_BYTES = 65_000
/** Seconds for which the module's word holds that somebody is there, and how often it is passed on. */
const ACTIVE_SECONDS = 660
const RENEW_SECONDS = 120
/** Seconds between two times that the module is told who is there: it forgets after 10 minutes. */
const REPEAT_SECONDS = 480
/** Members said to be there at the same time, either way. */
const ACTIVE = 20_000
const TOLD = 5000

/** What talk with the module needs of the site and of the bridge. */
export interface ModuleTalkPorts {
  clock: Clock
  hub: Pick<Hub, 'listen'>
  messages: Pick<Messages, 'send'>
  presence: Pick<Presence, 'set'>
  watch: Pick<Watch, 'list'>
  holds: Pick<Holds, 'memberOf' | 'netIdOf'>
  deliveries: Pick<Deliveries, 'recordOf' | 'netIdOf'>
}

interface Waiting {
  data: TalkData
  since: number
  settle: (answer: 'taken' | 'refused') => void
}
type Send = (event: TalkEvent, data: TalkData) => boolean

/** Creates talk with the module. What waits is in memory, for some seconds. */
export function createModuleTalk(ports: ModuleTalkPorts): ModuleTalk {
  const { clock, hub, messages, presence, watch, holds, deliveries } = ports
  const losses = Object.fromEntries(TALK_LOSSES.map((loss) => [loss, 0])) as Record<
    TalkLoss,
    number
  >
  const lose = (loss: TalkLoss): void => {
    losses[loss] += 1
  }
  /** Members of this site that the module says are there, with the time of its word. */
  const active = new Map<string, number>()
  const waiting = new Set<Waiting>()
  let send: Send | null = null
  let leftAt: number | null = null
  let stopTimer: (() => void) | null = null
  let working = 0
  let queue: Promise<unknown> = Promise.resolve()
  let renewedAt = clock.now()
  let toldAt = 0

  /** Seconds since a time; a clock that went back must not make anything last. */
  const since = (time: number): number => Math.abs(clock.now() - time)

  // Up: from the module.

  async function message(from: NetId, to: NetId, quoted: string): Promise<void> {
    const text = readText(quoted)
    if (text === '') return lose('malformed')
    if (text.length > MESSAGE_BYTES || toUtf8(text).length > MESSAGE_BYTES) return lose('too-long')
    const member = await holds.memberOf(from)
    const other = member === null ? null : await deliveries.recordOf(to)
    if (member === null || other === null) return lose('unknown-id')
    // Not waited for: the next message to somebody else must not wait for this one's website.
    void deliver(messages.send({ from: member, to: other, content: { kind: 'text', text } }))
  }
  async function deliver(sending: ReturnType<Messages['send']>): Promise<void> {
    working += 1
    try {
      if ((await sending).outcome !== 'delivered') lose('undelivered')
    } catch (error) {
      // Nobody waits for an answer: the module has no word for one.
      lose(error instanceof ProtocolError ? 'undelivered' : 'busy')
    } finally {
      working -= 1
    }
  }
  async function setPresence(netId: NetId, isActive: boolean): Promise<void> {
    const member = await holds.memberOf(netId)
    if (member === null) return lose('unknown-id')
    active.delete(member)
    if (isActive && active.size >= ACTIVE) return lose('busy')
    if (isActive) active.set(member, clock.now())
    await presence.set([{ id: member, state: isActive ? 'online' : 'offline' }])
  }

  function work(event: string, data: Readonly<Record<string, ModuleValue>>): Promise<void> {
    const user = wholeOf(data['id_user']) ?? 0
    const contact = wholeOf(data['id_contact']) ?? 0
    const { text } = data
    if (event === 'im.message' && user > 0 && contact > 0 && typeof text === 'string')
      return message(user, contact, text)
    if ((event === 'active' || event === 'inactive') && user > 0)
      return setPresence(user, event === 'active')
    lose('malformed')
    return Promise.resolve()
  }
  /** One after another, so that messages of a pair stay in order. */
  function say(event: string, data: Readonly<Record<string, ModuleValue>>): void {
    if (working >= WORKING) return lose('busy')
    working += 1
    queue = queue
      .then(() => work(event, data))
      .catch(() => lose('busy'))
      .finally(() => {
        working -= 1
      })
  }

  // Down: to the module.

  function settle(one: Waiting, answer: 'taken' | 'refused'): void {
    waiting.delete(one)
    if (answer === 'refused') lose('away')
    one.settle(answer)
    if (waiting.size > 0) return
    stopTimer?.()
    stopTimer = null
  }
  async function giveUp(): Promise<void> {
    flush()
    for (const one of waiting) if (since(one.since) >= WAIT_SECONDS) settle(one, 'refused')
  }
  /** Writes what has waited, in its order, as far as it can be written. */
  function flush(): void {
    for (const one of waiting) {
      if (send?.('im.message', one.data) !== true) return
      settle(one, 'taken')
    }
  }
  function wait(data: TalkData): Promise<'taken' | 'refused'> {
    const isSoonBack = send !== null || (leftAt !== null && since(leftAt) < AWAY_SECONDS)
    if (!isSoonBack || waiting.size >= WAITING) {
      lose(isSoonBack ? 'busy' : 'away')
      return Promise.resolve('refused')
    }
    const { promise, resolve } = Promise.withResolvers<'taken' | 'refused'>()
    waiting.add({ data, since: clock.now(), settle: resolve })
    stopTimer ??= clock.every(1, giveUp)
    return promise
  }

  async function giveMessage(event: MessageEvent): Promise<'taken' | 'refused'> {
    const contact = await holds.netIdOf(event.to)
    const user =
      contact === null ? null : await deliveries.netIdOf(event.from.home, event.from.record)
    if (contact === null || user === null) {
      lose('unknown-id')
      return 'refused'
    }
    // Typing and read are nothing to the module; no text is lost with them.
    if (event.content.kind !== 'text') return send === null ? 'refused' : 'taken'
    const data = { id_user: user, id_contact: contact, text: quoteText(event.content.text) }
    if (toUtf8(JSON.stringify(data)).length > FRAME_BYTES) {
      lose('too-long')
      return 'refused'
    }
    // Behind those that wait already.
    if (waiting.size === 0 && send?.('im.message', data) === true) return 'taken'
    return wait(data)
  }
  async function givePresence({ who, state }: PresenceEvent): Promise<'taken' | 'refused'> {
    const netId = send === null ? null : await deliveries.netIdOf(who.home, who.record)
    if (netId === null) return 'refused'
    const event = state === 'online' ? 'active' : 'inactive'
    return send?.(event, { id_user: netId }) === true ? 'taken' : 'refused'
  }
  const listener: Listener = {
    wants: () => send !== null || leftAt !== null,
    give: (event) => (event.type === 'message' ? giveMessage(event) : givePresence(event)),
  }
  const leave = hub.listen(listener)

  /** Tells the module who is there, of those that it has. */
  async function tellAll(): Promise<void> {
    toldAt = clock.now()
    for (const { home, record } of watch.list().slice(0, TOLD))
      await givePresence({ type: 'presence', who: { home, record }, state: 'online' })
  }
  async function renew(): Promise<void> {
    renewedAt = clock.now()
    const changes = [...active].map(([id, time]) => {
      const state = since(time) < ACTIVE_SECONDS ? ('online' as const) : ('offline' as const)
      return { id, state }
    })
    for (const { id, state } of changes) if (state === 'offline') active.delete(id)
    const outcomes = await presence.set(changes)
    for (const [at, outcome] of outcomes.entries())
      if (outcome.kind === 'refused') active.delete(changes[at]?.id ?? '')
  }

  return {
    connect: (write) => {
      send = write
      toldAt = 0
      flush()
      return {
        saved: () => {
          if (send === write) flush()
        },
        say: (event, data) => {
          if (send === write) say(event, data)
        },
        close: () => {
          if (send !== write) return
          send = null
          leftAt = clock.now()
        },
      }
    },
    isConnected: () => send !== null,
    dropped: () => ({ ...losses }),
    tick: async () => {
      if (since(renewedAt) >= RENEW_SECONDS) await renew()
      if (send !== null && since(toldAt) >= REPEAT_SECONDS) await tellAll()
    },
    stop: () => {
      leave()
      send = null
      leftAt = null
      for (const one of waiting) settle(one, 'refused')
    },
  }
}
