/** The names of sites, records and pictures. */
import { fromHex, toHex } from './bytes.ts'
import { ProtocolError } from './errors.ts'

declare const brand: unique symbol
/** A site's domain name, lower case, e.g. `amor.example`; for the coordinator, the network's name. */
export type SiteId = string & { [brand]: 'SiteId' }
/** A record's random 16 bytes as 32 lower-case hexadecimal digits. */
export type RecordId = string & { [brand]: 'RecordId' }

/** The SHA-256 of a picture's manifest as 64 lower-case hexadecimal digits. */
export type PictureId = string & { [brand]: 'PictureId' }

export const RECORD_ID_BYTES = 16

const SITE_ID =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/

/**
 * Parses a site's domain name (RFC 1035 letters, digits, hyphens; lower case; at most 253).
 *
 * @throws ProtocolError `malformed`
 */
export function parseSiteId(text: string): SiteId {
  if (!SITE_ID.test(text))
    throw new ProtocolError('malformed', '', 'a lower-case domain name such as amor.example')
  return text as SiteId
}

/**
 * Parses a record's name: 32 lower-case hexadecimal digits.
 *
 * @throws ProtocolError `malformed`
 */
export function parseRecordId(text: string): RecordId {
  if (!/^[0-9a-f]{32}$/.test(text))
    throw new ProtocolError('malformed', '', '32 lower-case hexadecimal digits')
  return text as RecordId
}

/**
 * The RecordId of 16 random bytes.
 *
 * @throws ProtocolError `wrong_type` for another length
 */
export function recordIdOf(bytes: Uint8Array): RecordId {
  if (bytes.length !== RECORD_ID_BYTES) throw new ProtocolError('wrong_type', '', '16 bytes')
  return toHex(bytes) as RecordId
}

/** The 16 bytes of a RecordId. */
export function recordIdBytes(id: RecordId): Uint8Array {
  return fromHex(id)
}

/**
 * Parses a picture's name: 64 lower-case hexadecimal digits.
 *
 * @throws ProtocolError `malformed`
 */
export function parsePictureId(text: string): PictureId {
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new ProtocolError('malformed', '', '64 lower-case hexadecimal digits')
  return text as PictureId
}

/** The PictureId of the 32 bytes of a hash. */
export function pictureIdOf(hash: Uint8Array): PictureId {
  return parsePictureId(toHex(hash))
}

/** The 32 bytes of a PictureId. */
export function pictureIdBytes(id: PictureId): Uint8Array {
  return fromHex(id)
}
