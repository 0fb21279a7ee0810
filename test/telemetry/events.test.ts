/** The log and the metrics: each event once, and nothing that names a member. */
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { createAccessLog, createEvents } from '../../node/telemetry/events.ts'
import { createMetrics } from '../../node/telemetry/metrics.ts'
import { parseRecordId, parseSiteId } from '../../protocol/ids.ts'

const RECORD = parseRecordId('00112233445566778899aabbccddeeff')
const SITE = parseSiteId('amor.example')

function aLogger() {
  const lines: string[] = []
  const logger = pino({ level: 'debug', base: null }, { write: (line) => void lines.push(line) })
  return { logger, lines }
}

describe('createEvents', () => {
  it('writes a line and counts, without records as labels', async () => {
    const { logger, lines } = aLogger()
    const metrics = createMetrics()
    const { emit } = createEvents(logger, metrics)
    emit({ type: 'record.withdrawn', record: RECORD })
    emit({ type: 'log.applied', log: SITE, size: 7, entries: 2, withdrawals: 1 })
    emit({ type: 'log.forked', log: SITE, size: 7 })
    expect(lines.map((line) => JSON.parse(line) as { msg: string; level: number })).toMatchObject([
      { msg: 'record.withdrawn', level: 30 },
      { msg: 'log.applied', level: 20, withdrawals: 1 },
      { msg: 'log.forked', level: 50 },
    ])
    const { text } = await metrics.render()
    expect(text).toContain('dpn_records_withdrawn_total 1')
    expect(text).toContain('dpn_log_size{log="amor.example"} 7')
    expect(text).not.toContain(RECORD)
  })

  it('takes words outside the closed lists as other', async () => {
    const { logger } = aLogger()
    const metrics = createMetrics()
    const { emit } = createEvents(logger, metrics)
    emit({ type: 'peer.failed', site: SITE, action: 'surprise 1', reason: 'x' })
    emit({ type: 'log.refused', log: SITE, from: SITE, code: 'surprise 2' })
    emit({ type: 'task.failed', task: 'surprise 3', reason: 'x' })
    const { text } = await metrics.render()
    expect(text).not.toContain('surprise')
    expect(text).toContain('dpn_task_failures_total{task="other"} 1')
  })
})

describe('createMetrics', () => {
  it('reads watched gauges at each scrape, in a registry of its own', async () => {
    const metrics = createMetrics()
    let connected = 3
    metrics.watch('peers_connected', 'Members connected now', () => connected)
    expect((await metrics.render()).text).toContain('dpn_peers_connected 3')
    connected = 5
    expect((await metrics.render()).text).toContain('dpn_peers_connected 5')
    expect((await createMetrics().render()).text).not.toContain('dpn_peers_connected')
  })
})

describe('createAccessLog', () => {
  it('writes the pattern of the route, and failures loudly', () => {
    const { logger, lines } = aLogger()
    const log = createAccessLog(logger)
    log({ method: 'GET', route: '/v1/members/{id}', status: 200, seconds: 0.0123 })
    log({ method: 'GET', route: 'other', status: 500, seconds: 1 })
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { level: 20, route: '/v1/members/{id}', status: 200, milliseconds: 12 },
      { level: 50, status: 500 },
    ])
  })
})
