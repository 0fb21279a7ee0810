/**
 * The network between simulated nodes: gossip that is lost, repeated and reordered; streams that
 * break; links cut in one or both directions. Frames travel as bytes of the shipped codecs.
 */
import {
  auditReplyCodec,
  auditRequestCodec,
  type AuditReply,
  type AuditRequest,
} from '../../protocol/challenge.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { SiteId } from '../../protocol/ids.ts'
import {
  announcementCodec,
  bodiesReplyCodec,
  bodiesRequestCodec,
  picturesReplyCodec,
  picturesRequestCodec,
  reportAnswerCodec,
  reportCodec,
  syncReplyCodec,
  syncRequestCodec,
  takeAnswers,
  type Announcement,
  type BodiesReply,
  type BodiesRequest,
  type Codec,
  type PicturesReply,
  type PicturesRequest,
  type SyncReply,
} from '../../protocol/wire.ts'
import {
  presenceReplyCodec,
  talkCallCodec,
  talkReplyCodec,
  type PresenceReply,
} from '../../protocol/talk.ts'
import type { GossipVerdict, Network, NetworkHandlers } from '../../node/core/ports.ts'
import type { Dice } from './dice.ts'
import { never } from './storage.ts'
import type { Queue } from './queue.ts'
import { FAIR, type Weather } from './weather.ts'

/** A process on the network. Two processes may claim to be the same site. */
export interface Port {
  /** Unique in the simulation. */
  name: string
  site: SiteId
  isDead: () => boolean
  /** Null before it listens. */
  handlers: NetworkHandlers | null
}

/** What the simulation looks at. */
export interface NetworkHooks {
  /** A gossiped announcement is about to be handed over. */
  announced: (to: Port, announcement: Announcement) => void
  verdict: (to: Port, announcement: Announcement, verdict: GossipVerdict) => void
  /** A sync frame is about to be handed over. */
  synced: (to: Port, reply: SyncReply) => void
  /** A frame of bodies leaves a node. */
  served: (from: Port, to: Port, request: BodiesRequest, reply: BodiesReply) => void
  /** The manifest of a picture leaves a node, and the picture after it. */
  pictured: (from: Port, to: Port, request: PicturesRequest, index: number) => void
  /** An answer to the coordinator's audit leaves a node. */
  audited: (from: Port, request: AuditRequest, reply: AuditReply) => void
  /** Lets a malicious node change what it sends. */
  forge: <T>(from: Port, kind: 'sync' | 'bodies', request: unknown, reply: T) => T | null
}

interface Stream {
  ends: [Port, Port]
  fail: () => void
}

const TIMEOUT_SECONDS = 30
const DIAL_SECONDS = 240
/** Frames that a stream breaks at, if it breaks. */
const EARLY_FRAMES = 4

class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

export class SimNetwork {
  weather: Weather = FAIR
  readonly #queue: Queue
  readonly #dice: Dice
  readonly #hooks: NetworkHooks
  readonly #ports: Port[] = []
  /** "from>to" by names: what is sent that way vanishes. */
  readonly #cut = new Set<string>()
  readonly #links = new Map<Port, Set<Port>>()
  readonly #streams = new Set<Stream>()
  /** Gossip sent before this moment by a name is lost. */
  readonly #flushed = new Map<string, number>()

  constructor(queue: Queue, dice: Dice, hooks: NetworkHooks) {
    this.#queue = queue
    this.#dice = dice
    this.#hooks = hooks
    const redial = (): void => {
      this.dial()
      queue.after(DIAL_SECONDS, redial)
    }
    queue.after(DIAL_SECONDS, redial)
  }

