/** The site node: publishes its own members, holds and shows those of others. */
import { decodeEntry } from '../../protocol/entry.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { SiteId } from '../../protocol/ids.ts'
import type { Report } from '../../protocol/wire.ts'
import type { PrivateKeys } from './identity.ts'
import { createLock } from './lock.ts'
import { createPictureFetcher } from './picture/fetch.ts'
import { createPictureStore } from './picture/files.ts'
import { createLinks, type Links } from './picture/link.ts'
import { createOwnPictures, type OwnPictures } from './picture/own.ts'
import { createPictureServer } from './picture/serve.ts'
import { createPictureShow, type PictureShow } from './picture/show.ts'
import type { Images } from './ports.ts'
import { createForkReports } from './log/fork.ts'
import type { Appended } from './log/writer.ts'
import { createNode, loadView, type Node, type NodePorts, type NodeSettings } from './node.ts'
import { createFeed, type Feed } from './feed.ts'
import { createHub, type Hub } from './hub.ts'
import { createBreaches, type Breaches } from './record/breaches.ts'
import { createDemands, type Demands } from './record/demand.ts'
import { createDiscloser } from './record/disclose.ts'
import { createDiscovery, type Company, type Discovery } from './record/discover.ts'
import { createFetcher } from './record/fetch.ts'
import { memberKeyOf } from './record/member.ts'
import { createConsentOpener } from './record/open-consent.ts'
import { createOpenings, type Openings } from './record/opening.ts'
import { createOwnMembers, type OwnMembers } from './record/own.ts'
import { createPublisher, type Publisher, type PublishPorts } from './record/publish.ts'
import { createRecommender, type Recommender } from './record/recommend.ts'
import { createDisclosureReports } from './record/relay.ts'
import { createSweep } from './record/sweep.ts'
import { createVolunteer } from './record/volunteer.ts'
import { createWithdrawer, type Withdrawer } from './record/withdraw.ts'
import type { Authorities } from './request/authority.ts'
import { createMemberDesk } from './request/member-desk.ts'
import type { Rights } from './request/rights.ts'
import type { LedgerRow } from './store.ts'
import { createTalk, type Talk, type WebsitePorts } from './talk/talk.ts'
import type { View } from './view.ts'
import { createWatch } from './watch.ts'

export interface Site {
  node: Node
  members: OwnMembers
  /** What shows an auditor the consent of one member. */
  openings: Openings
  publisher: Publisher
  withdrawer: Withdrawer
  demands: Demands
  discovery: Discovery
  recommender: Recommender
  /** What the website is told, durably and live. */
  feed: Feed
  hub: Hub
  /** Pictures of own members. */
  ownPictures: OwnPictures
  /** Pictures for the site's pages, and the links under which browsers get them. */
  pictures: PictureShow
  links: Links
  talk: Talk
  /** Breaches that were declared, and whom to tell. */
  breaches: Breaches
  /** What members ask for, and what authorities do. */
  rights: Rights
  authorities: Authorities
  /** The key under which a member stands in the index. */
  memberKeyOf: (id: string) => Uint8Array
  start: () => Promise<void>
  stop: () => Promise<void>
}

/** Takes reports by others: what a relay handed out of this site's records. */
function createReportTaker({ store }: NodePorts, view: View) {
  return async (from: SiteId, report: Report): Promise<void> => {
    if (report.kind !== 'disclosures')
      throw new ProtocolError('malformed', '/kind', 'a receipt or disclosures')
    const { partner, what, time, indexes } = report
    await store.write(async (tx) => {
      const entries = await tx.logs.entriesAt(view.self, indexes)
      const versions: LedgerRow['versions'] = [...entries].flatMap(([index, bytes]) => {
        const entry = decodeEntry(bytes)
        return entry.type === 'publish' ? [{ record: entry.record, index }] : []
      })
      if (versions.length === 0) return
      await tx.ledger.add({ home: view.self, partner, what, time, versions, via: from })
    })
  }
}

/** What a site node needs beyond what every node does. */
export interface SiteNodePorts extends NodePorts, WebsitePorts {
  images: Images
  /** Who is online and who is blocked; by default what the site's talk knows of it. */
  company?: Company
  /**
   * Lets everything else that waits have its turn, in the middle of long work; by default nothing has
   * to, as in a simulation.
   */
  pause?: () => Promise<unknown>
}

export interface SiteSettings extends NodeSettings {
  keys: PrivateKeys
  /** Whether this node asks other sites for withdrawn records where the coordinator wants it to. */
  isVolunteer?: boolean
}

