/** Seeded randomness: the same seed gives the same simulation, byte for byte. */

export interface Dice {
  /** A number in [0, 1). */
  next: () => number
  /** A whole number in [0, bound). */
  below: (bound: number) => number
  /** A whole number in [from, to). */
  between: (from: number, to: number) => number
  chance: (probability: number) => boolean
  pick: <T>(list: readonly T[]) => T
  shuffled: <T>(list: readonly T[]) => T[]
  bytes: (length: number) => Uint8Array
  /** A generator of its own, so that one use does not shift another. */
  fork: () => Dice
}

/** Makes a generator (sfc32 by Chris Doty-Humphrey, public domain; seeded by splitmix32). */
export function createDice(seed: number): Dice {
  let mixed = seed >>> 0
  const splitmix = (): number => {
    mixed = (mixed + 0x9e3779b9) >>> 0
    let z = mixed
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return (z ^ (z >>> 15)) >>> 0
  }
  let [a, b, c, d] = [splitmix(), splitmix(), splitmix(), 1]
  const word = (): number => {
    const sum = (((a + b) >>> 0) + d) >>> 0
    d = (d + 1) >>> 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) >>> 0
    c = ((c << 21) | (c >>> 11)) >>> 0
    c = (c + sum) >>> 0
    return sum
  }
  for (let i = 0; i < 12; i += 1) word()

  const next = (): number => word() / 4_294_967_296
  const below = (bound: number): number => Math.floor(next() * bound)
  const dice: Dice = {
    next,
    below,
    between: (from, to) => from + below(to - from),
    chance: (probability) => next() < probability,
    pick: (list) => {
      const item = list[below(list.length)]
      if (item === undefined) throw new Error('an empty list has nothing to pick')
      return item
    },
    shuffled: (list) => {
      const rest = [...list]
      const result: typeof rest = []
      while (rest.length > 0) result.push(...rest.splice(below(rest.length), 1))
      return result
    },
    bytes: (length) => Uint8Array.from({ length }, () => word() & 0xff),
    fork: () => createDice(word()),
  }
  return dice
}