  /** Adds a process; it can be reached once it has handlers. */
  join(port: Port): void {
    this.#ports.push(port)
  }
  /** A process is gone: its links and streams break. */
  leave(port: Port): void {
    this.#ports.splice(this.#ports.indexOf(port), 1)
    for (const other of this.#ports) this.#unlink(port, other)
  }

  isLinked(a: Port, b: Port): boolean {
    return this.#links.get(a)?.has(b) === true
  }
  isCut(a: string, b: string): boolean {
    return this.#cut.has(`${a}>${b}`)
  }
  /** Cuts one direction; a link that is cut both ways breaks. */
  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`)
    if (!this.#cut.has(`${to}>${from}`)) return
    const [a, b] = [this.#find(from), this.#find(to)]
    if (a !== undefined && b !== undefined) this.#unlink(a, b)
  }
  heal(from: string, to: string): void {
    this.#cut.delete(`${from}>${to}`)
  }
  healAll(): void {
    this.#cut.clear()
  }
  /** Drops all gossip of a site that is still on its way. */
  flush(site: SiteId): void {
    this.#flushed.set(site, this.#queue.now())
  }

  /** Tries to connect everybody with everybody. */
  dial(): void {
    for (const [at, a] of this.#ports.entries())
      for (const b of this.#ports.slice(at + 1)) this.#link(a, b)
  }

  #find(name: string): Port | undefined {
    return this.#ports.find((port) => port.name === name)
  }
  #link(a: Port, b: Port): void {
    if (this.isLinked(a, b) || a.site === b.site) return
    if (a.handlers === null || b.handlers === null || a.isDead() || b.isDead()) return
    if (this.isCut(a.name, b.name) || this.isCut(b.name, a.name)) return
    if (!a.handlers.mayConnect(b.site) || !b.handlers.mayConnect(a.site)) return
    // One connection for each site: who claims a name twice gets in once.
    const isTaken = (one: Port, other: Port): boolean =>
      this.#ports.some((third) => third.site === other.site && this.isLinked(one, third))
    if (isTaken(a, b) || isTaken(b, a)) return
    this.#links.set(a, (this.#links.get(a) ?? new Set()).add(b))
    this.#links.set(b, (this.#links.get(b) ?? new Set()).add(a))
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const)
      this.#queue.after(this.#dice.next(), () => {
        if (this.isLinked(a, b) && !one.isDead()) one.handlers?.connected(other.site)
      })
  }
  #unlink(a: Port, b: Port): void {
    if (this.#links.get(a)?.delete(b) !== true) return
    this.#links.get(b)?.delete(a)
    for (const stream of this.#streams)
      if (stream.ends.includes(a) && stream.ends.includes(b)) this.#queue.after(1, stream.fail)
  }
  #linkedTo(port: Port, site: SiteId): Port | undefined {
    return this.#ports.find((other) => other.site === site && this.isLinked(port, other))
  }
  #delay(): number {
    const { delay, straggle } = this.weather
    return this.#dice.chance(straggle)
      ? this.#dice.between(600, 20_000)
      : 0.01 + this.#dice.next() * delay
  }

  /** The network as a process has it. */
  portOf(port: Port): Network {
    return {
      announce: async (announcement) => {
        if (port.isDead()) return never()
        this.#announce(port, announcement)
      },
      connected: () =>
        port.isDead() ? [] : this.#ports.filter((o) => this.isLinked(port, o)).map((o) => o.site),
      learnAddresses: () => undefined,
      ownAddresses: () => [`/dns4/${port.site}/tcp/4001`],
      sync: (site, request) =>
        this.#sync(port, site, syncRequestCodec.encode(request), request.kind),
      bodies: (site, request) => this.#bodies(port, site, request),
      pictures: (site, request) => this.#pictures(port, site, request),
      report: (site, message) =>
        this.#one(port, site, reportAnswerCodec, async (to) => {
          const report = reportCodec.decode(reportCodec.encode(message))
          return to.handlers?.report(port.site, report)
        }),
      audit: (site, message) =>
        this.#one(port, site, auditReplyCodec, async (to) => {
          const request = auditRequestCodec.decode(auditRequestCodec.encode(message))
          const reply = await to.handlers?.audit(port.site, request)
          if (reply !== undefined && !to.isDead()) this.#hooks.audited(to, request, reply)
          return reply
        }),
      talk: async (site, message) => {
        const said = await this.#one(port, site, talkReplyCodec, async (to) => {
          const { n, request } = talkCallCodec.decode(
            talkCallCodec.encode({ n: 0, request: message }),
          )
          const answer = await to.handlers?.talk(port.site, request)
          return answer && { n, answer }
        })
        return said.answer
      },
      presence: (site) => this.#presence(port, site),
      disconnect: async (site) => {
        const other = this.#linkedTo(port, site)
        if (!port.isDead() && other !== undefined) this.#unlink(port, other)
      },
    }
  }

  /** One question, one answer. */
  async #one<T>(
    port: Port,
    site: SiteId,
    codec: Codec<T>,
    answer: (target: Port) => Promise<T | undefined>,
  ): Promise<T> {
    const frames = this.#stream(port, site, async function* serve(target) {
      const given = await answer(target)
      if (given !== undefined) yield codec.encode(given)
    })
    for await (const frame of frames) return codec.decode(frame)
    throw new Unreachable()
  }

  #announce(port: Port, announcement: Announcement): void {
    const bytes = announcementCodec.encode(announcement)
    const sent = this.#queue.now()
    for (const target of this.#ports) {
      if (target === port || target.site === port.site || !this.#hears(target, port)) continue
      const copies = 1 + (this.#dice.chance(this.weather.repetition) ? 1 : 0)
      for (let copy = 0; copy < copies; copy += 1) {
        if (this.#dice.chance(this.weather.loss)) continue
        const wait = copy === 0 ? this.#delay() : this.#delay() * 100
        this.#queue.after(wait, () => {
          if (sent > (this.#flushed.get(port.site) ?? -1)) this.#hand(target, port.site, bytes)
        })
      }
    }
  }
  /** Gossip goes from neighbour to neighbour: two steps reach everybody who is reached at all. */
  #hears(target: Port, author: Port): boolean {
    const passes = (from: Port, to: Port): boolean =>
      this.isLinked(from, to) && !this.isCut(from.name, to.name)
    if (passes(author, target)) return true
    return this.#ports.some(
      (relay) => relay.site !== author.site && passes(author, relay) && passes(relay, target),
    )
  }
  #hand(target: Port, author: SiteId, bytes: Uint8Array): void {
    if (target.isDead() || target.handlers === null) return
    const announcement = announcementCodec.decode(bytes)
    this.#hooks.announced(target, announcement)
    void target.handlers
      .announcement(author, announcement)
      .then((verdict) => this.#hooks.verdict(target, announcement, verdict))
  }

  async *#sync(
    port: Port,
    site: SiteId,
    bytes: Uint8Array,
    kind: 'heads' | 'entries',
  ): AsyncIterable<SyncReply> {
    const request = syncRequestCodec.decode(bytes)
    const frames = this.#stream(port, site, (target) =>
      this.#encoded(target, 'sync', request, syncReplyCodec, (handlers) =>
        handlers.sync(port.site, request),
      ),
    )
    for await (const frame of frames) {
      const reply = syncReplyCodec.decode(frame)
      this.#hooks.synced(port, reply)
      yield reply
      if (kind === 'heads') return
    }
  }
  async *#presence(port: Port, site: SiteId): AsyncIterable<PresenceReply> {
    async function* frames(target: Port): AsyncIterable<Uint8Array> {
      if (target.handlers === null) return
      for await (const reply of target.handlers.presence(port.site))
        yield presenceReplyCodec.encode(reply)
    }
    for await (const frame of this.#stream(port, site, frames))
      yield presenceReplyCodec.decode(frame)
  }
  async *#bodies(port: Port, site: SiteId, request: BodiesRequest): AsyncIterable<BodiesReply> {
    const asked = bodiesRequestCodec.decode(bodiesRequestCodec.encode(request))
    const open = new Set(asked.indexes)
    const frames = this.#stream(port, site, (target) => this.serve(target, port, asked))
    for await (const frame of frames) {
      const reply = bodiesReplyCodec.decode(frame)
      if (reply.answers.length === 0) throw new ProtocolError('malformed', '/answers', 'an answer')
      takeAnswers(open, reply.answers)
      yield reply
    }
    if (open.size > 0) throw new ProtocolError('malformed', '/answers', 'an answer to each index')
  }
  /** What `target` answers to `asker`, whoever that is. */
  async *serve(target: Port, asker: Port, request: BodiesRequest): AsyncIterable<Uint8Array> {
    const served = (handlers: NetworkHandlers): AsyncIterable<BodiesReply> => {
      const replies = handlers.bodies(asker.site, request)
      const note = (reply: BodiesReply): void => {
        if (!target.isDead()) this.#hooks.served(target, asker, request, reply)
      }
      return (async function* noted() {
        for await (const reply of replies) {
          note(reply)
          yield reply
        }
      })()
    }
    yield* this.#encoded(target, 'bodies', request, bodiesReplyCodec, served)
  }
  async *#pictures(
    port: Port,
    site: SiteId,
    request: PicturesRequest,
  ): AsyncIterable<PicturesReply> {
    const asked = picturesRequestCodec.decode(picturesRequestCodec.encode(request))
    const hooks = this.#hooks
    const frames = this.#stream(port, site, async function* serve(target) {
      if (target.handlers === null) return
      for await (const reply of target.handlers.pictures(port.site, asked)) {
        const index = asked.wishes[reply.wish]?.index
        if (reply.kind === 'manifest' && index !== undefined && !target.isDead())
          hooks.pictured(target, port, asked, index)
        yield picturesReplyCodec.encode(reply)
      }
    })
    for await (const frame of frames) yield picturesReplyCodec.decode(frame)
  }
  async *#encoded<T>(
    target: Port,
    kind: 'sync' | 'bodies',
    request: unknown,
    codec: Codec<T>,
    serve: (handlers: NetworkHandlers) => AsyncIterable<T>,
  ): AsyncIterable<Uint8Array> {
    if (target.handlers === null) return
    for await (const reply of serve(target.handlers)) {
      const sent = this.#hooks.forge(target, kind, request, reply)
      if (sent !== null) yield codec.encode(sent)
    }
  }

  /** A stream to a site: a request one way, frames the other, each an event of its own. */
  async *#stream(
    port: Port,
    site: SiteId,
    serve: (target: Port) => AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    if (port.isDead()) await never()
    const target = this.#linkedTo(port, site)
    if (target === undefined) throw new Unreachable()
    const inbox: (Uint8Array | 'end' | 'failed')[] = []
    let wake: (() => void) | null = null
    let isOver = false
    const put = (item: Uint8Array | 'end' | 'failed'): void => {
      if (isOver) return
      inbox.push(item)
      if (typeof item === 'string') isOver = true
      wake?.()
    }
    const stream: Stream = { ends: [port, target], fail: () => put('failed') }
    this.#streams.add(stream)
    this.#transfer(stream, serve, put)
    try {
      for (;;) {
        const item = inbox.shift()
        if (item === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
          if (port.isDead()) await never()
          continue
        }
        if (item === 'end') return
        if (item === 'failed') throw new Unreachable()
        yield item
      }
    } finally {
      isOver = true
      this.#streams.delete(stream)
    }
  }

  #transfer(
    stream: Stream,
    serve: (target: Port) => AsyncIterable<Uint8Array>,
    put: (item: Uint8Array | 'end' | 'failed') => void,
  ): void {
    const [port, target] = stream.ends
    let left = this.#dice.chance(this.weather.breakage) ? this.#dice.below(EARLY_FRAMES) : Infinity
    /** Takes a frame across, or breaks the stream; resolves when it is there. */
    const carry = (from: Port, to: Port): Promise<boolean> =>
      new Promise((resolve) => {
        left -= 1
        const isLost = left < 0 || this.isCut(from.name, to.name)
        this.#queue.after(isLost ? TIMEOUT_SECONDS : this.#streamDelay(), () => {
          const isThere = !isLost && !to.isDead() && this.isLinked(from, to)
          if (!isThere) put('failed')
          resolve(isThere && this.#streams.has(stream))
        })
      })
    const run = async (): Promise<void> => {
      if (!(await carry(port, target))) return
      for await (const frame of serve(target)) {
        if (target.isDead()) return
        if (!(await carry(target, port))) return
        put(frame)
      }
      if (!target.isDead() && (await carry(target, port))) put('end')
    }
    run().catch(() => {
      if (!target.isDead()) this.#queue.after(this.#streamDelay(), stream.fail)
    })
  }
  #streamDelay(): number {
    return 0.01 + this.#dice.next() * Math.min(this.weather.delay, 2)
  }
}
