/** All pages of the coordinator, in the order of the navigation: one line for each group of pages. */
import type { Door } from '../http/app.ts'
import type { CoordinatorPorts } from '../http/coordinator/ports.ts'
import { mountChallengePages } from './audit/challenges.ts'
import { mountDownloads } from './audit/downloads.ts'
import { mountFindingPages } from './audit/findings.ts'
import { mountOverview } from './audit/overview.ts'
import { mountSites } from './audit/sites.ts'
import { mountWithdrawals } from './audit/withdrawals.ts'
import { mountEntries } from './log/entries-page.ts'
import { mountLogs } from './log/logs-page.ts'
import { mountMembersPage } from './public/members.ts'
import { mountPolicy } from './public/policy.ts'
import { mountProcessorsPage } from './public/processors.ts'
import { mountStart } from './public/start.ts'
import { mountStatus } from './public/status.ts'
import { mountTerms } from './public/terms.ts'
import type { PageReaders } from './readers.ts'
import { createWeb, type WebPorts } from './visit.ts'

/** What pages are handed beside the interface's own ports. */
export interface PagePorts
  extends CoordinatorPorts, Partial<Pick<WebPorts, 'sessionOf' | 'signInPath'>> {
  readers?: PageReaders
}

/** Mounts them on the door of the interface. */
export function mountCoordinatorPages(door: Door, ports: PagePorts): void {
  const web = createWeb({
    door,
    frame: { name: ports.coordinator.node.view.network, controller: ports.controller },
    ...(ports.sessionOf !== undefined && { sessionOf: ports.sessionOf }),
    ...(ports.signInPath !== undefined && { signInPath: ports.signInPath }),
  })
  const { challenges, probes } = ports.coordinator
  const readers: PageReaders = { challenges, probes, ...ports.readers }
  mountStart(web, ports)
  mountMembersPage(web, ports)
  mountTerms(web, ports)
  mountPolicy(web, ports, readers)
  mountProcessorsPage(web, readers)
  mountLogs(web, ports)
  mountEntries(web, ports)
  mountStatus(web, ports)
  mountOverview(web, ports)
  mountSites(web, ports)
  mountWithdrawals(web, ports)
  mountFindingPages(web, ports)
  mountChallengePages(web, ports, readers)
  mountDownloads(web, ports)
}
