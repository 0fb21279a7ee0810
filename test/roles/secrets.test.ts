import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createSecrets, readSecrets } from '../../node/roles/secrets.ts'
import { folderAt } from '../../node/store/folder.ts'

const NONE = { node: null, storage: null }

function aFolder() {
  const folder = folderAt(mkdtempSync(join(tmpdir(), 'dpn-secrets-')))
  return { folder, made: createSecrets(folder) }
}

describe('createSecrets', () => {
  it('makes two different files that only the owner can read', () => {
    const { folder, made } = aFolder()
    expect(made).toEqual([folder.nodeKey, folder.storageKey])
    for (const path of made) {
      expect(statSync(path).mode & 0o777).toBe(0o600)
      expect(readFileSync(path, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/)
    }
    const { node, storage } = readSecrets(folder, NONE)
    expect(node).not.toEqual(storage)
  })

  it('leaves what is there', () => {
    const { folder } = aFolder()
    const before = readSecrets(folder, NONE)
    rmSync(folder.storageKey)
    expect(createSecrets(folder)).toEqual([folder.storageKey])
    expect(readSecrets(folder, NONE).node).toEqual(before.node)
  })
})

describe('readSecrets', () => {
  it('prefers what is given, and then needs no file', () => {
    const given = { node: new Uint8Array(32).fill(1), storage: new Uint8Array(32).fill(2) }
    expect(readSecrets(folderAt('/nowhere'), given)).toEqual(given)
  })

  it('says which file is missing and what to do', () => {
    const { folder } = aFolder()
    rmSync(folder.storageKey)
    expect(() => readSecrets(folder, NONE)).toThrow(/storage\.key is missing: .*DPN_STORAGE_KEY/)
  })

  it('refuses a file that others can read', () => {
    const { folder } = aFolder()
    chmodSync(folder.nodeKey, 0o640)
    expect(() => readSecrets(folder, NONE)).toThrow(`chmod 600 ${folder.nodeKey}`)
  })

  it('refuses a file that holds something else, without repeating it', () => {
    const { folder } = aFolder()
    writeFileSync(folder.nodeKey, 'not a key')
    expect(() => readSecrets(folder, NONE)).toThrow(/node\.key does not hold a key: expected 64/)
  })
})
