/** The files of an archive of evidence: their names and order, what it is about, and its manifest. */
import { z } from 'zod'
import { fromBase64, toBase64, toHex } from '../bytes.ts'
import { parseSize } from '../checkpoint.ts'
import type { Entry } from '../entry.ts'
import { at, ProtocolError } from '../errors.ts'
import { parseSiteId, type SiteId } from '../ids.ts'
import { HASH_BYTES, type Hash, type Signer, type Verifier } from '../keys.ts'
import { formatNote, parseNote, signNote, type VerifierKey, verifyNote } from '../note.ts'
import { count, parseWith } from '../schema.ts'

export const ARCHIVE_FORMAT = 'dpn-archive/1'

/** Which withdrawals an archive is about. */
export interface ArchiveScope {
  /** The site whose records were withdrawn or ordered away; null for the whole Network. */
  site: SiteId | null
  /** Unix seconds: entries whose own time is from here … */
  from: number
  /** … to before here. */
  to: number
  /**
   * Whether entries that are no withdrawals of the scope are there too, and not only their hashes:
   * then the archive itself shows that no withdrawal is missing in it.
   */
  entries: 'withdrawals' | 'all'
}
export interface About extends ArchiveScope {
  format: typeof ARCHIVE_FORMAT
  network: SiteId
}

const aboutSchema = z.strictObject({
  format: z.literal(ARCHIVE_FORMAT),
  network: z.string().max(253),
  site: z.string().max(253).nullable(),
  from: count,
  to: count,
  entries: z.enum(['withdrawals', 'all']),
})

export function formatAbout(about: About): string {
  const { format, network, site, from, to, entries } = about
  return `${JSON.stringify({ format, network, site, from, to, entries })}\n`
}

/** @throws ProtocolError for what is not the description of an archive that we can check */
export function parseAbout(text: string): About {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new ProtocolError('malformed', '', 'JSON')
  }
  const { network, site, ...rest } = parseWith(aboutSchema, json)
  return {
    ...rest,
    network: at('/network', () => parseSiteId(network)),
    site: site === null ? null : at('/site', () => parseSiteId(site)),
  }
}

/** Whether an entry of a log is one of the withdrawals that a scope is about. */
export function isInScope(scope: ArchiveScope, log: { isCoordinator: boolean }, entry: Entry) {
  if (entry.time < scope.from || entry.time >= scope.to) return false
  // Orders and expulsions end records too, by entries of the coordinator's own log.
  if (log.isCoordinator)
    return (
      (entry.type === 'order' || entry.type === 'expel') &&
      (scope.site === null || entry.site === scope.site)
    )
  return entry.type === 'withdraw'
}

const SIZE_DIGITS = 16
const digits = (value: number, length: number): string => String(value).padStart(length, '0')

/** The name of each kind of file, in the order in which they stand. */
export const ARCHIVE_NAMES = {
  about: 'about.json',
  registryEntries: (first: number) => `registry/${digits(first, SIZE_DIGITS)}.entries`,
  registryCheckpoint: 'registry/checkpoint',
  origin: (log: number) => `logs/${digits(log, 4)}/origin`,
  entries: (log: number, first: number) =>
    `logs/${digits(log, 4)}/${digits(first, SIZE_DIGITS)}.entries`,
  policy: (log: number, size: number) =>
    `logs/${digits(log, 4)}/${digits(size, SIZE_DIGITS)}.policy`,
  checkpoint: (log: number, size: number) =>
    `logs/${digits(log, 4)}/${digits(size, SIZE_DIGITS)}.checkpoint`,
  statements: (kind: string, part: number) => `statements/${kind}/${digits(part, 6)}.jsonl`,
  manifest: (part: number) => `manifest/${digits(part, 6)}`,
  note: 'manifest.note',
} as const

/** A name taken apart. */
export type ArchiveName =
  | { kind: 'about' | 'registry-checkpoint' | 'note' }
  | { kind: 'registry-entries'; first: number }
  | { kind: 'origin'; log: number }
  | { kind: 'entries' | 'policy' | 'checkpoint'; log: number; at: number }
  | { kind: 'statements'; statement: string; part: number }
  | { kind: 'manifest'; part: number }

