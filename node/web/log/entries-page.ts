/** `/entries/{site}` and `/entries/{site}/{index}`: a log entry by entry, checked in the browser. */
import { html, raw } from 'hono/html'
import { toBase64, toHex } from '../../../protocol/bytes.ts'
import { parseCheckpoint, parseSize } from '../../../protocol/checkpoint.ts'
import { decodeEntry, type Entry } from '../../../protocol/entry.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { leafHash } from '../../../protocol/merkle.ts'
import { parseNote } from '../../../protocol/note.ts'
import { originOf, type Member } from '../../../protocol/registry.ts'
import type { ReadTransaction } from '../../core/store.ts'
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import type { BrowserModule } from '../modules.ts'
import { mountModule } from '../modules.ts'
import { mountPage } from '../page.ts'
import { facts, longCode, section } from '../parts.ts'
import { shown, type Column } from '../sheet.ts'
import { tableOf, type RowSource } from '../table.ts'
import type { Web } from '../visit.ts'
import { countText, timeOf, timeText, type Html } from '../words.ts'
import { fieldsOf, keysTold, memberNamed, membersOf, subjectOf, titleOf } from './reading.ts'

interface EntryRow {
  index: number
  entry: Entry
}
/** An older checkpoint that has cosignatures, for the browser to compare with. */
interface Older {
  note: string
  size: number
}

const ENTRY = 'node/web/browser/log-check.ts'

/** JSON inside an element: no `<` in it may end the element. */
function jsonElement(id: string, value: unknown): Html {
  const text = JSON.stringify(value).replaceAll('<', String.raw`\u003c`)
  return html`<script type="application/json" id="${id}">
    ${raw(text)}
  </script>`
}

function entrySource(ports: CoordinatorPorts, site: SiteId): RowSource<EntryRow> {
  return ({ isDescending, offset, limit }) =>
    ports.store.read(async (tx) => {
      const total = (await tx.logs.get(site))?.size ?? 0
      const count = Math.max(0, Math.min(limit, total - offset))
      const from = isDescending ? total - offset - count : offset
      const bytes = count === 0 ? [] : await tx.logs.entries(site, from, from + count)
      const rows = bytes.map((one, place) => ({ index: from + place, entry: decodeEntry(one) }))
      return { rows: isDescending ? rows.toReversed() : rows, total }
    })
}

function columnsOf(site: SiteId): Column<EntryRow>[] {
  return [
    {
      name: 'index',
      label: 'Index',
      kind: 'number',
      value: ({ index }) => index,
      show: ({ index }) => html`<a href="/entries/${site}/${index}">${countText(index)}</a>`,
      isSortable: true,
    },
    {
      name: 'type',
      label: 'What',
      value: ({ entry }) => entry.type,
      show: ({ entry }) => titleOf(entry.type),
    },
    { name: 'about', label: 'About', kind: 'code', value: ({ entry }) => subjectOf(entry) },
    { name: 'time', label: 'Dated by its writer', kind: 'time', value: ({ entry }) => entry.time },
  ]
}

/** About half as long as the newest, cosigned by the coordinator. */
async function olderOf(ports: CoordinatorPorts, site: SiteId): Promise<Older | null> {
  const { network } = ports.coordinator.node.view
  return ports.store.read(async (tx) => {
    const note = (await tx.logs.get(site))?.note ?? null
    if (note === null) return null
    const newest = parseCheckpoint(parseNote(note).text).size
    const receipt = await tx.receipts.next(site, network, Math.floor(newest / 2))
    if (receipt === null || receipt.size >= newest) return null
    const kept = await tx.receipts.checkpoint(site, receipt.size)
    return kept === null ? null : { note: kept, size: receipt.size }
  })
}

/** When each member first signed a size that covers an entry; a look-up for each member. */
async function firstSigned(
  tx: ReadTransaction,
  members: readonly Member[],
  site: SiteId,
  index: number,
): Promise<[SiteId, number][]> {
  const found: [SiteId, number][] = []
  for (const member of members) {
    const receipt = await tx.receipts.next(site, member.site, index)
    if (receipt !== null) found.push([member.site, receipt.time])
  }
  return found.toSorted(([, one], [, other]) => one - other)
}

