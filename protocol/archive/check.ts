/**
 * Checks an archive of evidence as it is read: nothing is kept of a file when the next one comes but
 * counts, a compact range and one line of the manifest, so that it may have any size.
 */
import { equalBytes, fromUtf8 } from '../bytes.ts'
import { decodeEntry } from '../entry.ts'
import { checkRegistryHead, registryTime } from '../evidence.ts'
import { ProtocolError } from '../errors.ts'
import { parseSiteId, type SiteId } from '../ids.ts'
import { type Hash, sha256, type Verifier } from '../keys.ts'
import { ARCHIVE_FILE_BYTES, MANIFEST_FILES, MISSING_LINES, STATEMENT_KINDS } from '../limits.ts'
import { appendSubtrees, EMPTY_RANGE, rootOf, type CompactRange } from '../merkle.ts'
import type { VerifierKey } from '../note.ts'
import {
  emptyRegistry,
  foldRegistry,
  logKeyAt,
  originOf,
  siteOfOrigin,
  type Registry,
} from '../registry.ts'
import { createTarReader } from '../tar.ts'
import {
  ARCHIVE_NAMES,
  manifestLine,
  openArchiveNote,
  parseAbout,
  parseArchiveName,
  type About,
  type ArchiveName,
  type ArchiveNote,
} from './form.ts'
import { createLogCheck, type LogCheck, type LogContext, type LogCounts } from './log-check.ts'
import { decodeStretch, subtreesOf } from './stretch.ts'

/** Withdrawals of a log for which a member's receipt is not in the archive. */
export interface Missing {
  log: SiteId
  member: SiteId
  withdrawals: number
  /** Unix seconds of the oldest of them. */
  since: number
}

/** What an archive was found to be. */
export interface ArchiveVerdict {
  /** Why it proves nothing, with the file where that showed; null where every check held. */
  failure: string | null
  /** Null before it was read. */
  about: About | null
  /** What the coordinator signed; null before it was checked. */
  note: ArchiveNote | null
  counts: LogCounts & { files: number; bytes: number; logs: number }
  /** At most MISSING_LINES of them; `missingCount` counts them all. */
  missing: Missing[]
  missingCount: number
  /** Kinds of what the coordinator only states, with the number of lines of each. */
  statements: Record<string, number>
}

export interface ArchiveCheck {
  /** Takes the next bytes. After a failure they are ignored. */
  push: (chunk: Uint8Array) => void
  /** Whether it has failed, so that reading on is of no use. */
  hasFailed: () => boolean
  /** How far it is. */
  verdict: () => ArchiveVerdict
  /** Says that no more bytes come. */
  end: () => ArchiveVerdict
}

type Stage = 'start' | 'registry' | 'logs' | 'statements' | 'manifest' | 'end'

interface State {
  stage: Stage
  about: About | null
  note: ArchiveNote | null
  registry: Registry
  range: CompactRange
  context: LogContext | null
  log: { check: LogCheck; site: SiteId } | null
  /** Origins of logs so far, which stand in the order of their names. */
  lastSite: SiteId | null
  lastStatement: string
  /** Lines of the manifest's part that comes next. */
  lines: string[]
  parts: number
  /** SHA-256 of the manifest's last part. */
  digest: Uint8Array | null
  verdict: Omit<ArchiveVerdict, 'failure' | 'about' | 'note'>
}

interface Trust {
  coordinatorKey: VerifierKey
  verify: Verifier | undefined
  hash: Hash
}

function outOfOrder(): never {
  throw new ProtocolError('malformed', '', 'the files of an archive in their order, each once')
}

function closeLog(state: State): void {
  if (state.log === null) return
  const { counts, owed } = state.log.check.close()
  const sum = state.verdict.counts
  sum.logs += 1
  sum.withdrawals += counts.withdrawals
  sum.leftOut += counts.leftOut
  sum.checkpoints += counts.checkpoints
  sum.receipts += counts.receipts
  sum.late += counts.late
  sum.longestSeconds = Math.max(sum.longestSeconds, counts.longestSeconds)
  for (const [member, one] of owed) {
    state.verdict.missingCount += 1
    if (state.verdict.missing.length < MISSING_LINES)
      state.verdict.missing.push({ log: state.log.site, member, ...one })
  }
  state.log = null
}

