/** The coordinator node: admits sites, witnesses every log, commands; holds no body. */
import { equalBytes } from '../../protocol/bytes.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { DEFAULT_TERMS } from '../../protocol/registry.ts'
import type { Terms } from '../../protocol/entry.ts'
import { rootAt } from '../../protocol/merkle.ts'
import type { SiteId } from '../../protocol/ids.ts'
import type {
  BodiesReply,
  BodiesRequest,
  PicturesReply,
  PicturesRequest,
  Report,
} from '../../protocol/wire.ts'
import type { PrivateKeys } from './identity.ts'
import type { ForkFound } from './log/fork.ts'
import { withNodes } from './log/tree.ts'
import { logStateOf } from './log/writer.ts'
import { createNode, loadView, type Node, type NodePorts, type NodeSettings } from './node.ts'
import { ADMISSION_SECONDS, createAdmission, type Admission } from './oversight/admission.ts'
import { createArchives, type Archives } from './oversight/archive.ts'
import { createStaffDesk, type StaffDesk } from './oversight/staff-desk.ts'
import { createAudit, type Audit } from './oversight/audit.ts'
import { createBreachDesk, type BreachDesk } from './oversight/breach.ts'
import { createChallenges, type Challenges } from './oversight/challenge.ts'
import { createDrawer } from './oversight/draw.ts'
import { createFigures, type Figures } from './oversight/figures.ts'
import { createFindingFiles, type FindingFiles } from './oversight/finding-files.ts'
import { createFindings, type Findings } from './oversight/findings.ts'
import { createFollowUp, type FollowUp } from './oversight/follow-up.ts'
import { createProbes, type Probes } from './oversight/probe.ts'
import { challengeStatements, findingStatements, forkStatements } from './oversight/statements.ts'
import { NODE_ACTOR, type Actor } from './people/actor.ts'
import { createPeople, type People, type PeoplePorts } from './people/people.ts'
import { createReportDesk, type ReportDesk } from './talk/report.ts'
import { nobodyOnline, refuseMessage } from './talk/talk.ts'

export interface Coordinator {
  node: Node
  /** What the node does itself, by a rule. */
  admission: Admission
  /** The same by somebody. */
  admissionBy: (actor: Actor) => Admission
  people: People
  breaches: BreachDesk
  followUp: FollowUp
  challenges: Challenges
  probes: Probes
  /** Evidence of many withdrawals in one file. */
  archives: Archives
  findings: Findings
  findingFiles: FindingFiles
  audit: Audit
  /** What the audit knows, reckoned for people. */
  figures: Figures
  /** Reports about members that their homes have left lying. */
  reports: ReportDesk
  /** What staff work with. */
  desk: StaffDesk
  start: () => Promise<void>
  stop: () => Promise<void>
}
export interface CoordinatorSettings extends NodeSettings {
  /** ISO 3166-1 alpha-2 code of where the coordinator is established. */
  jurisdiction: string
  /** Addresses at which the desk gets mail: they are nobody's who withdraws. */
  deskAddresses?: readonly string[]
  /** The secret under which the payment provider signs; null where there is none. */
  orderSecret?: Uint8Array | null
  /** Terms to begin with; later ones come by entry. */
  terms?: Terms
  keys: PrivateKeys
  /** Where its pages are reached from outside, for links in mails; null where nobody has said. */
  url?: string | null
}
/** What a coordinator needs beyond what every node does. */
export type CoordinatorNodePorts = NodePorts & PeoplePorts

/** Years for which the coordinator admits itself: its key is what everybody is configured with. */
const OWN_ADMISSION_SECONDS = 20 * ADMISSION_SECONDS

/** Whatever body is asked for: no profile ever rests on the coordinator. */
async function* holdsNothing(
  _from: SiteId,
  { indexes }: BodiesRequest,
): AsyncIterable<BodiesReply> {
  yield { answers: indexes.map((index) => ({ kind: 'unknown', index })) }
}

async function* holdsNoPictures(
  _from: SiteId,
  { wishes }: PicturesRequest,
): AsyncIterable<PicturesReply> {
  for (const wish of wishes.keys()) yield { kind: 'unknown', wish }
}

