/** Counters and gauges in the format of Prometheus; labels are sites and words of closed lists. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { PROTOCOL_ERROR_CODES } from '../../protocol/errors.ts'
import { CHALLENGE_STATES, PROBE_STATES } from '../core/challenge-rows.ts'
import type { Event } from '../core/ports.ts'

/** One answered request; `route` is the pattern, never the path. */
export interface RequestSeen {
  method: string
  route: string
  status: number
  seconds: number
}

export interface Metrics {
  registry: Registry
  /** Counts an event of the core. */
  count: (event: Event) => void
  /** Counts an answered request. */
  observe: (request: RequestSeen) => void
  /** Reads a gauge at each scrape: how many members are connected, how long a log is. */
  watch: (name: string, help: string, read: () => number) => void
  /** All of it as text. */
  render: () => Promise<{ contentType: string; text: string }>
}

const ACTIONS = [
  'receipt',
  'disclosures',
  'fork',
  'pull',
  'bodies',
  'pictures',
  'exchange',
  'sync',
  'report',
  'presence',
  'audit',
  'challenge',
  'probe',
]
const TASKS = [
  'tick',
  'settle',
  'fetch',
  'pull',
  'exchange',
  'decide',
  'disconnect',
  'timer',
  'presence',
  'reports',
  'watch',
  'webhook',
  'audit',
  'challenges',
  'probes',
  'bridge contact',
  'bridge removals',
  'bridge holds',
  'bridge deliveries',
  'bridge talk',
]
/** Why a call of the old module is refused, besides what the protocol says. */
const BRIDGE_REASONS = [...PROTOCOL_ERROR_CODES, 'unknown-key', 'flood', 'late', 'unsafe']

/** A word of a closed list, or `other`: whatever a caller passes, no label grows without bound. */
function listed(word: string, list: readonly string[]): string {
  return list.includes(word) ? word : 'other'
}

function createCounters(registry: Registry) {
  const counter = (name: string, help: string, ...labelNames: string[]): Counter =>
    new Counter({ name: `dpn_${name}`, help, labelNames, registers: [registry] })
  return {
    appended: counter('log_appended_entries_total', 'Entries appended to the own log'),
    applied: counter('log_applied_entries_total', 'Entries applied of a log', 'log'),
    withdrawals: counter('withdrawals_applied_total', 'Withdrawals applied of a log', 'log'),
    size: new Gauge({
      name: 'dpn_log_size',
      help: 'Entries of a log that are applied here',
      labelNames: ['log'],
      registers: [registry],
    }),
    refused: counter('log_refused_total', 'Messages about a log that were refused', 'log', 'code'),
    forked: counter('log_forks_total', 'Logs that showed two histories', 'log'),
    rolledBack: counter('log_rolled_back_total', 'Times the own log was behind what others saw'),
    kept: counter('bodies_kept_total', 'Bodies taken from partners', 'home'),
    bodiesRefused: counter('bodies_refused_total', 'Bodies refused', 'home', 'code'),
    served: counter('bodies_served_total', 'Bodies handed to partners', 'to'),
    withheld: counter('bodies_withheld_total', 'Bodies not handed to partners', 'to'),
    erased: counter('bodies_erased_total', 'Bodies erased here'),
    picturesKept: counter('pictures_kept_total', 'Pictures taken from partners', 'home'),
    picturesRefused: counter('pictures_refused_total', 'Pictures refused', 'home', 'code'),
    picturesServed: counter('pictures_served_total', 'Pictures handed to partners', 'to'),
    picturesWithheld: counter('pictures_withheld_total', 'Pictures not handed to partners', 'to'),
    picturesErased: counter('pictures_erased_total', 'Pictures erased here'),
    sent: counter('receipts_sent_total', 'Receipts delivered', 'log'),
    received: counter('receipts_received_total', 'Receipts taken', 'from'),
    leases: counter('leases_ended_total', 'Homes hidden or lapsed', 'home', 'state'),
    published: counter('records_published_total', 'Versions of own records published'),
    withdrawn: counter('records_withdrawn_total', 'Own records withdrawn'),
    peers: counter('peer_failures_total', 'Exchanges with a peer that failed', 'site', 'action'),
    webhooks: counter('webhook_failures_total', 'Calls of the website that failed'),
    disabled: counter('webhooks_disabled_total', 'Webhooks given up after days of failure'),
    challenges: counter('challenges_total', 'Consent challenges decided', 'site', 'state'),
    probes: counter('probes_total', 'Probes decided', 'site', 'state'),
    opened: counter('consents_opened_total', 'Consent records opened to the coordinator'),
    mails: counter('mail_failures_total', 'Mails that could not be delivered', 'kind'),
    bridgeRefused: counter('bridge_refused_total', 'Calls of the module refused', 'reason'),
    bridgeUnknown: counter('bridge_unknown_total', 'Removals of the module that fit nothing'),
    tasks: counter('task_failures_total', 'Background tasks that failed', 'task'),
  }
}

