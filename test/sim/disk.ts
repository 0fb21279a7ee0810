/** A node's disk: it survives the process, loses what was not synced, and can fail at any write. */
import type { SlotFile } from '../../node/store/slot-file.ts'
import type { Dice } from './dice.ts'

/** Thrown through a process that has just died; nobody may act on it. */
export class Crashed extends Error {
  override readonly name = 'Crashed'
}

/** Where a process dies at a write: before it, in the middle, after it. */
export type CrashMoment = 'before' | 'torn' | 'after'

interface Piece {
  offset: number
  bytes: Uint8Array
}

/** A file of slots in memory: what the process sees, and what a crash leaves. */
export class SlotDisk {
  #current = new Uint8Array(0)
  #durable = new Uint8Array(0)
  #unsynced: Piece[] = []

  size(): number {
    return this.#current.length
  }
  read(offset: number, length: number): Uint8Array {
    if (offset + length > this.#current.length) throw new Error('a read beyond the end')
    return this.#current.slice(offset, offset + length)
  }
  write(offset: number, bytes: Uint8Array): void {
    this.#current = written(this.#current, offset, bytes)
    this.#unsynced.push({ offset, bytes: bytes.slice() })
  }
  sync(): void {
    for (const { offset, bytes } of this.#unsynced)
      this.#durable = written(this.#durable, offset, bytes)
    this.#unsynced = []
  }
  /** What a power cut leaves: of each unsynced write all, nothing, or a part, in any order. */
  crash(dice: Dice): void {
    for (const { offset, bytes } of dice.shuffled(this.#unsynced)) {
      const kept = dice.pick([0, bytes.length, dice.below(bytes.length + 1)])
      // A file grows at its end only: what lies behind a lost write reads as zeros.
      if (kept > 0) this.#durable = written(this.#durable, offset, bytes.slice(0, kept))
    }
    this.#unsynced = []
    this.#current = this.#durable.slice()
  }
  /** Bytes on the disk itself; zeros beyond its end. */
  durable(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    bytes.set(this.#durable.subarray(offset, offset + length))
    return bytes
  }
  copy(): SlotDisk {
    const other = new SlotDisk()
    other.#current = this.#durable.slice()
    other.#durable = this.#durable.slice()
    return other
  }
}

function written(file: Uint8Array, offset: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const end = offset + bytes.length
  const next = end > file.length ? new Uint8Array(end) : new Uint8Array(file)
  if (end > file.length) next.set(file)
  next.set(bytes, offset)
  return next
}

/** Counts the writes of one process and kills it at the one that was drawn. */
export interface Fuse {
  /** Draws the write at which to die: the `writes`-th from now on. */
  arm: (writes: number, moment: CrashMoment) => void
  disarm: () => void
  /** Call around each write; it throws where the process dies. */
  burn: (write: (part: number) => void) => void
  /** As `burn`, for a write that is over or undone as a whole, in two steps. */
  before: () => void
  after: () => void
}

/** Makes a fuse; `die` ends the process. */
export function createFuse(die: () => void): Fuse {
  let left: number | null = null
  let moment: CrashMoment = 'before'
  let isDue = false
  const step = (): boolean => {
    if (left === null) return false
    left -= 1
    return left <= 0
  }
  const end = (): never => {
    left = null
    isDue = false
    die()
    throw new Crashed()
  }
  return {
    arm: (writes, at) => {
      left = writes
      moment = at
    },
    disarm: () => {
      left = null
    },
    burn: (write) => {
      if (!step()) {
        write(1)
        return
      }
      if (moment === 'torn') write(0.5)
      if (moment === 'after') write(1)
      end()
    },
    before: () => {
      isDue = step()
      if (isDue && moment !== 'after') end()
    },
    after: () => {
      if (isDue) end()
    },
  }
}

/** The slot file as one process sees it. */
export function slotFileOn(disk: SlotDisk, fuse: Fuse, isDead: () => boolean): SlotFile {
  const assertAlive = (): void => {
    if (isDead()) throw new Crashed()
  }
  return {
    size: () => {
      assertAlive()
      return disk.size()
    },
    read: (offset, length) => {
      assertAlive()
      return disk.read(offset, length)
    },
    write: (offset, bytes) => {
      assertAlive()
      fuse.burn((part) => {
        disk.write(offset, bytes.slice(0, Math.ceil(bytes.length * part)))
      })
    },
    sync: () => {
      assertAlive()
      fuse.burn((part) => {
        if (part === 1) disk.sync()
      })
    },
  }
}
