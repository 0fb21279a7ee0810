/** One random key per record version, in a file of fixed slots that is in no backup. */
import { concatBytes, equalBytes, toUtf8 } from '../../protocol/bytes.ts'
import type { Crypto, Random, Sealed, Vault } from '../core/ports.ts'
import type { SlotFile } from './slot-file.ts'

/** Bytes of a slot. All zero means free: a key of 32 random bytes never is. */
export const SLOT_BYTES = 32
/** Bytes before the first slot: magic, version, check value of the master key, count of slots. */
export const HEADER_BYTES = 64

const MAGIC = toUtf8('dpn-keys')
const VERSION = 1
const VERSION_AT = 8
const CHECK_AT = 16
const COUNT_AT = 48
const CHECK_BYTES = 32
/** Slots by which the file grows: the new size has to be synced too, so not for every batch. */
const GROWTH_SLOTS = 2048
const SCAN_BYTES = 1024 * 1024

const CONTENT = toUtf8('dpn/content')
const CHECK = toUtf8('dpn/keys/check')

export interface VaultOptions {
  file: SlotFile
  /** 32 bytes; without it the slots are worth nothing. */
  masterKey: Uint8Array
  random: Random
  crypto: Pick<Crypto, 'seal' | 'open' | 'hmacSha256'>
  /** Whether an empty file is to be made a vault. */
  create: boolean
}

function headerOf(check: Uint8Array, count: number): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES)
  const view = new DataView(header.buffer)
  header.set(MAGIC)
  view.setUint32(VERSION_AT, VERSION)
  header.set(check, CHECK_AT)
  view.setBigUint64(COUNT_AT, BigInt(count))
  return header
}

/** Count of slots by the header of an existing file. */
function checkHeader(file: SlotFile, check: Uint8Array): number {
  if (file.size() < HEADER_BYTES)
    throw new Error('The file of slot keys is cut short or empty: put the whole one back')
  const header = file.read(0, HEADER_BYTES)
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  if (!equalBytes(header.subarray(0, MAGIC.length), MAGIC))
    throw new Error('The file of slot keys is none: it does not begin with dpn-keys')
  if (view.getUint32(VERSION_AT) !== VERSION)
    throw new Error('The file of slot keys is of another version of this program')
  if (!equalBytes(header.subarray(CHECK_AT, CHECK_AT + CHECK_BYTES), check))
    throw new Error('The master key is not the one of this file of slot keys')
  const count = Number(view.getBigUint64(COUNT_AT))
  if (file.size() < HEADER_BYTES + count * SLOT_BYTES)
    throw new Error('The file of slot keys is cut short: put the whole one back')
  return count
}

const offsetOf = (slot: number): number => HEADER_BYTES + slot * SLOT_BYTES

/** Neighbouring numbers of a sorted list as runs of first and count. */
function runsOf(slots: readonly number[]): { first: number; count: number }[] {
  const runs: { first: number; count: number }[] = []
  let last: { first: number; count: number } | undefined
  for (const slot of slots) {
    if (last !== undefined && slot === last.first + last.count) last.count += 1
    else {
      last = { first: slot, count: 1 }
      runs.push(last)
    }
  }
  return runs
}

const ascending = (slots: Iterable<number>): number[] => [...slots].toSorted((a, b) => a - b)

const FREE = 0
const USED = 1
/** Zeros in the file, and not to be used again yet. */
const DEAD = 2

/** Which slots are free, and the file they are in. */
class Slots {
  readonly #file: SlotFile
  readonly #check: Uint8Array
  /** FREE, USED or DEAD for each slot. */
  #states: Uint8Array
  /** Free slots, lowest last, as far as no destruction has come in between. */
  readonly #free: number[] = []
  #count: number

