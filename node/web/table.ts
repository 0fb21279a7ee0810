/**
 * Tables that sort, filter and page at the server, by links and GET forms.
 *
 *   const sheet = await tableOf(visit, { id: 'sites', caption: 'Sites', columns, rows: inMemory(list) })
 *   return { title, lead, body: html`${sheet.html}`, sheets: [sheet] }
 *
 * `rows` is asked for one page of rows: `inMemory(list, columns)` serves a short list, a function of
 * your own a long one from the database. With several tables on a page give each a `prefix`.
 */
import { html } from 'hono/html'
import type { Visit } from './visit.ts'
import {
  cellClass,
  csvHead,
  csvRow,
  CSV_ROWS,
  jsonRow,
  shown,
  type Column,
  type Sheet,
  type Value,
} from './sheet.ts'
import { countText, type Html } from './words.ts'

/** What a table asks its source for. */
export interface RowsQuery {
  /** Name of a sortable column. */
  sort: string
  isDescending: boolean
  /** By the name of the filter; only those that are set. */
  filters: Readonly<Record<string, string>>
  offset: number
  limit: number
}
export interface RowsFound<Row> {
  rows: readonly Row[]
  /** Rows that match, on all pages. */
  total: number
}
export type RowSource<Row> = (query: RowsQuery) => RowsFound<Row> | Promise<RowsFound<Row>>

export interface Filter {
  name: string
  label: string
  /** A choice; without it the filter is a line of text. */
  options?: readonly { value: string; label: string }[]
}

export interface TableSpec<Row> {
  id: string
  caption: string
  /** A sentence under the caption. */
  note?: Html | string
  columns: readonly Column<Row>[]
  rows: RowSource<Row>
  filters?: readonly Filter[]
  /** As in the address: `name`, or `-name` for descending. The first sortable column else. */
  sort?: string
  /** Before the names of this table's parameters, where a page has several. */
  prefix?: string
  pageRows?: number
  /** Said where nothing matches. */
  empty?: string
  /** More cells at the end of each row of the page alone: buttons. */
  acts?: (row: Row) => Html | string
}

const PAGE_ROWS = 50
const BATCH_ROWS = 1000
/** Parameters that belong to the page, not to a view of its tables. */
const OWN = ['format', 'table']

/** The address of this page with some parameters changed; null takes one away. */
export function hrefWith(visit: Visit, changes: Readonly<Record<string, string | null>>): string {
  const query = new URLSearchParams(visit.query)
  for (const name of OWN) query.delete(name)
  for (const [name, value] of Object.entries(changes))
    if (value === null || value === '') query.delete(name)
    else query.set(name, value)
  const text = query.toString()
  return text === '' ? visit.path : `${visit.path}?${text}`
}

function compare(one: Value, other: Value, isDescending: boolean): number {
  if (one === other) return 0
  // What is not there comes last in both orders: it is what is still awaited.
  if (one === null) return 1
  if (other === null) return -1
  const isNumbers = typeof one === 'number' && typeof other === 'number'
  const isLess = isNumbers ? one < other : String(one) < String(other)
  return isLess === isDescending ? 1 : -1
}

/**
 * A short list as the source of a table: filters of the name of a column compare its value, text
 * filters look for a part of it.
 *
 * @param filters the filters of the table, to tell a choice from text
 */
export function inMemory<Row>(
  list: readonly Row[],
  columns: readonly Column<Row>[],
  filters: readonly Filter[] = [],
): RowSource<Row> {
  return ({ sort, isDescending, filters: set, offset, limit }) => {
    const tests = Object.entries(set).flatMap(([name, wanted]) => {
      const column = columns.find((one) => one.name === name)
      if (column === undefined) return []
      const isChoice = filters.find((one) => one.name === name)?.options !== undefined
      return [
        (row: Row): boolean => {
          const text = String(column.value(row) ?? '')
          return isChoice ? text === wanted : text.toLowerCase().includes(wanted.toLowerCase())
        },
      ]
    })
    const matching = list.filter((row) => tests.every((test) => test(row)))
    const by = columns.find(({ name }) => name === sort)
    const sorted =
      by === undefined
        ? matching
        : matching.toSorted((one, other) => compare(by.value(one), by.value(other), isDescending))
    return { rows: sorted.slice(offset, offset + limit), total: matching.length }
  }
}

