/** Hands an auditor the opening of one member's consent: for that auditor, and for a limited time. */
import { openingOf } from '../../../protocol/body.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { OPENING_SECONDS } from '../../../protocol/limits.ts'
import { formatOpening } from '../../../protocol/opening.ts'
import type { Identity } from '../identity.ts'
import type { Clock, Crypto, Vault } from '../ports.ts'
import type { Store } from '../store.ts'
import type { View } from '../view.ts'
import type { EvidenceDesk } from './evidence.ts'
import type { OwnMembers } from './own.ts'

export interface Openings {
  /**
   * Makes the file, and enters the auditor into the ledger as one more recipient first.
   *
   * @param id the site's own id of the member
   * @param seconds for which it may be used
   * @throws ProtocolError `not_found`, `out_of_range`, or `not_ready` while receipts for the
   *   member's entry are missing
   */
  make: (id: string, wish: { auditor: SiteId; seconds: number }) => Promise<string>
}

/** Creates the maker of openings. */
export function createOpenings(ports: {
  identity: Identity
  view: View
  store: Store
  vault: Pick<Vault, 'open'>
  clock: Clock
  crypto: Crypto
  members: Pick<OwnMembers, 'get'>
  evidence: EvidenceDesk
}): Openings {
  const { identity, view, store, vault, clock, crypto, members, evidence } = ports
  return {
    make: async (id, { auditor, seconds }) => {
      if (!Number.isSafeInteger(seconds) || seconds < 1 || seconds > OPENING_SECONDS)
        throw new ProtocolError('out_of_range', '/seconds', `1 to ${OPENING_SECONDS} seconds`)
      const notFound = new ProtocolError('not_found', '/id', 'a member with a live record')
      const member = await members.get(id)
      if (member === null) throw notFound
      const held = await store.read((tx) => tx.bodies.ofRecord(view.self, member.record))
      if (held === null) throw notFound
      const { record, index } = held
      const proof = await evidence.file(view.self, index)
      const time = clock.now()
      const row = { home: view.self, partner: auditor, time, via: null, what: 'consent' as const }
      const body = await store.write(async (tx) => {
        // In one transaction with its row in the ledger: what ends meanwhile is not handed out.
        const state = await tx.records.get(view.self, record)
        if (state === null || !state.live || state.index !== index) return null
        await tx.ledger.add({ ...row, versions: [{ record, index }] })
        return vault.open(held.sealed)
      })
      if (body === null) throw notFound
      return formatOpening(
        { index, opening: openingOf(body), evidence: proof },
        { auditor, madeAt: time, expiresAt: time + seconds },
        { key: identity.logKey, seed: identity.logSeed, signer: crypto.sign },
      )
    },
  }
}
