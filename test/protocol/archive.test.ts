/**
 * An archive made by real cores, and changed in every way that should make it worthless: by somebody
 * without keys, by somebody who mends the manifest, and by a coordinator that signs whatever it likes.
 */
import { pack, type Header } from 'tar-stream'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { systemCrypto } from '../../node/roles/system.ts'
import {
  manifestLine,
  parseArchiveName,
  signArchive,
  type ArchiveNote,
} from '../../protocol/archive/form.ts'
import {
  createGap,
  decodeStretch,
  encodeStretch,
  subtreesOf,
  type StretchItem,
} from '../../protocol/archive/stretch.ts'
import { concatBytes, fromUtf8, toUtf8 } from '../../protocol/bytes.ts'
import { decodeEntry } from '../../protocol/entry.ts'
import { ARCHIVE_FILE_BYTES } from '../../protocol/limits.ts'
import { appendLeaves, appendSubtrees, EMPTY_RANGE, leafHash } from '../../protocol/merkle.ts'
import type { VerifierKey } from '../../protocol/note.ts'
import { tarHeader } from '../../protocol/tar.ts'
import type { Identity } from '../../node/core/identity.ts'
import { A, aMember, aWorld, B, C, NETWORK, put } from '../core/world.ts'
import { archiveOf, check, filesIn, tarOf, type ArchivedFile } from '../fixtures/archives.ts'

const { sha256 } = systemCrypto

interface Made {
  archive: Uint8Array
  /** The same with every entry in it. */
  whole: Uint8Array
  files: ArchivedFile[]
  key: VerifierKey
  coordinator: Identity
  note: ArchiveNote
}
let made: Made

async function make(): Promise<Made> {
  const world = await aWorld()
  const a = await world.addSite(A)
  await world.addSite(B)
  await world.addSite(C)
  for (const id of ['m1', 'm2', 'm3', 'm4', 'm5']) await put(a, aMember(id))
  await world.tick()
  await a.site.withdrawer.withdraw(['m1', 'm3'], 'consent-withdrawn', 'n1')
  await world.tick(300)
  await world.pass(2 * 86_400)
  await a.site.withdrawer.withdraw(['m4'], 'erased', 'n2')
  await world.tick(300)
  await world.tick(300)
  const archive = await archiveOf(world)
  const whole = await archiveOf(world, { entries: 'all' })
  const coordinator = world.coordinator.identity
  const { note, failure } = check(archive, coordinator.logKey)
  if (note === null) throw new Error(failure ?? '')
  return { archive, whole, files: filesIn(archive), key: coordinator.logKey, coordinator, note }
}

const failureOf = (files: readonly ArchivedFile[]): string | null =>
  check(tarOf(files), made.key).failure
const indexOf = (end: string): number => made.files.findIndex(({ name }) => name.endsWith(end))
const isManifest = ({ name }: ArchivedFile): boolean => name.startsWith('manifest/')

/** The files with a manifest that fits them, and the old note or one that `sign` makes. */
function mended(
  files: readonly ArchivedFile[],
  sign: ((note: ArchiveNote) => ArchiveNote) | null,
): ArchivedFile[] {
  const rest = files.filter(({ name }) => !name.startsWith('manifest'))
  const lines = rest.map(({ name, bytes }) => manifestLine(name, bytes, sha256))
  const manifest = { name: 'manifest/000000', bytes: toUtf8(lines.join('')) }
  const [note] = files.filter(({ name }) => name === 'manifest.note')
  const fit = { files: rest.length + 1, manifest: sha256(manifest.bytes) }
  const { logKey: key, logSeed: seed } = made.coordinator
  const text =
    sign === null
      ? (note?.bytes ?? new Uint8Array(0))
      : toUtf8(signArchive(sign({ ...made.note, ...fit }), { key, seed }))
  return [...rest, manifest, { name: 'manifest.note', bytes: text }]
}
const replaced = (place: number, change: (text: string) => string): ArchivedFile[] =>
  made.files.map((file, at) =>
    at === place ? { ...file, bytes: toUtf8(change(fromUtf8(file.bytes))) } : file,
  )
