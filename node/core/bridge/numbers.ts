/** Net ids: the numbers by which the old module knows records of this Network. */
import type { Random } from '../ports.ts'
import type { BridgeReader, NetId } from './rows.ts'

/**
 * Draws net ids that stand for nothing. They are random and not counted: a node that comes back from
 * a backup would count from an old number on, and give one that the module still knows somebody by
 * to somebody else.
 */
export async function drawNetIds(
  tx: Pick<BridgeReader, 'isTaken'>,
  random: Random,
  count: number,
): Promise<NetId[]> {
  const drawn = new Set<NetId>()
  while (drawn.size < count) {
    const bytes = random.bytes(4)
    const netId = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) & 0x7f_ff_ff_ff
    if (netId > 0 && !(await tx.isTaken(netId))) drawn.add(netId)
  }
  return [...drawn]
}
