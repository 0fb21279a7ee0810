/** Where sites can be reached: a bounded address book. */
import { CODE_TCP, multiaddr } from '@multiformats/multiaddr'
import type { SiteId } from '../../protocol/ids.ts'
import { ADDRESSES, ADDRESS_CHARS } from '../../protocol/limits.ts'
import { BOOK_SITES } from './bounds.ts'

export interface AddressBook {
  /** Keeps what is new, the newest first; what cannot be dialled is dropped. */
  learn: (site: SiteId, addresses: readonly string[]) => void
  /** Marks the address that worked: news about the site, true or not, never push it out. */
  proved: (site: SiteId, address: string) => void
  /** Addresses to try, the proven one first. */
  of: (site: SiteId) => string[]
  sites: () => SiteId[]
}

interface Page {
  proven: string | null
  told: string[]
}

/**
 * @param isMember whether a site is worth keeping when the book is full: peers may tell names that
 *   do not exist
 */
export function createAddressBook(isMember: (site: SiteId) => boolean): AddressBook {
  const pages = new Map<SiteId, Page>()

  function room(): boolean {
    if (pages.size < BOOK_SITES) return true
    for (const site of pages.keys()) if (!isMember(site)) return pages.delete(site)
    return false
  }

  return {
    learn: (site, addresses) => {
      const news = addresses.slice(0, ADDRESSES).filter(isDialable)
      const page = pages.get(site)
      if (news.length === 0 || (page === undefined && !room())) return
      const told = [...new Set([...news, ...(page?.told ?? [])])].slice(0, ADDRESSES)
      pages.set(site, { proven: page?.proven ?? null, told })
    },
    proved: (site, address) => {
      const page = pages.get(site)
      if (page?.told.includes(address) === true) page.proven = address
    },
    of: (site) => {
      const { proven, told } = pages.get(site) ?? { proven: null, told: [] }
      return proven === null ? [...told] : [...new Set([proven, ...told])]
    },
    sites: () => [...pages.keys()],
  }
}

function isDialable(address: string): boolean {
  if (address.length > ADDRESS_CHARS) return false
  try {
    return multiaddr(address)
      .getComponents()
      .some(({ code }) => code === CODE_TCP)
  } catch {
    return false
  }
}
