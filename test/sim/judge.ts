/** The invariants of the network, checked at each commit, each frame and after each event. */
import { decodeBody, type Body } from '../../protocol/body.ts'
import { toHex } from '../../protocol/bytes.ts'
import type { RecordId, SiteId } from '../../protocol/ids.ts'
import { parseNote, splitCosignature } from '../../protocol/note.ts'
import type { BodiesReply, BodiesRequest, PicturesRequest } from '../../protocol/wire.ts'
import type { ReceiptRow } from '../../node/core/store.ts'
import {
  lineOf,
  recordsOf,
  registryOf,
  requirementsOf,
  rootOfLines,
  type Kept,
} from './knowledge.ts'
import { invariantOf, Violation, type Asked, type Judged } from './judged.ts'
import { ageAt, isAccepted, refusal, uncoveredField } from './naive.ts'
import { checkPictures, checkServed, keepPictures, ledgerLine } from './picture-judge.ts'
import { durableKey, type BodyRow, type Fact } from './storage.ts'

const keyOf = (home: SiteId, index: number): string => `${home} ${index}`
const SKEW_SECONDS = 300

export class Judge {
  readonly network: SiteId
  readonly #nodes: () => readonly Judged[]
  /** Every line that a site has ever written, by site and index. */
  readonly #written = new Map<SiteId, Map<number, Set<string>>>()
  /** Bodies by the profile commitment of their publish entry. */
  readonly #bodies = new Map<string, { bytes: string; body: Body }>()
  /** What the website said, by the end of the consent. */
  readonly #asked = new Map<number, Asked>()
  /** Records whose withdrawal was confirmed: by the newest heartbeat before it, the last time. */
  readonly #confirmed = new Map<RecordId, { home: Judged; beat: number; restores: number }>()
  /** The latest time of a heartbeat that each site has signed. */
  readonly #signed = new Map<SiteId, number>()
  readonly #first: { violation: Violation | null } = { violation: null }

  constructor(network: SiteId, nodes: () => readonly Judged[]) {
    this.network = network
    this.#nodes = nodes
  }

  /** The first violation; later ones are mostly its consequences. */
  get violation(): Violation | null {
    return this.#first.violation
  }
  /** Notes a violation; code inside a node could swallow a throw. */
  fail(invariant: number, message: string): void {
    this.#first.violation ??= new Violation(invariant, message)
  }

  /** Takes what a node knew before the simulation began for written by its owners. */
  adopt(node: Judged): void {
    for (const [site, lines] of node.known.logs) {
      const written = this.#written.get(site) ?? new Map<number, Set<string>>()
      for (const [index, { hex }] of lines.entries()) written.set(index, new Set([hex]))
      this.#written.set(site, written)
    }
  }

  /** Takes lines that a simulation is told of for written by their site. */
  wrote(site: SiteId, from: number, entries: readonly Uint8Array[]): void {
    const written = this.#written.get(site) ?? new Map<number, Set<string>>()
    for (const [offset, bytes] of entries.entries())
      written.set(from + offset, new Set([lineOf(bytes).hex]))
    this.#written.set(site, written)
  }

