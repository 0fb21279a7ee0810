/** The interface of a site node, for the website's back end. */
import { createDoor, type App } from './app.ts'
import { mountBridgePictures } from './bridge-pictures.ts'
import { mountDocs } from './docs.ts'
import { mountAuthorities } from './v1/authorities.ts'
import { mountBlocks } from './v1/blocks.ts'
import { mountBreaches } from './v1/breaches.ts'
import { mountBridgeMembers } from './v1/bridge-members.ts'
import { mountBridgeRemovals } from './v1/bridge-removals.ts'
import { mountBridge } from './v1/bridge.ts'
import { mountBulk } from './v1/bulk.ts'
import { mountDiscover } from './v1/discover.ts'
import { mountEvents } from './v1/events.ts'
import { mountKeys } from './v1/keys.ts'
import { mountMembers } from './v1/members.ts'
import { mountOpenings } from './v1/openings.ts'
import { mountPictureFiles } from './v1/picture-files.ts'
import { mountPictures } from './v1/pictures.ts'
import { READ, type SitePorts } from './v1/ports.ts'
import { mountRecommendations } from './v1/recommendations.ts'
import { mountMessages } from './v1/messages.ts'
import { mountPresence } from './v1/presence.ts'
import { mountRecords } from './v1/records.ts'
import { mountReports } from './v1/reports.ts'
import { mountRequests } from './v1/requests.ts'
import { mountRequirements } from './v1/requirements.ts'
import { mountHealth, mountMetrics, mountStatus } from './v1/status.ts'
import { mountWebhooks } from './v1/webhooks.ts'
import { mountWithdrawals } from './v1/withdrawals.ts'

/** Builds the app; serve it with `serve`. */
export function createSiteApp(ports: SitePorts): App {
  const door = createDoor(ports, ports.access)
  mountBulk(door, ports)
  mountMembers(door, ports)
  mountOpenings(door, ports)
  mountPictures(door, ports)
  mountPictureFiles(door, ports)
  if (ports.bridgePicture !== undefined)
    mountBridgePictures(door, { picture: ports.bridgePicture, clock: ports.clock })
  mountWithdrawals(door, ports)
  mountRequirements(door, ports)
  mountRecommendations(door, ports)
  mountRecords(door, ports)
  mountDiscover(door, ports)
  mountEvents(door, ports)
  mountWebhooks(door, ports)
  mountPresence(door, ports)
  mountMessages(door, ports)
  mountBlocks(door, ports)
  mountReports(door, ports)
  mountBreaches(door, ports)
  mountRequests(door, ports)
  mountAuthorities(door, ports)
  mountStatus(door, ports)
  mountHealth(door)
  mountMetrics(door, ports.metrics, READ)
  mountKeys(door, ports)
  mountBridge(door, ports)
  mountBridgeMembers(door, ports)
  mountBridgeRemovals(door, ports)
  ports.pages?.(door)
  mountDocs(door.app, {
    title: 'Dating Pro Network: site node',
    version: ports.version,
    description:
      'Publishes the consenting members of this site to the Network, shows those of other sites, ' +
      'and makes every copy vanish on withdrawal. Call it from your back end, never from a browser.',
  })
  return door.app
}