function openLog(state: State, number: number, text: string): void {
  closeLog(state)
  const { context } = state
  if (context === null || number !== state.verdict.counts.logs) outOfOrder()
  const site = siteOfOrigin(state.registry, text.trimEnd())
  if (text !== `${originOf(state.registry.network, site)}\n`)
    throw new ProtocolError('malformed', '', 'the origin of a log, and a line feed')
  if (state.lastSite !== null && site <= state.lastSite) outOfOrder()
  const { about } = context
  if (about.site !== null && site !== about.site && site !== about.network)
    throw new ProtocolError('out_of_range', '', 'a log of the scope')
  state.lastSite = site
  state.log = { check: createLogCheck(context, site), site }
}

function takeAbout(state: State, text: string, trust: Trust): void {
  if (state.stage !== 'start') outOfOrder()
  const about = parseAbout(text)
  if (about.network !== trust.coordinatorKey.name)
    throw new ProtocolError('unknown_origin', '/network', "the network of the coordinator's key")
  state.about = about
  state.stage = 'registry'
}

function takeRegistryEntries(state: State, first: number, bytes: Uint8Array, trust: Trust): void {
  if (state.stage !== 'registry' || first !== state.range.size) outOfOrder()
  const items = decodeStretch(bytes)
  for (const item of items) {
    if (item.kind !== 'entry') throw new ProtocolError('bad_proof', '', 'every entry')
    // Without what no check needs: the registry must not grow with the number of orders.
    const folded = foldRegistry(state.registry, decodeEntry(item.bytes))
    state.registry = { ...folded, orders: [], breaches: [] }
  }
  state.range = appendSubtrees(state.range, subtreesOf(items, trust.hash), trust.hash)
}

function takeRegistryCheckpoint(state: State, note: string, trust: Trust): void {
  const { about, registry, range } = state
  if (state.stage !== 'registry' || about === null) outOfOrder()
  checkRegistryHead(registry, rootOf(range, trust.hash), note, trust)
  const time = registryTime(registry, note, trust.verify)
  const { verify, hash } = trust
  state.context = { about, registry, registryTime: time, verify, hash }
  state.stage = 'logs'
}

function takeStatements(state: State, kind: string, name: string, text: string): void {
  if (state.stage === 'logs') closeLog(state)
  if ((state.stage !== 'logs' && state.stage !== 'statements') || name <= state.lastStatement)
    outOfOrder()
  state.stage = 'statements'
  state.lastStatement = name
  if (!text.endsWith('\n')) throw new ProtocolError('malformed', '', 'lines of JSON')
  const lines = text.split('\n').slice(0, -1)
  try {
    for (const line of lines) JSON.parse(line)
  } catch {
    throw new ProtocolError('malformed', '', 'lines of JSON')
  }
  const { statements } = state.verdict
  statements[kind] = (statements[kind] ?? 0) + lines.length
  if (Object.keys(statements).length > STATEMENT_KINDS)
    throw new ProtocolError('too_large', '', `at most ${STATEMENT_KINDS} kinds of statements`)
}

/** A part stands after so many files, or before the note; it names all since the part before. */
function takeManifest(state: State, part: number, text: string, digest: Uint8Array): void {
  if (part !== state.parts) outOfOrder()
  if (text !== state.lines.join(''))
    throw new ProtocolError('bad_proof', '', 'the files before it, with their sizes and hashes')
  if (state.lines.length < MANIFEST_FILES) {
    if (state.stage !== 'logs' && state.stage !== 'statements') outOfOrder()
    closeLog(state)
    state.stage = 'manifest'
  }
  state.parts += 1
  state.digest = digest
  state.lines = []
}

function takeNote(state: State, text: string, trust: Trust): void {
  const { registry, digest } = state
  if (state.stage !== 'manifest' || registry.coordinator === null) outOfOrder()
  const key = logKeyAt(registry.network, registry.coordinator, registry.size)
  const note = openArchiveNote(text, key, trust.verify)
  const { files, withdrawals } = state.verdict.counts
  const isIt =
    note.network === registry.network &&
    note.files === files &&
    note.withdrawals === withdrawals &&
    digest !== null &&
    equalBytes(note.manifest, digest)
  if (!isIt) throw new ProtocolError('bad_proof', '', 'the files that the coordinator has signed')
  state.note = note
  state.stage = 'end'
}

