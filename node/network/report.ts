/** The report protocol: one report, one answer that it is durable. */
import type { Connection } from '@libp2p/interface'
import { ProtocolError } from '../../protocol/errors.ts'
import {
  REPORT_PROTOCOL,
  reportAnswerCodec,
  reportCodec,
  type Report,
  type ReportAnswer,
} from '../../protocol/wire.ts'
import { REPORT_ANSWER_BYTES, REPORT_BYTES } from './bounds.ts'
import { ask, type Deadlines, type Exchange } from './exchange.ts'

export const REPORT: Exchange<Report, ReportAnswer> = {
  protocol: REPORT_PROTOCOL,
  request: reportCodec,
  requestBytes: REPORT_BYTES,
  reply: reportAnswerCodec,
  replyBytes: REPORT_ANSWER_BYTES,
}

/**
 * Sends a report and waits for its answer.
 *
 * @throws ProtocolError `malformed` where there is none, or more than one
 */
export async function askReport(
  connection: Connection,
  report: Report,
  deadlines: Deadlines,
): Promise<ReportAnswer> {
  let answer: ReportAnswer | null = null
  for await (const reply of ask(REPORT, connection, report, deadlines)) {
    if (answer !== null) throw new ProtocolError('malformed', '', 'one answer')
    answer = reply
  }
  if (answer === null) throw new ProtocolError('malformed', '', 'an answer')
  return answer
}
