/** What a measurement comes out as, and the statistics behind it. */

/** One line of the table. */
export interface Figure {
  name: string
  value: number
  unit: string
  /** What the same work costs raw, in the same unit. */
  floor?: { name: string; value: number }
  /** How the value was found, e.g. its range over several rounds. */
  note?: string
}

/** The value below which a share of the values lies, by the nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** A number with three significant digits, and thousands apart. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '-'
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return value.toLocaleString('en', { maximumFractionDigits: Math.min(digits, 3) })
}

/** Lowest and highest of several rounds, as a note. */
export function rangeOf(values: readonly number[]): string {
  return `${values.length} rounds, ${short(Math.min(...values))} to ${short(Math.max(...values))}`
}

/** The figures as a table for a terminal. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, value, unit, floor, note }) => [
    name,
    `${short(value)} ${unit}`,
    floor === undefined ? '' : `${short(floor.value)} (${floor.name})`,
    floor === undefined ? '' : (value / floor.value).toFixed(2),
    note ?? '',
  ])
  const all = [['measured', 'figure', 'floor', 'ratio', 'how'], ...rows]
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0)),
  )
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
