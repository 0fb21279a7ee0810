/** The websites of a simulation: what they ask of their nodes, and what they were told. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { RecordId } from '../../protocol/ids.ts'
import { NOTICE, people } from '../../scripts/people.ts'
import type { Dice } from './dice.ts'
import { isoDay } from './naive.ts'
import { bodyRows } from './storage.ts'
import { START, type SimNode, type World } from './world.ts'

/** Fields that a simulated member has: enough for every scope and requirement, and quick to check. */
const FIELDS = [
  'nickname',
  'birthDate',
  'gender',
  'seeks',
  'seeksAgeMin',
  'seeksAgeMax',
  'country',
  'latitude',
  'longitude',
  'language',
  'firstName',
  'bodyType',
  'heightCm',
  'religion',
  'smoking',
]
const SCOPES = [
  'appearance',
  'birth-date',
  'habits',
  'names',
  'pictures',
  'recommendations',
  'religion',
]
const DAY = 86_400
const cast = people(1, 60, isoDay(START))

export interface Member {
  id: string
  node: SimNode
  record: RecordId | null
}

export class Websites {
  readonly members: Member[] = []
  readonly #world: World
  readonly #dice: Dice
  #consents = 0

  constructor(world: World, dice: Dice) {
    this.#world = world
    this.#dice = dice
  }

