/** The interface of the coordinator: for everybody, for auditors, for staff. */
import { createDoor, type App } from './app.ts'
import { mountApplications } from './coordinator/applications.ts'
import { mountAuditFigures } from './coordinator/audit-figures.ts'
import { mountAudit } from './coordinator/audit.ts'
import { mountChallenges } from './coordinator/challenges.ts'
import { mountDesk } from './coordinator/desk.ts'
import { mountDirectory } from './coordinator/directory.ts'
import { mountArchives } from './coordinator/evidence.ts'
import { mountFindings } from './coordinator/findings.ts'
import { mountMembers } from './coordinator/members.ts'
import { ACT, LOOK, type CoordinatorPorts } from './coordinator/ports.ts'
import { mountProbes } from './coordinator/probes.ts'
import { mountCoordinatorStatus } from './coordinator/status.ts'
import { mountTiles } from './coordinator/tiles.ts'
import { mountVerifyPage } from './coordinator/verify-page.ts'
import { mountWitness } from './coordinator/witness.ts'
import { mountDocs } from './docs.ts'
import { mountReportDesk } from './v1/reports.ts'
import { mountHealth, mountMetrics } from './v1/status.ts'

/** Builds the app; serve it with `serve`. */
export function createCoordinatorApp(ports: CoordinatorPorts): App {
  const door = createDoor(ports, ports.access)
  mountDirectory(door, ports)
  mountApplications(door, ports)
  mountMembers(door, ports)
  mountAudit(door, ports)
  mountAuditFigures(door, ports)
  mountChallenges(door, ports)
  mountProbes(door, ports)
  mountArchives(door, ports)
  mountFindings(door, ports)
  mountDesk(door, ports)
  mountReportDesk(door, ports.coordinator.reports, { look: LOOK, act: ACT })
  mountCoordinatorStatus(door, ports)
  mountHealth(door)
  mountMetrics(door, ports.metrics, LOOK)
  // Before the files of the logs, which answer for everything below `/log`.
  ports.pages?.(door)
  mountTiles(door, ports)
  mountWitness(door, ports)
  mountVerifyPage(door.app)
  mountDocs(door.app, {
    title: 'Dating Pro Network: coordinator',
    version: ports.version,
    description:
      'Who takes part, every log (C2SP tlog-tiles) and a witness (C2SP tlog-witness) for everybody; ' +
      'withdrawals, receipts and evidence for auditors; admission, terms and orders for staff. How ' +
      'to check it with tools that others wrote: /v1/docs/verify',
  })
  return door.app
}
