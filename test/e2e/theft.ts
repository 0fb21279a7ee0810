/**
 * Somebody who has everything: old copies of the database, today's files, and the node's secrets.
 * Tries to read bodies.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { derivePrivateKeys } from '../../node/core/identity.ts'
import { systemCrypto } from '../../node/roles/system.ts'
import { HEADER_BYTES, SLOT_BYTES } from '../../node/store/vault.ts'
import { concatBytes, toUtf8 } from '../../protocol/bytes.ts'
import { decodeBody, type Body } from '../../protocol/body.ts'

export interface StolenCiphertext {
  record: string
  slot: number
  bytes: Uint8Array
}

/** Every ciphertext in a copy of a database, with its write-ahead log if there is one. */
export function ciphertextsIn(database: string): StolenCiphertext[] {
  const sqlite = new Sqlite(database, { fileMustExist: true })
  try {
    const rows = sqlite
      .prepare('select record, slot, bytes from bodies join ciphertexts on body = id')
      .all() as { record: Buffer; slot: number; bytes: Buffer }[]
    return rows.map(({ record, slot, bytes }) => ({
      record: record.toString('hex'),
      slot,
      bytes: new Uint8Array(bytes),
    }))
  } finally {
    sqlite.close()
  }
}

/** The slots of a key file that hold a key. */
export function slotsIn(keys: Buffer): Uint8Array[] {
  const slots: Uint8Array[] = []
  for (let at = HEADER_BYTES; at + SLOT_BYTES <= keys.length; at += SLOT_BYTES) {
    const slot = keys.subarray(at, at + SLOT_BYTES)
    if (slot.some((byte) => byte !== 0)) slots.push(new Uint8Array(slot))
  }
  return slots
}

/** The secrets that a folder holds: both seeds, and what is derived from them. */
function secretsIn(folder: string): { master: Uint8Array; all: Uint8Array[] } {
  const seedOf = (name: string): Uint8Array =>
    Uint8Array.from(Buffer.from(readFileSync(join(folder, name), 'utf8').trim(), 'hex'))
  const storage = seedOf('storage.key')
  const { master, seal, index } = derivePrivateKeys(storage)
  return { master, all: [storage, seedOf('node.key'), master, seal, index] }
}

/** The key under which a body is sealed, from the content of its slot. */
function contentKeyOf(master: Uint8Array, slot: Uint8Array): Uint8Array {
  return systemCrypto.hmacSha256(master, concatBytes(toUtf8('dpn/content'), slot))
}

/**
 * Tries each slot in the folder's key file, and each secret there is, on each ciphertext.
 *
 * @returns the bodies that could be read, by record
 */
export function pryOpen(
  folder: string,
  ciphertexts: readonly StolenCiphertext[],
): Map<string, Body> {
  const { master, all } = secretsIn(folder)
  const path = join(folder, 'keys')
  const slots = existsSync(path) ? slotsIn(readFileSync(path)) : []
  const empty = new Uint8Array(SLOT_BYTES)
  const keys = [
    ...[...slots, empty, ...all].map((slot) => contentKeyOf(master, slot)),
    ...slots,
    ...all,
  ]
  const read = new Map<string, Body>()
  for (const { record, bytes } of ciphertexts)
    for (const key of keys) {
      const body = systemCrypto.open(key, bytes)
      if (body !== null) read.set(record, decodeBody(body))
    }
  return read
}

/** The keys by which the ciphertexts could be read while their slots were there. */
export function slotKeysOf(
  folder: string,
  ciphertexts: readonly StolenCiphertext[],
): Map<string, Uint8Array> {
  const keys = readFileSync(join(folder, 'keys'))
  return new Map(
    ciphertexts.map(({ record, slot }) => {
      const at = HEADER_BYTES + slot * SLOT_BYTES
      return [record, new Uint8Array(keys.subarray(at, at + SLOT_BYTES))]
    }),
  )
}