  /** A consent with random scopes; its end names it. */
  #consent(node: SimNode, memberId: string): Record<string, unknown> {
    const dice = this.#dice
    const scopes = ['discovery', ...SCOPES.filter(() => dice.chance(0.5))]
    this.#consents += 1
    const now = node.now()
    const life = dice.chance(0.1) ? dice.between(1800, 30_000) : 200 * DAY
    let expiresAt = now + life + this.#consents
    while (this.#world.judge.askedBy(expiresAt) !== undefined) expiresAt += 1
    const excludes = dice.chance(0.15) ? [dice.pick(this.#world.nodes).site] : undefined
    this.#world.judge.asked({ home: node.site, memberId, scopes, expiresAt })
    return {
      notice: { ...NOTICE },
      scopes: this.#world.plant.scopes?.(scopes) ?? scopes,
      givenAt: now,
      expiresAt,
      channel: 'web',
      ...(excludes && { excludes }),
    }
  }

  #input(node: SimNode, memberId: string): Record<string, unknown> {
    const dice = this.#dice
    const person = dice.pick(cast)
    const all: Record<string, unknown> = { ...person.profile, heightCm: dice.between(150, 200) }
    if (dice.chance(0.15)) {
      // A birthday on the next day, so that a night changes an age.
      const year = dice.between(1960, 2000)
      all['birthDate'] = `${year}-${isoDay(node.now(), 1).slice(5)}`
    }
    const profile = Object.fromEntries(FIELDS.map((name) => [name, all[name]]))
    return { id: memberId, email: null, profile, consent: this.#consent(node, memberId) }
  }

  /** Runs what a website asks aside; refusals are answers, anything else is a bug. */
  #ask(node: SimNode, name: string, task: () => Promise<void>): void {
    const { process } = node
    const world = this.#world
    world.note(`${node.name} is asked to ${name}`)
    task().catch((error: unknown) => {
      if (process?.isDead() !== false) return
      if (!(error instanceof ProtocolError)) {
        world.judge.fail(0, `${node.name}: ${name}: ${String(error)}`)
        return
      }
      world.note(`${node.name} refuses to ${name}: ${error.code} ${error.path}`)
    })
  }

  put(node: SimNode, ids: readonly string[]): void {
    const { core } = node.process ?? {}
    if (!core) return
    const inputs = ids.map((id) => this.#input(node, id))
    this.#ask(node, `put ${ids.join(' ')}`, async () => {
      const outcomes = await core.publisher.put(inputs)
      for (const [at, outcome] of outcomes.entries()) {
        const id = ids[at] ?? ''
        if (outcome.kind === 'refused') {
          this.#world.note(`${node.name} refuses ${id}: ${outcome.error.message}`)
          continue
        }
        const known = this.members.find((member) => member.id === id)
        if (known) known.record = outcome.record
        else this.members.push({ id, node, record: outcome.record })
      }
    })
  }
  publish(node: SimNode): void {
    const first = this.members.length
    const count = this.#dice.between(1, 4)
    this.put(
      node,
      Array.from({ length: count }, (_, at) => `m${first + at}-${this.#dice.below(1000)}`),
    )
  }
  update(node: SimNode): void {
    const own = this.members.filter((member) => member.node === node)
    if (own.length > 0) this.put(node, [this.#dice.pick(own).id])
  }
  /** Adds a picture to a member, or takes one away. */
  picture(node: SimNode): void {
    const { core } = node.process ?? {}
    const dice = this.#dice
    const own = this.members.filter((member) => member.node === node)
    if (!core || own.length === 0) return
    const { id } = dice.pick(own)
    const upload = new TextEncoder().encode(`picture ${dice.below(1e9)}`)
    const isTaken = dice.chance(0.3)
    this.#ask(node, `change the pictures of ${id}`, async () => {
      const rows = (await core.members.withPictures(id))?.rows ?? []
      const [first] = rows
      if (isTaken && first !== undefined) await core.ownPictures.remove(id, first.picture)
      else await core.ownPictures.add(id, upload)
    })
  }
  changeConsent(node: SimNode): void {
    const { core } = node.process ?? {}
    const own = this.members.filter((member) => member.node === node)
    if (!core || own.length === 0) return
    const { id } = this.#dice.pick(own)
    const consent = this.#consent(node, id)
    this.#ask(node, `change the consent of ${id}`, async () => {
      await core.members.changeConsent(id, consent)
    })
  }
  withdraw(node: SimNode, these?: readonly string[]): void {
    const { process } = node
    const core = process?.core
    const own = this.members.filter((member) => member.node === node).map(({ id }) => id)
    const ids = these ?? this.#dice.shuffled(own).slice(0, this.#dice.between(1, 3))
    if (!core || ids.length === 0) return
    this.#ask(node, `withdraw ${ids.join(' ')}`, async () => {
      const done = await core.withdrawer.withdraw(ids, 'consent-withdrawn', 'n-1')
      for (const { record } of done.values()) {
        const rows = await bodyRows(node.database.db)
        if (process !== null && !process.isDead()) this.#world.judge.withdrawn(node, record, rows)
      }
    })
  }
  demand(node: SimNode, isWide: boolean): void {
    const { core } = node.process ?? {}
    if (!core) return
    const dice = this.#dice
    const ageMin = dice.between(18, 30)
    const wishes: Record<string, unknown> = {
      ageMin,
      ageMax: ageMin + dice.between(10, 60),
      genders: dice.pick([['man'], ['woman'], ['man', 'woman']]),
      countries: dice.shuffled(['DE', 'FR', 'ES', 'RU', 'GB']).slice(0, 4),
      languages: dice.shuffled(['de', 'fr', 'es', 'ru', 'en']).slice(0, 4),
      siteTypes: dice.shuffled(['general', 'casual', 'senior']).slice(0, 2),
      orientations: dice.shuffled(['straight', 'gay', 'bisexual']).slice(0, 2),
    }
    const requirements = isWide
      ? {}
      : Object.fromEntries(Object.entries(wishes).filter(() => dice.chance(0.25)))
    if (requirements['ageMax'] === undefined) delete requirements['ageMin']
    const others = this.#world.nodes.filter((other) => other !== node)
    const excludes = !isWide && dice.chance(0.15) ? [dice.pick(others).site] : []
    this.#ask(node, `require ${JSON.stringify(requirements)} ${excludes.join()}`, async () => {
      await core.demands.put(requirements, excludes)
    })
  }
  /** Reads the whole list of what a site shows, in pages, as its website would. */
  read(node: SimNode): Promise<RecordId[] | null> {
    const { process } = node
    const core = process?.core
    if (!core) return Promise.resolve(null)
    return (async () => {
      const shown: { home: SimNode['site']; record: RecordId }[] = []
      let after: RecordId | undefined
      for (;;) {
        const page = await core.discovery.list(
          after === undefined ? { limit: 3 } : { limit: 3, after },
        )
        shown.push(...page.records)
        if (page.next === null) break
        after = page.next
      }
      if (process.isDead()) return null
      this.#world.judge.shown(node, shown)
      return shown.map(({ record }) => record)
    })()
  }
}
