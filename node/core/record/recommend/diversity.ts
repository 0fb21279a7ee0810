/** The daily draw: who may be recommended to whom today, so that nobody is shown to everybody. */
import { toUtf8 } from '../../../../protocol/bytes.ts'
import type { RecordId } from '../../../../protocol/ids.ts'
import { labelled } from '../../identity.ts'
import type { Crypto } from '../../ports.ts'

/**
 * The share of the viewers for whom a record is drawn on a day. For the others it stands behind all
 * that are drawn for them: nobody is among the first for more than half of those whom they fit.
 */
export const DRAWN_SHARE = 1 / 2

/** A number from 0 (inclusive) to 1 (exclusive) for each record: one viewer's draw of one day. */
export type Draw = (record: RecordId) => number

const WORDS = 4
const WORD_DIGITS = 8

/** The finaliser of MurmurHash3, by Austin Appleby (public domain): a bijection of 32-bit words. */
function mix(word: number): number {
  let mixed = word
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85_eb_ca_6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2_b2_ae_35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/**
 * The draw of a viewer on a day. It needs no memory: a restart, another order of calls, or a second
 * process comes to the same. The key is this node's own, so that no site can choose record ids that
 * are drawn more often: for any one id the number is uniform over the keys, since each step is a
 * bijection.
 *
 * @param key a private key of this node
 * @param day day number (UTC)
 */
export function createDraw(
  crypto: Pick<Crypto, 'hmacSha256'>,
  key: Uint8Array,
  of: { viewer: RecordId; day: number },
): Draw {
  const input = labelled('recommend', toUtf8(`${of.day} ${of.viewer}`))
  const bytes = crypto.hmacSha256(key, input)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const keys = Array.from({ length: WORDS }, (_, at) => view.getUint32(4 * at))
  return (record) => {
    let word = 0
    for (const [at, part] of keys.entries()) {
      const digits = record.slice(at * WORD_DIGITS, (at + 1) * WORD_DIGITS)
      word = mix(word ^ Number.parseInt(digits, 16) ^ part)
    }
    return word / 2 ** 32
  }
}