const isWithdrawal = (item: StretchItem): boolean =>
  item.kind === 'entry' && decodeEntry(item.bytes).type === 'withdraw'
const withItems = (
  files: readonly ArchivedFile[],
  change: (items: StretchItem[]) => StretchItem[],
): ArchivedFile[] =>
  files.map((file) =>
    /^logs\/.*\.entries$/.test(file.name)
      ? { ...file, bytes: encodeStretch(change(decodeStretch(file.bytes))) }
      : file,
  )

const signTwo = (note: ArchiveNote): ArchiveNote => ({ ...note, withdrawals: 2 })
const isEntry = (item: StretchItem): boolean => item.kind === 'entry'
const hide = (item: StretchItem): StretchItem =>
  item.kind === 'entry' ? { kind: 'left-out', level: 0, root: leafHash(item.bytes) } : item
const packed = (name: string, extra: Partial<Header> = {}): Promise<Uint8Array> => {
  const tar = pack()
  if (extra.type === 'symlink') tar.entry({ name, ...extra })
  else tar.entry({ name, ...extra }, 'x')
  tar.finalize()
  return Array.fromAsync(tar).then((parts) => concatBytes(...(parts as Uint8Array[])))
}

/** The first withdrawal is there as its hash only. */
const hiddenIn = (files: readonly ArchivedFile[]): ArchivedFile[] => {
  let isFirst = true
  return withItems(files, (items) =>
    items.map((item) => {
      if (!isFirst || !isWithdrawal(item)) return item
      isFirst = false
      return hide(item)
    }),
  )
}

