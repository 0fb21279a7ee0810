/**
 * Charts: inline SVG with a title and a description, its numbers as a table below and as CSV.
 *
 *   const chart = barChart(visit, { id: 'times', caption, description, unit: 'withdrawals', bars })
 *   const chart = lineChart(visit, { id: 'days', caption, description, unit: 'hours', series, limit })
 *
 * A chart is a sheet as a table is: `html`, `json`, `csv`. Each is drawn twice, for wide and for
 * narrow windows (the stylesheet shows one), since letters must not shrink with the drawing. Colours
 * are classes of the stylesheet, and each series has a dash of its own.
 */
import { html } from 'hono/html'
import { scaleBand, scaleLinear, scaleUtc } from 'd3-scale'
import { line } from 'd3-shape'
import { csvHead, csvRow, jsonRow, type Column, type Sheet } from './sheet.ts'
import { downloads, plainTable } from './table.ts'
import type { Visit } from './visit.ts'
import { countText, dayText, type Html } from './words.ts'

export interface ChartSpec {
  id: string
  caption: string
  /** What is seen, in a sentence, for who does not see it. */
  description: string
  /** What the height counts. */
  unit: string
  /** Said where there is nothing to draw. */
  empty?: string
}
export interface Bar {
  label: string
  value: number
  tone?: 'good' | 'bad' | 'calm'
}
export interface BarChart extends ChartSpec {
  /** Above the labels in the table: `time to the last receipt`. */
  labelTitle: string
  bars: readonly Bar[]
  /** A mark between bars: before the bar of this index, such as a deadline. */
  mark?: { before: number; label: string }
}
export interface Series {
  name: string
  label: string
  /** By time; null where there is nothing to say of that day. */
  points: readonly { time: number; value: number | null }[]
}
export interface LineChart extends ChartSpec {
  /** All over the same times. */
  series: readonly Series[]
  /** A level that should not be passed. */
  limit?: { value: number; label: string }
}

interface Size {
  kind: 'wide' | 'narrow'
  width: number
  height: number
  left: number
  /** Ticks along the time or the labels, at most. */
  ticks: number
}
const SIZES: readonly Size[] = [
  { kind: 'wide', width: 760, height: 280, left: 52, ticks: 8 },
  { kind: 'narrow', width: 340, height: 230, left: 44, ticks: 4 },
]
const TOP = 18
const RIGHT = 14
const BOTTOM = 34
const Y_TICKS = 4

function svg({ id, caption, description }: ChartSpec, size: Size, content: Html): Html {
  const { kind, width, height } = size
  const name = `${id}-${kind}`
  return html`<svg
    class="chart ${kind}"
    viewBox="0 0 ${width} ${height}"
    role="img"
    aria-labelledby="${name}-title ${name}-desc"
  >
    <title id="${name}-title">${caption}</title>
    <desc id="${name}-desc">${description}</desc>
    ${content}
  </svg>`
}

type Vertical = ReturnType<typeof scaleLinear<number, number>>

function verticalOf(most: number, size: Size): Vertical {
  return scaleLinear()
    .domain([0, most === 0 ? 1 : most])
    .nice(Y_TICKS)
    .range([size.height - BOTTOM, TOP])
}

function gridOf(y: Vertical, size: Size, unit: string): Html {
  const ticks = y
    .ticks(Y_TICKS)
    .filter((tick) => unit === '%' || Number.isInteger(tick) || tick < 5)
  return html`${ticks.map(
      (tick) =>
        html`<line
            class="grid"
            x1="${size.left}"
            x2="${size.width - RIGHT}"
            y1="${y(tick)}"
            y2="${y(tick)}"
          />
          <text class="tick" x="${size.left - 6}" y="${y(tick)}" dy="0.32em" text-anchor="end"
            >${countText(tick)}</text
          >`,
    )} <text class="unit" x="2" y="10">${unit}</text>`
}

function drawBars(chart: BarChart, size: Size): Html {
  const { bars, mark, unit } = chart
  const y = verticalOf(Math.max(...bars.map(({ value }) => value)), size)
  const places = bars.map((_, index) => index)
  const x = scaleBand<number>()
    .domain(places)
    .range([size.left, size.width - RIGHT])
    .paddingInner(0.18)
    .paddingOuter(0.1)
  const every = Math.ceil(bars.length / (size.kind === 'wide' ? 14 : 6))
  const bottom = size.height - BOTTOM
  const left = (index: number): number => x(index) ?? size.left
  const markX = mark === undefined ? 0 : left(mark.before) - (x.step() - x.bandwidth()) / 2
  const isMarkRight = markX > size.width / 2
  return html`${gridOf(y, size, unit)}
    ${bars.map(
      ({ label, value, tone }, index) =>
        html`<rect
            class="bar ${tone ?? 'calm'}"
            x="${left(index)}"
            y="${y(value)}"
            width="${x.bandwidth()}"
            height="${bottom - y(value)}"
            ><title>${label}: ${countText(value)} ${unit}</title></rect
          >
          ${
            index % every === 0
              ? html`<text
                  class="tick"
                  x="${left(index) + x.bandwidth() / 2}"
                  y="${bottom + 16}"
                  text-anchor="middle"
                  >${label}</text
                >`
              : ''
          }`,
    )}
    <line class="axis" x1="${size.left}" x2="${size.width - RIGHT}" y1="${bottom}" y2="${bottom}" />
    ${
      mark === undefined
        ? ''
        : html`<line class="limit" x1="${markX}" x2="${markX}" y1="${TOP - 6}" y2="${bottom}" />
            <text
              class="limit-label"
              x="${markX + (isMarkRight ? -6 : 6)}"
              y="${TOP + 2}"
              text-anchor="${isMarkRight ? 'end' : 'start'}"
              >${mark.label}</text
            >`
    }`
}

