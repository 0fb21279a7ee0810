/** `/terms`: the Network's numbers in words, and every version of them. */
import { html } from 'hono/html'
import { decodeEntry, type Terms } from '../../../protocol/entry.ts'
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { mountPage } from '../page.ts'
import type { Column } from '../sheet.ts'
import { inMemory, tableOf } from '../table.ts'
import type { Web } from '../visit.ts'
import { durationText } from '../words.ts'

interface TermRow {
  name: string
  value: string
  words: string
}

/** What each number means, in words; a number without words is shown by its name. */
const WORDS: Readonly<Record<string, string>> = {
  minimumAge: 'Nobody younger is published, or accepted by a partner.',
  hideAfterSeconds:
    'A partner stops showing the records of a site that has been silent for so long.',
  eraseAfterSeconds: 'A partner erases the records of a site that has been silent for so long.',
  registryLeaseSeconds:
    'Nothing is shared by a site that has not heard from the coordinator for so long.',
  heartbeatSeconds: 'Every site signs that it is alive at least this often.',
  erasureDeadlineSeconds:
    'A receipt for a withdrawal that comes later is overdue, and raises a finding.',
  noticeVersions: 'Versions of the notice that a member must have seen for a consent to count.',
}

function valueText(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.join(', ')
  if (typeof value === 'number' && name.endsWith('Seconds')) return durationText(value)
  return String(value)
}

function rowsOf(terms: Terms): TermRow[] {
  return Object.entries(terms).map(([name, value]) => ({
    name,
    value: valueText(name, value),
    words: WORDS[name] ?? '',
  }))
}

const COLUMNS: Column<TermRow>[] = [
  { name: 'name', label: 'Term', kind: 'code', value: (row) => row.name },
  { name: 'value', label: 'In force', value: (row) => row.value },
  { name: 'words', label: 'What it means', value: (row) => row.words },
]

/** One version of the terms, at its place in the coordinator's log. */
export interface TermsVersion {
  index: number
  time: number
  terms: Terms
}

const HISTORY: Column<TermsVersion & { changed: string }>[] = [
  { name: 'time', label: 'Since', kind: 'time', value: (row) => row.time, isSortable: true },
  { name: 'index', label: 'Entry', kind: 'number', value: (row) => row.index },
  { name: 'changed', label: 'What changed', value: (row) => row.changed },
]

/** Every version, the newest first. */
export async function readTerms({ coordinator, store }: CoordinatorPorts): Promise<TermsVersion[]> {
  const { view } = coordinator.node
  const entries = await store.read((tx) => tx.logs.entries(view.network, 0, view.registry().size))
  return entries
    .flatMap((bytes, index): TermsVersion[] => {
      const entry = decodeEntry(bytes)
      return entry.type === 'terms' ? [{ index, time: entry.time, terms: entry.terms }] : []
    })
    .toReversed()
}

function changesOf(versions: readonly TermsVersion[]): (TermsVersion & { changed: string })[] {
  return versions.map((version, place) => {
    const before = versions[place + 1]
    if (before === undefined) return { ...version, changed: 'The first version' }
    const old = new Map(rowsOf(before.terms).map(({ name, value }) => [name, value]))
    const changed = rowsOf(version.terms)
      .filter(({ name, value }) => old.get(name) !== value)
      .map(({ name, value }) => `${name}: ${old.get(name) ?? 'none'} → ${value}`)
    return { ...version, changed: changed.length === 0 ? 'Nothing' : changed.join('; ') }
  })
}

/** Mounts the page. */
export function mountTerms(web: Web, ports: CoordinatorPorts): void {
  const { view } = ports.coordinator.node
  mountPage(web, { path: '/terms', roles: null }, async (visit) => {
    const { terms } = view.registry()
    const versions = changesOf(await readTerms(ports))
    const inForce = await tableOf(visit, {
      id: 'terms',
      caption: 'In force',
      columns: COLUMNS,
      rows: inMemory(rowsOf(terms), COLUMNS),
    })
    const columns = HISTORY.map((column) =>
      column.name === 'index'
        ? {
            ...column,
            show: (row: TermsVersion) =>
              html`<a href="/entries/${view.network}/${row.index}">${row.index}</a>`,
          }
        : column,
    )
    const history = await tableOf(visit, {
      id: 'history',
      caption: 'Versions',
      columns,
      rows: inMemory(versions, columns),
      sort: '-time',
      prefix: 'history.',
    })
    return {
      title: 'Terms',
      lead:
        'The numbers that every site has agreed to, and since when. They are entries of the ' +
        "coordinator's log, so that nobody can change them afterwards unnoticed. They say what is " +
        'required; whether a site keeps to them is for the audit to find.',
      body: [inForce.html, history.html],
      data: { inForce: terms },
      sheets: [inForce, history],
    }
  })
}
