/**
 * Schemas with a quick reader beside each: it gives back just what the schema would, or undefined
 * where it does not know, and then the schema decides and says what is wrong. So both accept the
 * same, and good input, which is nearly all of it, is spared the schema's twenty times slower walk.
 */
import { z } from 'zod'
import { knowWord } from './cbor.ts'
import { objectOf } from './shape.ts'

/**
 * What a schema makes of `value`; undefined for what the schema refuses, and for what it may.
 *
 * @param isOwn whether objects and lists may be given back themselves where they need no change
 */
type Reader = (value: unknown, isOwn: boolean) => unknown

const readers = new WeakMap<z.ZodType, Reader>()

/** Notes the quick reader of a schema that was made by itself. */
export function quick<S extends z.ZodType>(schema: S, read: Reader): S {
  readers.set(schema, read)
  return schema
}

/**
 * What the quick reader of `schema` makes of `value`, undefined where it has none.
 *
 * @param isOwn whether nobody else has `value`, as where it was just decoded: then it need not be
 *   copied, and keys stay in their order
 */
export function readQuickly<S extends z.ZodType>(
  schema: S,
  value: unknown,
  isOwn = false,
): z.output<S> | undefined {
  return readers.get(schema)?.(value, isOwn) as z.output<S> | undefined
}

/** An integer within bounds. */
export function integer(min: number, max: number): z.ZodInt {
  return quick(z.int().min(min).max(max), (value) =>
    Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max ? value : undefined,
  )
}

/** One of a closed list of words. */
export function oneOf<const Words extends readonly string[]>(words: Words) {
  const known = new Set<unknown>(words)
  for (const word of words) knowWord(word)
  return quick(z.enum(words), (value) => (known.has(value) ? value : undefined))
}

/** One word alone. */
export function literal<const Word extends string>(word: Word): z.ZodLiteral<Word> {
  knowWord(word)
  return quick(z.literal(word), (value) => (value === word ? value : undefined))
}

/** Text that passes a test. */
export function textThat(test: (text: string) => boolean, schema: z.ZodString): z.ZodString {
  return quick(schema, (value) => (typeof value === 'string' && test(value) ? value : undefined))
}

/** A list of `min` to `max` items. */
export function listOf<Item extends z.ZodType>(
  item: Item,
  min: number,
  max: number,
): z.ZodArray<Item> {
  const read = readers.get(item)
  const schema = z.array(item).min(min).max(max)
  if (read === undefined) return schema
  return quick(schema, (value, isOwn) => {
    if (!Array.isArray(value) || value.length < min || value.length > max) return undefined
    const items: unknown[] = []
    let isSame = isOwn
    for (const one of value) {
      const taken = read(one, isOwn)
      if (taken === undefined) return undefined
      isSame &&= taken === one
      items.push(taken)
    }
    return isSame ? value : items
  })
}

interface FieldReader {
  name: string
  /** Its place among the fields. */
  at: number
  isOptional: boolean
  read: Reader
}

function fieldReaders(shape: z.ZodRawShape): FieldReader[] | null {
  const fields: FieldReader[] = []
  for (const [name, field] of Object.entries(shape)) {
    const isOptional = field instanceof z.ZodOptional || field instanceof z.ZodExactOptional
    const read = readers.get((isOptional ? field.unwrap() : field) as z.ZodType)
    if (read === undefined) return null
    fields.push({ name, at: fields.length, isOptional, read })
  }
  return fields
}

/** An object of these fields and no others; quick where each of them is. */
export function strict<Shape extends z.ZodRawShape>(shape: Shape) {
  const schema = z.strictObject(shape)
  const fields = fieldReaders(shape)
  if (fields === null) return schema
  const byName = new Map(fields.map((field) => [field.name, field]))
  const needed = fields.filter(({ isOptional }) => !isOptional).length
  return quick(schema, (value, isOwn) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    const given = value as Record<string, unknown>
    // By the keys that are there: V8 finds their values without a search, whatever the shape.
    const taken: unknown[] = Array(fields.length).fill(undefined)
    let found = 0
    let isSame = isOwn
    for (const name in given) {
      const field = byName.get(name)
      if (field === undefined) return undefined
      const one = given[name]
      // The schema decides whether undefined is as good as absent.
      const own = one === undefined ? undefined : field.read(one, isOwn)
      if (own === undefined) return undefined
      isSame &&= own === one
      if (!field.isOptional) found += 1
      taken[field.at] = own
    }
    if (found < needed) return undefined
    if (isSame && Object.getPrototypeOf(given) === Object.prototype) return given
    const names: string[] = []
    const values: unknown[] = []
    for (const { name, at } of fields) {
      const own = taken[at]
      if (own === undefined) continue
      names.push(name)
      values.push(own)
    }
    return objectOf(names, values)
  })
}

/** Reads what one of several schemas takes. */
export function eitherOf(...schemas: readonly z.ZodType[]): Reader {
  return (value, isOwn) => {
    for (const schema of schemas) {
      const taken = readQuickly(schema, value, isOwn)
      if (taken !== undefined) return taken
    }
    return undefined
  }
}
