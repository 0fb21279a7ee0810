/** Remembers what was made of a list of keys: messages have few shapes, and a node meets millions. */

interface Shape<T> {
  next: Map<string, Shape<T>>
  /** The step taken last, which is mostly the one that comes next. */
  lastKey: string | null
  last: Shape<T> | null
  made: T | null
}
/** Keys remembered before all is forgotten: far more than all messages together have. */
const LIMIT = 4096
/** Longer lists and longer keys are no message of ours: a peer must not fill this memory with them. */
const LONGEST_LIST = 64
const LONGEST_KEY = 64

function createShape<T>(): Shape<T> {
  return { next: new Map(), lastKey: null, last: null, made: null }
}

/** A function of keys in their order that makes its answer once for each list of them. */
export function byKeys<T>(make: (keys: readonly string[]) => T): (keys: readonly string[]) => T {
  let root = createShape<T>()
  let count = 0

  function add(shape: Shape<T>, key: string): Shape<T> {
    const added = createShape<T>()
    shape.next.set(key, added)
    count += 1
    return added
  }

  return (keys) => {
    if (keys.length > LONGEST_LIST) return make(keys)
    if (count > LIMIT) {
      root = createShape()
      count = 0
    }
    let shape = root
    for (const key of keys) {
      if (key !== shape.lastKey || shape.last === null) {
        const next = shape.next.get(key)
        if (next === undefined && key.length > LONGEST_KEY) return make(keys)
        shape.last = next ?? add(shape, key)
        shape.lastKey = key
      }
      shape = shape.last
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