const NAME =
  /^(?:(about\.json)|(registry\/checkpoint)|(manifest\.note)|registry\/(\d{16})\.entries|logs\/(\d{4})\/(?:(origin)|(\d{16})\.(entries|policy|checkpoint))|statements\/([a-z][a-z-]{0,39})\/(\d{6})\.jsonl|manifest\/(\d{6}))$/

/** @throws ProtocolError `malformed` for a name that no archive has */
export function parseArchiveName(name: string): ArchiveName {
  const match = NAME.exec(name)
  if (match === null) throw new ProtocolError('malformed', '', 'a file of an archive')
  const [, about, registry, note, first, log, origin, size, kind, statement, part, manifest] = match
  if (about !== undefined) return { kind: 'about' }
  if (registry !== undefined) return { kind: 'registry-checkpoint' }
  if (note !== undefined) return { kind: 'note' }
  if (first !== undefined) return { kind: 'registry-entries', first: Number(first) }
  if (manifest !== undefined) return { kind: 'manifest', part: Number(manifest) }
  if (statement !== undefined) return { kind: 'statements', statement, part: Number(part) }
  if (origin !== undefined) return { kind: 'origin', log: Number(log) }
  const stands = kind as 'entries' | 'policy' | 'checkpoint'
  return { kind: stands, log: Number(log), at: Number(size) }
}

/** The line of a manifest that names a file. */
export function manifestLine(name: string, bytes: Uint8Array, hash: Hash): string {
  return `${toHex(hash(bytes))} ${bytes.length} ${name}\n`
}

/** What the coordinator signs about an archive that it has made. */
export interface ArchiveNote {
  network: SiteId
  /** Unix seconds. */
  madeAt: number
  /** Files before the note, parts of the manifest included. */
  files: number
  /** SHA-256 of the manifest's last part, which names the part before it, and so on. */
  manifest: Uint8Array
  /** Withdrawals of the scope in it. */
  withdrawals: number
  /** Withdrawals of the scope that the coordinator had not cosigned yet, and that are not in it. */
  unwitnessed: number
}

/** The text that is signed: its first line is none that a checkpoint could have. */
function noteText(note: ArchiveNote): string {
  return [
    ARCHIVE_FORMAT,
    `network ${note.network}`,
    `made ${note.madeAt}`,
    `files ${note.files}`,
    `manifest ${toBase64(note.manifest)}`,
    `withdrawals ${note.withdrawals}`,
    `unwitnessed ${note.unwitnessed}`,
    '',
  ].join('\n')
}

const NOTE =
  /^dpn-archive\/1\nnetwork (\S+)\nmade (\d+)\nfiles (\d+)\nmanifest (\S+)\nwithdrawals (\d+)\nunwitnessed (\d+)\n$/

/** Signs an archive with the key of the coordinator's log. */
export function signArchive(
  note: ArchiveNote,
  by: { key: VerifierKey; seed: Uint8Array; signer?: Signer | undefined },
): string {
  const text = noteText(note)
  return formatNote({ text, signatures: [signNote(text, by.key, by.seed, by.signer)] })
}

/**
 * Opens the note of an archive.
 *
 * @throws ProtocolError `malformed`, or `bad_signature` where it is not signed by `key` alone
 */
export function openArchiveNote(text: string, key: VerifierKey, verify?: Verifier): ArchiveNote {
  const note = parseNote(text)
  if (note.signatures.length !== 1) throw new ProtocolError('malformed', '', 'one signature')
  verifyNote(note, [key], verify)
  const match = NOTE.exec(note.text)
  if (match === null) throw new ProtocolError('malformed', '', 'the seven lines of the note')
  const [, network = '', made = '', files = '', manifest = '', withdrawals = '', rest = ''] = match
  const digest = fromBase64(manifest)
  if (digest.length !== HASH_BYTES) throw new ProtocolError('malformed', '', 'a SHA-256')
  return {
    network: parseSiteId(network),
    madeAt: parseSize(made),
    files: parseSize(files),
    manifest: digest,
    withdrawals: parseSize(withdrawals),
    unwitnessed: parseSize(rest),
  }
}
