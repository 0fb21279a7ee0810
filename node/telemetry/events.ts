/**
 * The one sluice from the core to the operator's log. What passes here are ids, numbers and codes:
 * an event has no field for anything else, so that no log line can hold personal data.
 */
import type { Logger } from 'pino'
import type { Event, Events } from '../core/ports.ts'
import type { Metrics, RequestSeen } from './metrics.ts'

type Level = 'debug' | 'info' | 'warn' | 'error'

/** How loud an event is: an operator acts on `error`, looks into `warn`, may ignore the rest. */
function levelOf(event: Event): Level {
  switch (event.type) {
    case 'log.forked':
    case 'log.rolled-back':
    case 'task.failed':
      return 'error'
    case 'log.refused':
    case 'bodies.refused':
    case 'lease.lapsed':
    case 'lease.hidden':
    case 'peer.failed':
      return 'warn'
    case 'log.writable':
    case 'bodies.erased':
    case 'record.withdrawn':
      return 'info'
    case 'log.appended':
    case 'log.applied':
    case 'bodies.kept':
    case 'bodies.served':
    case 'receipt.sent':
    case 'receipt.received':
    case 'record.published':
      return 'debug'
  }
}

/** Creates the receiver of the core's events: one log line and one count each. */
export function createEvents(logger: Logger, metrics: Pick<Metrics, 'count'>): Events {
  return {
    emit: (event) => {
      const { type, ...fields } = event
      logger[levelOf(event)](fields, type)
      metrics.count(event)
    },
  }
}

/** Creates the writer of access log lines: no address, no query, no id. */
export function createAccessLog(logger: Logger): (request: RequestSeen) => void {
  return ({ method, route, status, seconds }) => {
    const level = status >= 500 ? 'error' : 'debug'
    logger[level]({ method, route, status, milliseconds: Math.round(seconds * 1000) }, 'http')
  }
}
