/** The one error type for input that the protocol refuses, and the check for our own bugs. */

export const PROTOCOL_ERROR_CODES = [
  'malformed',
  'unknown_field',
  'wrong_type',
  'out_of_range',
  'too_large',
  'not_canonical',
  'bad_signature',
  'bad_proof',
  'bad_commitment',
  'contact_details',
  'under_age',
  'no_consent',
  'outdated_notice',
  'not_admitted',
  'rolled_back',
  'forked',
  'unknown_origin',
  'conflict',
  'not_found',
  'not_ready',
] as const
export type ProtocolErrorCode = (typeof PROTOCOL_ERROR_CODES)[number]

/**
 * Input that is refused: which rule, where, and what was expected. It never carries the value, so
 * that it can be logged and sent back without spreading personal data.
 */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly code: ProtocolErrorCode
  /** JSON pointer (RFC 6901) to the refused part; empty for the whole input. */
  readonly path: string
  /** What would have been accepted, as an end of the sentence "expected …". */
  readonly expected: string

  constructor(code: ProtocolErrorCode, path: string, expected: string) {
    super(`${code} at ${path === '' ? 'the whole input' : path}: expected ${expected}`)
    this.code = code
    this.path = path
    this.expected = expected
  }
}

/** Moves a ProtocolError thrown by `parse` below `prefix` (a JSON pointer). */
export function at<T>(prefix: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof ProtocolError)
      throw new ProtocolError(error.code, prefix + error.path, error.expected)
    throw error
  }
}

/**
 * Stops the program when our own code is wrong; never for input.
 *
 * @throws Error always when `condition` is false
 */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`)
}
