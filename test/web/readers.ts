/** What other parts of a coordinator would say to the pages, in memory. */
import type { Actor } from '../../node/core/people/actor.ts'
import type { PageReaders, RateRow } from '../../node/web/readers.ts'
import type { SiteId } from '../../protocol/ids.ts'

export type Demanded = [Actor, SiteId, number]

/** Challenges, probes and processors in memory; what is demanded is put into `demanded`. */
export function someReaders(site: SiteId, target: SiteId, demanded: Demanded[] = []): PageReaders {
  const rate: RateRow = { site, passed: 9, failed: 1, share: 0.9, low: 0.6, high: 0.98, waiting: 0 }
  const times = { dueAt: 1_772_409_600, decidedAt: 1_772_323_300 }
  return {
    challenges: {
      rates: async () => [rate],
      list: async () => [
        {
          id: 1,
          draw: 4,
          site,
          index: 0,
          state: 'passed',
          reason: null,
          drawnAt: 1_772_323_200,
          ...times,
        },
      ],
      demand: async (...claim) => void demanded.push(claim),
    },
    probes: {
      rates: async () => [rate],
      list: async () => [
        {
          id: 1,
          target,
          home: site,
          index: 0,
          state: 'failed',
          answer: 'body',
          via: null,
          plannedAt: 1_772_323_200,
          ...times,
        },
      ],
      demand: async (...claim) => void demanded.push(claim),
    },
    processors: async () => [
      {
        name: 'Example Mail',
        purpose: 'sends mail',
        category: 'support',
        country: 'DE',
        policy: 'https://mail.example/privacy',
      },
    ],
    evidence: { payment: () => ({ text: '2 orders', plain: '2 orders' }) },
  }
}
