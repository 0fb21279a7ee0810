/** Searches files for what must not be in them, in every spelling that we can think of. */
import { cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A spelling of something, as bytes. */
interface Spelling {
  name: string
  bytes: Buffer
}

/** Base64 of bytes that may stand anywhere in what was encoded: one text for each alignment. */
function base64Texts(bytes: Buffer, encoding: 'base64' | 'base64url'): string[] {
  return [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString(encoding)
    // Only characters that follow from our bytes alone, not from their neighbours.
    return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6))
  })
}

function encoded(name: string, bytes: Buffer): Spelling[] {
  const hex = bytes.toString('hex')
  const texts = new Set([
    hex,
    hex.toUpperCase(),
    ...base64Texts(bytes, 'base64'),
    ...base64Texts(bytes, 'base64url'),
  ])
  return [
    { name: `${name} as bytes`, bytes },
    ...[...texts].map((text) => ({ name: `${name} as ${text}`, bytes: Buffer.from(text) })),
  ]
}

/** Spellings of a text: UTF-8, UTF-16 of both orders, hexadecimal, base64. */
export function spellingsOfText(text: string): Spelling[] {
  const little = Buffer.from(text, 'utf16le')
  const big = Buffer.from(little).swap16()
  return [
    ...encoded(text, Buffer.from(text)),
    { name: `${text} in UTF-16LE`, bytes: little },
    { name: `${text} in UTF-16BE`, bytes: big },
  ]
}

/** Spellings of bytes: raw, hexadecimal, base64. */
export function spellingsOfBytes(name: string, bytes: Uint8Array): Spelling[] {
  return encoded(name, Buffer.from(bytes))
}

/** All files below a folder. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
}

/** The content; empty where the file has just gone. */
export function contentOf(path: string): Buffer {
  return existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
}

let zeros = Buffer.alloc(0)

/** The ballast is megabytes of zeros, which need not be searched for each spelling. */
function isZero(bytes: Buffer): boolean {
  if (zeros.length < bytes.length) zeros = Buffer.alloc(bytes.length)
  return bytes.equals(zeros.subarray(0, bytes.length))
}

/** Spellings that stand somewhere in the bytes. */
export function findIn(bytes: Buffer, spellings: readonly Spelling[]): string[] {
  if (isZero(bytes)) return []
  return spellings.filter((one) => bytes.includes(one.bytes)).map(({ name }) => name)
}

/** Where something of `spellings` stands in a file: path and spelling. */
export function findInFiles(paths: readonly string[], spellings: readonly Spelling[]): string[] {
  return paths.flatMap((path) =>
    findIn(contentOf(path), spellings).map((name) => `${path}: ${name}`),
  )
}

/** Copies a data folder as it is at this moment, as a thief or a backup of the machine would. */
export function copyFolder(from: string, to: string): string {
  cpSync(from, to, { recursive: true })
  return to
}

/** Takes copies of files that change, until told to stop; equal ones are kept once. */
export function captureFiles(paths: readonly string[]): { end: () => Buffer[] } {
  const kept = new Map<string, Buffer>()
  const take = (): void => {
    for (const path of paths) {
      const stat = statSync(path, { throwIfNoEntry: false, bigint: true })
      if (stat === undefined) continue
      const name = `${path} ${stat.mtimeNs} ${stat.size}`
      if (!kept.has(name)) kept.set(name, contentOf(path))
    }
  }
  take()
  const timer = setInterval(take, 5)
  return {
    end: () => {
      clearInterval(timer)
      take()
      return [...kept.values()]
    },
  }
}