interface Drawn {
  time: number
  value: number
}

const drawnOf = (series: Series): Drawn[] =>
  series.points.flatMap(({ time, value }) => (value === null ? [] : [{ time, value }]))

function drawLines(chart: LineChart, size: Size): Html {
  const { series, limit, unit } = chart
  const all = series.flatMap(drawnOf)
  const times = all.map(({ time }) => time)
  const most = Math.max(limit?.value ?? 0, ...all.map(({ value }) => value))
  const y = verticalOf(most, size)
  const x = scaleUtc()
    .domain([Math.min(...times) * 1000, Math.max(...times) * 1000])
    .range([size.left + 6, size.width - RIGHT - 6])
  const at = ({ time }: Drawn): number => (times.length === 1 ? size.width / 2 : x(time * 1000))
  const path = line<Drawn>(at, ({ value }) => y(value))
  const ticks = times.length === 1 ? [new Date((times[0] ?? 0) * 1000)] : x.ticks(size.ticks)
  const format = x.tickFormat(size.ticks)
  const bottom = size.height - BOTTOM
  return html`${gridOf(y, size, unit)}
    ${ticks.map(
      (tick) =>
        html`<text
          class="tick"
          x="${at({ time: tick.getTime() / 1000, value: 0 })}"
          y="${bottom + 16}"
          text-anchor="middle"
          >${times.length === 1 ? dayText(tick.getTime() / 1000) : format(tick)}</text
        >`,
    )}
    <line class="axis" x1="${size.left}" x2="${size.width - RIGHT}" y1="${bottom}" y2="${bottom}" />
    ${
      limit === undefined
        ? ''
        : html`<line
              class="limit"
              x1="${size.left}"
              x2="${size.width - RIGHT}"
              y1="${y(limit.value)}"
              y2="${y(limit.value)}"
            />
            <text
              class="limit-label"
              x="${size.width - RIGHT}"
              y="${y(limit.value) - 6}"
              text-anchor="end"
              >${limit.label}</text
            >`
    }
    ${series.map((one, place) => {
      const points = drawnOf(one)
      return html`<path class="line s${place}" d="${path(points) ?? ''}" />
        ${points.length > 60 ? '' : points.map((point) => html`<circle class="dot s${place}" cx="${at(point)}" cy="${y(point.value)}" r="2.5"><title>${one.label}, ${dayText(point.time)}: ${countText(point.value)} ${unit}</title></circle>`)}`
    })}`
}

function legendOf(series: readonly Series[]): Html {
  return html`<ul class="legend" aria-hidden="true">
    ${series.map(
      ({ label }, place) =>
        html`<li>
          <svg viewBox="0 0 24 8" width="24" height="8">
            <path class="line s${place}" d="M0 4H24" />
          </svg>
          ${label}
        </li>`,
    )}
  </ul>`
}

function sheetOf<Row>(
  visit: Visit,
  spec: ChartSpec,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  drawing: Html | null,
): Sheet {
  const { id, caption, description, empty } = spec
  async function* csv(): AsyncGenerator<string> {
    yield csvHead(columns)
    yield rows.map((row) => csvRow(columns, row)).join('')
  }
  const body = html`<figure class="sheet" id="${id}">
    <div class="sheet-head">
      <h2>${caption}</h2>
      ${downloads(visit, id, caption)}
    </div>
    ${
      drawing === null
        ? html`<p class="empty">${empty ?? 'Nothing to draw yet.'}</p>`
        : html`${drawing}
            <figcaption>${description}</figcaption>
            <details>
              <summary>The numbers</summary>
              ${plainTable(`The numbers of ${caption}`, columns, rows)}
            </details>`
    }
  </figure>`
  return {
    id,
    html: body,
    json: () => ({ unit: spec.unit, rows: rows.map((row) => jsonRow(columns, row)) }),
    csv,
  }
}

/** Bars side by side: a distribution, or counts by kind. */
export function barChart(visit: Visit, chart: BarChart): Sheet {
  const columns: Column<Bar>[] = [
    { name: 'label', label: chart.labelTitle, value: (bar) => bar.label },
    { name: 'value', label: chart.unit, kind: 'number', value: (bar) => bar.value },
  ]
  const isEmpty = chart.bars.every(({ value }) => value === 0)
  const drawing = isEmpty
    ? null
    : html`${SIZES.map((size) => svg(chart, size, drawBars(chart, size)))}`
  return sheetOf(visit, chart, columns, chart.bars, drawing)
}

/** Lines over time, against a limit where there is one. */
export function lineChart(visit: Visit, chart: LineChart): Sheet {
  const times = [...new Set(chart.series.flatMap(({ points }) => points.map(({ time }) => time)))]
  const rows = times.toSorted((one, other) => one - other)
  const columns: Column<number>[] = [
    { name: 'day', label: 'day', value: dayText },
    ...chart.series.map(({ name, label, points }): Column<number> => {
      const byTime = new Map(points.map(({ time, value }) => [time, value]))
      return {
        name,
        label: `${label} (${chart.unit})`,
        kind: 'number',
        value: (time) => byTime.get(time) ?? null,
      }
    }),
  ]
  const isEmpty = chart.series.every((one) => drawnOf(one).length === 0)
  const drawing = isEmpty
    ? null
    : html`${legendOf(chart.series)}${SIZES.map((size) => svg(chart, size, drawLines(chart, size)))}`
  return sheetOf(visit, chart, columns, rows, drawing)
}
