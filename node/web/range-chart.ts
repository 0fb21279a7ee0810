/** A chart of shares with their intervals, a row for each: how often something held, and how sure that is. */
import { html } from 'hono/html'
import { scaleLinear } from 'd3-scale'
import { sheetOf, SIZES, svg, type ChartSpec, type Size } from './chart.ts'
import type { Column, Sheet } from './sheet.ts'
import type { Visit } from './visit.ts'
import { percentText, type Html } from './words.ts'

export interface Range {
  label: string
  /** 0 to 1; null where nothing was decided. */
  share: number | null
  low: number
  high: number
}

const ROW = 26
const TOP = 10
const BOTTOM = 28
/** Characters of a label that have room, by the width of the drawing. */
const LABEL = { wide: { width: 190, chars: 26 }, narrow: { width: 112, chars: 16 } } as const
const TICKS = [0, 0.25, 0.5, 0.75, 1]

function draw(ranges: readonly Range[], size: Size): Html {
  const { width, chars } = LABEL[size.kind]
  const x = scaleLinear()
    .domain([0, 1])
    .range([width, size.width - 24])
  const bottom = TOP + ranges.length * ROW
  return html`${TICKS.map(
    (tick) =>
      html`<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${TOP}" y2="${bottom}" />
        <text class="tick" x="${x(tick)}" y="${bottom + 16}" text-anchor="middle">
          ${percentText(tick)}
        </text>`,
  )}
  ${ranges.map(({ label, share, low, high }, place) => {
    const y = TOP + (place + 0.5) * ROW
    const short = label.length > chars ? `${label.slice(0, chars - 1)}…` : label
    return html`<text class="tick" x="${width - 8}" y="${y}" dy="0.32em" text-anchor="end">
        ${short}
      </text>
      <line class="range" x1="${x(low)}" x2="${x(high)}" y1="${y}" y2="${y}" />
      ${share === null ? '' : html`<circle class="dot" cx="${x(share)}" cy="${y}" r="4.5" />`}`
  })}`
}

const COLUMNS: Column<Range>[] = [
  { name: 'label', label: 'site', value: (row) => row.label },
  { name: 'share', label: 'share', kind: 'ratio', value: (row) => row.share },
  { name: 'low', label: 'at least', kind: 'ratio', value: (row) => row.low },
  { name: 'high', label: 'at most', kind: 'ratio', value: (row) => row.high },
]

/** Draws a dot for each share on the line from its lower to its upper end. */
export function rangeChart(visit: Visit, chart: ChartSpec & { ranges: readonly Range[] }): Sheet {
  const { ranges } = chart
  const height = TOP + ranges.length * ROW + BOTTOM
  const drawing =
    ranges.length === 0
      ? null
      : html`${SIZES.map((size) => svg(chart, { ...size, height }, draw(ranges, size)))}`
  return sheetOf(visit, chart, COLUMNS, ranges, drawing)
}