/** Builds a coordinator on its ports. */
export async function createCoordinator(
  ports: CoordinatorNodePorts,
  settings: CoordinatorSettings,
): Promise<Coordinator> {
  const { store, clock, crypto } = ports
  const { identity, keys, url = null } = settings
  const view = await loadView(ports, identity)
  const people = createPeople({ ...ports, view }, { network: view.network, keys, url })
  const { acts, mail, letters } = people

  const findings = createFindings({ store, clock, crypto, acts })
  const audit = createAudit({ network: view.network, store, clock, findings })
  const reports = createReportDesk(
    { view, store, clock, acts, notify: async () => undefined },
    'desk',
  )

  /** Whether a checkpoint contradicts our copy of the log; null where ours does not reach it. */
  async function contradicts(log: ForkFound['log'], note: string): Promise<boolean | null> {
    const { checkpoint } = node.checkpoints.open(log, note)
    const { size } = await store.read((tx) => logStateOf(tx, log))
    if (checkpoint.size > size) return null
    const own = await store.read((tx) =>
      withNodes(
        tx.logs,
        log,
        (nodes) => rootAt(checkpoint.size, nodes, crypto.sha256),
        crypto.sha256,
      ),
    )
    return !equalBytes(own, checkpoint.root)
  }

  /**
   * Looks at two checkpoints that are said to be of two histories, and suspends the site where they
   * are; `longer` where it takes more of the log than is here to tell.
   */
  async function judgeFork(
    log: ForkFound['log'],
    notes: ForkFound['notes'],
  ): Promise<'forked' | 'longer' | 'agreeing'> {
    const signed = notes.filter((note) => note !== '')
    const [one, other] = signed.map((note) => node.checkpoints.open(log, note).checkpoint)
    // Such a pair proves it by itself, whatever has reached this node of the log.
    if (other !== undefined && one?.size === other.size && !equalBytes(one.root, other.root)) {
      await suspendFork({ log, size: one.size, notes })
      return 'forked'
    }
    let isLonger = false
    for (const note of signed) {
      const verdict = await contradicts(log, note)
      if (verdict === true) {
        const { note: own, size } = await store.read((tx) => logStateOf(tx, log))
        await suspendFork({ log, size, notes: [own ?? '', note] })
        return 'forked'
      }
      isLonger ||= verdict === null
    }
    return isLonger ? 'longer' : 'agreeing'
  }

  async function takeReport(from: ForkFound['log'], report: Report): Promise<void> {
    if (report.kind !== 'fork') throw new ProtocolError('malformed', '/kind', 'a receipt or a fork')
    const { log, notes } = report
    if ((await judgeFork(log, notes)) !== 'longer') return
    node.tasks.background('pull', async () => {
      await node.follower.pull(log, from)
      await judgeFork(log, notes)
    })
  }

  async function suspendFork(fork: ForkFound): Promise<void> {
    if (!view.frozen.has(fork.log)) {
      view.freeze(fork.log)
      await store.write((tx) => tx.desk.addFork({ ...fork, foundAt: clock.now() }))
    }
    if (fork.log === view.self || !node.writer.isWritable()) return
    if (view.registry().members.get(fork.log)?.status !== 'admitted') return
    await admission.measure('suspend', fork.log, 'fork')
  }

  async function suspendAllForked(): Promise<void> {
    for (const { log, size, notes } of await store.read((tx) => tx.desk.forks()))
      await suspendFork({ log, size, notes })
  }

  /** The first two entries of a network: the coordinator's own keys, and the terms. */
  async function found(): Promise<void> {
    const { size } = await store.read((tx) => logStateOf(tx, view.self))
    if (size > 0) return
    const time = clock.now()
    const { logKey, witnessKey, site } = identity
    const appended = await store.write((tx) =>
      node.writer.append(tx, [
        {
          type: 'admit',
          site,
          logKey: logKey.publicKey,
          witnessKey: witnessKey.publicKey,
          siteType: 'coordinator',
          jurisdiction: settings.jurisdiction,
          time,
          expires: time + OWN_ADMISSION_SECONDS,
        },
        { type: 'terms', terms: settings.terms ?? DEFAULT_TERMS, time },
      ]),
    )
    await node.published(appended)
  }

  const node = createNode(ports, settings, view, {
    progressed: () => look(),
    forked: suspendFork,
    report: takeReport,
    writable: async () => {
      await found()
      await suspendAllForked()
    },
    connected: (site) => node.tasks.background('notices', () => desk.notices.connected(site)),
    tick: async () => {
      // Aside: to catch up with a long log must not keep the heartbeat waiting.
      look()
      challenges.run()
      probes.run()
      await breaches.tick()
      await people.signIn.prune()
      sendMail()
      await desk.tick()
    },
    bodies: holdsNothing,
    pictures: holdsNoPictures,
    audit: async () => {
      throw new ProtocolError('not_admitted', '', 'a site: nobody challenges the coordinator')
    },
    talk: async (from, request) =>
      request.kind === 'report' ? reports.take(from, request) : refuseMessage(),
    presence: nobodyOnline,
    request: async () => {
      throw new ProtocolError('malformed', '', 'a request to a home')
    },
  })
  const look = node.tasks.coalesced('audit', audit.run)
  const common = { view, store, clock, writer: node.writer, onPublished: node.published }
  const admissionBy = createAdmission({ ...common, ...people })
  const admission = admissionBy(NODE_ACTOR)
  const breaches = createBreachDesk({
    ...common,
    random: ports.random,
    acts,
    mail,
    letters,
    raise: findings.raise,
  })
  const desk = createStaffDesk({
    ...ports,
    view,
    identity,
    keys: settings.keys,
    tasks: node.tasks,
    admission,
    ownAddresses: settings.deskAddresses ?? [],
    orderSecret: settings.orderSecret ?? null,
    acts,
    findings,
  })
  const drawer = createDrawer({
    ...ports,
    identity,
    view,
    writer: node.writer,
    onPublished: node.published,
  })
  const challenges = createChallenges({
    ...ports,
    view,
    tasks: node.tasks,
    drawer,
    acts,
    pull: (log) => node.follower.pull(log, log),
    raise: findings.raise,
  })
  const probes = createProbes({ ...ports, view, tasks: node.tasks, acts, raise: findings.raise })
  const sendMail = node.tasks.coalesced('mail', mail.run)
  return {
    node,
    desk,
    challenges,
    probes,
    admission,
    admissionBy,
    people,
    breaches,
    followUp: createFollowUp({
      indexes: (log, above, limit) => store.read((tx) => tx.audit.indexes(log, above, limit)),
      evidence: node.evidence,
    }),
    archives: createArchives({
      ...ports,
      identity,
      view,
      statements: [findingStatements(store), forkStatements(store), challengeStatements(store)],
    }),
    findings,
    findingFiles: createFindingFiles({ identity, view, store, clock, crypto }),
    audit,
    figures: createFigures({
      network: view.network,
      registry: view.registry,
      store,
      clock,
    }),
    reports,
    start: node.start,
    stop: node.stop,
  }
}
