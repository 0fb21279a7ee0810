/** The bodies protocol: what the gate allows of the record versions asked for. */
import type { Connection } from '@libp2p/interface'
import { ProtocolError } from '../../protocol/errors.ts'
import {
  takeAnswers,
  BODIES_PROTOCOL,
  bodiesReplyCodec,
  bodiesRequestCodec,
  type BodiesReply,
  type BodiesRequest,
} from '../../protocol/wire.ts'
import { BODIES_REQUEST_BYTES } from './bounds.ts'
import { ask, REPLY_BYTES, type Deadlines, type Exchange } from './exchange.ts'

export const BODIES: Exchange<BodiesRequest, BodiesReply> = {
  protocol: BODIES_PROTOCOL,
  request: bodiesRequestCodec,
  requestBytes: BODIES_REQUEST_BYTES,
  reply: bodiesReplyCodec,
  replyBytes: REPLY_BYTES,
}

/**
 * Asks for bodies. Each reply answers some of what was asked, each index once, and when the
 * iteration ends without an error, all of it.
 *
 * @throws ProtocolError `malformed` for an answer to another question, or missing ones
 */
export async function* askBodies(
  connection: Connection,
  request: BodiesRequest,
  deadlines: Deadlines,
): AsyncGenerator<BodiesReply, void, undefined> {
  const open = new Set(request.indexes)
  for await (const reply of ask(BODIES, connection, request, deadlines)) {
    // Checked before it is handed on, and never empty, so that the number of frames is bounded.
    if (reply.answers.length === 0) throw new ProtocolError('malformed', '/answers', 'an answer')
    takeAnswers(open, reply.answers)
    yield reply
  }
  if (open.size > 0) throw new ProtocolError('malformed', '/answers', 'an answer to each index')
}
