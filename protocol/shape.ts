/** Remembers what was made of a list of keys: messages have few shapes, and a node meets millions. */

interface Shape<T> {
  next: Map<string, Shape<T>>
  made: T | null
}
/** Keys remembered before all is forgotten: far more than all messages together have. */
const LIMIT = 4096
/** Longer lists and longer keys are no message of ours: a peer must not fill this memory with them. */
const LONGEST_LIST = 64
const LONGEST_KEY = 64

function isOrdinary(keys: readonly string[]): boolean {
  return keys.length <= LONGEST_LIST && keys.every((key) => key.length <= LONGEST_KEY)
}

/** A function of keys in their order that makes its answer once for each list of them. */
export function byKeys<T>(make: (keys: readonly string[]) => T): (keys: readonly string[]) => T {
  let root: Shape<T> = { next: new Map(), made: null }
  let count = 0
  return (keys) => {
    if (!isOrdinary(keys)) return make(keys)
    if (count > LIMIT) {
      root = { next: new Map(), made: null }
      count = 0
    }
    let shape = root
    for (const key of keys) {
      let next = shape.next.get(key)
      if (next === undefined) {
        next = { next: new Map(), made: null }
        shape.next.set(key, next)
        count += 1
      }
      shape = next
    }
    return (shape.made ??= make(keys))
  }
}

const templates = byKeys((keys): Record<string, unknown> =>
  Object.fromEntries(keys.map((key) => [key, null])),
)

/**
 * An object of `keys`, none of which is `__proto__`, and their values. It is a copy of one with the
 * same keys: V8 would turn one that grows by more than a dozen into a hash table of 5 KB.
 */
export function objectOf(
  keys: readonly string[],
  values: readonly unknown[],
): Record<string, unknown> {
  const made = { ...templates(keys) }
  for (let at = 0; at < keys.length; at += 1) made[keys[at] ?? ''] = values[at]
  return made
}
