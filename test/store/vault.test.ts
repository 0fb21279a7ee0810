import { closeSync, openSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { toUtf8 } from '../../protocol/bytes.ts'
import type { Sealed, Vault } from '../../node/core/ports.ts'
import { openSlotFile, type SlotFile } from '../../node/store/slot-file.ts'
import { HEADER_BYTES, openVault, SLOT_BYTES } from '../../node/store/vault.ts'
import { aFolder } from './builders.ts'
import { bytesOf, crypto, MASTER_KEY, random, range } from './rows.ts'

interface MemoryFile extends SlotFile {
  bytes: Uint8Array
  writes: number
  syncs: number
}

function memoryFile(): MemoryFile {
  const file: MemoryFile = {
    bytes: new Uint8Array(0),
    writes: 0,
    syncs: 0,
    size: () => file.bytes.length,
    read: (offset, length) => file.bytes.slice(offset, offset + length),
    write(offset, bytes) {
      file.writes += 1
      const grown = new Uint8Array(Math.max(file.bytes.length, offset + bytes.length))
      grown.set(file.bytes)
      grown.set(bytes, offset)
      file.bytes = grown
    },
    sync: () => void (file.syncs += 1),
  }
  return file
}

const open = (file: SlotFile, masterKey: Uint8Array = MASTER_KEY, create = true): Vault =>
  openVault({ file, masterKey, random, crypto, create })
const texts = (count: number): Uint8Array[] => range(count).map((n) => toUtf8(`text ${n}`))

function isFree(file: MemoryFile, slot: number): boolean {
  const at = HEADER_BYTES + slot * SLOT_BYTES
  return file.bytes.subarray(at, at + SLOT_BYTES).every((byte) => byte === 0)
}

describe('openVault', () => {
  it('opens what it sealed, also after it was opened anew', async () => {
    const file = memoryFile()
    const sealed = await open(file).seal(texts(3))
    const vault = open(file)
    expect(sealed.map((one) => vault.open(one))).toEqual(texts(3))
    expect(new Set(sealed.map((one) => one.slot)).size).toBe(3)
  })

  it('writes the keys of a batch with one write and one sync', async () => {
    const file = memoryFile()
    const vault = open(file)
    await vault.seal(texts(1))
    const { writes, syncs } = file
    await vault.seal(texts(1_000))
    expect([file.writes - writes, file.syncs - syncs]).toEqual([1, 1])
  })

  it('grows by as much as a large batch needs', async () => {
    const file = memoryFile()
    const sealed = await open(file).seal(texts(5_000))
    const vault = open(file)
    expect(vault.open(sealed.at(-1) ?? { slot: 0, ciphertext: file.bytes })).toEqual(
      toUtf8('text 4999'),
    )
  })

  it('cannot open with a destroyed key, another slot, changed bytes or a slot out of range', async () => {
    const file = memoryFile()
    const vault = open(file)
    const [first, second] = (await vault.seal(texts(2))) as [Sealed, Sealed]
    await vault.destroy([first.slot])
    expect(vault.open(first)).toBeNull()
    expect(isFree(file, first.slot)).toBe(true)
    expect(vault.open({ ...first, slot: second.slot })).toBeNull()
    expect(vault.open({ ...second, slot: 1_000_000 })).toBeNull()
    expect(vault.open({ ...second, slot: -1 })).toBeNull()
    const changed = second.ciphertext.slice()
    changed[20] = (changed[20] ?? 0) ^ 1
    expect(vault.open({ ...second, ciphertext: changed })).toBeNull()
    expect(vault.open(second)).toEqual(toUtf8('text 1'))
  })

  it('does not use a destroyed slot again before it is released', async () => {
    const vault = open(memoryFile())
    const [first] = (await vault.seal(texts(1))) as [Sealed]
    await vault.destroy([first.slot])
    const [second] = (await vault.seal(texts(1))) as [Sealed]
    expect(second.slot).not.toBe(first.slot)
    // An erasure that is repeated, as after a failed transaction, harms no other body.
    await vault.destroy([first.slot])
    expect(vault.open(second)).toEqual(toUtf8('text 0'))
    vault.release([first.slot, first.slot])
    const [third, fourth] = (await vault.seal(texts(2))) as [Sealed, Sealed]
    expect(third.slot).toBe(first.slot)
    expect(fourth.slot).not.toBe(first.slot)
    expect(vault.open(first)).toBeNull()
  })

  it('does not release a slot that holds a key', async () => {
    const vault = open(memoryFile())
    const [first] = (await vault.seal(texts(1))) as [Sealed]
    vault.release([first.slot])
    const [second] = (await vault.seal(texts(1))) as [Sealed]
    expect(second.slot).not.toBe(first.slot)
  })

  it('destroys what no row refers to', async () => {
    const vault = open(memoryFile())
    const sealed = await vault.seal(texts(4))
    await vault.retain(new Set([sealed[1]?.slot ?? -1]))
    expect(sealed.map((one) => vault.open(one) !== null)).toEqual([false, true, false, false])
    expect((await vault.seal(texts(1)))[0]?.slot).toBe(sealed[0]?.slot)
  })

  it('counts a slot as used where writing its key failed', async () => {
    const file = memoryFile()
    const vault = open(file)
    await vault.seal(texts(1))
    const failing = { ...file, sync: file.sync }
    file.sync = () => {
      throw new Error('disk')
    }
    await expect(vault.seal(texts(1))).rejects.toThrow('disk')
    file.sync = failing.sync
    expect((await vault.seal(texts(1)))[0]?.slot).toBe(2)
  })

  it('refuses another master key', async () => {
    const file = memoryFile()
    await open(file).seal(texts(1))
    expect(() => open(file, bytesOf('another'))).toThrow('master key')
  })

  it('behaves as a map from slots to texts, over destroying, releasing and reopening', async () => {
    const step = fc.oneof(
      fc.record({ act: fc.constant('seal' as const), count: fc.integer({ min: 0, max: 40 }) }),
      fc.record({ act: fc.constant('destroy' as const), picks: fc.array(fc.nat(200)) }),
      fc.record({ act: fc.constant('release' as const) }),
      fc.record({ act: fc.constant('reopen' as const) }),
      fc.record({ act: fc.constant('retain' as const), picks: fc.array(fc.nat(200)) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const file = memoryFile()
        let vault = open(file)
        const live = new Map<number, { sealed: Sealed; text: Uint8Array }>()
        let dead: Sealed[] = []
        const taken: boolean[] = []
        const kill = (slots: Iterable<number>): void => {
          for (const slot of slots) {
            const one = live.get(slot)
            if (one !== undefined) dead.push(one.sealed)
            live.delete(slot)
          }
        }
        for (const one of steps) {
          if (one.act === 'seal') {
            const plaintexts = texts(one.count)
            for (const [place, sealed] of (await vault.seal(plaintexts)).entries()) {
              taken.push(live.has(sealed.slot))
              live.set(sealed.slot, { sealed, text: plaintexts[place] ?? new Uint8Array(0) })
            }
          } else if (one.act === 'destroy') {
            await vault.destroy(one.picks)
            kill(one.picks)
          } else if (one.act === 'release') vault.release(dead.map((sealed) => sealed.slot))
          else if (one.act === 'reopen') vault = open(file)
          else {
            await vault.retain(new Set(one.picks))
            kill([...live.keys()].filter((slot) => !one.picks.includes(slot)))
          }
          for (const { sealed, text } of live.values()) expect(vault.open(sealed)).toEqual(text)
          for (const sealed of dead) expect(vault.open(sealed)).toBeNull()
          dead = dead.slice(-100)
        }
        expect(taken).not.toContain(true)
      }),
      { numRuns: 60 },
    )
  })
})

function aSlotFile(path: string, create = true): SlotFile {
  const file = openSlotFile(path, create)
  onTestFinished(file.close)
  return file
}

describe('openSlotFile', () => {
  it('keeps a vault in a file that only its owner may read', async () => {
    const { keys } = aFolder()
    const sealed = await open(aSlotFile(keys)).seal(texts(3))
    expect(statSync(keys).mode & 0o777).toBe(0o600)
    const vault = open(aSlotFile(keys, false), MASTER_KEY, false)
    expect(sealed.map((one) => vault.open(one))).toEqual(texts(3))
    const [first] = sealed as [Sealed]
    const before = readFileSync(keys)
    const at = HEADER_BYTES + first.slot * SLOT_BYTES
    await vault.destroy([first.slot])
    expect(readFileSync(keys).includes(before.subarray(at, at + SLOT_BYTES))).toBe(false)
  })

  it('refuses a file cut short anywhere', async () => {
    const { keys } = aFolder()
    await open(aSlotFile(keys)).seal(texts(100))
    for (const bytes of [statSync(keys).size - 1, HEADER_BYTES + 32, HEADER_BYTES, 63, 1, 0]) {
      truncateSync(keys, bytes)
      expect(() => open(aSlotFile(keys), MASTER_KEY, false)).toThrow('cut short')
    }
  })

  it('refuses a file that is no vault or of another version', () => {
    const { keys } = aFolder()
    writeFileSync(keys, Buffer.alloc(128, 7))
    expect(() => open(aSlotFile(keys))).toThrow('dpn-keys')
    const other = Buffer.alloc(128)
    other.write('dpn-keys')
    other.writeUInt32BE(2, 8)
    writeFileSync(keys, other)
    expect(() => open(aSlotFile(keys))).toThrow('version')
  })

  it('does not make a file unless asked to', () => {
    const { keys } = aFolder()
    expect(() => openSlotFile(keys, false)).toThrow('ENOENT')
    closeSync(openSync(keys, 'w'))
    expect(() => open(aSlotFile(keys, false), MASTER_KEY, false)).toThrow('cut short')
  })
})
