/** Space kept back on the disk, so that an erasure still finds some when the disk is full. */
import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs'

const PIECE_BYTES = 1024 * 1024

export interface Ballast {
  /** Gives the space free; false where there was none to give. */
  release: () => boolean
  /** Takes the space again if it can be had. */
  restore: () => void
}

/** No ballast, where there is no disk. */
export const NO_BALLAST: Ballast = { release: () => false, restore: () => undefined }

/** Whether an error says that the disk is full. */
export function isDiskFull(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE' || code === 'ENOSPC'
}

function holds(path: string, bytes: number): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= bytes
}

/** Really written and not compressible: a sparse or compressed file would keep nothing back. */
function fill(path: string, bytes: number): void {
  const file = openSync(path, 'w', 0o600)
  try {
    for (let at = 0; at < bytes; at += PIECE_BYTES)
      writeSync(file, randomBytes(Math.min(PIECE_BYTES, bytes - at)))
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Opens the ballast of `bytes` at `path`, and takes the space where it is missing. */
export function openBallast(path: string, bytes: number): Ballast {
  let held = holds(path, bytes)
  const ballast: Ballast = {
    release() {
      if (!held) return false
      held = false
      rmSync(path, { force: true })
      return true
    },
    restore() {
      if (held) return
      try {
        fill(path, bytes)
        held = true
      } catch (error) {
        rmSync(path, { force: true })
        if (!isDiskFull(error)) throw error
      }
    },
  }
  ballast.restore()
  return ballast
}