function createCount(registry: Registry): (event: Event) => void {
  const counters = createCounters(registry)
  return (event) => {
    switch (event.type) {
      case 'mail.failed':
        counters.mails.inc({ kind: event.kind })
        break
      case 'log.appended':
        counters.appended.inc(event.entries)
        counters.size.set({ log: event.log }, event.size)
        break
      case 'log.applied':
        counters.applied.inc({ log: event.log }, event.entries)
        counters.withdrawals.inc({ log: event.log }, event.withdrawals)
        counters.size.set({ log: event.log }, event.size)
        break
      case 'log.refused':
        counters.refused.inc({ log: event.log, code: listed(event.code, PROTOCOL_ERROR_CODES) })
        break
      case 'log.forked':
        counters.forked.inc({ log: event.log })
        break
      case 'log.rolled-back':
        counters.rolledBack.inc()
        break
      case 'log.writable':
        break
      case 'bodies.kept':
        counters.kept.inc({ home: event.home }, event.count)
        break
      case 'bodies.refused':
        counters.bodiesRefused.inc({
          home: event.home,
          code: listed(event.code, PROTOCOL_ERROR_CODES),
        })
        break
      case 'bodies.served':
        counters.served.inc({ to: event.to }, event.bodies)
        counters.withheld.inc({ to: event.to }, event.withheld)
        break
      case 'bodies.erased':
        counters.erased.inc(event.count)
        break
      case 'pictures.kept':
        counters.picturesKept.inc({ home: event.home }, event.count)
        break
      case 'pictures.refused':
        counters.picturesRefused.inc({
          home: event.home,
          code: listed(event.code, PROTOCOL_ERROR_CODES),
        })
        break
      case 'pictures.served':
        counters.picturesServed.inc({ to: event.to }, event.pictures)
        counters.picturesWithheld.inc({ to: event.to }, event.withheld)
        break
      case 'pictures.erased':
        counters.picturesErased.inc(event.count)
        break
      case 'receipt.sent':
        counters.sent.inc({ log: event.log })
        break
      case 'receipt.received':
        counters.received.inc({ from: event.from })
        break
      case 'lease.hidden':
      case 'lease.lapsed':
        counters.leases.inc({ home: event.home, state: event.type.slice('lease.'.length) })
        break
      case 'record.published':
        counters.published.inc()
        break
      case 'record.withdrawn':
        counters.withdrawn.inc()
        break
      case 'challenge.answered':
        if (event.answer === 'open') counters.opened.inc()
        break
      case 'challenge.decided':
        counters.challenges.inc({ site: event.site, state: listed(event.state, CHALLENGE_STATES) })
        break
      case 'probe.decided':
        counters.probes.inc({ site: event.target, state: listed(event.state, PROBE_STATES) })
        break
      case 'peer.failed':
        counters.peers.inc({ site: event.site, action: listed(event.action, ACTIONS) })
        break
      case 'webhook.failed':
        counters.webhooks.inc()
        break
      case 'webhook.disabled':
        counters.disabled.inc()
        break
      case 'bridge.refused':
        counters.bridgeRefused.inc({ reason: listed(event.reason, BRIDGE_REASONS) })
        break
      case 'bridge.unknown':
        counters.bridgeUnknown.inc(event.count)
        break
      case 'task.failed':
        counters.tasks.inc({ task: listed(event.task, TASKS) })
        break
    }
  }
}

/** Creates the metrics of one node, in a registry of its own. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'dpn_' })
  const requests = new Histogram({
    name: 'dpn_http_request_seconds',
    help: 'Seconds until a request was answered',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  })
  return {
    registry,
    count: createCount(registry),
    observe: ({ method, route, status, seconds }) => {
      requests.observe({ method, route, status: `${Math.floor(status / 100)}xx` }, seconds)
    },
    watch: (name, help, read) => {
      const gauge = new Gauge({
        name: `dpn_${name}`,
        help,
        registers: [registry],
        collect: () => {
          gauge.set(read())
        },
      })
    },
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}