  constructor(file: SlotFile, check: Uint8Array, count: number) {
    this.#file = file
    this.#check = check
    this.#count = count
    this.#states = new Uint8Array(count)
    const perScan = SCAN_BYTES / SLOT_BYTES
    for (let first = 0; first < count; first += perScan) {
      const length = Math.min(perScan, count - first)
      const bytes = file.read(offsetOf(first), length * SLOT_BYTES)
      for (let i = 0; i < length; i += 1)
        if (bytes.subarray(i * SLOT_BYTES, (i + 1) * SLOT_BYTES).some((byte) => byte !== 0))
          this.#states[first + i] = USED
    }
    for (let slot = count - 1; slot >= 0; slot -= 1)
      if (this.#states[slot] === FREE) this.#free.push(slot)
  }

  /** Zeros first and the count after it, each synced: a header never counts what is not there. */
  #grow(): void {
    this.#file.write(offsetOf(this.#count), new Uint8Array(GROWTH_SLOTS * SLOT_BYTES))
    this.#file.sync()
    const count = this.#count + GROWTH_SLOTS
    this.#file.write(0, headerOf(this.#check, count))
    this.#file.sync()
    const added: number[] = []
    for (let slot = count - 1; slot >= this.#count; slot -= 1) added.push(slot)
    this.#free.unshift(...added)
    const states = new Uint8Array(count)
    states.set(this.#states)
    this.#states = states
    this.#count = count
  }

  /** Takes free slots, ascending, and writes one fresh key into each, durably. */
  take(keys: readonly Uint8Array[]): number[] {
    while (this.#free.length < keys.length) this.#grow()
    const slots = ascending(this.#free.splice(this.#free.length - keys.length))
    // From here on used, even if the write fails: whether a key is in there is not known then.
    for (const slot of slots) this.#states[slot] = USED
    let done = 0
    for (const { first, count } of runsOf(slots)) {
      this.#file.write(offsetOf(first), concatBytes(...keys.slice(done, done + count)))
      done += count
    }
    if (slots.length > 0) this.#file.sync()
    return slots
  }

  key(slot: number): Uint8Array | null {
    return this.#states[slot] === USED ? this.#file.read(offsetOf(slot), SLOT_BYTES) : null
  }

  /** Overwrites slots with zeros, durably. */
  clear(slots: Iterable<number>): void {
    const dead = ascending(new Set(slots)).filter((slot) => this.#states[slot] === USED)
    if (dead.length === 0) return
    for (const { first, count } of runsOf(dead))
      this.#file.write(offsetOf(first), new Uint8Array(count * SLOT_BYTES))
    this.#file.sync()
    for (const slot of dead) this.#states[slot] = DEAD
  }

  /** Makes dead slots free. */
  release(slots: Iterable<number>): void {
    for (const slot of ascending(slots).toReversed()) {
      if (this.#states[slot] !== DEAD) continue
      this.#states[slot] = FREE
      this.#free.push(slot)
    }
  }

  notIn(kept: ReadonlySet<number>): number[] {
    const slots: number[] = []
    for (const [slot, state] of this.#states.entries())
      if (state !== FREE && !kept.has(slot)) slots.push(slot)
    return slots
  }
}

/**
 * Opens a vault on a file.
 *
 * @throws Error where the file is cut short, none of ours, or of another master key
 */
export function openVault({ file, masterKey, random, crypto, create }: VaultOptions): Vault {
  const check = crypto.hmacSha256(masterKey, CHECK)
  if (create && file.size() === 0) {
    file.write(0, headerOf(check, 0))
    file.sync()
  }
  const slots = new Slots(file, check, checkHeader(file, check))
  const contentKey = (slotKey: Uint8Array): Uint8Array =>
    crypto.hmacSha256(masterKey, concatBytes(CONTENT, slotKey))

  return {
    async seal(plaintexts) {
      const keys: Uint8Array[] = []
      const fresh = random.bytes(plaintexts.length * SLOT_BYTES)
      for (let at = 0; at < fresh.length; at += SLOT_BYTES)
        keys.push(fresh.subarray(at, at + SLOT_BYTES))
      const taken = slots.take(keys)
      const sealed: Sealed[] = []
      for (const [place, slot] of taken.entries()) {
        const key = keys[place]
        const plaintext = plaintexts[place]
        if (key === undefined || plaintext === undefined) continue
        sealed.push({ slot, ciphertext: crypto.seal(contentKey(key), plaintext) })
      }
      return sealed
    },
    open({ slot, ciphertext }) {
      const key = slots.key(slot)
      return key === null ? null : crypto.open(contentKey(key), ciphertext)
    },
    destroy: async (dead) => slots.clear(dead),
    release: (dead) => slots.release(dead),
    async retain(used) {
      const rest = slots.notIn(used)
      slots.clear(rest)
      slots.release(rest)
    },
  }
}
