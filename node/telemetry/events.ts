/**
 * The one sluice from the core to the operator's log. What passes here are ids, numbers and codes:
 * an event has no field for anything else, so that no log line can hold personal data.
 */
import type { Logger } from 'pino'
import type { Event, Events } from '../core/ports.ts'
import type { Metrics, RequestSeen } from './metrics.ts'

type Level = 'debug' | 'info' | 'warn' | 'error'

/** How loud each event is: an operator acts on `error`, looks into `warn`, may ignore the rest. */
const LEVELS = {
  'log.forked': 'error',
  'log.rolled-back': 'error',
  'task.failed': 'error',
  'log.refused': 'warn',
  'bodies.refused': 'warn',
  'pictures.refused': 'warn',
  'lease.lapsed': 'warn',
  'lease.hidden': 'warn',
  'peer.failed': 'warn',
  'bridge.refused': 'warn',
  'bridge.unknown': 'info',
  'webhook.failed': 'warn',
  'webhook.disabled': 'error',
  'mail.failed': 'warn',
  'log.writable': 'info',
  'challenge.answered': 'info',
  'bodies.erased': 'info',
  'pictures.erased': 'info',
  'record.withdrawn': 'info',
  'log.appended': 'debug',
  'challenge.decided': 'debug',
  'probe.decided': 'debug',
  'log.applied': 'debug',
  'bodies.kept': 'debug',
  'bodies.served': 'debug',
  'pictures.kept': 'debug',
  'pictures.served': 'debug',
  'receipt.sent': 'debug',
  'receipt.received': 'debug',
  'record.published': 'debug',
} satisfies Record<Event['type'], Level>

/** Creates the receiver of the core's events: one log line and one count each. */
export function createEvents(logger: Logger, metrics: Pick<Metrics, 'count'>): Events {
  return {
    emit: (event) => {
      const { type, ...fields } = event
      logger[LEVELS[type]](fields, type)
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
