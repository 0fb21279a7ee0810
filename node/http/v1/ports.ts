/** What the routes of a site's interface are handed. */
import type { Access, SiteRole } from '../../core/access.ts'
import type { ConsentDesk } from '../../core/bridge/consent/consents.ts'
import type { ModuleContact } from '../../core/bridge/contact/contact.ts'
import type { Deliveries } from '../../core/bridge/delivery/deliveries.ts'
import type { Holds } from '../../core/bridge/members/holds.ts'
import type { ModuleTalk } from '../../core/bridge/module-talk.ts'
import type { Clock, Network } from '../../core/ports.ts'
import type { Site } from '../../core/site.ts'
import type { Store } from '../../core/store.ts'
import type { Webhooks } from '../../core/webhook/delivery.ts'
import type { BasePorts, Door } from '../app.ts'
import type { BridgePicturePorts } from '../bridge-pictures.ts'

/** The parts of the bridge that the owner looks at, and decides with. */
export interface OwnersBridge {
  contact: Pick<ModuleContact, 'view' | 'openWindow' | 'makeKey'>
  holds: Pick<Holds, 'get' | 'list' | 'withdraw' | 'keep'>
  deliveries: Pick<Deliveries, 'removed'>
  talk: Pick<ModuleTalk, 'isConnected' | 'dropped'>
  consents: ConsentDesk
}

export interface SitePorts extends BasePorts {
  site: Site
  store: Store
  clock: Clock
  network: Pick<Network, 'connected'>
  access: Access<SiteRole>
  webhooks: Webhooks
  /** Pictures under the addresses that the old module was given; none without a bridge. */
  bridgePicture?: BridgePicturePorts['picture']
  /** To an older Dating Pro module; null where the site has none. */
  bridge: OwnersBridge | null
  /** Mounts pages, which are an adapter of their own. */
  pages?: (door: Door) => void
  /** Calls a function when the interface closes: streams end then. */
  onClose?: (close: () => void) => void
  /** Milliseconds between two comments that keep a stream of events alive. */
  heartbeatMillis?: number
  /** Version of the software. */
  version: string
}

/** Roles by what they may do. */
export const READ: readonly SiteRole[] = ['admin', 'write', 'read']
export const WRITE: readonly SiteRole[] = ['admin', 'write']
export const ADMIN: readonly SiteRole[] = ['admin']
