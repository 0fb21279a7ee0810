/**
 * The tar files that we write and read: plain POSIX ustar with nothing in a header but a name and a
 * size. A reader accepts only the header that a writer would have made, byte for byte, so that there
 * are no links, folders, owners, long names or second spellings to be careful with.
 *
 * @see POSIX.1-2017, pax, "ustar Interchange Format"
 */
import { equalBytes, fromUtf8, toUtf8 } from './bytes.ts'
import { ProtocolError } from './errors.ts'

export const TAR_BLOCK_BYTES = 512
/** The two blocks of zeros at the end. */
export const TAR_END_BYTES = 2 * TAR_BLOCK_BYTES
const NAME_BYTES = 100
const SIZE_AT = 124
const SIZE_DIGITS = 11
const CHECKSUM_AT = 148
const MOST_BYTES = 8 ** SIZE_DIGITS - 1
const NAME = /^[a-z0-9][a-z0-9.-]*(?:\/[a-z0-9][a-z0-9.-]*)*$/

function malformed(expected: string): never {
  throw new ProtocolError('malformed', '', expected)
}

/** Zeros after a file's bytes, up to a whole block. */
export function tarPadding(bytes: number): number {
  return (TAR_BLOCK_BYTES - (bytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES
}

/**
 * The header of a file.
 *
 * @param name at most 100 lower-case letters, digits, dots and hyphens, in folders of the same kind
 * @param bytes size of the file
 * @throws ProtocolError `malformed` or `too_large`
 */
export function tarHeader(name: string, bytes: number): Uint8Array {
  if (name.length > NAME_BYTES || !NAME.test(name) || name.includes('..'))
    malformed('the plain name of a file')
  if (bytes > MOST_BYTES) throw new ProtocolError('too_large', '', `at most ${MOST_BYTES} bytes`)
  const block = new Uint8Array(TAR_BLOCK_BYTES)
  const write = (at: number, text: string): void => block.set(toUtf8(text), at)
  write(0, name)
  write(100, '0000644\u00000000000\u00000000000\u0000')
  write(SIZE_AT, bytes.toString(8).padStart(SIZE_DIGITS, '0'))
  write(136, '00000000000')
  write(CHECKSUM_AT, '        ')
  write(156, '0')
  write(257, 'ustar\u000000')
  write(329, '0000000\u00000000000')
  let sum = 0
  for (const byte of block) sum += byte
  write(CHECKSUM_AT, `${sum.toString(8).padStart(6, '0')}\u0000 `)
  return block
}

/**
 * Reads a header.
 *
 * @param block 512 bytes
 * @returns null for a block of zeros, which begins the end
 * @throws ProtocolError `malformed` for whatever `tarHeader` does not write
 */
export function parseTarHeader(block: Uint8Array): { name: string; bytes: number } | null {
  if (block.every((byte) => byte === 0)) return null
  const end = block.subarray(0, NAME_BYTES).indexOf(0)
  const name = fromUtf8(block.subarray(0, end === -1 ? NAME_BYTES : end))
  const digits = fromUtf8(block.subarray(SIZE_AT, SIZE_AT + SIZE_DIGITS))
  if (!/^[0-7]+$/.test(digits)) malformed('the size of a file')
  const bytes = Number.parseInt(digits, 8)
  if (!equalBytes(tarHeader(name, bytes), block))
    malformed('a header with a plain name and a size, and nothing else')
  return { name, bytes }
}

/** Takes a tar file in pieces. */
export interface TarReader {
  /** @throws ProtocolError for what is no such tar file, and what `file` throws */
  push: (chunk: Uint8Array) => void
  /** @throws ProtocolError `malformed` where the file has not come to its end */
  end: () => void
}

/**
 * Reads a tar file of small files.
 *
 * @param mostBytes of one file, refused above that before anything is allocated
 * @param file called with each file when it is whole
 */
export function createTarReader(
  mostBytes: number,
  file: (name: string, bytes: Uint8Array) => void,
): TarReader {
  /** What is being filled: a header, a file with its padding, or the end. */
  let target = new Uint8Array(TAR_BLOCK_BYTES)
  let filled = 0
  let open: { name: string; bytes: number } | null = null
  let zeros = 0

  function next(length: number): void {
    target = new Uint8Array(length)
    filled = 0
  }
  function headerRead(): void {
    const header = parseTarHeader(target)
    if (header === null) {
      zeros += TAR_BLOCK_BYTES
      return next(zeros < TAR_END_BYTES ? TAR_BLOCK_BYTES : 0)
    }
    if (zeros > 0) malformed('nothing but zeros at the end')
    if (header.bytes > mostBytes)
      throw new ProtocolError('too_large', '', `files of at most ${mostBytes} bytes`)
    open = header
    next(header.bytes + tarPadding(header.bytes))
    if (target.length === 0) fileRead()
  }
  function fileRead(): void {
    if (open === null) return
    const { name, bytes } = open
    if (target.subarray(bytes).some((byte) => byte !== 0)) malformed('zeros after a file')
    file(name, target.subarray(0, bytes))
    open = null
    next(TAR_BLOCK_BYTES)
  }
  return {
    push: (chunk) => {
      for (let at = 0; at < chunk.length;) {
        if (zeros === TAR_END_BYTES) malformed('nothing after the end')
        const piece = chunk.subarray(at, at + target.length - filled)
        target.set(piece, filled)
        filled += piece.length
        at += piece.length
        if (filled < target.length) return
        if (open === null) headerRead()
        else fileRead()
      }
    },
    end: () => {
      if (zeros !== TAR_END_BYTES) malformed('a file that is not cut short')
    },
  }
}
