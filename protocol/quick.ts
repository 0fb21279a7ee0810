/**
 * Schemas with a quick reader beside each: it gives back just what the schema would, or undefined
 * where it does not know, and then the schema decides and says what is wrong. So both accept the
 * same, and good input, which is nearly all of it, is spared the schema's twenty times slower walk.
 */
import { z } from 'zod'
import { objectOf } from './shape.ts'

/** What a schema makes of `value`; undefined for what the schema refuses, and for what it may. */
type Reader = (value: unknown) => unknown

const readers = new WeakMap<z.ZodType, Reader>()

/** Notes the quick reader of a schema that was made by itself. */
export function quick<S extends z.ZodType>(schema: S, read: Reader): S {
  readers.set(schema, read)
  return schema
}

/** What the quick reader of `schema` makes of `value`, undefined where it has none. */
export function readQuickly<S extends z.ZodType>(
  schema: S,
  value: unknown,
): z.output<S> | undefined {
  return readers.get(schema)?.(value) as z.output<S> | undefined
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
  return quick(z.enum(words), (value) => (known.has(value) ? value : undefined))
}

/** One word alone. */
export function literal<const Word extends string>(word: Word): z.ZodLiteral<Word> {
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
  return quick(schema, (value) => {
    if (!Array.isArray(value) || value.length < min || value.length > max) return undefined
    const items: unknown[] = []
    for (const one of value) {
      const taken = read(one)
      if (taken === undefined) return undefined
      items.push(taken)
    }
    return items
  })
}

/** An object of these fields and no others; quick where each of them is. */
export function strict<Shape extends z.ZodRawShape>(shape: Shape) {
  const schema = z.strictObject(shape)
  const fields: { name: string; isOptional: boolean; read: Reader }[] = []
  for (const [name, field] of Object.entries(shape)) {
    const isOptional = field instanceof z.ZodOptional || field instanceof z.ZodExactOptional
    const read = readers.get((isOptional ? field.unwrap() : field) as z.ZodType)
    if (read === undefined) return schema
    fields.push({ name, isOptional, read })
  }
  return quick(schema, (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    const given = value as Record<string, unknown>
    const names: string[] = []
    const values: unknown[] = []
    for (const { name, isOptional, read } of fields) {
      const field = given[name]
      if (field === undefined && isOptional) continue
      const own = read(field)
      if (own === undefined) return undefined
      names.push(name)
      values.push(own)
    }
    let others = -names.length
    for (const _ in given) others += 1
    return others === 0 ? objectOf(names, values) : undefined
  })
}

/** Reads what one of several schemas takes. */
export function eitherOf(...schemas: readonly z.ZodType[]): Reader {
  return (value) => {
    for (const schema of schemas) {
      const taken = readQuickly(schema, value)
      if (taken !== undefined) return taken
    }
    return undefined
  }
}
