/** What the judge says of openings and findings: written anew, from the log's lines. */
import { hash } from 'node:crypto'
import { decodeCbor, encodeCbor } from '../../protocol/cbor.ts'
import type { AuditReply, AuditRequest } from '../../protocol/challenge.ts'
import { parseConsent } from '../../protocol/consent.ts'
import { fromHex, toHex } from '../../protocol/bytes.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { redraw, type Redrawn } from '../../protocol/redraw.ts'
import type { NewFinding } from '../../node/core/oversight/finding.ts'
import type { Judge } from './judge.ts'
import type { Judged } from './judged.ts'
import { recordsOf, registryOf } from './knowledge.ts'
import { ledgerLine } from './picture-judge.ts'

/** Where violations are noted. */
type Notes = Pick<Judge, 'fail'>

function linesOf({ known }: Judged, log: SiteId): Uint8Array[] {
  return (known.logs.get(log) ?? []).map(({ hex }) => fromHex(hex))
}

/** Null where the logs of this node are not the ones that were drawn from. */
function redrawn(node: Judged, network: SiteId, index: number): Redrawn | null {
  try {
    return redraw(network, linesOf(node, network), index, (log) => linesOf(node, log))
  } catch (error) {
    if (error instanceof ProtocolError) return null
    throw error
  }
}

/** Why this is no consent record in its only spelling; null where it is. */
function oddity(consent: Uint8Array): string | null {
  try {
    const record = parseConsent(decodeCbor(consent))
    return toHex(encodeCbor(record)) === toHex(consent) ? null : 'more than a consent'
  } catch (error) {
    if (error instanceof ProtocolError) return `no consent: ${error.message}`
    throw error
  }
}

/** An answer to the coordinator's audit leaves an honest node. */
export function checkAudited(
  node: Judged,
  network: SiteId,
  { request, reply }: { request: AuditRequest; reply: AuditReply },
  judge: Notes,
): void {
  if (reply.kind !== 'opening' || request.kind !== 'open') return
  const { known, site } = node
  const what = `${node.name} opens ${request.index} for ${request.draw}`
  const drawn = known.logs.get(site)?.[request.index]?.entry
  const opened = known.logs.get(site)?.[reply.index]?.entry
  if (drawn?.type !== 'publish' || opened?.type !== 'publish' || drawn.record !== opened.record) {
    judge.fail(16, `${what}, which is no publish of that record`)
    return
  }
  const record = recordsOf(known, registryOf(known, network), site).get(drawn.record)
  if (record?.live !== true || record.index !== reply.index)
    judge.fail(16, `${what}, and ${reply.index} is not live`)
  if (known.pending.has(drawn.record)) judge.fail(16, `${what}, whose withdrawal waits for the log`)
  const odd = oddity(reply.consent)
  if (odd !== null) judge.fail(16, `${what}: ${odd}`)
  const digest = hash('sha256', Buffer.concat([reply.salt, reply.consent]))
  if (digest !== toHex(opened.consent)) judge.fail(16, `${what}, and not what it committed to`)
  if (!known.ledger.has(ledgerLine(site, reply.index, network, 'consent')))
    judge.fail(16, `${what}, and it is not in the ledger`)
  const again = redrawn(node, network, request.draw)
  if (again === null || again.fault === 'wrong-mix') return
  if (!again.drawn.some((one) => one.site === site && one.index === request.index))
    judge.fail(16, `${what}, which was not drawn`)
}

/** What a network that fails, or a clock that is days off, can do to an honest site. */
const EXCUSED = new Set<unknown>(['unanswered', 'not-shown', 'no-consent', 'outdated-notice'])
/** What says that nothing came, which is true of whoever is cut off, down, or put back to a backup. */
const SILENCES = new Set(['lapsed-heartbeat', 'overdue-erasure', 'missing-receipts'])

/** The coordinator has found something about a site that is honest. */
export function checkFound({ kind, site, subject, evidence }: NewFinding, judge: Notes): void {
  if (SILENCES.has(kind) || EXCUSED.has(evidence['reason'])) return
  if (kind === 'failed-probe' && evidence['answer'] === 'withheld') return
  const found = String(evidence['reason'] ?? evidence['answer'] ?? '')
  judge.fail(17, `${kind} of ${site} ${subject} (${found}), which is honest`)
}
