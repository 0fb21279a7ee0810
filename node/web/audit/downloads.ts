/** `/audit/downloads`: everything that can be taken away and checked elsewhere. */
import { html } from 'hono/html'
import { LOOK, type CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { membersOf } from '../log/reading.ts'
import { mountPage } from '../page.ts'
import { facts, longCode, section } from '../parts.ts'
import type { Web } from '../visit.ts'
import { formatVerifierKey } from '../../../protocol/note.ts'
import { originOf } from '../../../protocol/registry.ts'
import type { Html } from '../words.ts'

interface File {
  name: string
  what: string
  href: string
}

const TABLES: readonly File[] = [
  {
    name: 'withdrawals.csv',
    what: 'every withdrawal with its receipts counted',
    href: '/audit/withdrawals?format=csv&table=withdrawals',
  },
  {
    name: 'findings.csv',
    what: 'every finding',
    href: '/audit/findings?format=csv&table=findings',
  },
  {
    name: 'sites.csv',
    what: 'every site with its figures',
    href: '/audit/sites?format=csv&table=sites',
  },
  {
    name: 'times.csv',
    what: 'times to the last receipt, as a distribution',
    href: '/audit?format=csv&table=times',
  },
  { name: 'days.csv', what: 'the same by day', href: '/audit?format=csv&table=days' },
  {
    name: 'overview.json',
    what: 'the overview with all of its tables',
    href: '/audit?format=json',
  },
  {
    name: 'promises.csv',
    what: 'the promises with their evidence',
    href: '/policy?format=csv&table=promises',
  },
  { name: 'directory.json', what: 'who takes part, with which keys', href: '/v1/directory' },
  { name: 'openapi.json', what: 'the interface, for programs', href: '/v1/openapi.json' },
]

/** Mounts the page. */
export function mountDownloads(web: Web, ports: CoordinatorPorts): void {
  mountPage(web, { path: '/audit/downloads', roles: LOOK }, () => {
    const { view, settings } = ports.coordinator.node
    const key = formatVerifierKey(settings.identity.logKey)
    const logs = membersOf(ports).map(({ site }) => ({
      site,
      path: `/log/${originOf(view.network, site)}/`,
    }))
    return {
      title: 'Downloads',
      lead:
        'Tables as files, evidence, and the logs themselves. What is signed in them can be checked ' +
        'anywhere, with the key of the coordinator alone; tables are our reckoning, and can be made ' +
        'again from the logs.',
      body: [
        section(
          'Tables',
          facts(
            TABLES.map(({ name, what, href }): [string, Html] => [
              name,
              html`<a href="${href}" download="${name}">${what}</a>`,
            ]),
          ),
        ),
        section('Evidence', [
          html`<p>
            Each <a href="/audit/withdrawals?state=complete">withdrawal with all receipts</a> has an
            evidence file on its page. It holds the entry, the proof of its place, the checkpoint
            with everybody's signatures, and who had to sign. To check one, offline:
          </p>`,
          html`<p>
            Everything of a period, of one site or of all, comes as one archive that is checked in
            the same way: <code>dpn evidence</code>, or <code>GET /v1/evidence</code> with a key.
            How to check any of this with tools that we did not write:
            <a href="/v1/docs/verify">step by step</a>.
          </p>`,
          html`<pre tabindex="0">dpn verify evidence.json --key "${key}"</pre>`,
        ]),
        section('Logs', [
          html`<p>
            C2SP tlog-tiles: <code>checkpoint</code>, <code>tile/…</code> and
            <code>tile/entries/…</code> below these addresses. Any client of that format reads them.
          </p>`,
          facts(
            logs.map(({ site, path }): [string, Html] => [
              site,
              html`<a href="${path}checkpoint">${longCode(path)}</a>`,
            ]),
          ),
        ]),
      ],
      data: { key, tables: TABLES, logs },
    }
  })
}
