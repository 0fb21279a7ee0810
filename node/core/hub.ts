/** Hands live events to whoever listens for the website, and waits for it to have a message. */
import type { Clock } from './ports.ts'
import type { LiveEvent, MessageEvent, Website } from './website.ts'

/** Seconds that the website has to acknowledge a message. */
export const ACKNOWLEDGE_SECONDS = 10
/** Messages that wait for it at most, all in memory. */
const WAITING = 1000

/** A stream or an endpoint of the website. */
export interface Listener {
  wants: (type: LiveEvent['type']) => boolean
  /**
   * Takes an event. `taken`: the website has acknowledged it; `handed`: it may do so later;
   * `refused`: this listener could not pass it on.
   */
  give: (event: LiveEvent) => Promise<'taken' | 'handed' | 'refused'>
}

export interface Hub extends Website {
  /** Adds a listener; returns how it leaves. */
  listen: (listener: Listener) => () => void
  /** The website has a message. Returns false where none of that id waits (any more). */
  acknowledge: (id: string) => boolean
}

interface Waiting {
  deadline: number
  /** Who may still bring it to the website. */
  open: Set<Listener>
  outcome: Promise<'taken' | 'absent'>
  settle: (outcome: 'taken' | 'absent') => void
}

/** Creates the hub. Whatever it holds is in memory only. */
export function createHub({ clock }: { clock: Clock }): Hub {
  const listeners = new Set<Listener>()
  const waiting = new Map<string, Waiting>()
  let stopTimer: (() => void) | null = null

  function end(id: string, outcome: 'taken' | 'absent'): boolean {
    const one = waiting.get(id)
    if (one === undefined) return false
    waiting.delete(id)
    if (waiting.size === 0) {
      stopTimer?.()
      stopTimer = null
    }
    one.settle(outcome)
    return true
  }
  function lose(id: string, listener: Listener): void {
    const open = waiting.get(id)?.open
    if (open?.delete(listener) === true && open.size === 0) end(id, 'absent')
  }
  async function lookAtDeadlines(): Promise<void> {
    const now = clock.now()
    for (const [id, { deadline }] of waiting)
      // A clock that jumped back must not make a sender wait.
      if (now >= deadline || now < deadline - ACKNOWLEDGE_SECONDS) end(id, 'absent')
  }

  async function offer(message: MessageEvent, listener: Listener): Promise<void> {
    const answer = await listener.give(message).catch(() => 'refused' as const)
    if (answer === 'taken') end(message.id, 'taken')
    if (answer === 'refused') lose(message.id, listener)
  }

  function start(message: MessageEvent, takers: readonly Listener[]): Promise<'taken' | 'absent'> {
    const { promise, resolve } = Promise.withResolvers<'taken' | 'absent'>()
    waiting.set(message.id, {
      deadline: clock.now() + ACKNOWLEDGE_SECONDS,
      open: new Set(takers),
      outcome: promise,
      settle: resolve,
    })
    stopTimer ??= clock.every(1, lookAtDeadlines)
    for (const listener of takers) void offer(message, listener)
    return promise
  }

  return {
    deliver: async (message) => {
      const same = waiting.get(message.id)
      if (same !== undefined) return same.outcome
      const takers = [...listeners].filter((listener) => listener.wants('message'))
      if (takers.length === 0 || waiting.size >= WAITING) return 'absent'
      return start(message, takers)
    },
    show: (presence) => {
      for (const listener of listeners)
        if (listener.wants('presence')) listener.give(presence).catch(() => undefined)
    },
    listen: (listener) => {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
        for (const id of waiting.keys()) lose(id, listener)
      }
    },
    acknowledge: (id) => end(id, 'taken'),
  }
}
