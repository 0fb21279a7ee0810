/** The presence protocol: one request, then frames for as long as both sides like. */
import type { Connection } from '@libp2p/interface'
import {
  PRESENCE_PROTOCOL,
  presenceReplyCodec,
  presenceRequestCodec,
  type PresenceReply,
  type PresenceRequest,
} from '../../protocol/talk.ts'
import { PRESENCE_RECORDS } from '../../protocol/limits.ts'
import { WATCH_BYTES } from './bounds.ts'
import { ask, type Deadlines, type Exchange } from './exchange.ts'

/** Bytes of a byte string of 16 with its head, and of what is around the two lists. */
const RECORD_BYTES = 17
const AROUND_BYTES = 64

export const PRESENCE: Exchange<PresenceRequest, PresenceReply> = {
  protocol: PRESENCE_PROTOCOL,
  request: presenceRequestCodec,
  requestBytes: WATCH_BYTES,
  reply: presenceReplyCodec,
  replyBytes: 2 * PRESENCE_RECORDS * RECORD_BYTES + AROUND_BYTES,
}

/** Opens a stream and yields what the home says, until it ends the stream. */
export function watchPresence(
  connection: Connection,
  deadlines: Deadlines,
): AsyncGenerator<PresenceReply, void, undefined> {
  return ask<PresenceRequest, PresenceReply>(PRESENCE, connection, { kind: 'watch' }, deadlines)
}
