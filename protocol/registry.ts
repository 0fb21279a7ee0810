/** Folds the coordinator's entries into who is a member, with which keys, under which terms. */
import { foldDraw, NO_DRAWS, type Draws } from './draw.ts'
import type { Admit, Breach, Draw, Entry, Order, Rotate, Terms } from './entry.ts'
import { equalBytes } from './bytes.ts'
import { ProtocolError } from './errors.ts'
import { MEMBERS } from './limits.ts'
import type { SiteId } from './ids.ts'
import {
  KEY_TYPE_COSIGNATURE,
  KEY_TYPE_ED25519,
  makeVerifierKey,
  type VerifierKey,
} from './note.ts'

/** The keys that a site uses from one log size on. */
export interface KeySpan {
  /** Checkpoints with a size above this one are signed by `logKey`. */
  above: number
  logKey: Uint8Array
  witnessKey: Uint8Array
}

export interface Member {
  site: SiteId
  status: 'admitted' | 'suspended' | 'expelled'
  siteType: string
  jurisdiction: string
  /** Oldest first; never empty. */
  keys: KeySpan[]
  admittedAt: number
  /** Unix seconds at which the admission ends. */
  expires: number
  /** When it was admitted, oldest first: from one time until (exclusive) another. */
  admissions: readonly { from: number; until: number }[]
  /** Unix seconds of the expulsion, where there was one. */
  expelledAt: number | null
}

export interface Registry {
  /** The network's name, which is also the coordinator's siteId. */
  network: SiteId
  /** Entries of the coordinator's log that are folded in. */
  size: number
  terms: Terms
  /** Earlier and present terms, oldest first, with the times from which they were in force. */
  termsSince: readonly { from: number; terms: Terms }[]
  /** The coordinator itself, from the first entry of its log; null before that. */
  coordinator: Member | null
  members: ReadonlyMap<SiteId, Member>
  orders: readonly Order[]
  breaches: readonly Breach[]
  draws: Draws
}

/** What holds until the coordinator's first `terms` entry (design §4.7). */
export const DEFAULT_TERMS: Terms = {
  minimumAge: 18,
  hideAfterSeconds: 6 * 3600,
  eraseAfterSeconds: 72 * 3600,
  registryLeaseSeconds: 7 * 86_400,
  heartbeatSeconds: 5 * 60,
  erasureDeadlineSeconds: 24 * 3600,
  noticeVersions: ['2018-06-19'],
  challengeSeconds: 86_400,
  challengesPerRound: 4,
  probeSeconds: 86_400,
  probesPerRound: 4,
  auditAnswerSeconds: 72 * 3600,
}

/** The registry of a network of which nothing is known yet. */
export function emptyRegistry(network: SiteId): Registry {
  return {
    network,
    size: 0,
    terms: DEFAULT_TERMS,
    termsSince: [],
    coordinator: null,
    members: new Map(),
    orders: [],
    breaches: [],
    draws: NO_DRAWS,
  }
}

function admitted(entry: Admit): Member {
  return {
    site: entry.site,
    status: 'admitted',
    siteType: entry.siteType,
    jurisdiction: entry.jurisdiction,
    keys: [{ above: -1, logKey: entry.logKey, witnessKey: entry.witnessKey }],
    admittedAt: entry.time,
    expires: entry.expires,
    admissions: [{ from: entry.time, until: entry.expires }],
    expelledAt: null,
  }
}

/** The admissions after one more: it prolongs the last one, or, where that had ended, follows it. */
function prolonged({ admissions }: Member, { time, expires }: Admit): Member['admissions'] {
  const last = admissions.at(-1)
  return last !== undefined && time <= last.until
    ? [...admissions.slice(0, -1), { from: last.from, until: expires }]
    : [...admissions, { from: time, until: expires }]
}

function rotated(member: Member, entry: Rotate): Member {
  const current = member.keys.at(-1)
  const follows =
    current !== undefined &&
    // The same size again: keys may have to be replaced twice before anything is written.
    entry.size >= current.above &&
    equalBytes(current.logKey, entry.oldLogKey) &&
    equalBytes(current.witnessKey, entry.oldWitnessKey)
  if (!follows) return member
  const { size: above, logKey, witnessKey } = entry
  return { ...member, keys: [...member.keys, { above, logKey, witnessKey }] }
}

function changed(member: Member, entry: Entry): Member {
  if (member.status === 'expelled') return member
  switch (entry.type) {
    case 'suspend':
      return { ...member, status: 'suspended' }
    case 'reinstate':
      return { ...member, status: 'admitted' }
    case 'expel':
      return { ...member, status: 'expelled', expelledAt: entry.time }
    case 'rotate':
      return rotated(member, entry)
    default:
      return member
  }
}

function admit(registry: Registry, entry: Admit): Registry {
  if (entry.site === registry.network)
    return registry.coordinator === null ? { ...registry, coordinator: admitted(entry) } : registry
  // A name is admitted once: a second admission would put two logs under one origin.
  const known = registry.members.get(entry.site)
  if (known !== undefined && known.status !== 'expelled')
    return withMember(registry, {
      ...known,
      expires: entry.expires,
      admissions: prolonged(known, entry),
      siteType: entry.siteType,
      jurisdiction: entry.jurisdiction,
    })
  const hasRoom = registry.members.size < MEMBERS
  return known === undefined && hasRoom ? withMember(registry, admitted(entry)) : registry
}

