/** Runs a zod schema over untrusted input and turns its first issue into a ProtocolError. */
import { z } from 'zod'
import { ProtocolError, type ProtocolErrorCode } from './errors.ts'
import { integer, quick, readQuickly } from './quick.ts'

/** Thrown inside a schema's refinement or transform via `context.addIssue({ code: 'custom', params: { protocol } })`. */
export interface ProtocolIssue {
  code: ProtocolErrorCode
  expected: string
}

function pointer(path: PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

function refusal(issue: z.core.$ZodIssue): ProtocolError {
  const path = pointer(issue.path)
  switch (issue.code) {
    case 'unrecognized_keys': {
      // The refused field is named, but only where its name is a plain word: it is the sender's text.
      const name = issue.keys.find((key) => /^\w{1,40}$/.test(key))
      const field = name === undefined ? path : pointer([...issue.path, name])
      return new ProtocolError('unknown_field', field, 'only fields of the closed list')
    }
    case 'too_big':
      return new ProtocolError('out_of_range', path, `at most ${issue.maximum}`)
    case 'too_small':
      return new ProtocolError('out_of_range', path, `at least ${issue.minimum}`)
    case 'invalid_type':
      return new ProtocolError('wrong_type', path, issue.expected)
    case 'invalid_value':
      return new ProtocolError('out_of_range', path, `one of ${issue.values.join(', ')}`)
    case 'custom': {
      const own = issue.params?.['protocol'] as ProtocolIssue | undefined
      return own === undefined
        ? new ProtocolError('malformed', path, issue.message)
        : new ProtocolError(own.code, path, own.expected)
    }
    default:
      return new ProtocolError('malformed', path, issue.message)
  }
}

/**
 * Parses `value` with `schema`.
 *
 * @param whose says whether the result may share objects with it: `own` where nobody else
 *   has it, as what was just decoded
 * @throws ProtocolError for the first issue, with the JSON pointer of the field and never its value
 */
export function parseWith<S extends z.ZodType>(
  schema: S,
  value: unknown,
  whose: 'own' | 'given' = 'given',
): z.output<S> {
  const taken = readQuickly(schema, value, whose === 'own')
  if (taken !== undefined) return taken
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw issue === undefined ? new ProtocolError('malformed', '', 'valid input') : refusal(issue)
}

function bytesThat(test: (bytes: Uint8Array) => boolean, expected: string): z.ZodType<Uint8Array> {
  const isIt = (value: unknown): boolean => value instanceof Uint8Array && test(value)
  return quick(z.custom<Uint8Array>(isIt, expected), (value) => (isIt(value) ? value : undefined))
}

/** A byte string of exactly `length` bytes. */
export function bytesOf(length: number): z.ZodType<Uint8Array> {
  return bytesThat((bytes) => bytes.length === length, `a byte string of ${length} bytes`)
}

/** A byte string of at most `max` bytes. */
export function bytesUpTo(max: number): z.ZodType<Uint8Array> {
  return bytesThat((bytes) => bytes.length <= max, `a byte string of at most ${max} bytes`)
}

/** A non-negative whole number, e.g. a tree size or unix seconds. */
export const count = integer(0, Number.MAX_SAFE_INTEGER)