  asked(asked: Asked): void {
    this.#asked.set(asked.expiresAt, asked)
  }
  askedBy(expiresAt: number): Asked | undefined {
    return this.#asked.get(expiresAt)
  }
  bodyOf(node: Judged, home: SiteId, index: number): Body | null {
    const entry = node.known.logs.get(home)?.[index]?.entry
    return entry?.type === 'publish' ? (this.#bodies.get(toHex(entry.profile))?.body ?? null) : null
  }

  /** A signed checkpoint with a heartbeat reaches a node. */
  heard(node: Judged, log: SiteId, note: string): void {
    try {
      const { text, signatures } = parseNote(note)
      const [origin = '', size = ''] = text.split('\n')
      const beat = signatures.find(({ name }) => name === `${origin}/witness`)
      const time = beat && splitCosignature(beat.signature)?.time
      if (time === undefined || time > node.now() + SKEW_SECONDS) return
      const beats = node.known.beats.get(log) ?? []
      beats.push({ time, size: Number(size) })
      node.known.beats.set(log, beats)
    } catch {
      // Rubbish is nobody's heartbeat.
    }
  }

  /** Before a commit: what the transaction promises must hold on the disk already. */
  async beforeCommit(
    node: Judged,
    facts: readonly Fact[],
    rows: () => Promise<BodyRow[]>,
  ): Promise<void> {
    if (!node.isHonest) return
    for (const fact of facts)
      if (fact.kind === 'receipt' && fact.row.cosigner === node.site)
        this.#checkReceipt(node, fact.row, await rows())
  }

  /** Those that ended, or (bodies) were superseded, below a size of a log. */
  #endedBelow(
    node: Judged,
    log: SiteId,
    size: number,
    all: Iterable<Kept>,
    isBody: boolean,
  ): Kept[] {
    const { known } = node
    const isCoordinator = log === this.network
    const registry = registryOf(known, this.network, isCoordinator ? size : 0)
    return [...all].filter((kept) => {
      if (isCoordinator) {
        const member = registry.members.get(kept.home)
        if (member?.status === 'expelled' && kept.home !== node.site) return true
        if (registry.orders.length === 0) return false
      } else if (kept.home !== log) return false
      const below = isCoordinator ? Infinity : size
      if (kept.index >= below) return false
      const record = recordsOf(known, registry, kept.home, below).get(kept.record)
      if (isCoordinator)
        return record !== undefined && !record.live && registry.orders.some((o) => o.at < size)
      return record === undefined || !record.live || (isBody && record.index !== kept.index)
    })
  }