function draw(registry: Registry, entry: Draw): Registry {
  const { challengeSeconds, challengesPerRound } = registry.terms
  const context = {
    sites: [...registry.members.keys()],
    isActive: (site: SiteId) => isActive(registry, site, entry.time),
    challengeSeconds,
    challengesPerRound,
  }
  return { ...registry, draws: foldDraw(registry.draws, entry, registry.size - 1, context) }
}

function withMember(registry: Registry, member: Member): Registry {
  if (member.site === registry.network) return { ...registry, coordinator: member }
  return { ...registry, members: new Map(registry.members).set(member.site, member) }
}

/**
 * The registry after one more entry of the coordinator's log. Entries that do not apply (a rotation
 * from other keys, a measure against a stranger, anything for an expelled site) change nothing, so
 * that every node folds the same log into the same registry.
 */
export function foldRegistry(registry: Registry, entry: Entry): Registry {
  const next = { ...registry, size: registry.size + 1 }
  switch (entry.type) {
    case 'admit':
      return admit(next, entry)
    case 'rotate':
    case 'suspend':
    case 'reinstate':
    case 'expel': {
      const member = memberOf(next, entry.site)
      return member === undefined ? next : withMember(next, changed(member, entry))
    }
    case 'terms':
      return {
        ...next,
        terms: entry.terms,
        termsSince: [...next.termsSince, { from: entry.time, terms: entry.terms }],
      }
    case 'order':
      return { ...next, orders: [...next.orders, entry] }
    case 'breach':
      return { ...next, breaches: [...next.breaches, entry] }
    case 'draw':
      return draw(next, entry)
    default:
      return next
  }
}

/** Versions of the notice that were in the terms at some time from `from` to `to` (unix seconds). */
export function noticesBetween({ termsSince }: Registry, from: number, to: number): Set<string> {
  const spans = [{ from: 0, terms: DEFAULT_TERMS }, ...termsSince]
  const inForce = spans.filter(
    (span, at) => span.from <= to && (spans[at + 1]?.from ?? Infinity) >= from,
  )
  return new Set(inForce.flatMap(({ terms }) => terms.noticeVersions))
}

/** A site, or the coordinator under the network's name. */
export function memberOf(registry: Registry, site: SiteId): Member | undefined {
  if (site === registry.network) return registry.coordinator ?? undefined
  return registry.members.get(site)
}

/** The terms that were in force at a time. */
export function termsAt(registry: Registry, time: number): Terms {
  return registry.termsSince.findLast(({ from }) => from <= time)?.terms ?? DEFAULT_TERMS
}

/** Whether a site was admitted at a time, suspended or not. */
export function wasAdmitted({ admissions }: Member, time: number): boolean {
  return admissions.some(({ from, until }) => from <= time && time < until)
}

/** Whether a site takes part at `now`: admitted, not suspended, and its admission has not ended. */
export function isActive(registry: Registry, site: SiteId, now: number): boolean {
  const member = memberOf(registry, site)
  return member !== undefined && member.status === 'admitted' && now < member.expires
}

/** Whether a site may connect: a suspended one still brings withdrawals, an expelled one nothing. */
export function mayConnect(registry: Registry, site: SiteId): boolean {
  const member = memberOf(registry, site)
  return member !== undefined && member.status !== 'expelled'
}

/** The origin of a site's log: `<network>/<siteId>`, for the coordinator `<network>`. */
export function originOf(network: SiteId, site: SiteId): string {
  return site === network ? network : `${network}/${site}`
}

/**
 * The site whose log has this origin.
 *
 * @throws ProtocolError `unknown_origin`
 */
export function siteOfOrigin(registry: Registry, origin: string): SiteId {
  const { network } = registry
  if (origin === network) return network
  const site = origin.startsWith(`${network}/`) ? origin.slice(network.length + 1) : ''
  const member = registry.members.get(site as SiteId)
  if (member === undefined)
    throw new ProtocolError('unknown_origin', '', 'the origin of an admitted site')
  return member.site
}

/** Made once for each key, whose check is costly; every checkpoint that is opened asks for it. */
const verifierKeys = new WeakMap<Uint8Array, VerifierKey>()

function verifierKeyOf(name: string, type: number, publicKey: Uint8Array): VerifierKey {
  const known = verifierKeys.get(publicKey)
  if (known?.name === name && known.type === type) return known
  const key = makeVerifierKey(name, type, publicKey)
  verifierKeys.set(publicKey, key)
  return key
}

/** The key that signs checkpoints of `size` of a member's log. */
export function logKeyAt(network: SiteId, member: Member, size: number): VerifierKey {
  const span = member.keys.findLast(({ above }) => above < size) ?? member.keys[0]
  if (span === undefined) throw new ProtocolError('not_admitted', '', 'a member with keys')
  return verifierKeyOf(originOf(network, member.site), KEY_TYPE_ED25519, span.logKey)
}

/** The name under which a node cosigns: its log's origin with `/witness`. */
export function witnessName(network: SiteId, site: SiteId): string {
  return `${originOf(network, site)}/witness`
}

/** All keys with which a member may have cosigned, the current one last. */
export function witnessKeysOf(network: SiteId, member: Member): VerifierKey[] {
  return member.keys.map(({ witnessKey }) =>
    verifierKeyOf(witnessName(network, member.site), KEY_TYPE_COSIGNATURE, witnessKey),
  )
}
