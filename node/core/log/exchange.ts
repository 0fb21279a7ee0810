/** Heads exchanged with a peer: who is ahead in which log, and where others can be reached. */
import type { SiteId } from '../../../protocol/ids.ts'
import { reasonOf } from '../tasks.ts'
import { ADDRESSES } from '../../../protocol/limits.ts'
import type { Head, PeerAddresses, SyncReply } from '../../../protocol/wire.ts'
import type { Events, Network } from '../ports.ts'
import type { LogState, Store } from '../store.ts'
import { isKnown, type View } from '../view.ts'
import type { Follower } from './follower.ts'
import type { Readiness } from './readiness.ts'
import { headsIn, headsOf } from './serve.ts'

/** Setting that keeps the addresses of members over a restart. */
const PEERS = 'peers'
/** Members told to one peer at once: with all their addresses they fit into one frame. */
const PEERS_TOLD = 256

export interface Exchange {
  /** Loads the addresses known before the restart. */
  start: () => Promise<void>
  /** Asks a peer how far it is, and pulls from it what is missing here. */
  with: (site: SiteId) => Promise<void>
  /** Where members can be reached, as far as they have told. */
  peers: () => PeerAddresses[]
  /** Answers a peer's heads. */
  answer: (from: SiteId, heads: readonly Head[], addresses: string[]) => Promise<SyncReply>
}

/** Creates the exchange of heads. */
export function createExchange(ports: {
  view: View
  store: Store
  network: Network
  events: Events
  follower: Follower
  readiness: Readiness
  /** Runs a task aside, reporting its failure. */
  background: (name: string, task: () => Promise<void>) => void
}): Exchange {
  const { view, store, network, events, follower, readiness, background } = ports
  const known = new Map<SiteId, string[]>()
  const running = new Map<SiteId, Promise<void>>()

  async function learn(peers: readonly PeerAddresses[]): Promise<void> {
    const news = peers.filter(
      ({ site, addresses }) =>
        site !== view.self &&
        isKnown(view, site) &&
        addresses.length > 0 &&
        known.get(site)?.join() !== addresses.join(),
    )
    if (news.length === 0) return
    for (const { site, addresses } of news) known.set(site, addresses)
    network.learnAddresses(news)
    await store.write((tx) => tx.desk.setSetting(PEERS, JSON.stringify([...known])))
  }

  /** Whether a head says more than what is here of its log. */
  const isAhead = ({ log, size, heartbeat }: Head, logs: readonly LogState[]): boolean =>
    size > (logs.find(({ site }) => site === log)?.size ?? 0) ||
    heartbeat > (view.heartbeat(log) ?? 0)
  const allLogs = (): Promise<LogState[]> => store.read((tx) => tx.logs.all())

  async function catchUp(site: SiteId, heads: readonly Head[]): Promise<void> {
    // The coordinator's log first: it says whose logs there are to follow, and with which keys.
    const ordered = heads.toSorted(
      (a, b) => Number(b.log === view.network) - Number(a.log === view.network),
    )
    const logs = await allLogs()
    for (const head of ordered) {
      if (head.log === view.self || !isKnown(view, head.log)) {
        if (head.log !== view.network || view.self === view.network) continue
      }
      if (!isAhead(head, logs)) continue
      try {
        await follower.pull(head.log, site)
      } catch (error) {
        events.emit({ type: 'peer.failed', site, action: 'pull', reason: reasonOf(error) })
      }
    }
  }

  async function exchange(site: SiteId): Promise<void> {
    const request = {
      kind: 'heads' as const,
      heads: await headsOf(store),
      addresses: network.ownAddresses().slice(0, ADDRESSES),
    }
    for await (const reply of network.sync(site, request)) {
      if (reply.kind !== 'heads') return
      await catchUp(site, reply.heads)
      await learn(reply.peers)
      await readiness.heard(site, reply.heads)
      return
    }
  }

  async function exchangeOnce(site: SiteId): Promise<void> {
    const task =
      running.get(site) ??
      exchange(site).finally(() => {
        running.delete(site)
      })
    running.set(site, task)
    await task
  }

  return {
    start: async () => {
      const stored = await store.read((tx) => tx.desk.setting(PEERS))
      const entries = stored === null ? [] : (JSON.parse(stored) as [SiteId, string[]][])
      for (const [site, addresses] of entries) known.set(site, addresses)
      network.learnAddresses(entries.map(([site, addresses]) => ({ site, addresses })))
    },
    with: exchangeOnce,
    peers: () => [...known].map(([site, addresses]) => ({ site, addresses })),
    answer: async (from, heads, addresses) => {
      const logs = await allLogs()
      await learn([{ site: from, addresses }])
      const news = heads.find(
        (head) => isKnown(view, head.log) && head.log !== view.self && isAhead(head, logs),
      )
      if (news !== undefined) background('exchange', () => exchangeOnce(from))
      const peers = [...known]
        .filter(([site]) => site !== from && isKnown(view, site))
        .slice(0, PEERS_TOLD)
        .map(([site, list]) => ({ site, addresses: list }))
      return { kind: 'heads', heads: headsIn(logs), peers }
    },
  }
}
