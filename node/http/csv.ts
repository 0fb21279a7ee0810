/** Tables as CSV (RFC 4180), for people who open them in a spreadsheet. */
import type { Context } from 'hono'

type Cell = string | number | null

/** A text that a spreadsheet would run as a formula is led by an apostrophe. */
function cellText(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell)
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** The table as text, its names first. */
export function formatCsv(names: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [names, ...rows].map((row) => `${row.map(cellText).join(',')}\r\n`).join('')
}

/** Answers with a table as a file. */
export function answerCsv(
  c: Context,
  file: string,
  names: readonly string[],
  rows: readonly (readonly Cell[])[],
): Response {
  return c.body(formatCsv(names, rows), 200, {
    'content-type': 'text/csv; charset=utf-8',
    'content-disposition': `attachment; filename="${file}.csv"`,
  })
}
