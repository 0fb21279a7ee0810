/** The audit protocol: one question, one answer. */
import type { Connection } from '@libp2p/interface'
import {
  AUDIT_PROTOCOL,
  auditReplyCodec,
  auditRequestCodec,
  type AuditReply,
  type AuditRequest,
} from '../../protocol/challenge.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { AUDIT_REPLY_BYTES, AUDIT_REQUEST_BYTES } from '../../protocol/limits.ts'
import { ask, type Deadlines, type Exchange } from './exchange.ts'

export const AUDIT: Exchange<AuditRequest, AuditReply> = {
  protocol: AUDIT_PROTOCOL,
  request: auditRequestCodec,
  requestBytes: AUDIT_REQUEST_BYTES,
  reply: auditReplyCodec,
  replyBytes: AUDIT_REPLY_BYTES,
}

/**
 * Puts a question and waits for its answer.
 *
 * @throws ProtocolError `malformed` where there is none, or more than one
 */
export async function askAudit(
  connection: Connection,
  request: AuditRequest,
  deadlines: Deadlines,
): Promise<AuditReply> {
  let answer: AuditReply | null = null
  for await (const reply of ask(AUDIT, connection, request, deadlines)) {
    if (answer !== null) throw new ProtocolError('malformed', '', 'one answer')
    answer = reply
  }
  if (answer === null) throw new ProtocolError('malformed', '', 'an answer')
  return answer
}
