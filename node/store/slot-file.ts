/** A file of fixed slots, written in place. */
import {
  closeSync,
  fchmodSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

/** What a vault needs of a file; the simulator has one in memory. */
export interface SlotFile {
  /** Bytes in the file. */
  size: () => number
  /** `length` bytes from `offset`, all of them inside the file. */
  read: (offset: number, length: number) => Uint8Array
  write: (offset: number, bytes: Uint8Array) => void
  /** When it returns, what was written is on the disk. */
  sync: () => void
}

/** Syncs a folder, without which a file made in it may be gone after a power cut. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/**
 * Opens the file at `path` with mode 0600.
 *
 * @param create whether a missing file is made
 */
export function openSlotFile(path: string, create: boolean): SlotFile & { close: () => void } {
  // Made on a descriptor of its own: in append mode every write would go to the end.
  if (create) closeSync(openSync(path, 'a', 0o600))
  const file = openSync(path, 'r+')
  fchmodSync(file, 0o600)
  syncFolder(dirname(path))
  return {
    size: () => fstatSync(file).size,
    read(offset, length) {
      const bytes = new Uint8Array(length)
      for (let done = 0; done < length;) {
        const count = readSync(file, bytes, done, length - done, offset + done)
        if (count === 0) throw new Error(`The file ${path} is cut short`)
        done += count
      }
      return bytes
    },
    write(offset, bytes) {
      for (let done = 0; done < bytes.length;)
        done += writeSync(file, bytes, done, bytes.length - done, offset + done)
    },
    sync: () => fdatasyncSync(file),
    close: () => closeSync(file),
  }
}
