/** Errors as problem details (RFC 9457): one total map from codes to statuses and words. */
import { ProtocolError, type ProtocolErrorCode } from '../../protocol/errors.ts'

/** What only this door can refuse. */
export const HTTP_PROBLEM_CODES = [
  'unauthorized',
  'forbidden',
  'method_not_allowed',
  'unsupported_media_type',
  'too_many_requests',
  'internal',
] as const
export type HttpProblemCode = (typeof HTTP_PROBLEM_CODES)[number]
export type ProblemCode = ProtocolErrorCode | HttpProblemCode

export interface ProblemKind {
  status: number
  title: string
  /** What it means and what to do, for whoever reads `/problems/<code>`. */
  explanation: string
}

/** Every code, with its status and its words. */
export const PROBLEMS = {
  malformed: {
    status: 400,
    title: 'Malformed input',
    explanation: 'The input could not be read: broken JSON, or text of another form than expected.',
  },
  unknown_field: {
    status: 422,
    title: 'Unknown field',
    explanation:
      'A field or parameter is not in the closed list. What the Network does not know it does not ' +
      'take: remove the field named by the pointer.',
  },
  wrong_type: {
    status: 422,
    title: 'Wrong type',
    explanation: 'A value has another type than expected, or is missing.',
  },
  out_of_range: {
    status: 422,
    title: 'Out of range',
    explanation: 'A value is not among those that are allowed.',
  },
  too_large: {
    status: 413,
    title: 'Too large',
    explanation: 'The input is longer than this node reads. Send less at once.',
  },
  not_canonical: {
    status: 422,
    title: 'Not canonical',
    explanation: 'The bytes are another spelling of what they say than the one that is allowed.',
  },
  bad_signature: {
    status: 422,
    title: 'Bad signature',
    explanation: 'A signature is missing or does not verify.',
  },
  bad_proof: {
    status: 422,
    title: 'Bad proof',
    explanation: 'A Merkle proof does not lead to the signed root.',
  },
  bad_commitment: {
    status: 422,
    title: 'Bad commitment',
    explanation: 'Content does not open the commitment in the log.',
  },
  contact_details: {
    status: 422,
    title: 'Contact details in text',
    explanation:
      'A text contains what looks like a phone number, an e-mail address, a link or the name of a ' +
      'messenger. The Network shares none: ask the member to remove it.',
  },
  under_age: {
    status: 422,
    title: 'Under age',
    explanation: 'The member is younger than the minimum age of the Network. Nothing was kept.',
  },
  no_consent: {
    status: 422,
    title: 'No consent',
    explanation:
      'There is no live consent that covers this. Who has withdrawn comes back only by a consent ' +
      'given after that.',
  },
  outdated_notice: {
    status: 422,
    title: 'Outdated notice',
    explanation:
      'The consent is bound to a version of the notice that is not accepted any more. Ask the ' +
      'member again under the current one.',
  },
  not_admitted: {
    status: 403,
    title: 'Not admitted',
    explanation: 'The site is not a member of the Network, or its admission has ended.',
  },
  rolled_back: {
    status: 503,
    title: 'Behind its own log',
    explanation: 'This node is behind what others have seen of its log, and is catching up.',
  },
  forked: {
    status: 409,
    title: 'Two histories',
    explanation: 'The log contradicts what was witnessed of it, and is not trusted any more.',
  },
  unknown_origin: {
    status: 404,
    title: 'Unknown log',
    explanation: 'No log of that origin is followed here.',
  },
  conflict: {
    status: 409,
    title: 'Conflict',
    explanation: 'The request contradicts the present state.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    explanation: 'There is nothing of that name here, or nothing that you may see.',
  },
  not_ready: {
    status: 503,
    title: 'Not ready',
    explanation:
      'This node cannot answer yet: its log waits to be confirmed by others, or receipts are ' +
      'missing. Nothing was changed; try again later.',
  },
  unauthorized: {
    status: 401,
    title: 'Unauthorized',
    explanation:
      'The request carries no valid API key ("Authorization: Bearer dpn_…"), and nobody is signed in.',
  },
  forbidden: {
    status: 403,
    title: 'Forbidden',
    explanation:
      'The role of the API key, or of who is signed in, does not allow this; or the request did not ' +
      'come from a page of this node.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    explanation:
      'The address exists, but not with this method. The header Allow lists those it has.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    explanation: 'The body has another Content-Type than the one that is expected.',
  },
  too_many_requests: {
    status: 429,
    title: 'Too many requests',
    explanation: 'The limit is used up. The header Retry-After says in how many seconds to go on.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    explanation: 'This node failed. Its log has the reason under the request id.',
  },
} satisfies Record<ProblemCode, ProblemKind>

/** A refusal of this door alone. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem'
  readonly code: HttpProblemCode
  readonly expected: string
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: HttpProblemCode,
    expected: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(code)
    this.code = code
    this.expected = expected
    this.headers = headers
  }
}

/** The members of a problem document. */
export interface Problem {
  type: string
  title: string
  status: number
  code: ProblemCode
  detail: string
  /** JSON pointer (RFC 6901) to the refused field of the body, or the name of a parameter. */
  pointer?: string
  /** What would have been accepted. */
  expected?: string
}

function describe(code: ProblemCode, status?: number): Omit<Problem, 'detail'> {
  const kind: ProblemKind = PROBLEMS[code]
  return { type: `/problems/${code}`, title: kind.title, status: status ?? kind.status, code }
}

/** The problem of an error; of an unknown one nothing but that it happened. */
export function problemOf(error: unknown, status?: number): Problem {
  if (error instanceof ProtocolError) {
    const { code, path, expected } = error
    return {
      ...describe(code, status),
      detail: `${path === '' ? 'Expected' : `At ${path}: expected`} ${expected}.`,
      ...(path !== '' && { pointer: path }),
      expected,
    }
  }
  if (error instanceof HttpProblem) {
    const { code, expected } = error
    return { ...describe(code, status), detail: `Expected ${expected}.`, expected }
  }
  return { ...describe('internal'), detail: 'This node could not answer.' }
}

const RETRY_SECONDS = '30'

/** The answer to an error, `application/problem+json`. */
export function problemResponse(error: unknown, status?: number): Response {
  const problem = problemOf(error, status)
  const headers = new Headers({ 'content-type': 'application/problem+json' })
  if (error instanceof HttpProblem)
    for (const [name, value] of Object.entries(error.headers)) headers.set(name, value)
  if (problem.status === 503) headers.set('retry-after', RETRY_SECONDS)
  return new Response(JSON.stringify(problem), { status: problem.status, headers })
}

/** Whether a word is a code with a page of its own. */
export function isProblemCode(word: string): word is ProblemCode {
  return Object.hasOwn(PROBLEMS, word)
}
