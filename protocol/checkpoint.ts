/**
 * Checkpoints: a signed note that says how large a log is and what its root is.
 *
 * @see C2SP tlog-checkpoint
 */
import { fromBase64, toBase64 } from './bytes.ts'
import { at, ProtocolError } from './errors.ts'
import { HASH_BYTES, publicKeyOf, type Signer, type Verifier } from './keys.ts'
import { LOG_SIZE } from './limits.ts'
import {
  formatNote,
  KEY_TYPE_ED25519,
  makeVerifierKey,
  type Note,
  parseNote,
  signNote,
  type VerifierKey,
  verifyNote,
} from './note.ts'

/** The head of a log. */
export interface Checkpoint {
  /** The log's name: `<network>/<siteId>`, for the coordinator `<network>`. */
  readonly origin: string
  readonly size: number
  /** 32 bytes. */
  readonly root: Uint8Array
}

const DECIMAL = /^(?:0|[1-9][0-9]{0,19})$/
const CONTROL = /\p{Cc}/u

/**
 * Parses the number of leaves of a tree, or the index of one.
 *
 * @param text decimal digits without leading zeroes
 * @throws ProtocolError `malformed`; `out_of_range` above LOG_SIZE, where the format allows u64
 */
export function parseSize(text: string): number {
  if (!DECIMAL.test(text))
    throw new ProtocolError('malformed', '', 'decimal digits without leading zeroes')
  const size = Number(text)
  if (size > LOG_SIZE) throw new ProtocolError('out_of_range', '', 'a size of at most 2^53 - 1')
  return size
}

/**
 * Parses a checkpoint's text: three lines and no extension lines.
 *
 * @throws ProtocolError `malformed` or `out_of_range`
 */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', size = '', root = '', end, ...rest] = text.split('\n')
  if (end !== '' || rest.length > 0)
    throw new ProtocolError('malformed', '', 'three lines: origin, size and root')
  const checkpoint = {
    origin,
    size: at('/size', () => parseSize(size)),
    root: at('/root', () => fromBase64(root)),
  }
  checkFields(checkpoint)
  return checkpoint
}

function checkFields({ origin, size, root }: Checkpoint): void {
  if (origin === '' || !origin.isWellFormed() || CONTROL.test(origin))
    throw new ProtocolError('malformed', '/origin', 'a name on one line')
  if (!Number.isSafeInteger(size) || size < 0 || size > LOG_SIZE)
    throw new ProtocolError('out_of_range', '/size', 'a tree size')
  if (root.length !== HASH_BYTES) throw new ProtocolError('malformed', '/root', '32 bytes')
}

/**
 * The text of a checkpoint, which is what its log signs.
 *
 * @throws ProtocolError `malformed` or `out_of_range` for a checkpoint that could not be parsed
 */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  checkFields(checkpoint)
  return `${checkpoint.origin}\n${checkpoint.size}\n${toBase64(checkpoint.root)}\n`
}

/** A node signs with one seed for as long as it runs, and the key of it takes as long as signing. */
const logKeys = new WeakMap<Uint8Array, VerifierKey>()

function logKeyOf(origin: string, seed: Uint8Array): VerifierKey {
  const known = logKeys.get(seed)
  if (known?.name === origin) return known
  const key = makeVerifierKey(origin, KEY_TYPE_ED25519, publicKeyOf(seed))
  logKeys.set(seed, key)
  return key
}

/**
 * Signs a checkpoint with its log's key, whose name is the origin.
 *
 * @param seed 32 bytes, derived for `dpn/log`
 * @returns the note, and the whole of it as text
 */
export function signCheckpoint(
  checkpoint: Checkpoint,
  seed: Uint8Array,
  signer?: Signer,
): { note: Note; text: string } {
  const key = logKeyOf(checkpoint.origin, seed)
  const text = formatCheckpoint(checkpoint)
  const note = { text, signatures: [signNote(text, key, seed, signer)] }
  return { note, text: formatNote(note) }
}

/**
 * Opens a checkpoint signed by `logKey`. Cosignatures are left unverified in the note.
 *
 * @throws ProtocolError `unknown_origin` where the origin is not the key's name, `bad_signature`
 *   where the key's signature is missing or bad, `malformed`, `out_of_range` or `too_large`
 */
export function openCheckpoint(
  noteText: string,
  logKey: VerifierKey,
  verify?: Verifier,
): { checkpoint: Checkpoint; note: Note } {
  const note = parseNote(noteText)
  const checkpoint = parseCheckpoint(note.text)
  if (checkpoint.origin !== logKey.name)
    throw new ProtocolError('unknown_origin', '/origin', "the log key's name")
  verifyNote(note, [logKey], verify)
  return { checkpoint, note }
}
