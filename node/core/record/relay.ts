/** Tells homes what this node handed out of their records, so that they can name every recipient. */
import { invariant } from '../../../protocol/errors.ts'
import { BODIES_PER_REQUEST } from '../../../protocol/limits.ts'
import type { Events, Network } from '../ports.ts'
import type { LedgerRow, Store } from '../store.ts'
import { reasonOf } from '../tasks.ts'

const BATCH = 100

/**
 * Creates the task that reports disclosures of others' records to their homes. A row stays
 * unreported until its home has it durably, however long the home is away.
 */
export function createDisclosureReports(ports: {
  store: Store
  network: Pick<Network, 'report' | 'connected'>
  events: Events
}): () => Promise<void> {
  const { store, network, events } = ports

  async function reportRow(row: LedgerRow): Promise<boolean> {
    const { what } = row
    // A home opens consents of its own members only, and has nobody to report that to.
    invariant(what !== 'consent', 'only a home opens a consent')
    const indexes = row.versions.map(({ index }) => index)
    for (let at = 0; at < indexes.length; at += BODIES_PER_REQUEST) {
      const { kind } = await network.report(row.home, {
        kind: 'disclosures',
        partner: row.partner,
        what,
        time: row.time,
        indexes: indexes.slice(at, at + BODIES_PER_REQUEST),
      })
      if (kind !== 'taken') return false
    }
    return true
  }

  return async () => {
    const connected = new Set(network.connected())
    const rows = await store.read((tx) => tx.ledger.unreported(BATCH))
    const reported: number[] = []
    for (const row of rows) {
      if (!connected.has(row.home)) continue
      try {
        if (await reportRow(row)) reported.push(row.id)
      } catch (error) {
        events.emit({
          type: 'peer.failed',
          site: row.home,
          action: 'disclosures',
          reason: reasonOf(error),
        })
        connected.delete(row.home)
      }
    }
    if (reported.length > 0) await store.write((tx) => tx.ledger.setReported(reported))
  }
}
