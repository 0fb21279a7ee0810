/** `/log`: every log with its newest checkpoint and its keys. */
import { html } from 'hono/html'
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { mountPage } from '../page.ts'
import { badge, longCode, section } from '../parts.ts'
import type { Column } from '../sheet.ts'
import { inMemory, tableOf } from '../table.ts'
import type { Web } from '../visit.ts'
import { keysTold, membersOf, readLogs, type LogRow } from './reading.ts'

const COLUMNS: Column<LogRow>[] = [
  {
    name: 'site',
    label: 'Log of',
    value: (row) => row.site,
    show: (row) =>
      html`<a href="/entries/${row.site}">${row.site}</a>
        ${row.isForked ? badge('bad', 'two histories') : ''}`,
    isSortable: true,
  },
  { name: 'size', label: 'Entries', kind: 'number', value: (row) => row.size, isSortable: true },
  {
    name: 'live',
    label: 'Records in force',
    kind: 'number',
    value: (row) => row.live,
    isSortable: true,
  },
  {
    name: 'withdrawn',
    label: 'Withdrawn',
    kind: 'number',
    value: (row) => row.withdrawn,
    isSortable: true,
  },
  {
    name: 'cosigners',
    label: 'Cosigned by',
    kind: 'number',
    value: (row) => row.cosigners,
    isSortable: true,
  },
  {
    name: 'heartbeat',
    label: 'Heartbeat',
    kind: 'time',
    value: (row) => row.heartbeat,
    isSortable: true,
  },
  {
    name: 'checkpoint',
    label: 'Checkpoint',
    value: (row) => (row.root === null ? null : `/log/${row.origin}/checkpoint`),
    show: (row) =>
      row.root === null
        ? 'none yet'
        : html`<a href="/log/${row.origin}/checkpoint">checkpoint</a>
            <code>${row.root.slice(0, 12)}…</code>`,
  },
]

/** Mounts the page. */
export function mountLogs(web: Web, ports: CoordinatorPorts): void {
  mountPage(web, { path: '/log', roles: null }, async (visit) => {
    const logs = await readLogs(ports)
    const keys = membersOf(ports).map((member) => ({
      site: member.site,
      keys: keysTold(ports, member).logKeys,
    }))
    const sheet = await tableOf(visit, {
      id: 'logs',
      caption: 'Logs',
      note: 'Size and root are those of the newest checkpoint that is applied here; a member that has cosigned it says that it has applied every entry below.',
      columns: COLUMNS,
      rows: inMemory(logs, COLUMNS),
    })
    return {
      title: 'Logs',
      lead:
        'Each site, and the coordinator, writes a log that can only grow: what was written cannot be ' +
        'changed or taken back without everybody noticing. It holds commitments and record numbers, ' +
        'no personal data. The logs show what was asserted and when; they cannot show what a site ' +
        'does outside of them.',
      body: [
        sheet.html,
        section('Verifier keys', [
          html`<p>
            A checkpoint counts only with the signature of its log's key. Compare these keys with
            those that you were given another way. They are in the format of C2SP signed-note; where
            a log has several, each signs checkpoints larger than the size before it.
          </p>`,
          html`<dl class="facts">
            ${keys.map(
              ({ site, keys: spans }) =>
                html`<div>
                  <dt>${site}</dt>
                  <dd>
                    ${spans.map(
                      ({ above, key }) =>
                        html`<div>${above > 0 ? `above ${above}: ` : ''}${longCode(key)}</div>`,
                    )}
                  </dd>
                </div>`,
            )}
          </dl>`,
        ]),
        section(
          'With tools that we did not write',
          html`<p>
            The logs are served as C2SP tlog-tiles below <code>/log/&lt;origin&gt;/</code>:
            <code>checkpoint</code>, <code>tile/…</code>. Any client of that format reads and checks
            them, for instance Go's <code>golang.org/x/mod/sumdb/tlog</code>;
            <a href="/v1/docs/verify">step by step</a> with OpenSSL. With the node's own program:
            <code>dpn verify evidence.json --key "$KEY"</code>.
          </p>`,
        ),
      ],
      data: { keys },
      sheets: [sheet],
    }
  })
}