/** Builds a site node on its ports. */
export async function createSite(given: SiteNodePorts, settings: SiteSettings): Promise<Site> {
  const feed = await createFeed({ ...given, self: settings.identity.site })
  const hub = createHub({ clock: given.clock })
  const told: WebsitePorts = { website: hub, notify: feed.add }
  const ports: SiteNodePorts = { ...told, ...given, store: feed.store }
  const { store, vault, clock, network, events } = ports
  const view = await loadView(ports, settings.identity)
  const lock = createLock()
  const pictureStore = createPictureStore(ports)
  /**
   * Whether own records may have ended without this node's doing: by an order, after a restore, or
   * before a start, where the last run stopped between the log and the index of members.
   */
  let isOwnStale = true

  const isConfirmed = (): boolean => node.writer.isWritable()
  const openConsent = createConsentOpener({ ...ports, view, notify: feed.add, isConfirmed })
  const runProbe = createVolunteer({
    ...ports,
    view,
    identity: settings.identity,
    isWilling: settings.isVolunteer === true,
  })
  const forkReports = createForkReports({ view, store, clock, network, events })
  const node = createNode(ports, settings, view, {
    progressed: (log, applied) => {
      if (applied !== null) talk.progressed(log, applied)
      if (
        applied !== null &&
        (log === view.self || (log === view.network && applied.withdrawals > 0))
      )
        isOwnStale = true
      watchSoon()
      if (log === view.network) {
        if (applied !== null) sweep.lookAgain()
        breachesSoon()
        return
      }
      node.tasks.background('fetch', () => fetchOf(log, applied !== null))
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
      watchSoon()
      breachesSoon()
      fetchAll()
      reportDisclosures()
      reportForks()
      await talk.tick()
      await requests.rights.tidy()
    },
    talk: (from, request) => talk.handlers.talk(from, request),
    presence: (from) => talk.handlers.presence(from),
    request: (from, signed) => requests.take(from, signed),
    bodies: createDiscloser({
      view,
      store,
      vault,
      clock,
      events,
      isConfirmed,
    }),
    audit: (from, request) =>
      request.kind === 'open' ? openConsent(from, request) : runProbe(from, request),
    pictures: createPictureServer({
      view,
      store,
      pictures: pictureStore,
      clock,
      events,
      isConfirmed,
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
  const company: Company = ports.company ?? {
    online: talk.watch.list,
    blocksOf: talk.blocks.blocksOf,
  }
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
  const publisher = createPublisher(publishPorts)
  const withdrawer = createWithdrawer({
    ...publishPorts,
    eraser: node.eraser,
    onAsked: publisher.stop,
    onEnded: talk.ended,
    onWithdrawn: async (appended) => {
      if (appended !== null) await node.heartbeat()
    },
  })
  const requests = createMemberDesk({
    ...publishPorts,
    notify: ports.notify ?? feed.add,
    members,
    withdrawer,
    coordinatorKey: settings.coordinatorKey.publicKey,
  })
  const fetcher = createFetcher({
    ...ports,
    view,
    pause: ports.pause ?? (() => Promise.resolve()),
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
  const watchSoon = node.tasks.coalesced(
    'watch',
    createWatch({ view, clock, feed, evidence: node.evidence }),
  )
  const breaches = createBreaches({ ...publishPorts, feed, members, onPublished })
  const breachesSoon = node.tasks.coalesced('breaches', breaches.run)
  const pictureFetcher = createPictureFetcher({ ...ports, view, pictures: pictureStore })
  const reportDisclosures = node.tasks.coalesced(
    'report disclosures',
    createDisclosureReports({ store, network, events }),
  )

  const reportForks = node.tasks.coalesced('report forks', () => forkReports.run())

  /** Bodies first: they say which pictures there are, and whether those of a version before stay. */
  async function fetchOf(home: SiteId, hasNews: boolean): Promise<void> {
    const hasLoose = (): Promise<boolean> => store.read((tx) => tx.pictures.hasLoose(home))
    const wasLoose = await hasLoose()
    await fetcher.fetch(home, hasNews)
    if (wasLoose) {
      if (await hasLoose()) await store.write((tx) => tx.pictures.doomLoose(home), 'erase')
      // The receipt of the home has waited for these pictures.
      node.settle()
    }
    await pictureFetcher.fetch(home, hasNews)
  }

  function fetchAll(): void {
    node.tasks.background('fetch', async () => {
      for (const { site } of await store.read((tx) => tx.logs.all()))
        if (site !== view.network) await fetchOf(site, false)
    })
  }

  return {
    node,
    members,
    openings: createOpenings({
      ...ports,
      identity: settings.identity,
      view,
      members,
      evidence: node.evidence,
    }),
    publisher,
    withdrawer,
    demands: createDemands(publishPorts),
    discovery: createDiscovery({ ...ports, view, keys: settings.keys, company }),
    recommender: createRecommender({ ...ports, view, keys: settings.keys, company }),
    talk,
    breaches,
    rights: requests.rights,
    authorities: requests.authorities,
    memberKeyOf: (id) => memberKeyOf(ports.crypto, settings.keys, id),
    feed,
    hub,
    ownPictures: createOwnPictures({
      ...publishPorts,
      members,
      pictures: pictureStore,
      images: ports.images,
    }),
    pictures: createPictureShow({ view, store, pictures: pictureStore, clock }),
    links: createLinks({ clock, crypto: ports.crypto, keys: settings.keys }),
    start: async () => {
      await node.start()
      talk.start()
    },
    stop: async () => {
      talk.stop()
      pictureFetcher.stop()
      await node.stop()
    },
  }
}
