/** Of which homes relays have said, in their place, that there is nothing to give. */
import type { SiteId } from '../../../protocol/ids.ts'
import type { Store, WriteTransaction } from '../store.ts'

export interface Hearsay {
  /** In the transaction that marks versions as asked for, on the word of a relay alone. */
  note: (tx: WriteTransaction, home: SiteId) => Promise<void>
  /** Before the home itself is asked: whatever of it is not here is wanted again. */
  forget: (home: SiteId) => Promise<void>
}

/** On disk, as the marks are: a process that starts anew must not take them for the home's own. */
const settingOf = (home: SiteId): string => `hearsay ${home}`

/** Creates the memory of hearsay. */
export function createHearsay(store: Store): Hearsay {
  /** Homes of which none is noted. */
  const firsthand = new Set<SiteId>()

  return {
    note: async (tx, home) => {
      firsthand.delete(home)
      await tx.desk.setSetting(settingOf(home), '1')
    },
    forget: async (home) => {
      if (firsthand.has(home)) return
      if ((await store.read((tx) => tx.desk.setting(settingOf(home)))) === '1')
        await store.write(async (tx) => {
          await tx.records.wantAll(home)
          await tx.desk.setSetting(settingOf(home), '0')
        })
      firsthand.add(home)
    },
  }
}
