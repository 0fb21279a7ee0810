/** The site node: publishes its own members, holds and shows those of others. */
import { decodeEntry } from '../../protocol/entry.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { SiteId } from '../../protocol/ids.ts'
import type { Report } from '../../protocol/wire.ts'
import type { PrivateKeys } from './identity.ts'
import { createLock } from './lock.ts'
import { createForkReports } from './log/fork.ts'
import type { Appended } from './log/writer.ts'
import { createNode, loadView, type Node, type NodePorts, type NodeSettings } from './node.ts'
import { createDemands, type Demands } from './record/demand.ts'
import { createDiscloser } from './record/disclose.ts'
import { createDiscovery, type Discovery } from './record/discover.ts'
import { createFetcher } from './record/fetch.ts'
import { createOwnMembers, type OwnMembers } from './record/own.ts'
import { createPublisher, type Publisher, type PublishPorts } from './record/publish.ts'
import { createDisclosureReports } from './record/relay.ts'
import { createSweep } from './record/sweep.ts'
import { createWithdrawer, type Withdrawer } from './record/withdraw.ts'
import type { LedgerRow } from './store.ts'
import { createTalk, type Talk, type WebsitePorts } from './talk/talk.ts'
import type { View } from './view.ts'

export interface Site {
  node: Node
  members: OwnMembers
  publisher: Publisher
  withdrawer: Withdrawer
  demands: Demands
  discovery: Discovery
  talk: Talk
  start: () => Promise<void>
  stop: () => Promise<void>
}

/** Takes reports by others: what a relay handed out of this site's records. */
function createReportTaker({ store }: NodePorts, view: View) {
  return async (from: SiteId, report: Report): Promise<void> => {
    if (report.kind !== 'disclosures')
      throw new ProtocolError('malformed', '/kind', 'a receipt or disclosures')
    const { partner, time, indexes } = report
    await store.write(async (tx) => {
      const entries = await tx.logs.entriesAt(view.self, indexes)
      const versions: LedgerRow['versions'] = [...entries].flatMap(([index, bytes]) => {
        const entry = decodeEntry(bytes)
        return entry.type === 'publish' ? [{ record: entry.record, index }] : []
      })
      if (versions.length === 0) return
      await tx.ledger.add({ home: view.self, partner, time, versions, via: from })
    })
  }
}

/** Builds a site node on its ports. */
export async function createSite(
  ports: NodePorts & WebsitePorts,
  settings: NodeSettings & { keys: PrivateKeys },
): Promise<Site> {
  const { store, vault, clock, network, events } = ports
  const view = await loadView(ports, settings.identity)
  const lock = createLock()
  /** Whether own records may have ended without this node's doing: after a restore, by an order. */
  let isOwnStale = (await store.read((tx) => tx.desk.setting('restored'))) === '1'

  const forkReports = createForkReports({ view, store, network, events })
  const node = createNode(ports, settings, view, {
    progressed: (log, applied) => {
      if (applied !== null) talk.progressed(log, applied)
      if (
        applied !== null &&
        (log === view.self || (log === view.network && applied.withdrawals > 0))
      )
        isOwnStale = true
      if (log === view.network) {
        if (applied !== null) sweep.lookAgain()
        return
      }
      node.tasks.background('fetch', () => fetcher.fetch(log, applied !== null))
    },
    forked: async () => {
      reportForks()
    },
    report: createReportTaker(ports, view),
    writable: async () => {
      await withdrawer.drainPending()
    },
    connected: (site) => {
      if (site === view.network) forkReports.again()
      reportForks()
      fetchAll()
      reportDisclosures()
      talk.connected(site)
    },
    tick: async () => {
      if (isOwnStale && node.writer.isWritable()) {
        isOwnStale = false
        await members.reconcile()
      }
      await sweep.run()
      fetchAll()
      reportDisclosures()
      reportForks()
      await talk.tick()
    },
    talk: (from, request) => talk.handlers.talk(from, request),
    presence: (from) => talk.handlers.presence(from),
    bodies: createDiscloser({
      view,
      store,
      vault,
      clock,
      events,
      isConfirmed: () => node.writer.isWritable(),
    }),
  })
  const talk = createTalk({
    ...ports,
    view,
    keys: settings.keys,
    ...(settings.beatSeconds !== undefined && { beatSeconds: settings.beatSeconds }),
    tasks: node.tasks,
    writer: node.writer,
  })
  const onPublished = (appended: Appended): Promise<void> => {
    talk.published(appended)
    return node.published(appended)
  }
  const publishPorts: PublishPorts = {
    ...ports,
    view,
    keys: settings.keys,
    writer: node.writer,
    lock,
    onPublished,
  }
  const members = createOwnMembers(publishPorts)
  const withdrawer = createWithdrawer({
    ...publishPorts,
    eraser: node.eraser,
    onEnded: talk.ended,
    onWithdrawn: async (appended) => {
      if (appended !== null) await node.heartbeat()
    },
  })
  const fetcher = createFetcher({
    ...ports,
    view,
    onOwnBodies: (opened) =>
      members.rebuild(opened.map(({ columns, body }) => ({ record: columns.record, body }))),
  })
  const sweep = createSweep({
    view,
    store,
    clock,
    events,
    publishBirthdays: () =>
      node.writer.isWritable() ? members.publishBirthdays() : Promise.resolve(0),
    expireOwn: async (records) => {
      await withdrawer.withdrawRecords(records, 'expired', '')
    },
  })
  const reportDisclosures = node.tasks.coalesced(
    'report disclosures',
    createDisclosureReports({ store, network, events }),
  )

  const reportForks = node.tasks.coalesced('report forks', () => forkReports.run())

  function fetchAll(): void {
    node.tasks.background('fetch', async () => {
      for (const { site } of await store.read((tx) => tx.logs.all()))
        if (site !== view.network) await fetcher.fetch(site)
    })
  }

  return {
    node,
    members,
    publisher: createPublisher(publishPorts),
    withdrawer,
    demands: createDemands(publishPorts),
    discovery: createDiscovery({ view, store, vault, clock }),
    talk,
    start: async () => {
      await node.start()
      talk.start()
    },
    stop: async () => {
      talk.stop()
      await node.stop()
    },
  }
}
