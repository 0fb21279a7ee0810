/** The old module as a caller: its key, the window in which it may ask for one, what is known of it. */
import { encodeCbor } from '../../../../protocol/cbor.ts'
import { equalBytes, fromHex, toHex, toUtf8 } from '../../../../protocol/bytes.ts'
import { ProtocolError } from '../../../../protocol/errors.ts'
import type { SiteId } from '../../../../protocol/ids.ts'
import { parseRequirements, type Requirements } from '../../../../protocol/requirements.ts'
import { createLock } from '../../lock.ts'
import type { Clock, Crypto, Random } from '../../ports.ts'
import type { Demands } from '../../record/demand.ts'
import type { Store } from '../../store.ts'
import { requirementsOf, type ModuleQuery } from './wants.ts'

/** Whether its PHP can carry out removals: unknown until it has sent an id. */
export type CanRemove = 'yes' | 'no' | 'unknown'

export type Pairing =
  { kind: 'paired'; key: string } | { kind: 'refused'; word: 'domain_exists' | 'invalid_data' }

export interface ModuleContact {
  /** Opens the window in which `get_key` is answered. Returns unix seconds of its end. */
  openWindow: () => Promise<number>
  /** `get_key`. The window closes with the first key. */
  pair: (domain: string) => Promise<Pairing>
  /** A key for the owner to enter by hand; one before is void. */
  makeKey: () => Promise<string>
  /** Whether key and domain are this site's. */
  isKnown: (key: string, domain: string) => Promise<boolean>
  /** Notes that the module has called. */
  seen: () => void
  /** Notes whether ids came as integers or as text. */
  noteIds: (ids: 'integers' | 'text') => Promise<void>
  canRemove: () => CanRemove
  /** `settings`: what the site accepts becomes its requirements, unless the owner has set some. */
  settings: (query: ModuleQuery) => Promise<void>
  view: () => ContactView
  /** Writes what is only in memory, at most once a minute. */
  tick: () => Promise<void>
}
export interface ContactView {
  isPaired: boolean
  /** Unix seconds; null where no window is open. */
  windowUntil: number | null
  /** Unix seconds; null before the first call. */
  lastSeenAt: number | null
  canRemove: CanRemove
  /** What the module's settings amount to; null before it has sent them. */
  requirements: Requirements | null
}

const WINDOW_SECONDS = 600
const SAVE_SECONDS = 60
/** The module keeps the key in a column of its own; 128 bits are beyond any guess. */
const KEY_BYTES = 16

/** Settings of the store. Of the key there is only its hash. */
const KEY = 'bridge-key'
const SEEN = 'bridge-seen'
const IDS = 'bridge-ids'
const WANTS = 'bridge-wants'
const PUT = 'bridge-put'
const NAMES = [KEY, SEEN, IDS, WANTS, PUT] as const

/** A domain as the module or its owner may write it: without scheme and `www.`, in small letters. */
function plainDomain(domain: string): string {
  return domain
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replace(/^www\./, '')
    .replace(/\/$/, '')
}

function idsOf(text: string | undefined): CanRemove {
  if (text === 'integers') return 'yes'
  return text === 'text' ? 'no' : 'unknown'
}

/** Opens the contact as the store has it. */
export async function createContact(ports: {
  store: Store
  clock: Clock
  random: Random
  crypto: Pick<Crypto, 'sha256' | 'hmacSha256'>
  site: SiteId
  demands: Pick<Demands, 'get' | 'put'>
}): Promise<ModuleContact> {
  const { store, clock, random, crypto, site, demands } = ports
  const lock = createLock()
  const kept = await store.read(async (tx) => {
    const found = new Map<string, string>()
    for (const name of NAMES) found.set(name, (await tx.desk.setting(name)) ?? '')
    return found
  })
  const textOf = (name: (typeof NAMES)[number]): string => kept.get(name) ?? ''
  const save = async (name: (typeof NAMES)[number], value: string): Promise<void> => {
    await store.write((tx) => tx.desk.setSetting(name, value))
    kept.set(name, value)
  }

  let windowEnd = 0
  let lastSeenAt = textOf(SEEN) === '' ? null : Number(textOf(SEEN))
  let savedAt = clock.now()
  let hasNews = false
  let wanted = textOf(WANTS) === '' ? null : parseRequirements(JSON.parse(textOf(WANTS)))
  /** Whether it is to be seen still if what is wanted has to be put. */
  let isOpen = wanted !== null

  const blindKey = random.bytes(32)
  // Keyed hashes of both sides are compared: the time it takes tells nothing of the right one.
  const blind = (value: Uint8Array): Uint8Array => crypto.hmacSha256(blindKey, value)
  const own = plainDomain(site)
  const digest = (requirements: Requirements): string =>
    toHex(crypto.sha256(encodeCbor(requirements)))

  async function makeKey(): Promise<string> {
    const key = toHex(random.bytes(KEY_BYTES))
    await save(KEY, toHex(crypto.sha256(toUtf8(key))))
    return key
  }

  /** Puts what the module wants, unless what is published is of the owner's own making. */
  async function settle(): Promise<void> {
    if (!isOpen || wanted === null) return
    const published = demands.get()
    const wish = digest(wanted)
    if (published !== null) {
      const current = digest(published.requirements)
      if (current === wish || current !== textOf(PUT)) {
        isOpen = false
        return
      }
    }
    try {
      // Noted before: were it noted after and the node stopped between, the owner would seem to
      // have put it, and the module could never change it again.
      await save(PUT, wish)
      await demands.put(wanted, published?.excludes ?? [])
      isOpen = false
    } catch (error) {
      if (published !== null) await save(PUT, digest(published.requirements))
      // The log may not be written yet: it is tried again.
      if (!(error instanceof ProtocolError && error.code === 'not_ready')) throw error
    }
  }

  return {
    openWindow: async () => {
      windowEnd = clock.now() + WINDOW_SECONDS
      return windowEnd
    },
    pair: async (domain) => {
      if (clock.now() >= windowEnd || domain === '')
        return { kind: 'refused', word: 'invalid_data' }
      if (plainDomain(domain) !== own) return { kind: 'refused', word: 'domain_exists' }
      // At once: of two that ask in the same moment one gets a key.
      windowEnd = 0
      return { kind: 'paired', key: await makeKey() }
    },
    makeKey,
    isKnown: async (key, domain) => {
      const hash = textOf(KEY)
      if (hash === '' || plainDomain(domain) !== own) return false
      return equalBytes(blind(crypto.sha256(toUtf8(key))), blind(fromHex(hash)))
    },
    seen: () => {
      lastSeenAt = clock.now()
      hasNews = true
    },
    noteIds: async (ids) => {
      if (textOf(IDS) !== ids) await save(IDS, ids)
    },
    canRemove: () => idsOf(textOf(IDS)),
    settings: (query) =>
      lock(async () => {
        wanted = requirementsOf(query)
        await save(WANTS, JSON.stringify(wanted))
        isOpen = true
        await settle()
      }),
    view: () => ({
      isPaired: textOf(KEY) !== '',
      windowUntil: clock.now() < windowEnd ? windowEnd : null,
      lastSeenAt,
      canRemove: idsOf(textOf(IDS)),
      requirements: wanted,
    }),
    tick: () =>
      lock(async () => {
        if (hasNews && clock.now() - savedAt >= SAVE_SECONDS) {
          savedAt = clock.now()
          hasNews = false
          await save(SEEN, String(lastSeenAt))
        }
        await settle()
      }),
  }
}