function takeLogFile(
  state: State,
  name: Extract<ArchiveName, { log: number }>,
  bytes: Uint8Array,
): void {
  if (state.stage !== 'logs') outOfOrder()
  if (name.kind === 'origin') return openLog(state, name.log, fromUtf8(bytes))
  if (state.log === null || name.log !== state.verdict.counts.logs) outOfOrder()
  const { check } = state.log
  if (name.kind === 'entries') check.takeEntries(name.at, bytes)
  else if (name.kind === 'policy') check.takePolicy(name.at, fromUtf8(bytes))
  else check.takeCheckpoint(name.at, fromUtf8(bytes))
}

function takeFile(state: State, name: string, bytes: Uint8Array, trust: Trust): void {
  const parsed = parseArchiveName(name)
  // Any other file would be one too many for the part of the manifest that names it.
  if (state.lines.length === MANIFEST_FILES && parsed.kind !== 'manifest') outOfOrder()
  if (state.stage === 'manifest' && parsed.kind !== 'note') outOfOrder()
  switch (parsed.kind) {
    case 'about':
      takeAbout(state, fromUtf8(bytes), trust)
      break
    case 'registry-entries':
      takeRegistryEntries(state, parsed.first, bytes, trust)
      break
    case 'registry-checkpoint':
      takeRegistryCheckpoint(state, fromUtf8(bytes), trust)
      break
    case 'statements':
      takeStatements(state, parsed.statement, name, fromUtf8(bytes))
      break
    case 'manifest':
      takeManifest(state, parsed.part, fromUtf8(bytes), trust.hash(bytes))
      break
    case 'note':
      takeNote(state, fromUtf8(bytes), trust)
      return
    default:
      takeLogFile(state, parsed, bytes)
  }
  state.lines.push(manifestLine(name, bytes, trust.hash))
  state.verdict.counts.files += 1
}

function startOf(network: SiteId): State {
  return {
    stage: 'start',
    about: null,
    note: null,
    registry: emptyRegistry(network),
    range: EMPTY_RANGE,
    context: null,
    log: null,
    lastSite: null,
    lastStatement: '',
    lines: [],
    parts: 0,
    digest: null,
    verdict: {
      counts: {
        files: 0,
        bytes: 0,
        logs: 0,
        withdrawals: 0,
        leftOut: 0,
        checkpoints: 0,
        receipts: 0,
        late: 0,
        longestSeconds: 0,
      },
      missing: [],
      missingCount: 0,
      statements: {},
    },
  }
}

/**
 * Begins the check of an archive.
 *
 * @param trust the verifier key of the network's coordinator, from a source one trusts
 */
export function createArchiveCheck(trust: {
  coordinatorKey: VerifierKey
  verify?: Verifier
  hash?: Hash
}): ArchiveCheck {
  const { coordinatorKey, verify, hash = sha256 } = trust
  const state = startOf(parseSiteId(coordinatorKey.name))
  let failure: string | null = null
  let file = ARCHIVE_NAMES.about as string

  function guard(work: () => void): void {
    if (failure !== null) return
    try {
      work()
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      failure = `${file}: ${error.message}`
    }
  }
  const reader = createTarReader(ARCHIVE_FILE_BYTES, (name, bytes) => {
    file = name
    takeFile(state, name, bytes, { coordinatorKey, verify, hash })
  })
  const verdict = (): ArchiveVerdict => {
    const { about, note } = state
    const { counts, missing, missingCount, statements } = state.verdict
    return {
      failure,
      about,
      note,
      counts: { ...counts },
      missing: [...missing],
      missingCount,
      statements: { ...statements },
    }
  }
  return {
    push: (chunk) =>
      guard(() => {
        state.verdict.counts.bytes += chunk.length
        reader.push(chunk)
      }),
    hasFailed: () => failure !== null,
    verdict,
    end: () => {
      guard(() => {
        reader.end()
        if (state.stage !== 'end')
          throw new ProtocolError('malformed', '', 'an archive with the note at its end')
      })
      return verdict()
    },
  }
}
