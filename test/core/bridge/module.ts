/** What the old module sends, and a site whose bridge takes it. */
import { createHolds } from '../../../node/core/bridge/members/keeper.ts'
import type { GivenConsent, Holds } from '../../../node/core/bridge/members/holds.ts'
import type { ModuleArray, ModuleValue } from '../../../node/core/bridge/value.ts'
import type { PhotoAnswer } from '../../../node/core/ports.ts'
import { DAY_SECONDS } from '../../../protocol/dates.ts'
import { toUtf8 } from '../../../protocol/bytes.ts'
import type { NetId } from '../../../node/core/bridge/rows.ts'
import type { RecordId } from '../../../protocol/ids.ts'
import { aConsent } from '../../fixtures/people.ts'
import { A, aWorld, B, type SiteMachine, type World } from '../world.ts'

type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain }

/** A value as PHP's arrays are read: lists and maps alike. */
export function moduleValue(value: Plain): ModuleValue {
  if (typeof value !== 'object' || value === null) return value
  const entries: [string | number, Plain][] = Array.isArray(value)
    ? (value as readonly Plain[]).map((one, at) => [at, one])
    : Object.entries(value as { [key: string]: Plain })
  return new Map(entries.map(([key, one]) => [key, moduleValue(one)]))
}
export function moduleArray(value: { [key: string]: Plain }): ModuleArray {
  return moduleValue(value) as ModuleArray
}

/** A profile as the module sends it, with numbers as text as older PHP writes them. */
export function aModuleProfile(id: number, parts: { [key: string]: Plain } = {}): ModuleArray {
  return moduleArray({
    id: String(id),
    net_id: '0',
    fname: 'Anna',
    nickname: `Anna O&#39;Neil ${id}`,
    postal_code: '75001',
    sname: '',
    user_type: 'female',
    birth_date: '1990-02-03',
    age_max: 40,
    looking_user_type: 'male',
    email: 'c38bc6620d9dc3e0b6bbe38b74681fac',
    country_code: 'FR',
    region: 'Test Region 3',
    city: 'Testville 5',
    icon: `http://amor.example/img/u${id}.jpg`,
    lang: 'EN',
    photos: [`http://amor.example/img/g${id}-1.jpg`, `http://amor.example/img/g${id}-2.jpg`],
    profile_data: { body_type: 'Athletic', height: `5' 7" (170 cm)`, weight: '70 kg' },
    ...parts,
  })
}
/** An update as the module sends it: by number, with what has changed. */
export function anUpdate(
  netId: number,
  localId: number,
  parts: { [key: string]: Plain } = {},
): ModuleArray {
  return moduleArray({
    id: netId,
    net_id: String(netId),
    photos: [
      `http://amor.example/img/g${localId}-1.jpg`,
      `http://amor.example/img/g${localId}-2.jpg`,
    ],
    profile_data: [],
    ...parts,
    local_id: localId,
  })
}

/** A consent that came by the page. */
export function aGiven(
  localId: number,
  consent: Parameters<typeof aConsent>[0] = {},
  email: string | null = null,
): GivenConsent {
  const { state: _state, ...rest } = aConsent({ scopes: ['discovery', 'names'], ...consent })
  return { localId, email, consent: rest }
}

/** The addresses of a site, by what is to be had there; what is not named is a small picture. */
export interface Gallery {
  answers: Map<string, PhotoAnswer>
  asked: string[]
  /** Addresses with nothing behind them any more. */
  gone: Set<string>
  onAsked?: () => void
}

export interface Bridged {
  world: World
  /** The site with the bridge, and one without. */
  a: SiteMachine
  b: SiteMachine
  holds: Holds
  gallery: Gallery
  contact: { at: number | null }
  /** The same bridge after a restart of the node. */
  restarted: () => Promise<Holds>
}

export const HOLD_SECONDS = 30 * DAY_SECONDS

export function holdsOf(
  { ports, site }: SiteMachine,
  { gallery, contact }: Pick<Bridged, 'gallery' | 'contact'>,
  store = site.feed.store,
): Holds {
  return createHolds(
    {
      ...ports,
      store,
      site,
      photos: {
        fetch: async (address) => {
          gallery.asked.push(address)
          gallery.onAsked?.()
          return gallery.answers.get(address) ?? { kind: 'fetched', bytes: toUtf8(address) }
        },
        isGone: async (address) => gallery.gone.has(address),
      },
      contact: { lastSeenAt: () => contact.at },
    },
    { holdSeconds: HOLD_SECONDS, silenceSeconds: 30 * DAY_SECONDS },
  )
}

/** Two sites, of which one has a bridge. */
export async function aBridge(terms?: Parameters<typeof aWorld>[0]): Promise<Bridged> {
  const world = await aWorld(terms)
  const a = await world.addSite(A)
  const b = await world.addSite(B)
  const gallery: Gallery = { answers: new Map(), asked: [], gone: new Set() }
  const contact = { at: null }
  const holds = holdsOf(a, { gallery, contact })
  return {
    world,
    a,
    b,
    holds,
    gallery,
    contact,
    restarted: async () => {
      await world.restart(a)
      return holdsOf(a, { gallery, contact })
    },
  }
}

/** Scopes that cover all that a profile of the module has. */
export const ALL_SCOPES = ['appearance', 'discovery', 'names', 'pictures'] as const

/** A published member, its record and its number. */
export async function published(
  bridged: Bridged,
  localId = 12,
  consent: Parameters<typeof aGiven>[1] = {},
): Promise<{ record: RecordId; netId: NetId }> {
  const { holds, world } = bridged
  await holds.put([aModuleProfile(localId)])
  const [outcome] = await holds.consent([aGiven(localId, consent)])
  if (outcome?.kind !== 'published') throw new Error('not published')
  await world.quiet()
  const netId = (await holds.get(localId))?.netId ?? 0
  return { record: outcome.record, netId }
}
/** What a site may show of a record of the other. */
export const profileAt = async ({ site }: SiteMachine, record: RecordId) =>
  (await site.discovery.get(A, record))?.profile
