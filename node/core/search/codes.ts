/** Small numbers for words and places, so that columns of numbers can stand for them. */
import { distanceKm, type Place } from '../../../protocol/requirements.ts'

/** Numbers given to texts in the order of their coming; 0 stands for none. */
export interface Codes {
  /** The number of a text, given out now where it had none. */
  code: (text: string) => number
  /** The number of a text; null where no row can have it. */
  find: (text: string) => number | null
  text: (code: number) => string
  /** One more than the largest number given out. */
  size: () => number
}

/** Creates an empty list of codes. */
export function createCodes(): Codes {
  const codes = new Map<string, number>()
  const texts = ['']
  return {
    code: (text) => {
      const known = codes.get(text)
      if (known !== undefined) return known
      const given = texts.length
      codes.set(text, given)
      texts.push(text)
      return given
    },
    find: (text) => codes.get(text) ?? null,
    text: (code) => texts[code] ?? '',
    size: () => texts.length,
  }
}

/** A table by code: 1 for the codes of these texts. */
export function tableOf(codes: Codes, texts: Iterable<string>): Uint8Array {
  const table = new Uint8Array(codes.size())
  for (const text of texts) {
    const code = codes.find(text)
    if (code !== null) table[code] = 1
  }
  return table
}

/** Places, each once: many people share one, since a place is a tenth of a degree. 0 is none. */
export interface Places {
  code: (place: Place) => number
  place: (code: number) => Place | null
  /** One more than the largest number given out. */
  size: () => number
  /** Kilometres from one place to each other one; infinitely many to none. Reckoned once a place. */
  distancesFrom: (from: Place) => (code: number) => number
}

const UNKNOWN = -1

/** Creates an empty list of places. */
export function createPlaces(): Places {
  const codes = new Map<number, number>()
  const places: (Place | null)[] = [null]
  /** Of the last query: its filter, its order and its next page ask from the same place. */
  let last: { from: Place; distances: Float64Array } | null = null

  function distancesOf(from: Place): Float64Array {
    const { latitudeTenths, longitudeTenths } = from
    if (
      last?.from.latitudeTenths === latitudeTenths &&
      last.from.longitudeTenths === longitudeTenths &&
      last.distances.length === places.length
    )
      return last.distances
    const distances = new Float64Array(places.length).fill(UNKNOWN)
    distances[0] = Number.POSITIVE_INFINITY
    last = { from, distances }
    return distances
  }

  return {
    code: ({ latitudeTenths, longitudeTenths }) => {
      const name = (latitudeTenths + 900) * 4096 + longitudeTenths + 1800
      const known = codes.get(name)
      if (known !== undefined) return known
      const given = places.length
      codes.set(name, given)
      places.push({ latitudeTenths, longitudeTenths })
      return given
    },
    place: (code) => places[code] ?? null,
    size: () => places.length,
    distancesFrom: (from) => {
      const distances = distancesOf(from)
      return (code) => {
        let distance = distances[code] ?? Number.POSITIVE_INFINITY
        if (distance === UNKNOWN) {
          const place = places[code] ?? null
          distance = place === null ? Number.POSITIVE_INFINITY : distanceKm(from, place)
          distances[code] = distance
        }
        return distance
      }
    },
  }
}
