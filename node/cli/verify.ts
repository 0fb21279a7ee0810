/** `dpn verify`: checks an evidence file, or the file of a finding, offline. */
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { VerifierKey } from '../../protocol/note.ts'
import type { FindingVerdict } from '../../protocol/finding-file.ts'
import { isOpening } from '../../protocol/opening.ts'
import { checkEvidence, checkFindingFile, checkOpening, parseLogKey } from '../roles/evidence.ts'
import { isArchive, verifyArchive } from './archive.ts'
import { perform, withExamples, withJson, type JsonOption, type Shell } from './command.ts'
import { timeText, UsageError, type Outcome } from './outcome.ts'

/** Characters of a file that are read at most: an evidence file is far below. */
const FILE_BYTES = 64 * 1024 * 1024

/** Reads a text file that the user has named. */
export function readInput(path: string): string {
  try {
    const bytes = readFileSync(path)
    if (bytes.length > FILE_BYTES) throw new UsageError(`${path} is too large to be read`)
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`${path} cannot be read as UTF-8 text`, { cause: error })
  }
}

function parseKey(vkey: string): VerifierKey {
  try {
    const key = parseLogKey(vkey)
    if (key !== null) return key
  } catch {
    // Said below.
  }
  throw new UsageError("--key: expected the coordinator's verifier key: name+id+key")
}

function refused(path: string, checks: string[], failure: string | null): Outcome {
  const lines = checks.map((check) => `ok    ${check}`)
  return {
    failed: true,
    json: { file: path, verdict: 'refused', checks, failure },
    lines: [...lines, `FAIL  ${failure}`, 'REFUSED: this file proves nothing.'],
  }
}

/** A site's own signatures prove; what the coordinator has not received it can only state. */
function findingOutcome(path: string, { checks, failure, shown }: FindingVerdict): Outcome {
  if (failure !== null || shown === null) return refused(path, checks, failure)
  const { kind, site, words } = shown
  const isStated = kind !== 'fork' && kind !== 'rolled-back'
  const verdict = isStated ? 'stated' : 'proven'
  const [first = '', ...rest] = words
  return {
    json: { file: path, verdict, checks, failure: null, kind, site, words },
    lines: [
      ...checks.map((check) => `ok    ${check}`),
      `${verdict.toUpperCase()}: ${first}`,
      ...rest.map((line) => `  ${line}`),
    ],
  }
}

/** Checks a file of one entry; each check is a line, and the first that fails is the last one. */
export function verifyFile(path: string, text: string, key: VerifierKey): Outcome {
  const finding = checkFindingFile(text, key)
  if (finding !== null) return findingOutcome(path, finding)
  const { checks, failure, proven } = checkEvidence(text, key)
  const lines = checks.map((check) => `ok    ${check}`)
  if (failure !== null || proven === null) return refused(path, checks, failure)
  const { entry, log, index, cosigned } = proven
  const record = 'record' in entry ? entry.record : null
  const said = record === null ? entry.type : `${entry.type} of record ${record}`
  const json = {
    file: path,
    verdict: 'proven',
    checks,
    failure: null,
    log,
    index,
    entry: { type: entry.type, record, time: entry.time },
    cosigned,
  }
  return {
    json,
    lines: [
      ...lines,
      `PROVEN: ${said}, written ${timeText(entry.time)}, is entry ${index} of the log of ${log};`,
      ...cosigned.map(({ name, time }) => `  receipt by ${name}, signed ${timeText(time)}`),
    ],
  }
}

/** Checks the opening of a consent; what it says is for the auditor whom it names. */
function verifyOpeningFile(path: string, text: string, key: VerifierKey): Outcome {
  const { checks, failure, proven } = checkOpening(text, key)
  if (proven === null) return refused(path, checks, failure)
  const { auditor, expiresAt, record, log, index, consent } = proven
  return {
    json: { file: path, verdict: 'proven', checks, failure, ...proven },
    lines: [
      ...checks.map((check) => `ok    ${check}`),
      `PROVEN to ${auditor}, until ${timeText(expiresAt)}: record ${record} of ${log}, entry ${index},`,
      `  was published under a consent given ${timeText(consent.givenAt)} by ${consent.channel},`,
      `  valid until ${timeText(consent.expiresAt)}, under notice ${consent.notice.version} (${consent.notice.language}),`,
      `  for ${consent.scopes.join(', ')}`,
      'Delete this file when it has expired: it is personal data.',
    ],
  }
}

/** Adds the command. */
export function addVerify(program: Command, shell: Shell): void {
  const command = withJson(program.command('verify'))
    .description(
      'check an evidence file, a finding, an archive or the opening of a consent, offline',
    )
    .argument('<file>', 'the file: a tar file for an archive, else JSON')
    .requiredOption('--key <vkey>', "the coordinator's verifier key")
  withExamples(command, 'dpn verify evidence.json --key "dpn.example+1a2b3c4d+AbCd…"').action(
    (file: string, options: JsonOption & { key: string }) =>
      perform(shell, options, () => {
        const key = parseKey(options.key)
        if (isArchive(file)) return verifyArchive(shell.around, file, key)
        const text = readInput(file)
        return isOpening(text) ? verifyOpeningFile(file, text, key) : verifyFile(file, text, key)
      }),
  )
}
