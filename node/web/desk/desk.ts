/** All pages of the desk. */
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import type { Web } from '../visit.ts'
import { mountApplicationPages, mountProcessorDesk } from './applications.ts'
import { mountAuthorityPages } from './authorities.ts'
import { mountNoticePages } from './notices.ts'
import { mountOwnerPages, mountRetentionPage } from './owners.ts'
import { mountRequestPages } from './requests.ts'
import { mountDeskStart } from './start.ts'

/** Mounts them. */
export function mountDeskPages(web: Web, ports: CoordinatorPorts): void {
  mountDeskStart(web, ports)
  mountNoticePages(web, ports)
  mountRequestPages(web, ports)
  mountApplicationPages(web, ports)
  mountOwnerPages(web, ports)
  mountRetentionPage(web, ports)
  mountAuthorityPages(web, ports)
  mountProcessorDesk(web, ports)
}
