/**
 * Takes the coordinator's requests at a home: finds the member by the e-mail address in an index of
 * its own, and withdraws at once. The coordinator learns which records have ended, and nothing else.
 */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import { REQUEST_RECORDS } from '../../../protocol/limits.ts'
import {
  openRequest,
  type PersonRequest,
  type RequestAnswer,
  type SignedRequest,
} from '../../../protocol/request.ts'
import type { PrivateKeys } from '../identity.ts'
import type { Clock, Crypto } from '../ports.ts'
import { emailKeyOf } from '../record/member.ts'
import type { Withdrawer } from '../record/withdraw.ts'
import type { MemberRow, Store } from '../store.ts'
import type { View } from '../view.ts'

/** Seconds for which an answer is kept, so that a repeated request gets the same one. */
export const ANSWER_SECONDS = 90 * 86_400

/** Creates what answers the coordinator. */
export function createRequestTaker(ports: {
  view: View
  store: Store
  clock: Clock
  crypto: Crypto
  keys: PrivateKeys
  withdrawer: Withdrawer
  /** The key that the node is configured with. */
  coordinatorKey: Uint8Array
  /** Keeps a request for another right, for the site to answer. */
  note: (request: PersonRequest & { kind: 'right' }, member: MemberRow) => Promise<void>
}): (from: SiteId, signed: SignedRequest) => Promise<RequestAnswer> {
  const { view, store, clock, crypto, keys, withdrawer } = ports

  function open(from: SiteId, signed: SignedRequest): PersonRequest {
    if (from !== view.network)
      throw new ProtocolError('not_admitted', '', 'a request by the coordinator')
    const publicKey = ports.coordinatorKey
    const request = openRequest(signed, { publicKey, verify: crypto.verify })
    // Else a request to one home could be handed to another by whoever has it.
    if (request.home !== view.self || request.network !== view.network)
      throw new ProtocolError('out_of_range', '/home', 'the name of this site')
    return request
  }

  async function withdraw(request: PersonRequest): Promise<RequestAnswer> {
    const emailKey = emailKeyOf(crypto, keys, request.email)
    const now = clock.now()
    // Noted before anything is done: after a crash the repetition ends the very same records.
    const records = await store.write(async (tx): Promise<RecordId[]> => {
      const known = await tx.requests.answered(request.id)
      // Who has come back since, by a new consent, is not ended by the old notice once more.
      if (known !== null) return known.records
      const members = await tx.members.byEmail(emailKey, REQUEST_RECORDS)
      const found = members.map(({ record }) => record)
      if (found.length > 0)
        await tx.requests.saveAnswered({ id: request.id, records: found, time: now })
      await tx.requests.pruneAnswered(now - ANSWER_SECONDS)
      return found
    })
    if (records.length === 0) return { kind: 'unknown' }
    await withdrawer.withdrawRecords(records, 'consent-withdrawn', request.id)
    return { kind: 'withdrawn', records }
  }

  return async (from, signed) => {
    const request = open(from, signed)
    if (request.kind === 'withdraw') return withdraw(request)
    const emailKey = emailKeyOf(crypto, keys, request.email)
    const [member] = await store.read((tx) => tx.members.byEmail(emailKey, 1))
    const isKnown = (await store.read((tx) => tx.requests.get(request.id))) !== null
    if (isKnown) return { kind: 'noted' }
    if (member === undefined) return { kind: 'unknown' }
    await ports.note(request, member)
    return { kind: 'noted' }
  }
}
