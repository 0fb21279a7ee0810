/** What auditors' pages read of the audit: lists, counts and distributions, reckoned by the database. */
import type { AuditReader, WithdrawalState } from '../../core/audit-rows.ts'
import type { Severity } from '../../core/oversight/finding.ts'
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { barChart, lineChart } from '../chart.ts'
import type { Tone } from '../parts.ts'
import type { Sheet } from '../sheet.ts'
import type { Visit } from '../visit.ts'
import { durationText } from '../words.ts'
import type { SiteId } from '../../../protocol/ids.ts'

export type AuditFigures = Pick<
  AuditReader,
  'withdrawal' | 'list' | 'counts' | 'histogram' | 'days' | 'sites' | 'pairs'
>

/** Reads figures in one view of the database. */
export function readAudit<T>(
  { store }: Pick<CoordinatorPorts, 'store'>,
  work: (audit: AuditFigures) => Promise<T>,
): Promise<T> {
  return store.read((tx) => work(tx.audit))
}

/** Where a withdrawal is, in words. */
export const STATE_WORDS: Readonly<Record<WithdrawalState, string>> = {
  unwitnessed: 'not cosigned yet',
  awaited: 'receipts awaited',
  overdue: 'overdue',
  complete: 'all receipts in time',
  late: 'all receipts, some late',
  stopped: 'the site has stopped',
}
export const STATE_TONE: Readonly<Record<WithdrawalState, Tone>> = {
  unwitnessed: 'calm',
  awaited: 'calm',
  overdue: 'bad',
  complete: 'good',
  late: 'warn',
  stopped: 'warn',
}
export const SEVERITY_TONE: Readonly<Record<Severity, Tone>> = {
  critical: 'bad',
  serious: 'warn',
  minor: 'calm',
}

const HOUR = 3600
const DAY = 24 * HOUR
/** Upper ends of the bars, in seconds; the deadline is put among them. */
const BOUNDS = [10, 60, 300, 900, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY]
/** Days of the series over time. */
const SERIES_DAYS = 90

/** How long it took until the last receipt was there, as a distribution. */
export async function timesChart(
  visit: Visit,
  ports: CoordinatorPorts,
  site: SiteId | null,
): Promise<Sheet> {
  const { erasureDeadlineSeconds: deadline } = ports.coordinator.node.view.registry().terms
  const bounds = [...new Set([...BOUNDS, deadline])].toSorted((one, other) => one - other)
  const { below, total } = await readAudit(ports, async (audit) => {
    const counts = await audit.counts(site === null ? {} : { site }, ports.clock.now())
    return { below: await audit.histogram(site, bounds), total: counts.complete + counts.late }
  })
  const bars = bounds.map((bound, place) => ({
    label: `≤ ${durationText(bound)}`,
    value: (below[place] ?? 0) - (below[place - 1] ?? 0),
    tone: bound <= deadline ? ('calm' as const) : ('bad' as const),
  }))
  const rest = Math.max(0, total - (below.at(-1) ?? 0))
  return barChart(visit, {
    id: 'times',
    caption: 'From the withdrawal to the last receipt',
    description:
      'How many withdrawals had the receipts of all members after how long. The dashed line is the ' +
      'deadline of the terms. A receipt is the word of the member that signed it.',
    unit: 'withdrawals',
    labelTitle: 'time to the last receipt',
    bars: [...bars, { label: 'longer', value: rest, tone: 'bad' }],
    mark: { before: bounds.indexOf(deadline) + 1, label: `deadline ${durationText(deadline)}` },
    empty: 'No withdrawal has all its receipts yet.',
  })
}

const hours = (seconds: number): number => Math.round((seconds / HOUR) * 1000) / 1000

/** The same by the day on which the coordinator cosigned the withdrawal, against the deadline. */
export async function daysChart(
  visit: Visit,
  ports: CoordinatorPorts,
  site: SiteId | null,
): Promise<Sheet> {
  const { erasureDeadlineSeconds: deadline } = ports.coordinator.node.view.registry().terms
  const from = ports.clock.now() - SERIES_DAYS * DAY
  const days = await readAudit(ports, (audit) => audit.days(site, from))
  const series = (name: string, label: string, value: (day: (typeof days)[number]) => number) => ({
    name,
    label,
    points: days.map((day) => ({ time: day.day * DAY, value: hours(value(day)) })),
  })
  return lineChart(visit, {
    id: 'days',
    caption: 'Time to the last receipt, by day',
    description: `Of the withdrawals that the coordinator cosigned on a day, in hours: half of them, 95 of 100, and all had their receipts by then. The last ${SERIES_DAYS} days; the dashed line is the deadline.`,
    unit: 'hours',
    series: [
      series('median', 'half', (day) => day.medianSeconds),
      series('p95', '95 of 100', (day) => day.p95Seconds),
      series('max', 'all', (day) => day.maxSeconds),
    ],
    limit: { value: hours(deadline), label: `deadline ${durationText(deadline)}` },
    empty: 'No withdrawal has all its receipts yet.',
  })
}
