/** Serves the stream protocols to members, within bounds. */
import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import type { Events, NetworkHandlers } from '../core/ports.ts'
import type { AuditReply, AuditRequest } from '../../protocol/challenge.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { TALK_PROTOCOL } from '../../protocol/talk.ts'
import type { Report, ReportAnswer } from '../../protocol/wire.ts'
import { AUDIT } from './audit.ts'
import { BODIES } from './bodies.ts'
import { SERVED, TALK_STREAMS } from './bounds.ts'
import { BadRequest, serve, type Deadlines, type Exchange } from './exchange.ts'
import { NetworkFault, reasonOf } from './faults.ts'
import { PICTURES } from './pictures.ts'
import { PRESENCE } from './presence.ts'
import { REPORT } from './report.ts'
import { SYNC } from './sync.ts'
import { serveTalk } from './talk.ts'

export interface ServingPorts {
  node: Pick<Libp2p, 'handle'>
  /** The site of a peer that may take part now, or null. */
  memberOfPeer: (peer: PeerId) => SiteId | null
  handlers: Pick<
    NetworkHandlers,
    'sync' | 'bodies' | 'pictures' | 'report' | 'audit' | 'talk' | 'presence'
  >
  deadlines: Deadlines
  events: Events
  /** The site sent what no honest node sends. */
  struck: (site: SiteId) => void
}

/** Registers the handlers of all stream protocols. */
export async function registerProtocols(ports: ServingPorts): Promise<void> {
  const { handlers } = ports
  async function* report(from: SiteId, message: Report): AsyncGenerator<ReportAnswer> {
    yield await handlers.report(from, message)
  }
  async function* audit(from: SiteId, request: AuditRequest): AsyncGenerator<AuditReply> {
    yield await handlers.audit(from, request)
  }
  await register(ports, SYNC, handlers.sync)
  await register(ports, BODIES, handlers.bodies)
  await register(ports, PICTURES, handlers.pictures)
  await register(ports, REPORT, report)
  await register(ports, AUDIT, audit)
  await register(ports, PRESENCE, handlers.presence)
  await registerStream(ports, TALK_PROTOCOL, TALK_STREAMS, (site, stream) =>
    serveTalk(stream, (request) => handlers.talk(site, request), ports.deadlines),
  )
}

function register<Request, Reply>(
  ports: ServingPorts,
  exchange: Exchange<Request, Reply>,
  answer: (from: SiteId, request: Request) => AsyncIterable<Reply>,
): Promise<void> {
  return registerStream(ports, exchange.protocol, SERVED, (site, stream) =>
    serve(exchange, stream, (request) => answer(site, request), ports.deadlines),
  )
}

/** @param most streams of this protocol that one site may have at once */
async function registerStream(
  ports: ServingPorts,
  protocol: string,
  most: number,
  run: (site: SiteId, stream: Stream) => Promise<void>,
): Promise<void> {
  const serving = new Map<SiteId, number>()

  async function take(site: SiteId, stream: Stream): Promise<void> {
    serving.set(site, (serving.get(site) ?? 0) + 1)
    try {
      await run(site, stream)
    } catch (error) {
      failed(ports, site, protocol, error)
    } finally {
      const left = (serving.get(site) ?? 1) - 1
      if (left === 0) serving.delete(site)
      else serving.set(site, left)
    }
  }

  function onStream(stream: Stream, { remotePeer }: Connection): void {
    // Asked again for each stream: a site may have been removed since it connected.
    const site = ports.memberOfPeer(remotePeer)
    // libp2p counts by connection and only open streams; we count by site, and work not yet ended.
    if (site === null || (serving.get(site) ?? 0) >= most) stream.abort(new NetworkFault('busy'))
    else void take(site, stream)
  }

  const options = { maxInboundStreams: most, runOnLimitedConnection: true }
  await ports.node.handle(protocol, onStream, options)
}

function failed(ports: ServingPorts, site: SiteId, protocol: string, error: unknown): void {
  // A peer may change its mind, or die; that is no event.
  if (error instanceof NetworkFault && error.reason === 'closed') return
  const reason = reasonOf(error instanceof BadRequest ? error.error : error)
  ports.events.emit({ type: 'peer.failed', site, action: `serve ${protocol}`, reason })
  if (error instanceof BadRequest) ports.struck(site)
}
