/** What the routes of a site's interface are handed. */
import type { Access, SiteRole } from '../../core/access.ts'
import type { Clock, Network } from '../../core/ports.ts'
import type { Site } from '../../core/site.ts'
import type { Store } from '../../core/store.ts'
import type { Webhooks } from '../../core/webhook/delivery.ts'
import type { BasePorts } from '../app.ts'
import type { BridgePicturePorts } from '../bridge-pictures.ts'

export interface SitePorts extends BasePorts {
  site: Site
  store: Store
  clock: Clock
  network: Pick<Network, 'connected'>
  access: Access<SiteRole>
  webhooks: Webhooks
  /** Pictures under the addresses that the old module was given; none without a bridge. */
  bridgePicture?: BridgePicturePorts['picture']
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
