/** The daily draw: who may be recommended to whom today, so that nobody is shown to everybody. */
import { toUtf8 } from '../../../../protocol/bytes.ts'
import type { RecordId } from '../../../../protocol/ids.ts'
import { labelled } from '../../identity.ts'
import type { Crypto } from '../../ports.ts'
import { mix32 } from '../../search/columns.ts'

/**
 * The share of the viewers for whom a record is drawn on a day. For the others it stands behind all
 * that are drawn for them: nobody is among the first for more than half of those whom they fit.
 */
export const DRAWN_SHARE = 1 / 2

/** One viewer's draw of one day. */
export interface Draw {
  /** A number from 0 (inclusive) to 1 (exclusive) for each record. */
  numberOf: (record: RecordId) => number
  /** An integer of 32 bits: shuffles those from whom the best are sought. */
  seed: number
}

/** Hexadecimal digits of 32 bits. */
const WORD_DIGITS = 8

/**
 * The draw of a viewer on a day. It needs no memory: a restart, another order of calls, or a second
 * process comes to the same. The key is this node's own, so that no site can choose record ids that
 * are drawn more often: for any one id the number is uniform over the keys, since each step is a
 * bijection.
 *
 * @param key a private key of this node
 * @param of.day day number (UTC)
 */
export function createDraw(
  crypto: Pick<Crypto, 'hmacSha256'>,
  key: Uint8Array,
  of: { viewer: RecordId; day: number },
): Draw {
  const bytes = crypto.hmacSha256(key, labelled('recommend', toUtf8(`${of.day} ${of.viewer}`)))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const keys = [0, 4, 8, 12].map((at) => view.getUint32(at))
  return {
    numberOf: (record) => {
      let word = 0
      for (const [at, part] of keys.entries()) {
        const digits = record.slice(at * WORD_DIGITS, (at + 1) * WORD_DIGITS)
        word = mix32(word ^ part ^ Number.parseInt(digits, 16))
      }
      return word / 2 ** 32
    },
    seed: view.getUint32(16),
  }
}
