/** How far an import has come, kept beside its file, so that it can go on after an interruption. */
import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { UsageError } from './outcome.ts'

export const OUTCOMES = ['published', 'updated', 'unchanged', 'refused'] as const
export type Counts = Record<(typeof OUTCOMES)[number], number>

/** What is durable: everything up to `line`. */
export interface Checkpoint {
  /** Tells another file, or the same one read in another way. */
  fingerprint: string
  line: number
  counts: Counts
  /** Bytes of the file of refused rows that belong to it. */
  rejectedBytes: number
}

export interface Journal {
  /** Where an earlier run stopped; line 0 for a new import. */
  start: Checkpoint
  rejectedPath: string
  /** Appends refused rows, then makes the checkpoint durable. */
  save: (line: number, counts: Counts, rejected: readonly object[]) => void
  /** The import is complete: a later one begins anew. */
  finish: () => void
}

/** Size, time of change, and the options that decide how rows are read. */
function fingerprintOf(path: string, options: unknown): string {
  const { size, mtimeMs } = statSync(path)
  return createHash('sha256')
    .update(JSON.stringify([size, mtimeMs, options]))
    .digest('hex')
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, 'w', 0o600)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function load(path: string, fingerprint: string): Checkpoint | null {
  if (!existsSync(path)) return null
  try {
    const stored = JSON.parse(readFileSync(path, 'utf8')) as Checkpoint
    if (stored.fingerprint === fingerprint) return stored
  } catch {
    // Said below: what cannot be read is not of this import either.
  }
  throw new UsageError(`${path} is of another file or other options: remove it to begin anew`)
}

/**
 * Opens the journal of an import.
 *
 * @throws UsageError where an earlier import of another state of the file was interrupted
 */
export function openJournal(path: string, options: unknown): Journal {
  const progressPath = `${path}.progress`
  const rejectedPath = `${path}.rejected.ndjson`
  const fingerprint = fingerprintOf(path, options)
  const start = load(progressPath, fingerprint) ?? {
    fingerprint,
    line: 0,
    counts: { published: 0, updated: 0, unchanged: 0, refused: 0 },
    rejectedBytes: 0,
  }
  let { rejectedBytes } = start
  // What was written after the checkpoint is written again.
  if (rejectedBytes === 0) rmSync(rejectedPath, { force: true })
  else if (existsSync(rejectedPath)) truncateSync(rejectedPath, rejectedBytes)

  function append(rejected: readonly object[]): void {
    const file = openSync(rejectedPath, 'a', 0o600)
    try {
      for (const row of rejected) rejectedBytes += writeSync(file, `${JSON.stringify(row)}\n`)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  }

  return {
    start,
    rejectedPath,
    save: (line, counts, rejected) => {
      if (rejected.length > 0) append(rejected)
      const checkpoint: Checkpoint = { fingerprint, line, counts, rejectedBytes }
      writeDurably(`${progressPath}.new`, JSON.stringify(checkpoint))
      renameSync(`${progressPath}.new`, progressPath)
    },
    finish: () => rmSync(progressPath, { force: true }),
  }
}