function checkSection(
  ports: CoordinatorPorts,
  member: Member,
  { row, older }: { row: { index: number; bytes: Uint8Array } | null; older: Older | null },
): Html {
  const { network } = ports.coordinator.node.view
  const told = {
    log: `/log/${originOf(network, member.site)}`,
    ...keysTold(ports, member),
    index: row?.index ?? null,
    entry: row === null ? null : toBase64(row.bytes),
  }
  return section('Checked by your own browser', [
    html`<p>
      Your browser fetches the checkpoint and the hashes and computes the proofs itself, with the
      code that the nodes run. The keys come with this page: compare them with those that you were
      given another way. That a proof holds says that the log is what it claims to be, not that what
      a site wrote into it is true.
    </p>`,
    html`<noscript>
      <p class="banner calm">
        This needs JavaScript. Without it, <code>dpn verify</code> checks evidence files, and any
        C2SP tlog-tiles client checks this log at <code>${told.log}/</code>.
      </p>
    </noscript>`,
    jsonElement('check-told', told),
    html`<ul id="check-results" class="checks" aria-live="polite" aria-label="Results"></ul>`,
    html`<div data-needs-script hidden>
      <div class="field">
        <label for="check-older">An older checkpoint to compare with</label>
        <p class="hint">
          ${
            older === null
              ? 'Paste one that you have kept; it shows whether the log still begins the same way.'
              : `Filled in: one of ${older.size} entries that was cosigned. Better is one that you have kept.`
          }
        </p>
        <textarea id="check-older" rows="6" spellcheck="false">${older?.note ?? ''}</textarea>
      </div>
      <button type="button" id="check-again">Check again</button>
    </div>`,
  ])
}

const withModule = ({ head, source }: BrowserModule) => ({
  head,
  policy: { scripts: ["'self'", source] },
})

/** Mounts both pages. */
export function mountEntries(web: Web, ports: CoordinatorPorts): void {
  const module = mountModule(web.door, ENTRY)
  mountPage(web, { path: '/entries/{site}', roles: null }, async (visit) => {
    const member = memberNamed(ports, visit.c.req.param('site') ?? '')
    const { site } = member
    const sheet = await tableOf(visit, {
      id: 'entries',
      caption: 'Entries',
      columns: columnsOf(site),
      rows: entrySource(ports, site),
      sort: '-index',
      empty: 'Nothing has been written yet.',
    })
    const older = await olderOf(ports, site)
    return {
      title: `Log of ${site}`,
      lead:
        'What this site has asserted, entry by entry, as it arrived here. Times are those that the ' +
        'site wrote down itself; who has witnessed an entry, and when, is in the cosignatures.',
      body: [sheet.html, checkSection(ports, member, { row: null, older })],
      data: { site },
      sheets: [sheet],
      ...withModule(module()),
    }
  })
  mountPage(web, { path: '/entries/{site}/{index}', roles: null }, async (visit) => {
    const member = memberNamed(ports, visit.c.req.param('site') ?? '')
    const { site } = member
    const index = at('/index', () => parseSize(visit.c.req.param('index') ?? ''))
    const { bytes, witnesses } = await ports.store.read(async (tx) => ({
      bytes: (await tx.logs.entriesAt(site, [index])).get(index),
      witnesses: await firstSigned(tx, membersOf(ports), site, index),
    }))
    if (bytes === undefined) throw new ProtocolError('not_found', '/index', 'an entry of the log')
    const entry = decodeEntry(bytes)
    const fields = fieldsOf(entry)
    const isEnd = ['withdraw', 'order', 'expel'].includes(entry.type)
    return {
      title: `Entry ${countText(index)} of ${site}`,
      lead: html`${titleOf(entry.type)}: what the log of ${site} says, and who has signed that they
      have applied it. A signature is its signer's word; it is no proof of what the signer holds.`,
      body: [
        facts([
          ['What', titleOf(entry.type)],
          ...fields.map(({ name, value, kind }): [string, Html | string] => [
            name,
            typeof value === 'string' && kind === 'code' ? longCode(value) : shown(value, kind),
          ]),
          ['hash of the entry', longCode(toHex(leafHash(bytes)))],
          ['the entry itself (CBOR)', longCode(toHex(bytes))],
        ]),
        isEnd
          ? html`<p>
              <a href="/audit/withdrawals/${site}/${index}">Receipts and evidence</a> (for auditors)
            </p>`
          : '',
        section(
          'First signature of each that covers it',
          witnesses.length === 0
            ? html`<p>None has arrived yet.</p>`
            : facts(witnesses.map(([who, time]): [string, Html] => [who, timeOf(time)])),
        ),
        checkSection(ports, member, { row: { index, bytes }, older: null }),
      ],
      data: {
        site,
        index,
        type: entry.type,
        fields: Object.fromEntries(fields.map(({ name, value }) => [name, value])),
        leafHash: toHex(leafHash(bytes)),
        entry: toBase64(bytes),
        firstSigned: witnesses.map(([cosigner, time]) => ({ cosigner, time, at: timeText(time) })),
      },
      ...withModule(module()),
    }
  })
}
