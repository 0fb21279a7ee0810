/** How often links to sign in may be asked for, by the interface and by the page together. */
import { createLimiter, type Limiter } from '../rate.ts'

/** Links asked for in an hour: from one address, and by everybody. */
export const LINKS_HOURLY = { address: 20, all: 600 }

export interface LinkLimits {
  take: (address: string) => void
}

const hour = (burst: number): Limiter => createLimiter({ perSecond: burst / 3600, burst })

/** Creates them. */
export function createLinkLimits(): LinkLimits {
  const perAddress = hour(LINKS_HOURLY.address)
  const all = hour(LINKS_HOURLY.all)
  return {
    take: (address) => {
      perAddress.take(address)
      all.take('all')
    },
  }
}