describe('createArchiveCheck', () => {
  // One network for all tests: what comes out are bytes.
  it('has an archive to look at', async () => {
    made = await make()
    expect(check(made.archive, made.key)).toMatchObject({
      failure: null,
      missingCount: 0,
      counts: { withdrawals: 3, logs: 1, checkpoints: 2, receipts: 8 },
    })
  }, 60_000)

  it('finds the same whatever pieces it is handed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), (pieceBytes) => {
        expect(check(made.archive, made.key, pieceBytes)).toEqual(check(made.archive, made.key))
      }),
      { numRuns: 20 },
    )
  })

  it('refuses an archive that is cut short anywhere, or goes on after its end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: made.archive.length - 1 }), (length) => {
        expect(check(made.archive.slice(0, length), made.key).failure).not.toBeNull()
      }),
      { numRuns: 200 },
    )
    for (let at = 0; at < made.archive.length; at += 512)
      expect(check(made.archive.slice(0, at), made.key).failure).not.toBeNull()
    for (const more of [new Uint8Array(1), new Uint8Array(512), made.archive])
      expect(check(concatBytes(made.archive, more), made.key).failure).toContain('after the end')
  })

  it('refuses any bit that is flipped', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: made.archive.length - 1 }),
        fc.integer({ min: 0, max: 7 }),
        (at, bit) => {
          const flipped = Uint8Array.from(made.archive)
          flipped[at] = (flipped[at] ?? 0) ^ (1 << bit)
          expect(check(flipped, made.key).failure).not.toBeNull()
        },
      ),
      { numRuns: 400 },
    )
  })

  it('refuses files that are left out, repeated, out of order, or more', () => {
    for (const [place, file] of made.files.entries()) {
      const others = made.files.toSpliced(place, 1)
      expect(failureOf(others)).not.toBeNull()
      expect(failureOf(made.files.toSpliced(place, 0, file))).not.toBeNull()
      const swapped = made.files.toSpliced(
        place,
        2,
        ...made.files.slice(place, place + 2).toReversed(),
      )
      expect(place === made.files.length - 1 || failureOf(swapped) !== null).toBe(true)
      const more = {
        name: `statements/more/${String(place).padStart(6, '0')}.jsonl`,
        bytes: toUtf8('1\n'),
      }
      expect(failureOf(made.files.toSpliced(place, 0, more))).not.toBeNull()
    }
  })

  it('refuses the same with a manifest that was mended, for want of the signature', () => {
    for (const [place, file] of made.files.entries()) {
      if (isManifest(file) || file.name === 'manifest.note') continue
      expect(failureOf(mended(made.files.toSpliced(place, 1), null))).not.toBeNull()
      expect(failureOf(mended(made.files.toSpliced(place, 0, file), null))).not.toBeNull()
    }
    // The last withdrawal with all that proves it: what is left proves itself, but is not all.
    const last = made.files.filter(
      ({ name }, place) => !name.startsWith('logs/') || place <= indexOf('.checkpoint'),
    )
    expect(failureOf(mended(last, null))).toMatch(/^manifest\.note: bad_proof/)
    const withdrawals = 2
    expect(failureOf(mended(last, (note) => ({ ...note, withdrawals })))).toBeNull()
    expect(failureOf(mended(last, (note) => note))).toMatch(/^manifest\.note: bad_proof/)
  })

  it('refuses a note that is not by the coordinator, or not of these files', () => {
    const { logSeed: seed } = made.coordinator
    const other = new Uint8Array(32).fill(7)
    const forged = signArchive(made.note, { key: made.key, seed: other })
    const place = indexOf('manifest.note')
    expect(failureOf(replaced(place, () => forged))).toMatch(/^manifest\.note: bad_signature/)
    for (const change of [
      { files: made.note.files + 1 },
      { withdrawals: 4 },
      { manifest: new Uint8Array(32) },
      { network: A },
    ]) {
      const text = signArchive({ ...made.note, ...change }, { key: made.key, seed })
      expect(failureOf(replaced(place, () => text))).toMatch(/^manifest\.note: bad_proof/)
    }
    expect(check(made.archive, { ...made.key, name: 'other.example' }).failure).toContain(
      'about.json: unknown_origin',
    )
  })

  it('lets a coordinator that signs anew hide a withdrawal only where entries are left out', () => {
    const whole = filesIn(made.whole)
    for (const files of [made.files, whole]) {
      const withoutLast = withItems(files, (items) =>
        items.toSpliced(items.findLastIndex(isEntry), 1),
      )
      expect(failureOf(mended(withoutLast, signTwo))).not.toBeNull()
      const swapped = withItems(files, (items) => items.toReversed())
      expect(failureOf(mended(swapped, signTwo))).not.toBeNull()
    }
    expect(failureOf(mended(hiddenIn(made.files), signTwo))).toBeNull()
    expect(failureOf(mended(hiddenIn(whole), signTwo))).toContain(
      'every entry, as the archive says',
    )
  })

  it('names the member whose receipt a coordinator has dropped', () => {
    for (const site of [A, B, C]) {
      const name = `— ${NETWORK}/${site}/witness `
      const files = made.files.map((file) =>
        file.name.endsWith('.checkpoint')
          ? {
              ...file,
              bytes: toUtf8(
                fromUtf8(file.bytes)
                  .split('\n')
                  .filter((line) => !line.startsWith(name) || file.name.startsWith('registry'))
                  .join('\n'),
              ),
            }
          : file,
      )
      const verdict = check(tarOf(mended(files, (note) => note)), made.key)
      expect(verdict.failure).toBeNull()
      expect(verdict.missing).toMatchObject([{ log: A, member: site, withdrawals: 3 }])
    }
    const own = made.files.map((file) =>
      file.name.endsWith('.checkpoint')
        ? {
            ...file,
            bytes: toUtf8(fromUtf8(file.bytes).replace(/— network\.example\/witness .*\n/, '')),
          }
        : file,
    )
    expect(failureOf(mended(own, (note) => note))).toContain("the coordinator's cosignature")
  })

  it('refuses a policy that leaves somebody out, and signatures of strangers', () => {
    const place = indexOf('.policy')
    const fewer = replaced(place, (text) =>
      text
        .split('\n')
        .filter((line) => !line.startsWith(`witness ${NETWORK}/${B}/`))
        .map((line) => line.replace(` ${NETWORK}/${B}/witness`, ''))
        .join('\n'),
    )
    expect(failureOf(mended(fewer, (note) => note))).toContain('.checkpoint: malformed at /policy')
    const checkpoint = indexOf('.checkpoint')
    const [, line = ''] = /(— network\.example\/beau\.example\/witness .*\n)/.exec(
      fromUtf8(made.files[checkpoint]?.bytes ?? new Uint8Array(0)),
    ) ?? ['']
    expect(line).not.toBe('')
    for (const more of [line, line.replace('beau', 'nobody')]) {
      const strange = replaced(checkpoint, (text) => `${text}${more}`)
      expect(failureOf(mended(strange, (note) => note))).toMatch(/checkpoint: malformed/)
    }
  })

  it('refuses names that lead elsewhere, links, long names and bombs before it allocates', async () => {
    for (const bytes of [
      await packed('../about.json'),
      await packed('/about.json'),
      await packed('about.json', { mode: 0o777 }),
      await packed('about.json', { type: 'symlink', linkname: '/etc/passwd' }),
      await packed('about.json', { uname: 'root' }),
      await packed(`logs/${'x'.repeat(150)}`),
      await packed('ABOUT.JSON'),
      await packed('about.json', { pax: { comment: 'more' } }),
    ])
      expect(check(bytes, made.key).failure).toMatch(/^about\.json: malformed/)
    for (const size of [ARCHIVE_FILE_BYTES + 1, 8 ** 11 - 1]) {
      const bomb = check(tarHeader('about.json', size), made.key)
      expect(bomb.failure).toContain('too_large')
    }
    expect(() => tarHeader('a/../b', 1)).toThrow('plain name')
    for (const name of [
      'about.json/',
      'logs/0000/x',
      'manifest',
      'logs/1/origin',
      'statements/UP/000000.jsonl',
    ])
      expect(() => parseArchiveName(name)).toThrow('a file of an archive')
  })

  it('never throws on noise, nor on noise behind a good beginning', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 4096 }),
        fc.integer({ min: 0, max: made.files.length }),
        (noise, count) => {
          const start = tarOf(made.files.slice(0, count)).slice(0, -1024)
          expect(check(concatBytes(start, noise), made.key).failure).not.toBeNull()
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('createGap', () => {
  it('stands for the entries that are left out, wherever it begins and ends', () => {
    const entries = Array.from({ length: 70 }, (_, at) => Uint8Array.of(at))
    const place = fc.integer({ min: 0, max: entries.length })
    fc.assert(
      fc.property(fc.uniqueArray(place, { maxLength: 12 }), (given) => {
        // Method: entries at `given` are there, runs between them are gaps.
        const kept = new Set(given)
        const items: StretchItem[] = []
        let gap = createGap(0)
        for (const [index, bytes] of entries.entries()) {
          if (!kept.has(index)) {
            gap.add(bytes)
            continue
          }
          items.push(...gap.items(), { kind: 'entry', bytes })
          gap = createGap(index + 1)
        }
        items.push(...gap.items())
        const decoded = decodeStretch(encodeStretch(items))
        expect(decoded).toEqual(items)
        expect(appendSubtrees(EMPTY_RANGE, subtreesOf(decoded))).toEqual(
          appendLeaves(
            EMPTY_RANGE,
            entries.map((entry) => leafHash(entry)),
          ),
        )
      }),
    )
  })
})

describe('appendSubtrees', () => {
  it('refuses a subtree that cannot stand at its place', () => {
    const root = new Uint8Array(32)
    const range = appendSubtrees(EMPTY_RANGE, [{ level: 0, root }])
    expect(() => appendSubtrees(range, [{ level: 1, root }])).toThrow('multiple of their own size')
    const whole = Array.from({ length: 53 }, (_, at) => ({ level: 52 - at, root }))
    const full = appendSubtrees(EMPTY_RANGE, whole)
    expect(full.size).toBe(Number.MAX_SAFE_INTEGER)
    expect(() => appendSubtrees(full, [{ level: 0, root }])).toThrow('out_of_range')
  })
})
