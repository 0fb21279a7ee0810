/** Links under which a browser gets a picture: they say which, until when, and that this node made them. */
import { equalBytes, fromHex, toHex, toUtf8 } from '../../../protocol/bytes.ts'
import type { PictureId, RecordId, SiteId } from '../../../protocol/ids.ts'
import type { PictureSize } from '../../../protocol/picture.ts'
import { labelled, type PrivateKeys } from '../identity.ts'
import type { Clock, Crypto } from '../ports.ts'

/** Seconds for which a link holds at least; at most twice as long. */
export const LINK_SECONDS = 300

export interface LinkTarget {
  home: SiteId
  record: RecordId
  picture: PictureId
  size: PictureSize
}
export interface Signed {
  /** Unix seconds. */
  expires: number
  /** 64 hexadecimal digits. */
  signature: string
}

export interface Links {
  sign: (target: LinkTarget) => Signed
  /** Whether this node signed it, and it holds still. */
  isValid: (target: LinkTarget, signed: Signed) => boolean
}

/** Creates the signer of links. */
export function createLinks(ports: {
  clock: Clock
  crypto: Pick<Crypto, 'hmacSha256'>
  keys: Pick<PrivateKeys, 'links'>
}): Links {
  const { clock, crypto, keys } = ports
  const mac = ({ home, record, picture, size }: LinkTarget, expires: number): Uint8Array =>
    crypto.hmacSha256(
      keys.links,
      labelled('picture', toUtf8([home, record, picture, size, expires].join('\0'))),
    )
  // Keyed hashes of both sides are compared: the time it takes tells nothing of the right one.
  const blind = (value: Uint8Array): Uint8Array => crypto.hmacSha256(keys.links, value)
  return {
    sign: (target) => {
      // In steps, so that a page asked for again names the same links, and browsers keep what they
      // have fetched.
      const expires = (Math.floor(clock.now() / LINK_SECONDS) + 2) * LINK_SECONDS
      return { expires, signature: toHex(mac(target, expires)) }
    },
    isValid: (target, { expires, signature }) => {
      if (!/^[0-9a-f]{64}$/.test(signature)) return false
      const now = clock.now()
      if (expires <= now || expires > now + 2 * LINK_SECONDS) return false
      return equalBytes(blind(mac(target, expires)), blind(fromHex(signature)))
    },
  }
}
