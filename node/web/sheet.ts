/** What tables and charts have in common: columns and rows, as a page, as JSON, as CSV. */
import { html } from 'hono/html'
import { countText, durationText, isoText, percentText, timeOf, type Html } from './words.ts'

/** The plain value of a cell, as JSON and CSV give it. */
export type Value = string | number | boolean | null

/**
 * How a value is shown: `time` is unix seconds, `duration` seconds, `ratio` a part of one, `code`
 * an id or key. Numbers, ratios and durations are set to the right.
 */
export type Kind = 'text' | 'number' | 'time' | 'duration' | 'ratio' | 'code'

export interface Column<Row> {
  /** In JSON, CSV and `?sort=`. */
  name: string
  label: string
  /** `text` where it is left out. */
  kind?: Kind
  value: (row: Row) => Value
  /** Instead of the value, in the page alone: a link, a badge. */
  show?: (row: Row) => Html | string
  isSortable?: true
}

/** A table or chart on a page. */
export interface Sheet {
  /** Unique on its page: `?format=csv&table=<id>`. */
  id: string
  html: Html
  /** What `?format=json` says of it: the rows of this page of it. */
  json: () => object
  /** The whole of it as CSV, bounded by {@link CSV_ROWS}. */
  csv: () => AsyncIterable<string>
}

/** Rows of one CSV file at most; filters narrow what is too large. */
export const CSV_ROWS = 100_000

const IS_RIGHT: ReadonlySet<Kind> = new Set(['number', 'duration', 'ratio'])

/** The class of a cell. */
export function cellClass(kind: Kind | undefined): string {
  if (kind !== undefined && IS_RIGHT.has(kind)) return 'num'
  return kind === 'time' ? 'time' : 'txt'
}

/** A value as a page shows it; nothing there is a dash, which is read as "none". */
export function shown(value: Value, kind: Kind | undefined): Html | string {
  if (value === null || value === '') return html`<span class="none" title="none">–</span>`
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'string') return kind === 'code' ? html`<code>${value}</code>` : value
  switch (kind) {
    case 'time':
      return timeOf(value)
    case 'duration':
      return durationText(value)
    case 'ratio':
      return percentText(value)
    default:
      return countText(value)
  }
}

/** The cells of a row as JSON. */
export function jsonRow<Row>(columns: readonly Column<Row>[], row: Row): Record<string, Value> {
  return Object.fromEntries(columns.map(({ name, value }) => [name, value(row)]))
}

/** A spreadsheet takes text that begins so for a formula and would run it. */
const FORMULA = /^[=+\-@\t\r]/

function csvCell(value: Value, kind: Kind | undefined): string {
  if (value === null) return ''
  if (typeof value === 'number') return kind === 'time' ? isoText(value) : String(value)
  if (typeof value === 'boolean') return String(value)
  const safe = FORMULA.test(value) ? `'${value}` : value
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** One line of CSV (RFC 4180). */
export function csvRow<Row>(columns: readonly Column<Row>[], row: Row): string {
  return `${columns.map(({ value, kind }) => csvCell(value(row), kind)).join(',')}\r\n`
}

/** The first line of CSV. */
export function csvHead<Row>(columns: readonly Column<Row>[]): string {
  return `${columns.map(({ name }) => name).join(',')}\r\n`
}
