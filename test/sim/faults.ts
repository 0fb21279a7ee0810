/** The schedule of one simulation: what the websites want, and everything that goes wrong. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { BodiesReply, BodiesRequest, SyncReply } from '../../protocol/wire.ts'
import type { Coordinator } from '../../node/core/coordinator.ts'
import type { Dice } from './dice.ts'
import { Websites } from './website.ts'
import { FAIR } from './weather.ts'
import { NETWORK, SITES, type SimNode, type World } from './world.ts'

type Act = () => void | Promise<void>

const OFTEN = 6
const HOUR = 3600
const DAY = 86_400

export class Faults {
  readonly websites: Websites
  readonly #world: World
  readonly #dice: Dice
  /** Sites that may turn malicious; the coordinator and the rest stay honest. */
  readonly #suspect: SimNode | null
  #isHealed = false
  #isSilent = false

  constructor(world: World) {
    this.#world = world
    this.#dice = world.dice.fork()
    this.websites = new Websites(world, world.dice.fork())
    this.#suspect = this.#dice.chance(world.plant.often?.includes('turn') ? 1 : 0.4)
      ? world.node(this.#dice.pick(SITES))
      : null
    world.forge = (node, kind, request, reply) => this.#forge(node, kind, request, reply)
  }

  #sites(): SimNode[] {
    return this.#world.nodes.filter(({ site }) => site !== NETWORK)
  }
  #up(): SimNode[] {
    return this.#sites().filter(({ process }) => process?.core)
  }

  /** Weighted acts; the weights are counts of how often each is meant to come. */
  #acts(): [weight: number, name: string, act: Act][] {
    const { websites } = this
    const site =
      (run: (node: SimNode) => void): Act =>
      () => {
        const up = this.#up()
        if (up.length > 0) run(this.#dice.pick(up))
      }
    return [
      [16, 'publish', site((node) => websites.publish(node))],
      [5, 'regret', site((node) => this.#regret(node))],
      [6, 'update', site((node) => websites.update(node))],
      [6, 'picture', site((node) => websites.picture(node))],
      [5, 'change consent', site((node) => websites.changeConsent(node))],
      [10, 'withdraw', site((node) => websites.withdraw(node))],
      [4, 'narrow', site((node) => websites.demand(node, false))],
      [3, 'widen', site((node) => websites.demand(node, true))],
      [3, 'order', () => this.#order()],
      [3, 'measure', () => this.#measure()],
      [5, 'crash', () => this.#crash()],
      [7, 'crash at a write', () => this.#crashSoon()],
      [5, 'back up', () => this.#backUp()],
      [5, 'restore', () => this.#restore()],
      [7, 'cut', () => this.#cut()],
      [4, 'heal', () => this.#world.network.healAll()],
      [3, 'silence', () => this.#silence()],
      [4, 'clock', () => this.#clock()],
      [4, 'weather', () => this.#weather()],
      [4, 'probe', () => this.#probe()],
      [8, 'read', site((node) => void websites.read(node))],
      [4, 'turn', () => this.#turn()],
    ]
  }

  /** One act, and the time until the next. */
  async step(): Promise<number> {
    const { often = [] } = this.#world.plant
    const acts = this.#acts().map(([weight, name, act]) => {
      const factor = often.includes(name) ? OFTEN : 1
      return [weight * factor, name, act] as const
    })
    let roll = this.#dice.below(acts.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, name, act] of acts) {
      roll -= weight
      if (roll >= 0) continue
      this.#world.note(`-- ${name}`)
      await act()
      break
    }
    if (this.#isSilent) {
      // Long enough for leases to end, and to look whether they did.
      this.#isSilent = false
      if (this.#dice.chance(0.6)) return this.#dice.between(HOUR, 3 * HOUR)
    }
    const roll2 = this.#dice.next()
    if (roll2 < 0.35) return this.#dice.next() * 3
    if (roll2 < 0.94) return this.#dice.between(10, 600)
    return this.#dice.between(600, 2 * HOUR)
  }

  /** Members who change their minds while their bodies are on their way. */
  #regret(node: SimNode): void {
    const ids = [`r${this.websites.members.length}-${this.#dice.below(1000)}`]
    this.websites.put(node, ids)
    const again = this.#dice.chance(0.4)
    this.#world.queue.after(this.#dice.next() * 2, () => {
      if (again) this.websites.put(node, ids)
      else this.websites.withdraw(node, ids)
    })
  }

  #admission(): Coordinator['admission'] | null {
    return this.#world.node(NETWORK).process?.coordinator?.admission ?? null
  }
  #command(name: string, task: (admission: Coordinator['admission']) => Promise<unknown>): void {
    const admission = this.#admission()
    if (admission === null) return
    const { process } = this.#world.node(NETWORK)
    task(admission).catch((error: unknown) => {
      if (process?.isDead() !== false) return
      if (error instanceof ProtocolError)
        this.#world.note(`the coordinator refuses to ${name}: ${error.code}`)
      else this.#world.judge.fail(0, `the coordinator: ${name}: ${String(error)}`)
    })
  }
  #order(): void {
    const site = this.#dice.pick(SITES)
    const records = this.websites.members.flatMap(({ node, record }) =>
      node.site === site && record !== null ? [record] : [],
    )
    const record = this.#dice.chance(0.3) || records.length === 0 ? null : this.#dice.pick(records)
    this.#command('order', (admission) => admission.order(site, record, 'o-1'))
  }
  #measure(): void {
    const roll = this.#dice.next()
    const kind = roll < 0.45 ? 'suspend' : roll < 0.93 ? 'reinstate' : 'expel'
    const site = this.#dice.pick(SITES)
    this.#world.note(`${kind} ${site}`)
    this.#command(kind, (admission) => admission.measure(kind, site, 'terms'))
  }

  #restartLater(node: SimNode): void {
    const wait = this.#dice.chance(0.8) ? this.#dice.between(1, 300) : this.#dice.between(300, 9000)
    this.#world.queue.after(wait, () => {
      if (node.isHonest || !this.#isHealed) this.#world.start(node)
      // The website does not wait until its node has heard from others.
      if (this.#dice.chance(0.4))
        this.#world.queue.after(0.05 + this.#dice.next() / 2, () => this.websites.withdraw(node))
    })
  }
  #crash(): void {
    const node = this.#dice.pick(this.#world.nodes)
    this.#world.kill(node)
    this.#restartLater(node)
  }
  #crashSoon(): void {
    const node = this.#dice.pick(this.#world.nodes)
    const moment = this.#dice.pick(['before', 'torn', 'after'] as const)
    this.#world.killSoon(node, this.#dice.between(1, 8), moment)
  }
  async #backUp(): Promise<void> {
    for (const node of this.#dice.shuffled(this.#world.nodes).slice(0, 3))
      await this.#world.backup(node)
  }
  async #restore(): Promise<void> {
    const choices = this.#world.nodes.filter(({ backups }) => backups.length > 0)
    if (choices.length === 0) return
    const node = this.#dice.pick(choices)
    this.#world.kill(node)
    await this.#world.restore(node, this.#dice.pick(node.backups))
    this.#restartLater(node)
  }

  #cut(): void {
    const { network, nodes } = this.#world
    const names = nodes.map(({ name }) => name)
    const [a = '', b = ''] = this.#dice.shuffled(names)
    const roll = this.#dice.next()
    if (roll < 0.3) network.cut(a, b)
    else if (roll < 0.6) {
      network.cut(a, b)
      network.cut(b, a)
    } else {
      const left = names.filter(() => this.#dice.chance(0.5))
      for (const one of left)
        for (const other of names)
          if (!left.includes(other)) {
            network.cut(one, other)
            network.cut(other, one)
          }
    }
    if (this.#dice.chance(0.7))
      this.#world.queue.after(this.#dice.between(60, 4000), () => network.healAll())
  }
  /** Cuts one node off for longer than a lease. */
  #silence(): void {
    const { network, nodes, queue } = this.#world
    const node = this.#dice.pick(nodes)
    this.#isSilent = true
    for (const reader of this.#sites())
      queue.after(this.#dice.between(HOUR, 3 * HOUR), () => void this.websites.read(reader))
    const others = nodes.filter((other) => other !== node)
    for (const { name } of others) {
      network.cut(node.name, name)
      network.cut(name, node.name)
    }
    queue.after(this.#dice.between(HOUR, 5 * HOUR), () => {
      for (const { name } of others) {
        network.heal(node.name, name)
        network.heal(name, node.name)
      }
    })
  }
  #clock(): void {
    const node = this.#dice.pick(this.#world.nodes)
    const roll = this.#dice.next()
    if (roll < 0.2) node.frozenAt = node.frozenAt === null ? node.now() : null
    else if (roll < 0.6) node.skew = this.#dice.between(-200, 200)
    else if (roll < 0.8) node.skew = this.#dice.pick([-DAY, -HOUR, HOUR, DAY])
    else node.skew = this.#dice.pick([-4000 * DAY, -30 * DAY, 30 * DAY, 150 * DAY])
    if (node.frozenAt !== null || Math.abs(node.skew) > 300) this.#world.wereClocksWrong = true
    this.#world.note(`${node.name} skew ${node.skew} ${node.frozenAt ?? ''}`)
  }
  #weather(): void {
    const dice = this.#dice
    this.#world.network.weather = dice.chance(0.3)
      ? FAIR
      : {
          loss: dice.next() * 0.3,
          repetition: dice.next() * 0.3,
          delay: dice.pick([0.2, 2, 30]),
          straggle: dice.pick([0, 0.02, 0.1]),
          breakage: dice.next() * 0.3,
        }
  }

  /** Somebody asks for bodies without looking at what he may have. */
  #probe(): void {
    const [askerNode, targetNode] = this.#dice.shuffled(this.#up())
    const asker = askerNode?.process
    const target = targetNode?.process
    const home = this.#dice.pick(SITES)
    if (!asker || !target) return
    const indexes = Array.from({ length: 12 }, (_, index) => index)
    const known = this.#world.node(target.site).known.logs.get(asker.site) ?? []
    const newest = known.findLastIndex(({ entry }) => entry.type === 'requirements')
    const registry = this.#dice.chance(0.5) ? 0 : (asker.core?.node.view.registry().size ?? 0)
    const request: BodiesRequest = { home, indexes, requirements: newest + 1, registry }
    const ask = async (): Promise<void> => {
      for await (const _ of this.#world.network.serve(target, asker, request)) continue
    }
    ask().catch((error: unknown) => this.#world.note(`a probe fails: ${String(error)}`))
  }

  /** A site turns malicious: a relay that spoils what it serves, or a writer of two histories. */
  async #turn(): Promise<void> {
    const node = this.#suspect
    if (node === null || !node.isHonest || node.process === null) return
    const { database, disk, known } = node
    node.isHonest = false
    this.#world.note(`${node.name} turns malicious`)
    if (this.#dice.chance(0.4)) return
    const copy = {
      database: database.serialize(),
      disk: disk.copy(),
      known: { ...known, logs: new Map([...known.logs].map(([log, lines]) => [log, [...lines]])) },
    }
    const twin = await this.#world.add(node.site, copy)
    twin.isHonest = false
    const friends = new Set(SITES.filter(() => this.#dice.chance(0.5)))
    for (const other of this.#world.nodes) {
      if (other.site === node.site) continue
      const stranger = friends.has(other.site) ? node.name : twin.name
      this.#world.network.cut(stranger, other.name)
      this.#world.network.cut(other.name, stranger)
    }
    this.#world.start(twin)
    for (const writer of [node, twin])
      this.#world.queue.after(this.#dice.between(5, 900), () => this.websites.publish(writer))
  }

  #forge(node: SimNode, kind: 'sync' | 'bodies', _request: unknown, reply: unknown): unknown {
    if (kind === 'sync') return this.#forgeSync(node, reply as SyncReply)
    const { answers } = reply as BodiesReply
    return {
      answers: answers.map((answer) => {
        if (this.#dice.chance(0.5)) return answer
        if (answer.kind !== 'body' || this.#dice.chance(0.3))
          return { kind: this.#dice.pick(['gone', 'withheld', 'unknown']), index: answer.index }
        const body = answer.body.slice()
        body[this.#dice.below(body.length)] = this.#dice.below(256)
        return { ...answer, body: this.#dice.chance(0.2) ? body.slice(0, 40) : body }
      }),
    }
  }
  #forgeSync(node: SimNode, reply: SyncReply): SyncReply {
    if (reply.kind === 'entries' && this.#dice.chance(0.1)) {
      const entries = reply.entries.map((entry) => entry.slice())
      const entry = entries[this.#dice.below(entries.length)]
      if (entry !== undefined) entry[this.#dice.below(entry.length)] = this.#dice.below(256)
      return { ...reply, entries }
    }
    if (reply.kind === 'heads' && this.#dice.chance(0.1))
      return {
        ...reply,
        heads: reply.heads.map((head) => ({
          ...head,
          size: head.log === node.site ? head.size : head.size + this.#dice.below(3),
        })),
      }
    return reply
  }

  /** Everything heals: links, clocks, processes. Who was malicious is gone. */
  heal(): void {
    const { network, nodes } = this.#world
    this.#isHealed = true
    network.healAll()
    network.weather = FAIR
    for (const node of nodes) {
      node.process?.fuse.disarm()
      node.skew = 0
      node.frozenAt = null
      if (node.isHonest) this.#world.start(node)
      else this.#world.kill(node)
    }
    network.dial()
  }
}
