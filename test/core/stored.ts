/** What a machine of the test world has stored. */
import type { SiteMachine } from './world.ts'

/** Keys in the slot file that are not zero. */
export function keysOn({ disk }: Pick<SiteMachine, 'disk'>): number {
  const slots = Array.from({ length: Math.floor(disk.size() / 32) - 2 }, (_, slot) => slot)
  return slots.filter((slot) => disk.read(64 + 32 * slot, 32).some((byte) => byte !== 0)).length
}

/** Everything that a node has stored, for comparisons. */
export function stateOf(machine: Pick<SiteMachine, 'database'>): string {
  return Buffer.from(machine.database.serialize()).toString('base64')
}
