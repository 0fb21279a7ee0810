/** Reads members from NDJSON or CSV, row by row, in the form in which the API takes them. */
import { closeSync, createReadStream, openSync, readSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { CsvError, parse } from 'csv-parse'
import { UsageError } from './outcome.ts'

/** One row: a member as JSON, or why it cannot be one. It never says what stands in the row. */
export type Row =
  | { line: number; member: Record<string, unknown> }
  | { line: number; refusal: { field: string; reason: string } }

export interface RowOptions {
  format: 'csv' | 'ndjson'
  /** Names of columns by theirs; an empty one leaves the column out. */
  mapping: ReadonlyMap<string, string>
  /** Consent that all rows have in common. */
  consent: Record<string, unknown> | null
}

const LIST_SEPARATOR = '|'
const LISTS = new Set([
  'profile.seeks',
  'profile.languages',
  'profile.gallery',
  'consent.scopes',
  'consent.purposes',
  'consent.excludes',
])
const NUMBERS = new Set([
  'profile.seeksAgeMin',
  'profile.seeksAgeMax',
  'profile.latitude',
  'profile.longitude',
  'profile.heightCm',
  'profile.weightKg',
])
const TIMES = new Set(['consent.givenAt', 'consent.expiresAt'])
const OURS = /^(?:id|email|profile\.\w{1,40}|consent\.\w{1,40}|consent\.notice\.\w{1,40})$/
const ROW_CHARS = 64 * 1024

type Cell = string | number | string[]

/** What a cell means; text that is no number stays text, so that the node can refuse the field. */
function cellOf(name: string, text: string): Cell {
  if (LISTS.has(name)) return text.split(LIST_SEPARATOR).map((item) => item.trim())
  if (NUMBERS.has(name) && /^-?\d+(?:\.\d+)?$/.test(text)) return Number(text)
  if (!TIMES.has(name)) return text
  if (/^\d{1,12}$/.test(text)) return Number(text)
  const millis = /^\d{4}-\d\d-\d\d(?:T|$)/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(millis) ? text : Math.floor(millis / 1000)
}

function place(member: Record<string, unknown>, name: string, value: Cell): void {
  const path = name.split('.')
  const last = path.pop() ?? name
  let at = member
  for (const step of path) {
    const inner = at[step]
    const next = typeof inner === 'object' && inner !== null ? inner : {}
    at[step] = next
    at = next as Record<string, unknown>
  }
  at[last] = value
}

/** Our names for the columns, in their order; null for those left out. */
function columnsOf(header: readonly string[], mapping: RowOptions['mapping']): (string | null)[] {
  const unknown = [...mapping.keys()].find((theirs) => !header.includes(theirs))
  if (unknown !== undefined) throw new UsageError(`--map: the file has no column "${unknown}"`)
  const names = header.map((theirs) => {
    const ours = mapping.get(theirs) ?? theirs
    if (ours === '') return null
    if (OURS.test(ours)) return ours
    throw new UsageError(
      `The column "${ours.slice(0, 60)}" is none of ours: name it with --map theirs=profile.… , ` +
        'or leave it out with --map theirs=',
    )
  })
  const twice = names.find((name, at) => name !== null && names.indexOf(name) !== at)
  if (twice !== undefined) throw new UsageError(`Two columns are to be ${twice}`)
  if (!names.includes('id')) throw new UsageError('The file has no column id: name it with --map')
  return names
}

function withConsent(
  member: Record<string, unknown>,
  common: RowOptions['consent'],
): Record<string, unknown> {
  if (common === null) return member
  const own = member['consent']
  const isObject = typeof own === 'object' && own !== null && !Array.isArray(own)
  if (own !== undefined && !isObject) return member
  return { ...member, consent: { ...common, ...own } }
}

function atLine({ lines }: CsvError): string {
  return typeof lines === 'number' ? `, line ${lines}` : ''
}

/** The separator that the first line has most of. */
function delimiterOf(path: string): string {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(ROW_CHARS)
    const [first = ''] = bytes.toString('utf8', 0, readSync(file, bytes)).split('\n', 1)
    const counted = [',', ';', '\t'].map((one) => ({ one, count: first.split(one).length }))
    return counted.toSorted((a, b) => b.count - a.count)[0]?.one ?? ','
  } finally {
    closeSync(file)
  }
}

async function* csvRows(path: string, options: RowOptions): AsyncGenerator<Row> {
  const parser = createReadStream(path).pipe(
    parse({
      bom: true,
      info: true,
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: ROW_CHARS,
      delimiter: delimiterOf(path),
    }),
  )
  let columns: (string | null)[] | null = null
  try {
    for await (const { record, info } of parser as AsyncIterable<{
      record: string[]
      info: { lines: number }
    }>) {
      const line = info.lines
      if (columns === null) {
        columns = columnsOf(record, options.mapping)
        continue
      }
      if (record.length !== columns.length) {
        yield { line, refusal: { field: '', reason: `expected ${columns.length} columns` } }
        continue
      }
      const member: Record<string, unknown> = {}
      for (const [at, name] of columns.entries()) {
        const text = record[at] ?? ''
        if (name !== null && text !== '') place(member, name, cellOf(name, text))
      }
      yield { line, member: withConsent(member, options.consent) }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw new UsageError(`${path}${atLine(error)}: not well-formed CSV`, {
      cause: error,
    })
  }
  if (columns === null) throw new UsageError(`${path} is empty: expected a line with column names`)
}

function ndjsonRow(line: number, text: string, options: RowOptions): Row {
  const refuse = (reason: string): Row => ({ line, refusal: { field: '', reason } })
  if (text.length > ROW_CHARS) return refuse(`expected at most ${ROW_CHARS} characters`)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return refuse('expected JSON')
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return refuse('expected an object')
  return { line, member: withConsent(json as Record<string, unknown>, options.consent) }
}

async function* ndjsonRows(path: string, options: RowOptions): AsyncGenerator<Row> {
  const input = createReadStream(path, 'utf8')
  let line = 0
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1
    const whole = line === 1 ? text.replace(/^\uFEFF/, '') : text
    if (whole.trim() !== '') yield ndjsonRow(line, whole, options)
  }
}

/**
 * The rows of a file.
 *
 * @throws UsageError where the file as a whole cannot be read: a column nobody knows, broken CSV
 */
export function readRows(path: string, options: RowOptions): AsyncGenerator<Row> {
  return options.format === 'csv' ? csvRows(path, options) : ndjsonRows(path, options)
}
