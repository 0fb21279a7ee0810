/** Reads bodies for the index in memory: words, race and religion, and traits not known before. */
import { decodeBody } from '../../../protocol/body.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import type { SharedProfile } from '../../../protocol/vocabulary.ts'
import type { Vault } from '../ports.ts'
import type { HeldBody, ReadTransaction, Store } from '../store.ts'
import type { ReadBody } from './query.ts'
import { SENSITIVE_FIELDS, TEXT_FIELDS, traitsOf, WORD_FIELDS, type Traits } from './traits.ts'
import { markWord, wordsOf } from './words.ts'

/** Bodies read in one go, a few milliseconds: whoever waits meanwhile is served in between. */
const SLICE = 32

export interface BodyReader {
  /** Reads until nothing is left to read; calls while it runs wait for the same end. */
  run: () => Promise<void>
  /** Ends a run soon. */
  stop: () => Promise<void>
}

type Read = Pick<ReadBody, 'words' | 'sensitive' | 'traits'>

/** What the index takes from a profile. */
export function readProfile(profile: SharedProfile): Read {
  const words = new Set<string>()
  for (const field of TEXT_FIELDS) for (const word of wordsOf(profile[field] ?? '')) words.add(word)
  for (const field of WORD_FIELDS)
    for (const word of wordsOf(profile[field] ?? '')) words.add(markWord(field, word))
  const sensitive: ReadBody['sensitive'] = {}
  for (const field of SENSITIVE_FIELDS) {
    const word = profile[field]
    if (word !== undefined) sensitive[field] = word
  }
  return { words: [...words], sensitive, traits: traitsOf(profile) }
}

const NOTHING: Read = {
  words: [],
  sensitive: {},
  traits: { hasPicture: false, languages: [], heightCm: null, weightKg: null, choices: {} },
}

type Described = Map<SiteId, { index: number; traits: Traits }[]>

/**
 * Creates the reader.
 *
 * @param ports.pause lets everything else that waits have its turn
 */
export function createBodyReader(ports: {
  store: Store
  vault: Pick<Vault, 'open'>
  pause: () => Promise<unknown>
}): BodyReader {
  const { store, vault, pause } = ports
  let running: Promise<void> | null = null
  let isStopped = false

  function profileOf(held: HeldBody): SharedProfile | null {
    const bytes = vault.open(held.sealed)
    return bytes === null ? null : decodeBody(bytes).profile
  }

  /** Returns how many there were, and traits that are still to be written. */
  async function readSlice(tx: ReadTransaction): Promise<{ count: number; described: Described }> {
    const unread = await tx.search.unread(SLICE)
    const described: Described = new Map()
    const read: ReadBody[] = []
    for (const home of new Set(unread.map((one) => one.home))) {
      const wanted = unread.filter((one) => one.home === home)
      const indexes = wanted.map(({ index }) => index)
      const bodies = new Map(
        (await tx.bodies.atIndexes(home, indexes)).map((held) => [held.index, held]),
      )
      for (const name of wanted) {
        const held = bodies.get(name.index)
        const profile = held === undefined ? null : profileOf(held)
        // A body whose key is gone is about to be erased: it has nothing to find.
        const found = profile === null ? NOTHING : readProfile(profile)
        read.push({ ...name, ...found })
        if (held?.traits !== null || profile === null) continue
        const list = described.get(home) ?? []
        described.set(home, [...list, { index: name.index, traits: found.traits }])
      }
    }
    await tx.search.addRead(read)
    return { count: unread.length, described }
  }

  async function readAll(): Promise<void> {
    for (;;) {
      const { count, described } = await store.read(readSlice)
      if (count === 0 || isStopped) return
      if (described.size > 0)
        await store.write(async (tx) => {
          for (const [home, bodies] of described) await tx.bodies.setTraits(home, bodies)
        })
      await pause()
    }
  }

  return {
    run: () => {
      running ??= readAll().finally(() => {
        running = null
      })
      return running
    },
    stop: async () => {
      isStopped = true
      await running
    },
  }
}