interface State {
  query: Omit<RowsQuery, 'offset' | 'limit'>
  page: number
  pageRows: number
}

function stateOf<Row>(visit: Visit, spec: TableSpec<Row>): State {
  const prefix = spec.prefix ?? ''
  const read = (name: string): string => visit.query.get(prefix + name)?.trim() ?? ''
  const sortable = spec.columns.filter((column) => column.isSortable === true)
  const asked = read('sort')
  const isKnown = sortable.some(({ name }) => name === asked.replace(/^-/, ''))
  const sort = isKnown ? asked : (spec.sort ?? sortable.at(0)?.name ?? '')
  const filters: Record<string, string> = {}
  for (const { name, options } of spec.filters ?? []) {
    const value = read(name).slice(0, 300)
    if (value === '') continue
    if (options === undefined || options.some((option) => option.value === value))
      filters[name] = value
  }
  const page = /^[1-9]\d{0,6}$/.test(read('page')) ? Number(read('page')) : 1
  return {
    query: { sort: sort.replace(/^-/, ''), isDescending: sort.startsWith('-'), filters },
    page,
    pageRows: spec.pageRows ?? PAGE_ROWS,
  }
}

function headCell<Row>(
  visit: Visit,
  spec: TableSpec<Row>,
  column: Column<Row>,
  { sort, isDescending }: State['query'],
): Html {
  const { name, label, kind, isSortable } = column
  if (isSortable !== true) return html`<th scope="col" class="${cellClass(kind)}">${label}</th>`
  const isBy = sort === name
  const prefix = spec.prefix ?? ''
  const next = isBy && !isDescending ? `-${name}` : name
  const href = hrefWith(visit, { [`${prefix}sort`]: next, [`${prefix}page`]: null })
  const order = isDescending ? 'descending' : 'ascending'
  return html`<th scope="col" class="${cellClass(kind)}" aria-sort="${isBy ? order : 'none'}">
    <a href="${href}#${spec.id}">${label}</a>
  </th>`
}

function filterForm<Row>(visit: Visit, spec: TableSpec<Row>, state: State): Html | string {
  const filters = spec.filters ?? []
  if (filters.length === 0) return ''
  const prefix = spec.prefix ?? ''
  const own = new Set([...filters.map(({ name }) => prefix + name), `${prefix}page`, ...OWN])
  const kept = [...visit.query].filter(([name]) => !own.has(name))
  const clear = Object.fromEntries([...own].map((name) => [name, null]))
  return html`<form method="get" action="${visit.path}#${spec.id}" class="filters">
    ${kept.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
    ${filters.map(({ name, label, options }) => {
      const id = `${spec.id}-${name}`
      const value = state.query.filters[name] ?? ''
      const control =
        options === undefined
          ? html`<input type="search" id="${id}" name="${prefix}${name}" value="${value}" />`
          : html`<select id="${id}" name="${prefix}${name}">
              <option value="">any</option>
              ${options.map(
                (option) =>
                  html`<option value="${option.value}" ${option.value === value ? 'selected' : ''}>
                    ${option.label}
                  </option>`,
              )}
            </select>`
      return html`<div class="filter"><label for="${id}">${label}</label>${control}</div>`
    })}
    <button type="submit">Filter</button>
    ${
      Object.keys(state.query.filters).length === 0
        ? ''
        : html`<a href="${hrefWith(visit, clear)}#${spec.id}">Clear</a>`
    }
  </form>`
}

