/** Keys and rows for the tests of the store. */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hash,
  randomBytes,
} from 'node:crypto'
import { parseRecordId, parseSiteId, type RecordId } from '../../protocol/ids.ts'
import type { HeldBody, MemberRow, RecordState, Store } from '../../node/core/store.ts'
import type { Folder } from '../../node/store/folder.ts'
import { openStorage, type Storage } from '../../node/store/storage.ts'
import type { VaultOptions } from '../../node/store/vault.ts'

export const OWN = parseSiteId('own.example')
export const HOME = parseSiteId('home.example')
export const OTHER = parseSiteId('other.example')
export const MASTER_KEY = hash('sha256', 'master', 'buffer')

const NONCE_BYTES = 12
const TAG_BYTES = 16

export const crypto: VaultOptions['crypto'] = {
  hmacSha256: (key, bytes) =>
    new Uint8Array(createHmac('sha256', createSecretKey(key)).update(bytes).digest()),
  seal(key, plaintext) {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', createSecretKey(key), nonce)
    const parts = [nonce, cipher.update(plaintext), cipher.final()]
    return new Uint8Array(Buffer.concat([...parts, cipher.getAuthTag()]))
  },
  open(key, sealed) {
    try {
      const nonce = sealed.subarray(0, NONCE_BYTES)
      const cipher = createDecipheriv('aes-256-gcm', createSecretKey(key), nonce)
      cipher.setAuthTag(sealed.subarray(-TAG_BYTES))
      const text = cipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES))
      return new Uint8Array(Buffer.concat([text, cipher.final()]))
    } catch {
      return null
    }
  },
}
export const random = { bytes: (length: number) => new Uint8Array(randomBytes(length)) }

/** Opens a folder with a small ballast. The caller closes it. */
export function openFolder(folder: Folder, masterKey: Uint8Array = MASTER_KEY): Promise<Storage> {
  return openStorage({ folder, site: OWN, masterKey, random, crypto, ballastBytes: 4096 })
}

/** The record whose number is `n`; their order is that of the numbers. */
export function recordOf(n: number): RecordId {
  return parseRecordId(n.toString(16).padStart(32, '0'))
}

/** 32 bytes that are different for each text. */
export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(hash('sha256', text, 'buffer'))
}

export function aState(n: number, changes: Partial<RecordState> = {}): RecordState {
  return {
    record: recordOf(n),
    firstIndex: n,
    index: n,
    version: 1,
    live: true,
    endIndex: null,
    publishedAt: 1_000 + n,
    joinedAt: 1_000 + n,
    expires: 2_000 + n,
    ...changes,
  }
}

export type Body = Omit<HeldBody, 'home'>

export function aBody(n: number, changes: Partial<Body> = {}): Body {
  return {
    record: recordOf(n),
    index: n,
    expires: 2_000 + n,
    scopes: ['discovery', 'names'],
    excludes: [],
    facts: {
      gender: 'woman',
      seeks: ['man', 'woman'],
      seeksAgeMin: 20,
      seeksAgeMax: 40,
      birthDay: 10_000,
      ageYears: null,
      agedOn: null,
      language: 'en',
      country: 'DE',
      latitudeTenths: 525,
      longitudeTenths: -134,
    },
    traits: {
      hasPicture: true,
      languages: ['de', 'en'],
      heightCm: 170,
      weightKg: null,
      choices: { bodyType: 'slim', education: 'none' },
    },
    sealed: { slot: n, ciphertext: bytesOf(`ciphertext ${n}`) },
    ...changes,
  }
}

export function aMember(n: number): MemberRow {
  return {
    memberKey: bytesOf(`member ${n}`),
    record: recordOf(n),
    inputDigest: bytesOf(`input ${n}`),
    emailKey: n % 2 === 0 ? bytesOf(`email ${n}`) : null,
  }
}

/** Saves live records with these numbers, and bodies of them. */
export async function holdBodies(store: Store, numbers: readonly number[]): Promise<void> {
  await store.write(async (tx) => {
    await tx.records.save(
      HOME,
      numbers.map((n) => aState(n)),
      true,
    )
    await tx.bodies.insert(
      HOME,
      numbers.map((n) => aBody(n)),
    )
  })
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}
