/** The first rows in an order: by a key, then by record, then by home. */
import type { SiteId } from '../../../protocol/ids.ts'
import type { Columns } from './columns.ts'

export interface Keyed {
  row: number
  key: number
}

/** Keeps the first rows in an order: a heap with the last of them on top. */
export interface Best {
  offer: (row: number, key: number) => void
  /** The key above which no row is kept any more; infinite while there is room. */
  bound: () => number
  /** In order. */
  rows: () => Keyed[]
}

/** Whether the record of a row comes before, at (0) or after another one: by id, then by home. */
export function compareNames(
  columns: Columns,
  row: number,
  other: readonly number[],
  home: SiteId,
): number {
  const { ids } = columns
  for (let word = 0; word < 4; word += 1) {
    const difference = (ids[row * 4 + word] ?? 0) - (other[word] ?? 0)
    if (difference !== 0) return difference
  }
  const own = columns.homes.text(columns.numbers.home[row] ?? 0)
  return own === home ? 0 : own < home ? -1 : 1
}

function wordsAt({ ids }: Columns, row: number): number[] {
  return Array.from(ids.subarray(row * 4, row * 4 + 4))
}

function compareRows(columns: Columns, row: number, other: number): number {
  const { numbers, homes } = columns
  const home = homes.text(numbers.home[other] ?? 0) as SiteId
  return compareNames(columns, row, wordsAt(columns, other), home)
}

/** Creates an empty heap for at most `limit` rows. */
export function createBest(columns: Columns, limit: number): Best {
  const heap: Keyed[] = []
  const compare = (a: Keyed, b: Keyed): number =>
    a.key === b.key ? compareRows(columns, a.row, b.row) : a.key < b.key ? -1 : 1

  function swap(a: number, b: number): void {
    const [first, second] = [heap[a], heap[b]]
    if (first === undefined || second === undefined) return
    heap[a] = second
    heap[b] = first
  }
  const isAfter = (a: number, b: number): boolean => {
    const [first, second] = [heap[a], heap[b]]
    return first !== undefined && second !== undefined && compare(first, second) > 0
  }
  function rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1
      if (!isAfter(at, parent)) return
      swap(at, parent)
      at = parent
    }
  }
  function sink(): void {
    for (let at = 0; ;) {
      const left = 2 * at + 1
      const child = isAfter(left + 1, left) ? left + 1 : left
      if (!isAfter(child, at)) return
      swap(at, child)
      at = child
    }
  }

  return {
    offer: (row, key) => {
      const [top] = heap
      if (heap.length < limit) {
        heap.push({ row, key })
        rise(heap.length - 1)
      } else if (top !== undefined && key <= top.key && compare({ row, key }, top) < 0) {
        heap[0] = { row, key }
        sink()
      }
    },
    bound: () => (heap.length < limit ? Number.POSITIVE_INFINITY : (heap[0]?.key ?? 0)),
    rows: () => heap.toSorted(compare),
  }
}