function pager<Row>(visit: Visit, spec: TableSpec<Row>, state: State, total: number): Html {
  const { page, pageRows } = state
  const pages = Math.max(1, Math.ceil(total / pageRows))
  const first = (page - 1) * pageRows + 1
  const to = (target: number, label: string, rel: string): Html | string => {
    if (target < 1 || target > pages || target === page)
      return html`<span class="off">${label}</span>`
    const href = hrefWith(visit, {
      [`${spec.prefix ?? ''}page`]: target === 1 ? null : String(target),
    })
    return html`<a href="${href}#${spec.id}" rel="${rel}">${label}</a>`
  }
  const range =
    total <= pageRows && page === 1
      ? `${countText(total)} ${total === 1 ? 'row' : 'rows'}`
      : `${countText(first)} to ${countText(Math.min(total, page * pageRows))} of ${countText(total)}`
  return html`<nav class="pager" aria-label="Pages of ${spec.caption}">
    <span>${total > 0 && first > total ? `Nothing on page ${page} of ${pages}` : range}</span>
    ${
      pages === 1 && page === 1
        ? ''
        : html`<span class="steps"
            >${to(1, 'First', 'first')} ${to(Math.min(page - 1, pages), 'Previous', 'prev')}
            ${to(page + 1, 'Next', 'next')} ${to(pages, 'Last', 'last')}</span
          >`
    }
  </nav>`
}

/** Links to the CSV and the JSON of a table or chart. */
export function downloads(visit: Visit, id: string, caption: string): Html {
  const csv = hrefWith(visit, { format: 'csv', table: id })
  return html`<span class="downloads">
    <a href="${csv}" aria-label="CSV of ${caption}">CSV</a>
    <a href="${hrefWith(visit, { format: 'json' })}" aria-label="JSON of ${caption}">JSON</a>
  </span>`
}

/** The columns and rows alone, in a region that scrolls by itself where it is too wide. */
export function plainTable<Row>(
  label: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): Html {
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">
    <table>
      <thead>
        <tr>
          ${columns.map(
            (column) =>
              html`<th scope="col" class="${cellClass(column.kind)}">${column.label}</th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${cells(columns, row)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

function cells<Row>(columns: readonly Column<Row>[], row: Row): Html[] {
  return columns.map(
    (column) =>
      html`<td class="${cellClass(column.kind)}">
        ${column.show?.(row) ?? shown(column.value(row), column.kind)}
      </td>`,
  )
}

/** Reads the state of a table from the address, asks its source, and lays it out. */
export async function tableOf<Row>(visit: Visit, spec: TableSpec<Row>): Promise<Sheet> {
  const { id, caption, columns, acts } = spec
  const state = stateOf(visit, spec)
  const offset = (state.page - 1) * state.pageRows
  const { rows, total } = await spec.rows({ ...state.query, offset, limit: state.pageRows })

  async function* csv(): AsyncGenerator<string> {
    yield csvHead(columns)
    for (let at = 0; at < CSV_ROWS; at += BATCH_ROWS) {
      const batch = await spec.rows({ ...state.query, offset: at, limit: BATCH_ROWS })
      if (batch.rows.length > 0) yield batch.rows.map((row) => csvRow(columns, row)).join('')
      if (batch.rows.length < BATCH_ROWS) return
    }
  }
  const width = columns.length + (acts === undefined ? 0 : 1)
  const table = html`<section class="sheet" id="${id}">
    <div class="sheet-head">
      <h2>${caption}</h2>
      ${downloads(visit, id, caption)}
    </div>
    ${spec.note === undefined ? '' : html`<p class="note">${spec.note}</p>`}
    ${filterForm(visit, spec, state)}
    <div class="scroll" role="region" aria-label="${caption}" tabindex="0">
      <table>
        <thead>
          <tr>
            ${columns.map((column) => headCell(visit, spec, column, state.query))}
            ${acts === undefined ? '' : html`<th scope="col">Acts</th>`}
          </tr>
        </thead>
        <tbody>
          ${
            rows.length === 0
              ? html`<tr>
                  <td colspan="${width}" class="empty">${spec.empty ?? 'Nothing here.'}</td>
                </tr>`
              : rows.map(
                  (row) =>
                    html`<tr>
                      ${cells(columns, row)}
                      ${acts === undefined ? '' : html`<td class="acts">${acts(row)}</td>`}
                    </tr>`,
                )
          }
        </tbody>
      </table>
    </div>
    ${pager(visit, spec, state, total)}
  </section>`
  return {
    id,
    html: table,
    json: () => ({ total, offset, rows: rows.map((row) => jsonRow(columns, row)) }),
    csv,
  }
}
