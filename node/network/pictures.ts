/** The pictures protocol: what the gate allows of the pictures asked for, chunk by chunk. */
import type { Connection } from '@libp2p/interface'
import { ProtocolError } from '../../protocol/errors.ts'
import { PICTURE_CHUNK_BYTES } from '../../protocol/limits.ts'
import {
  PICTURES_PROTOCOL,
  picturesReplyCodec,
  picturesRequestCodec,
  type PicturesReply,
  type PicturesRequest,
} from '../../protocol/wire.ts'
import { PICTURES_REQUEST_BYTES } from './bounds.ts'
import { ask, type Deadlines, type Exchange } from './exchange.ts'

export const PICTURES: Exchange<PicturesRequest, PicturesReply> = {
  protocol: PICTURES_PROTOCOL,
  request: picturesRequestCodec,
  requestBytes: PICTURES_REQUEST_BYTES,
  reply: picturesReplyCodec,
  replyBytes: PICTURE_CHUNK_BYTES + 256,
}

/**
 * Asks for pictures. Replies come wish by wish, in the order of the request; when the iteration
 * ends without an error, each wish had an answer.
 *
 * @throws ProtocolError `malformed` for any other order, or missing answers
 */
export async function* askPictures(
  connection: Connection,
  request: PicturesRequest,
  deadlines: Deadlines,
): AsyncGenerator<PicturesReply, void, undefined> {
  let next = 0
  for await (const reply of ask(PICTURES, connection, request, deadlines)) {
    // A chunk belongs to the manifest before it; all else is the answer to the next wish.
    const expected = reply.kind === 'chunk' ? next - 1 : next
    if (reply.wish !== expected || expected >= request.wishes.length)
      throw new ProtocolError('malformed', '/wish', 'answers in the order of the wishes')
    if (reply.kind !== 'chunk') next += 1
    yield reply
  }
  if (next < request.wishes.length)
    throw new ProtocolError('malformed', '/wish', 'an answer to each wish')
}
