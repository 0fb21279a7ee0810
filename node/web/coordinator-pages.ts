/** All pages of the coordinator, in the order of the navigation: one line for each group of pages. */
import type { Door } from '../http/app.ts'
import type { CoordinatorPorts } from '../http/coordinator/ports.ts'
import { mountDeskPages } from './desk/desk.ts'
import { mountStart } from './public/start.ts'
import { createWeb, type WebPorts } from './visit.ts'

/** What pages are handed beside the interface's own ports. */
export interface PagePorts
  extends CoordinatorPorts, Partial<Pick<WebPorts, 'sessionOf' | 'signInPath'>> {}

/** Mounts them on the door of the interface. */
export function mountCoordinatorPages(door: Door, ports: PagePorts): void {
  const web = createWeb({
    door,
    frame: { name: ports.coordinator.node.view.network, controller: ports.controller },
    ...(ports.sessionOf !== undefined && { sessionOf: ports.sessionOf }),
    ...(ports.signInPath !== undefined && { signInPath: ports.signInPath }),
  })
  mountStart(web, ports)
  mountDeskPages(web, ports)
}
