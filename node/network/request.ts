/** The request protocol: the coordinator asks a home for a person; one request, one answer. */
import type { Connection } from '@libp2p/interface'
import { ProtocolError } from '../../protocol/errors.ts'
import {
  REQUEST_PROTOCOL,
  requestAnswerCodec,
  signedRequestCodec,
  type RequestAnswer,
  type SignedRequest,
} from '../../protocol/request.ts'
import { REQUEST_ANSWER_BYTES, SIGNED_REQUEST_BYTES } from './bounds.ts'
import { ask, type Deadlines, type Exchange } from './exchange.ts'

export const REQUEST: Exchange<SignedRequest, RequestAnswer> = {
  protocol: REQUEST_PROTOCOL,
  request: signedRequestCodec,
  requestBytes: SIGNED_REQUEST_BYTES,
  reply: requestAnswerCodec,
  replyBytes: REQUEST_ANSWER_BYTES,
}

/**
 * Sends a request and waits for its answer.
 *
 * @throws ProtocolError `malformed` where there is none, or more than one
 */
export async function askRequest(
  connection: Connection,
  request: SignedRequest,
  deadlines: Deadlines,
): Promise<RequestAnswer> {
  let answer: RequestAnswer | null = null
  for await (const reply of ask(REQUEST, connection, request, deadlines)) {
    if (answer !== null) throw new ProtocolError('malformed', '', 'one answer')
    answer = reply
  }
  if (answer === null) throw new ProtocolError('malformed', '', 'an answer')
  return answer
}
