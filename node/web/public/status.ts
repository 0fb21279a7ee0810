/** `/status`: whether the coordinator works, and when each site was last heard. */
import { html } from 'hono/html'
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { readLogs, type LogRow } from '../log/reading.ts'
import { mountPage } from '../page.ts'
import { badge, figures, type Tone } from '../parts.ts'
import type { Column } from '../sheet.ts'
import { inMemory, tableOf } from '../table.ts'
import type { Web } from '../visit.ts'
import { countText, durationText } from '../words.ts'

/** How a lease is coloured. */
export const LEASE_TONE: Readonly<Record<LogRow['lease'], Tone>> = {
  fresh: 'good',
  hidden: 'warn',
  lapsed: 'bad',
}
/** What a lease says, in words. */
export const LEASE_WORDS: Readonly<Record<LogRow['lease'], string>> = {
  fresh: 'heard',
  hidden: 'silent: not shown',
  lapsed: 'silent: erased by partners',
}

type Row = LogRow & { ageSeconds: number | null }

const COLUMNS: Column<Row>[] = [
  {
    name: 'site',
    label: 'Site',
    value: (row) => row.site,
    show: (row) => html`<a href="/entries/${row.site}">${row.site}</a>`,
    isSortable: true,
  },
  {
    name: 'lease',
    label: 'State',
    value: (row) => row.lease,
    show: (row) => badge(LEASE_TONE[row.lease], LEASE_WORDS[row.lease]),
    isSortable: true,
  },
  {
    name: 'ageSeconds',
    label: 'Heartbeat ago',
    kind: 'duration',
    value: (row) => row.ageSeconds,
    isSortable: true,
  },
  { name: 'heartbeat', label: 'Heartbeat', kind: 'time', value: (row) => row.heartbeat },
  { name: 'size', label: 'Entries', kind: 'number', value: (row) => row.size, isSortable: true },
]

/** Mounts the page. */
export function mountStatus(web: Web, ports: CoordinatorPorts): void {
  const { coordinator, clock, network, version } = ports
  mountPage(web, { path: '/status', roles: null }, async (visit) => {
    const now = clock.now()
    const { terms } = coordinator.node.view.registry()
    const rows = (await readLogs(ports)).map((row): Row => ({
      ...row,
      ageSeconds: row.heartbeat === null ? null : Math.max(0, now - row.heartbeat),
    }))
    const sites = rows.filter(({ site }) => site !== coordinator.node.view.network)
    const fresh = sites.filter(({ lease }) => lease === 'fresh').length
    const isWritable = coordinator.node.writer.isWritable()
    const connected = network.connected().length
    const sheet = await tableOf(visit, {
      id: 'sites',
      caption: 'Sites',
      note: `A site signs that it is alive at least every ${durationText(terms.heartbeatSeconds)}. One that is silent for ${durationText(terms.hideAfterSeconds)} is not shown by its partners any more; after ${durationText(terms.eraseAfterSeconds)} they erase its records.`,
      columns: COLUMNS,
      rows: inMemory(rows, COLUMNS),
    })
    return {
      title: 'Status',
      lead:
        'Whether the coordinator works and when each site was last heard, since the coordinator ' +
        'started. A site that is heard is alive; that says nothing of what it does.',
      body: [
        figures([
          {
            label: 'Coordinator',
            value: isWritable ? 'works' : 'not ready',
            note: isWritable ? `version ${version}` : 'its log waits to be confirmed by others',
            tone: isWritable ? 'good' : 'bad',
          },
          {
            label: 'Sites heard',
            value: `${countText(fresh)} of ${countText(sites.length)}`,
            tone: fresh === sites.length ? 'good' : 'warn',
          },
          { label: 'Connected now', value: countText(connected) },
        ]),
        sheet.html,
      ],
      data: { version, isWritable, connected, heard: fresh, of: sites.length },
      sheets: [sheet],
    }
  })
}
