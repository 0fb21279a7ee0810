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
import { mountBreachPages } from './desk/breaches.ts'
import { mountAccountPage } from './people/account.ts'
import { mountPeoplePages } from './people/accounts.ts'
import { sessionReader, SIGN_IN, type Gate } from './people/gate.ts'
import { mountSignInPages } from './people/sign-in.ts'
import { mountAnnouncementsPage } from './public/announcements.ts'
import { mountMembersPage } from './public/members.ts'
import { mountPolicy } from './public/policy.ts'
import { mountProcessorsPage } from './public/processors.ts'
import { mountDeskPages } from './desk/desk.ts'
import { mountStart } from './public/start.ts'
import { mountStatus } from './public/status.ts'
import { mountTerms } from './public/terms.ts'
import type { PageReaders } from './readers.ts'
import { createWeb } from './visit.ts'

/** What pages are handed beside the interface's own ports. */
export interface PagePorts extends CoordinatorPorts {
  readers?: PageReaders
  /** How people sign in; without it only keys open the pages that are not public. */
  gate?: Gate
}

/** Mounts them on the door of the interface. */
export function mountCoordinatorPages(door: Door, ports: PagePorts): void {
  const { gate } = ports
  const web = createWeb({
    door,
    frame: { name: ports.coordinator.node.view.network, controller: ports.controller },
    ...(gate !== undefined && { sessionOf: sessionReader(gate), signInPath: SIGN_IN }),
  })
  const { challenges, probes, desk } = ports.coordinator
  const processors = desk.processors.list
  const readers: PageReaders = { challenges, probes, processors, ...ports.readers }
  mountStart(web, ports)
  mountMembersPage(web, ports)
  mountTerms(web, ports)
  mountPolicy(web, ports, readers)
  mountProcessorsPage(web, readers)
  mountAnnouncementsPage(web, ports)
  mountLogs(web, ports)
  mountEntries(web, ports)
  mountStatus(web, ports)
  mountOverview(web, ports)
  mountSites(web, ports)
  mountWithdrawals(web, ports)
  mountFindingPages(web, ports)
  mountChallengePages(web, ports, readers)
  mountDownloads(web, ports)
  mountBreachPages(web, ports)
  mountPeoplePages(web, ports)
  mountDeskPages(web, ports)
  if (gate === undefined) return
  mountSignInPages(web, ports, gate)
  mountAccountPage(web, ports, gate)
}
