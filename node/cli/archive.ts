/** How the check of an archive of evidence is told: what it shows, and what it cannot show. */
import { openSync, closeSync, readSync, statSync } from 'node:fs'
import type { ArchiveVerdict } from '../../protocol/archive/check.ts'
import type { VerifierKey } from '../../protocol/note.ts'
import { checkArchive } from '../roles/evidence.ts'
import { timeText, UsageError, type Outcome, type Surroundings } from './outcome.ts'
import { createProgress } from './progress.ts'

/** Where a tar file says that it is one. */
const MAGIC_AT = 257
const MAGIC = 'ustar'

/** Whether a file is an archive and not a file of one withdrawal. */
export function isArchive(path: string): boolean {
  try {
    const file = openSync(path, 'r')
    try {
      const magic = Buffer.alloc(MAGIC.length)
      readSync(file, magic, 0, magic.length, MAGIC_AT)
      return magic.toString('latin1') === MAGIC
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    throw new UsageError(`${path} cannot be read`, { cause })
  }
}

function number(count: number): string {
  return count.toLocaleString('en')
}

function shownLines({ about, note, counts }: ArchiveVerdict): string[] {
  if (about === null || note === null) return []
  const { withdrawals, logs, checkpoints, receipts, longestSeconds, late } = counts
  const whom = about.site === null ? `the network ${about.network}` : about.site
  return [
    `SHOWN for ${whom}, entries from ${timeText(about.from)} to before ${timeText(about.to)}:`,
    `  ${number(withdrawals)} withdrawals stand in ${number(logs)} logs, each signed by its own site`,
    `  ${number(receipts)} receipts on ${number(checkpoints)} checkpoints, by members admitted at the time`,
    `  no receipt came later than ${number(longestSeconds)} s after the withdrawals it is for` +
      (late === 0 ? '' : `; ${number(late)} came after the deadline`),
    `  the coordinator made this file at ${timeText(note.madeAt)}, and signed all of it`,
  ]
}

function notShownLines({ about, note, counts, statements }: ArchiveVerdict): string[] {
  const stated = Object.entries(statements).map(([kind, lines]) => `${number(lines)} ${kind}`)
  return [
    'NOT SHOWN:',
    '  that bytes are gone: a receipt is the word of whoever signed it',
    ...(about?.entries === 'all'
      ? []
      : [
          `  that none of the ${number(counts.leftOut)} entries given as hashes is a withdrawal of the scope:`,
          '  this is the word of the coordinator; an archive made with --entries all shows it',
        ]),
    ...(note === null || note.unwitnessed === 0
      ? []
      : [`  ${number(note.unwitnessed)} withdrawals that the coordinator had not cosigned yet`]),
    ...(stated.length === 0
      ? []
      : [`  what is only stated and signed by the coordinator: ${stated.join(', ')}`]),
  ]
}

function outcomeOf(path: string, verdict: ArchiveVerdict): Outcome {
  const { failure, missing, missingCount, about, note, counts, statements } = verdict
  const said = failure !== null ? 'refused' : missingCount > 0 ? 'incomplete' : 'proven'
  const madeAt = note?.madeAt ?? null
  const unwitnessed = note?.unwitnessed ?? null
  const json = {
    file: path,
    verdict: said,
    failure,
    about,
    madeAt,
    unwitnessed,
    counts,
    missing,
    missingCount,
    statements,
  }
  if (failure !== null)
    return {
      failed: true,
      json,
      lines: [`FAIL  ${failure}`, 'REFUSED: this file proves nothing.'],
    }
  const awaited = missing.map(
    ({ log, member, withdrawals, since }) =>
      `  ${member} has signed no receipt for ${number(withdrawals)} withdrawals of ${log}, ` +
      `the oldest of ${timeText(since)}`,
  )
  const more = missingCount - missing.length
  const verdictLines =
    missingCount === 0
      ? ['PROVEN: every member who had to has signed a receipt for every withdrawal.']
      : [
          'NOT PROVEN: the file is sound, but receipts are missing:',
          ...awaited,
          ...(more > 0 ? [`  and ${number(more)} more`] : []),
        ]
  return {
    failed: missingCount > 0,
    json,
    lines: [...shownLines(verdict), ...notShownLines(verdict), ...verdictLines],
  }
}

/** Checks an archive, with a bar for whoever watches. */
export async function verifyArchive(
  around: Surroundings,
  path: string,
  key: VerifierKey,
): Promise<Outcome> {
  const bar = createProgress(around, statSync(path).size)
  try {
    const verdict = await checkArchive(path, key, ({ counts }) =>
      bar.at(
        counts.bytes,
        `${number(counts.withdrawals)} withdrawals, ${number(counts.receipts)} receipts`,
      ),
    )
    return outcomeOf(path, verdict)
  } finally {
    bar.end()
  }
}
