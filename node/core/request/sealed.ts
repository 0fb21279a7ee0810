/** What a desk keeps of people: sealed under a key of the operator, never in clear in the database. */
import { toUtf8 } from '../../../protocol/bytes.ts'
import { decodeCbor, encodeCbor } from '../../../protocol/cbor.ts'
import { labelled, type PrivateKeys } from '../identity.ts'
import type { Crypto } from '../ports.ts'

/** Seals one kind of content. */
export interface Sealer<Content> {
  seal: (content: Content) => Uint8Array
  /** Null where there is nothing, or it was sealed under another key. */
  open: (sealed: Uint8Array | null) => Content | null
  /** A keyed hash under which a text can be found again, and from which it cannot be guessed. */
  keyOf: (text: string | Uint8Array) => Uint8Array
}

/**
 * Creates a sealer.
 *
 * @param label tells the keyed hashes of one kind from those of another
 */
export function createSealer<Content>(
  { crypto, keys }: { crypto: Crypto; keys: PrivateKeys },
  label: string,
): Sealer<Content> {
  return {
    seal: (content) => crypto.seal(keys.desk, encodeCbor(content)),
    open: (sealed) => {
      const bytes = sealed === null ? null : crypto.open(keys.desk, sealed)
      return bytes === null ? null : (decodeCbor(bytes) as Content)
    },
    keyOf: (text) =>
      crypto.hmacSha256(keys.desk, labelled(label, typeof text === 'string' ? toUtf8(text) : text)),
  }
}
