/** The bridge to the old Dating Pro module: its parts, wired. */
import type { ConsentDesk } from './consents.ts'
import type { ModuleContact } from './contact.ts'
import type { Deliveries } from './deliveries.ts'
import type { Holds } from './holds.ts'
import type { ModuleTalk } from './module-talk.ts'

export interface Bridge {
  contact: ModuleContact
  holds: Holds
  deliveries: Deliveries
  talk: ModuleTalk
  consents: ConsentDesk
  start: () => Promise<void>
  stop: () => void
}