  #checkReceipt(node: Judged, { log, size }: ReceiptRow, rows: readonly BodyRow[]): void {
    const { kept, pictures } = node.known
    checkPictures(
      node,
      this.#endedBelow(node, log, size, pictures.values(), false),
      `${node.name} signs ${log} at ${size}`,
      this.fail.bind(this),
    )
    const ended = this.#endedBelow(node, log, size, kept.values(), true)
    for (const { home, index, record, slot, key } of ended) {
      const what = `${node.name} signs ${log} at ${size}, and of ${home} ${index}`
      if (durableKey(node.disk, slot) === key) this.fail(5, `${what} the key is on disk`)
      if (rows.some((row) => row.home === home && row.index === index))
        this.fail(5, `${what} there is a row`)
      if (node.known.unsettled.has(`${home} ${index}`))
        this.fail(5, `${what} the deletion is not settled (${record})`)
    }
  }

  /** After a commit: what the node knows from now on. */
  afterCommit(node: Judged, facts: readonly Fact[]): void {
    const { known } = node
    const entriesOf = facts.filter((fact) => fact.kind === 'entries')
    for (const { site, from, entries } of entriesOf) this.#append(node, site, from, entries)
    for (const fact of facts) {
      if (fact.kind === 'heartbeat') {
        known.storedBeats.set(fact.site, fact.time)
        if (fact.site === node.site)
          this.#signed.set(node.site, Math.max(fact.time, this.#signed.get(node.site) ?? 0))
      }
      if (fact.kind === 'checkpoint' && node.isHonest) this.#checkRoot(node, fact.site, fact.note)
      if (fact.kind === 'pending') known.pending.add(fact.record)
      if (fact.kind === 'fork') known.forked.add(fact.log)
      if (fact.kind === 'ledger')
        for (const { index } of fact.row.versions)
          known.ledger.add(ledgerLine(fact.row.home, index, fact.row.partner, fact.row.what))
      if (fact.kind === 'pictured') keepPictures(node, fact.rows)
      if (fact.kind === 'kept')
        for (const one of fact.bodies) {
          const { record, index, sealed } = one
          const key = durableKey(node.disk, sealed.slot)
          known.kept.set(keyOf(fact.home, index), {
            home: fact.home,
            record,
            index,
            slot: sealed.slot,
            key,
          })
          this.#keepBody(node, fact.home, index, node.sealed.get(sealed.slot))
        }
      if (fact.kind === 'removed')
        for (const { home, index } of fact.bodies) known.unsettled.add(keyOf(home, index))
    }
  }

  /** What a node keeps, and signs, is the root of just the lines that it has. */
  #checkRoot(node: Judged, site: SiteId, note: string): void {
    const [, size = '', root = ''] = note.split('\n')
    const lines = node.known.logs.get(site) ?? []
    if (lines.length < Number(size) || rootOfLines(lines, Number(size)) !== root)
      this.fail(
        10,
        `${node.name} keeps a checkpoint of ${site} at ${size} that is not of its lines`,
      )
  }

  #append(node: Judged, site: SiteId, from: number, entries: readonly Uint8Array[]): void {
    const lines = node.known.logs.get(site) ?? []
    const written = this.#written.get(site) ?? new Map<number, Set<string>>()
    this.#written.set(site, written)
    const isOwn = site === node.site
    const isTrusted = this.#nodes().every((other) => other.site !== site || other.isHonest)
    for (const [offset, bytes] of entries.entries()) {
      const index = from + offset
      const line = lineOf(bytes)
      const known = written.get(index) ?? new Set<string>()
      if (isOwn && !known.has(line.hex)) {
        // Nobody may hold another line at this place: that would be a second history.
        for (const other of isTrusted ? this.#nodes() : [])
          if ((other.known.logs.get(site)?.[index]?.hex ?? line.hex) !== line.hex)
            this.fail(11, `${node.name} writes ${index} anew, and ${other.name} has another`)
      } else if (!isOwn && !known.has(line.hex))
        this.fail(8, `${node.name} keeps a line ${index} of ${site} that it never wrote`)
      known.add(line.hex)
      written.set(index, known)
      if (lines.length !== index) this.fail(8, `${node.name} leaves a gap in ${site} at ${index}`)
      lines.push(line)
    }
    node.known.logs.set(site, lines)
  }

  #keepBody(node: Judged, home: SiteId, index: number, bytes: Uint8Array | undefined): void {
    const entry = node.known.logs.get(home)?.[index]?.entry
    if (entry?.type !== 'publish' || bytes === undefined) {
      this.fail(8, `${node.name} keeps a body of ${home} ${index} that no entry publishes`)
      return
    }
    const name = toHex(entry.profile)
    const truth = this.#bodies.get(name)
    if (truth === undefined) {
      if (home !== node.site)
        this.fail(8, `${node.name} keeps a body of ${home} ${index} that it never made`)
      else this.#bodies.set(name, { bytes: toHex(bytes), body: decodeBody(bytes) })
    } else if (truth.bytes !== toHex(bytes))
      this.fail(8, `${node.name} keeps another body of ${home} ${index} than it made`)
  }

  /** A frame of bodies leaves a node. */
  served(node: Judged, partner: SiteId, request: BodiesRequest, reply: BodiesReply): void {
    if (!node.isHonest) return
    const { known } = node
    const { home } = request
    const registry = registryOf(known, this.network)
    for (const answer of reply.answers) {
      const { index } = answer
      const what = `${node.name} to ${partner} of ${home} ${index}`
      const question = {
        known,
        network: this.network,
        self: node.site,
        home,
        partner,
        now: node.now(),
      }
      if (answer.kind === 'gone') {
        const live = [...recordsOf(known, registry, home).values()].find((r) => r.index === index)
        if (live?.live === true && !known.pending.has(live.record))
          this.fail(15, `${what}: gone, but it is live`)
      }
      if (answer.kind !== 'body') continue
      const body = this.bodyOf(node, home, index)
      if (body === null) {
        this.fail(8, `${what}: a body that nobody made`)
        continue
      }
      const refused = refusal(question, index, body)
      if (refused !== null) this.fail(invariantOf(refused), `${what}: ${refused}`)
      const entry = known.logs.get(home)?.[index]?.entry
      if (entry?.type === 'publish' && home === node.site && known.pending.has(entry.record))
        this.fail(1, `${what}: its withdrawal is only waiting for the log`)
      this.#checkConsent(what, decodeBody(answer.body))
      if (partner !== home && !known.ledger.has(`${home} ${index} ${partner}`))
        this.fail(6, `${what}: no row in the ledger`)
    }
  }

  /** A picture that a version names leaves a node. */
  pictured(node: Judged, partner: SiteId, request: PicturesRequest, index: number): void {
    if (!node.isHonest) return
    const body = this.bodyOf(node, request.home, index)
    const { network } = this
    const asked = { network, home: request.home, partner, index, body }
    checkServed(node, asked, this.fail.bind(this))
  }

  #checkConsent(what: string, body: Body): void {
    const asked = this.#asked.get(body.consent.expiresAt)
    if (asked === undefined) {
      this.fail(6, `${what}: nobody gave this consent`)
      return
    }
    const field = uncoveredField(body, asked.scopes)
    if (field !== null) this.fail(6, `${what}: no consent covers ${field}`)
  }

  /** After an event: the rows of a node that has written. */
  look(
    node: Judged,
    rows: readonly BodyRow[],
    live: readonly { home: SiteId; record: RecordId }[],
  ): void {
    if (!node.isHonest) return
    const { known } = node
    const registry = registryOf(known, this.network)
    const homes = new Map([...known.logs.keys()].map((h) => [h, recordsOf(known, registry, h)]))
    const now = new Map<string, BodyRow>()
    for (const row of rows) {
      if (row.doomed) continue
      now.set(keyOf(row.home, row.index), row)
      const record = homes.get(row.home)?.get(row.record)
      const what = `${node.name} holds ${row.home} ${row.index}`
      if (record === undefined || !record.live) this.fail(1, `${what}, which has ended`)
      else if (record.index !== row.index) this.fail(1, `${what}, which is superseded`)
      if (row.home === node.site && known.pending.has(row.record))
        this.fail(1, `${what}, which its member withdrew`)
      if (registry.members.get(row.home)?.status === 'expelled' && row.home !== node.site)
        this.fail(1, `${what}, which is expelled`)
      if (registry.members.get(node.site)?.status === 'expelled' && row.home !== node.site)
        this.fail(1, `${what}, but is expelled itself`)
    }
    for (const { home, record } of live)
      if (homes.get(home)?.get(record)?.live !== true)
        this.fail(2, `${node.name} takes ${record} of ${home} to be live`)
    const liveHere = new Set(live.map(({ home, record }) => `${home} ${record}`))
    for (const [home, records] of homes)
      for (const one of records.values())
        if (one.live && !liveHere.has(`${home} ${one.record}`))
          this.fail(9, `${node.name} takes ${one.record} of ${home} to have ended`)
    for (const [name, row] of node.rows ?? [])
      if (!now.has(name) && !this.#mayErase(node, row))
        this.fail(9, `${node.name} erased ${row.home} ${row.index} without a reason`)
    node.rows = now
  }

  /** Whether the log, a lease or the holder's own wishes are the reason for a body to be gone. */
  #mayErase(node: Judged, { home, index, record }: BodyRow): boolean {
    const { known, site, earliest, latest } = node
    const registry = registryOf(known, this.network)
    const body = this.bodyOf(node, home, index)
    const one = recordsOf(known, registry, home).get(record)
    if (body === null || one === undefined || !one.live || one.index !== index) return true
    if (home === site && known.pending.has(record)) return true
    if (body.consent.expiresAt <= latest) return true
    if ([home, site].some((name) => registry.members.get(name)?.status === 'expelled')) return true
    const eraseAfter = registry.terms?.eraseAfterSeconds ?? 0
    if (latest - (known.storedBeats.get(home) ?? 0) >= eraseAfter) return true
    if (requirementsOf(known, home)?.excludes.includes(site) === true) return true
    if (body.consent.excludes?.includes(site) === true) return true
    const wanted = requirementsOf(known, site)?.requirements
    const siteType = registry.members.get(home)?.siteType ?? ''
    return [earliest, latest].some(
      (now) =>
        wanted === undefined || !isAccepted(wanted, body, siteType, now) || ageAt(body, now) < 18,
    )
  }

  /** What a node shows to its visitors. */
  shown(node: Judged, records: readonly { home: SiteId; record: RecordId }[]): void {
    if (!node.isHonest) return
    const { known, site } = node
    const registry = registryOf(known, this.network)
    const seen = new Set<string>()
    for (const { home, record } of records) {
      const what = `${node.name} shows ${record} of ${home}`
      if (seen.has(record)) this.fail(15, `${what} twice`)
      seen.add(record)
      const one = recordsOf(known, registry, home).get(record)
      const body = one === undefined ? null : this.bodyOf(node, home, one.index)
      if (one === undefined || body === null) {
        this.fail(15, `${what}, which is not there`)
        continue
      }
      const { network } = this
      const now = node.now()
      const question = { known, network, self: site, home, partner: site, now }
      const refused = refusal(question, one.index, body)
      if (refused !== null) this.fail(invariantOf(refused), `${what}: ${refused}`)
      if (this.#isShownTooLong(node, record))
        this.fail(3, `${what}, though its withdrawal was confirmed a lease ago`)
    }
  }

  /** By the last heartbeat before the confirmation no lease lasts any longer. */
  #isShownTooLong({ known, now }: Judged, record: RecordId): boolean {
    const confirmed = this.#confirmed.get(record)
    if (confirmed === undefined || !confirmed.home.isHonest || this.#isLost(record)) return false
    const { terms } = registryOf(known, this.network)
    return now() - confirmed.beat >= (terms?.hideAfterSeconds ?? 0)
  }

  /** Whether a restore has lost a withdrawal, together with everybody else who had it. */
  #isLost(record: RecordId): boolean {
    const confirmed = this.#confirmed.get(record)
    if (confirmed === undefined || confirmed.home.restores === confirmed.restores) return false
    return this.#isLive(confirmed.home, record) && !confirmed.home.known.pending.has(record)
  }
  #isLive({ known, site }: Judged, record: RecordId): boolean {
    return recordsOf(known, registryOf(known, this.network), site).get(record)?.live === true
  }
  /**
   * A withdrawal that was confirmed and never reached its log; null where there is none. Who is
   * expelled has nobody left who would let it write, and nobody has anything of it.
   */
  unfulfilled(isMember: (site: SiteId) => boolean): string | null {
    for (const [record, { home }] of this.#confirmed)
      if (
        home.isHonest &&
        isMember(home.site) &&
        this.#isLive(home, record) &&
        !this.#isLost(record)
      )
        return `${home.name} confirmed the withdrawal of ${record}, and it lives`
    return null
  }

  /** A withdrawal has been confirmed to the website: nothing of it may be readable at home. */
  withdrawn(node: Judged, record: RecordId, rows: readonly BodyRow[]): void {
    const beat = this.#signed.get(node.site) ?? node.known.storedBeats.get(node.site) ?? 0
    this.#confirmed.set(record, { home: node, beat, restores: node.restores })
    if (rows.some((row) => row.home === node.site && row.record === record))
      this.fail(1, `${node.name} has a row of ${record}, whose withdrawal it confirmed`)
    for (const kept of node.known.kept.values())
      if (kept.record === record && durableKey(node.disk, kept.slot) === kept.key)
        this.fail(1, `${node.name} has the key of ${record}, whose withdrawal it confirmed`)
  }

  /** What a node should hold and show once everything is quiet: versions by record. */
  expected(node: Judged): Map<RecordId, { home: SiteId; index: number }> {
    const { known, site } = node
    const registry = registryOf(known, this.network)
    const expected = new Map<RecordId, { home: SiteId; index: number }>()
    for (const home of known.logs.keys()) {
      if (home === this.network || home === site) continue
      for (const { live, record, index } of recordsOf(known, registry, home).values()) {
        const body = this.bodyOf(node, home, index)
        const now = node.now()
        // A home whose clock ran ahead has dated a consent in the future: that is for later.
        if (!live || body === null || body.consent.givenAt > now) continue
        const question = { known, network: this.network, self: site, home, partner: site, now }
        if (refusal(question, index, body) === null) expected.set(record, { home, index })
      }
    }
    return expected
  }
}
