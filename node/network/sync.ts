/** The sync protocol: heads on connecting and at intervals, entries to catch up. */
import type { Connection } from '@libp2p/interface'
import { ProtocolError } from '../../protocol/errors.ts'
import {
  SYNC_PROTOCOL,
  syncReplyCodec,
  syncRequestCodec,
  type SyncReply,
  type SyncRequest,
} from '../../protocol/wire.ts'
import { SYNC_REQUEST_BYTES } from './bounds.ts'
import { ask, REPLY_BYTES, type Deadlines, type Exchange } from './exchange.ts'

export const SYNC: Exchange<SyncRequest, SyncReply> = {
  protocol: SYNC_PROTOCOL,
  request: syncRequestCodec,
  requestBytes: SYNC_REQUEST_BYTES,
  reply: syncReplyCodec,
  replyBytes: REPLY_BYTES,
}

/**
 * Asks by sync. Replies come in the order of the protocol: one `heads`, or one `checkpoint` and
 * then `entries` without gaps, or one `unknown`.
 *
 * @throws ProtocolError `malformed` for any other order, or for none
 */
export async function* askSync(
  connection: Connection,
  request: SyncRequest,
  deadlines: Deadlines,
): AsyncGenerator<SyncReply, void, undefined> {
  let expected: 'first' | 'entries' | 'end' = 'first'
  let next = request.kind === 'entries' ? request.from : 0
  for await (const reply of ask(SYNC, connection, request, deadlines)) {
    const opening = request.kind === 'heads' ? 'heads' : 'checkpoint'
    if (expected === 'entries' && reply.kind === 'entries') {
      if (reply.from !== next || reply.entries.length === 0)
        throw new ProtocolError('malformed', '/from', 'the entries after the last')
      next += reply.entries.length
    } else if (expected === 'first' && (reply.kind === opening || reply.kind === 'unknown'))
      expected = reply.kind === 'checkpoint' ? 'entries' : 'end'
    else throw new ProtocolError('malformed', '/kind', 'replies in the order of the protocol')
    yield reply
  }
  if (expected === 'first') throw new ProtocolError('malformed', '', 'a reply')
}
