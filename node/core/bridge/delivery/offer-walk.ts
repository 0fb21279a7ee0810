/** Looks for records that the module could be offered, a stretch at each call. */
import { parseRecordId, type RecordId } from '../../../../protocol/ids.ts'
import type { Discovery } from '../../record/discover.ts'
import type { RecordName } from '../../search/query.ts'
import type { Store, WriteTransaction } from '../../store.ts'
import { isSayable } from './profile-out.ts'

/** Setting with the record behind which the walk goes on. */
const PLACE = 'bridge-walk'
/** Records on a page, and looked at in one call: some milliseconds of work for each call. */
const PAGE = 200
const STRETCH = 1000
/** From where it stands to the end, and once from the beginning: then it has seen all there is. */
const LAPS = 2

export interface OfferWalk {
  /** Up to `count` records that the module has not been given, and that can be said to it. */
  next: (count: number) => Promise<RecordName[]>
  /** Whether there is a place to keep. */
  hasMoved: () => boolean
  /** Keeps the place, in the transaction that offers what was found. */
  save: (tx: WriteTransaction) => Promise<void>
  /** There may be something that it has not seen. */
  news: () => void
}

/** Creates the walk: in the order of records, round and round while there is news, else at rest. */
export function createOfferWalk(ports: {
  store: Store
  discovery: Pick<Discovery, 'list'>
}): OfferWalk {
  const { store, discovery } = ports
  /** Undefined before the setting was read; null at the beginning. */
  let place: RecordId | null | undefined
  let saved: RecordId | null = null
  let laps = 0

  const hasMoved = (): boolean => place !== undefined && place !== saved

  async function lastPlace(): Promise<RecordId | null> {
    const text = await store.read((tx) => tx.desk.setting(PLACE))
    saved = text === null || text === '' ? null : parseRecordId(text)
    return saved
  }

  /** Those of a page that the module was never given, and that a lap before has not found. */
  async function free(
    names: readonly RecordName[],
    found: readonly RecordName[],
  ): Promise<RecordName[]> {
    return store.read(async (tx) => {
      const given = new Set(found.map(({ home, record }) => `${home} ${record}`))
      for (const [home, of] of Map.groupBy(names, (name) => name.home)) {
        const records = of.map(({ record }) => record)
        for (const row of await tx.bridge.deliveriesOf(home, records))
          given.add(`${row.home} ${row.record}`)
      }
      return names.filter(({ home, record }) => !given.has(`${home} ${record}`))
    })
  }

  return {
    next: async (count) => {
      if (place === undefined) place = await lastPlace()
      const found: RecordName[] = []
      for (let seen = 0; seen < STRETCH && found.length < count && laps < LAPS; seen += PAGE) {
        const { records, next } = await discovery.list({
          limit: PAGE,
          ...(place !== null && { after: place }),
        })
        const open = await free(
          records.filter(({ profile }) => isSayable(profile)),
          found,
        )
        const taken = open.slice(0, count - found.length)
        found.push(...taken.map(({ home, record }) => ({ home, record })))
        if (taken.length < open.length) place = taken.at(-1)?.record ?? place
        else {
          place = next
          if (next === null) laps += 1
        }
      }
      return found
    },
    hasMoved,
    save: async (tx) => {
      if (place === undefined || !hasMoved()) return
      await tx.desk.setSetting(PLACE, place ?? '')
      saved = place
    },
    news: () => {
      laps = 0
    },
  }
}
