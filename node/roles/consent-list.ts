/** Makes the owner's key, and signs lists of consents with it: away from the node, without it. */
import { concatBytes, fromBase64, toBase64, toHex } from '../../protocol/bytes.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { parseSiteId } from '../../protocol/ids.ts'
import { publicKeyOf } from '../../protocol/keys.ts'
import {
  formatNote,
  formatVerifierKey,
  KEY_TYPE_ED25519,
  makeVerifierKey,
  signNote,
  type VerifierKey,
} from '../../protocol/note.ts'
import {
  LIST_BYTES,
  LIST_LINES,
  listKeyName,
  parseListLine,
} from '../core/bridge/consent/consent-list.ts'
import { OperatorError } from './faults.ts'
import { systemRandom } from './system.ts'

const SEED_BYTES = 32

interface OwnerKey {
  key: VerifierKey
  seed: Uint8Array
}

function keyOfSeed(name: string, seed: Uint8Array): OwnerKey {
  return { key: makeVerifierKey(name, KEY_TYPE_ED25519, publicKeyOf(seed)), seed }
}

/**
 * Makes a key.
 *
 * @returns the private key as one line, in the form that signed notes have in Go
 * @throws ProtocolError `malformed` for what is no site
 */
export function makeOwnerKey(site: string): string {
  const { key, seed } = keyOfSeed(listKeyName(parseSiteId(site)), systemRandom.bytes(SEED_BYTES))
  const encoded = toBase64(concatBytes(Uint8Array.of(key.type), seed))
  return `PRIVATE+KEY+${key.name}+${toHex(key.keyId)}+${encoded}\n`
}

function parseOwnerKey(text: string): OwnerKey {
  const match = /^PRIVATE\+KEY\+([^+\s]+)\+([0-9a-f]{8})\+(\S+)\n?$/.exec(text)
  const [, name = '', keyId = '', encoded = ''] = match ?? []
  const expected = new ProtocolError('malformed', '', 'a private key of the owner')
  if (match === null) throw expected
  const bytes = fromBase64(encoded)
  if (bytes.length !== 1 + SEED_BYTES || bytes[0] !== KEY_TYPE_ED25519) throw expected
  const made = keyOfSeed(name, bytes.slice(1))
  if (toHex(made.key.keyId) !== keyId) throw expected
  return made
}

/**
 * The verifier key of a private key.
 *
 * @throws ProtocolError `malformed`
 */
export function verifierKeyOf(privateKey: string): string {
  return formatVerifierKey(parseOwnerKey(privateKey).key)
}

/**
 * Signs a list, each line of which has been checked.
 *
 * @param list one JSON object a line; blank lines are left out
 * @returns a signed note
 * @throws ProtocolError `malformed` for the key, OperatorError for a bad line or too long a list
 */
export function signList(list: string, privateKey: string): { note: string; lines: number } {
  const { key, seed } = parseOwnerKey(privateKey)
  const lines = list.split(/\r?\n/)
  for (const [offset, line] of lines.entries()) {
    if (line.trim() === '') continue
    try {
      parseListLine(line)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      const where = error.path === '' ? '' : ` at ${error.path}`
      throw new OperatorError(`Line ${offset + 1}${where}: expected ${error.expected}`)
    }
  }
  const kept = lines.filter((line) => line.trim() !== '')
  if (kept.length === 0 || kept.length > LIST_LINES)
    throw new OperatorError(`Expected 1 to ${LIST_LINES} lines: split the list`)
  const text = kept.map((line) => `${line}\n`).join('')
  const signatures = [signNote(text, key, seed)]
  return { note: formatNote({ text, signatures }, LIST_BYTES), lines: kept.length }
}
