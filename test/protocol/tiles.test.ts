import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, toUtf8 } from '../../protocol/bytes.ts'
import {
  appendLeaves,
  consistencyProof,
  EMPTY_RANGE,
  inclusionProof,
  leafHash,
  nodeHash,
  rootAt,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from '../../protocol/merkle.ts'
import {
  decodeEntryBundle,
  encodeEntryBundle,
  hasTile,
  nodesFromTiles,
  parseTilePath,
  tilePath,
  tileRows,
  tileWidth,
} from '../../protocol/tiles.ts'

const anEntry = fc.uint8Array({ maxLength: 40 })
const bundle = fc.array(anEntry, { minLength: 1, maxLength: 20 })

describe('tilePath', () => {
  it.each([
    [0, 0, 256, 'tile/0/000'],
    [0, 1234067, 256, 'tile/0/x001/x234/067'],
    [1, 67, 8, 'tile/1/067.p/8'],
    ['entries', 1000, 255, 'tile/entries/x001/000.p/255'],
    [63, Number.MAX_SAFE_INTEGER, 256, 'tile/63/x009/x007/x199/x254/x740/991'],
  ] as const)('names level %s, index %s, width %s', (level, index, width, path) => {
    expect(tilePath(level, index, width)).toBe(path)
    expect(parseTilePath(path)).toEqual({ level, index, width })
  })

  it.each([
    [-1, 0, 1],
    [64, 0, 1],
    [0.5, 0, 1],
    [0, -1, 1],
    [0, 2 ** 53, 1],
    [0, 0.5, 1],
    [0, 0, 0],
    [0, 0, 257],
    [0, 0, 1.5],
  ])('refuses level %s, index %s, width %s', (level, index, width) => {
    expect(() => tilePath(level, index, width)).toThrow('out_of_range')
  })
})

function canParse(path: string): boolean {
  try {
    return parseTilePath(path).index === 123_234_067
  } catch {
    return false
  }
}

describe('parseTilePath', () => {
  it('reads back every tile', () => {
    const level = fc.oneof(fc.nat(63), fc.constant('entries' as const))
    const index = fc.oneof(fc.nat(5000), fc.maxSafeNat())
    fc.assert(
      fc.property(level, index, fc.integer({ min: 1, max: 256 }), (...[tile, at, width]) => {
        expect(parseTilePath(tilePath(tile, at, width))).toEqual({ level: tile, index: at, width })
      }),
    )
  })

  it.each([
    '',
    'tile',
    '/tile/0/000',
    'tile/0/000/',
    'tile/0/0',
    'tile/0/0000',
    'tile/00/000',
    'tile/64/000',
    'tile/-1/000',
    'tile/entry/000',
    'tile/0/x000/067',
    'tile/0/001/067',
    'tile/0/x001/x067',
    'tile/0/x1/067',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/08',
    'tile/0/000.p/',
    'tile/0/000.p/8/',
    'tile/0/000\n',
    'tile/0/x009/x007/x199/x254/x740/992',
    'tile/0/x001/x009/x007/x199/x254/x740/991',
  ])('refuses %j', (path) => {
    expect(() => parseTilePath(path)).toThrow('malformed')
  })

  it('refuses every truncation, or reads it as the shorter tile that it names', () => {
    const path = 'tile/12/x123/x234/067.p/128'
    for (let end = 0; end < path.length; end += 1) {
      const cut = path.slice(0, end)
      expect(canParse(cut)).toBe(/067$|\.p\/\d+$/.test(cut))
    }
  })
})

describe('tileRows', () => {
  it('gives the rows of the examples in the specification', () => {
    expect(tileRows(70_000)).toEqual([
      { level: 0, full: 273, partial: 112 },
      { level: 1, full: 1, partial: 17 },
      { level: 2, full: 0, partial: 1 },
    ])
    expect(tileRows(256)).toEqual([
      { level: 0, full: 1, partial: 0 },
      { level: 1, full: 0, partial: 1 },
    ])
    expect(tileRows(0)).toEqual([])
  })

  it('agrees with tileWidth and hasTile on every tile', () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(70_000), fc.maxSafeNat()), (size) => {
        for (const { level, full, partial } of tileRows(size)) {
          expect(tileWidth(level, Math.max(full - 1, 0), size)).toBe(full > 0 ? 256 : partial)
          expect(tileWidth(level, full, size)).toBe(partial)
          expect(tileWidth(level, full + 1, size)).toBe(0)
          expect(hasTile({ level, index: full, width: partial + 1 }, size)).toBe(false)
          const last = { level, index: full, width: Math.max(partial, 1) }
          expect(hasTile(last, size)).toBe(partial > 0)
        }
        expect(tileWidth(tileRows(size).length, 0, size)).toBe(0)
      }),
    )
  })

  it('counts entry bundles as level 0', () => {
    expect(tileWidth('entries', 273, 70_000)).toBe(112)
    expect(hasTile({ level: 'entries', index: 0, width: 1 }, 0)).toBe(false)
  })
})

describe('decodeEntryBundle', () => {
  it('has the known form', () => {
    const bytes = encodeEntryBundle([toUtf8('ab'), toUtf8('')])
    expect(bytes).toEqual(Uint8Array.of(0, 2, 0x61, 0x62, 0, 0))
  })

  it('reads back every bundle, and refuses it truncated, longer or with another count', () => {
    fc.assert(
      fc.property(bundle, (entries) => {
        const bytes = encodeEntryBundle(entries)
        const { length } = entries
        expect(decodeEntryBundle(bytes, length)).toEqual(entries)
        for (let end = 0; end < bytes.length; end += 1)
          expect(() => decodeEntryBundle(bytes.subarray(0, end), length)).toThrow('malformed')
        const longer = Uint8Array.of(...bytes, 0)
        expect(() => decodeEntryBundle(longer, length)).toThrow('malformed')
        expect(() => decodeEntryBundle(bytes, length + 1)).toThrow('malformed')
        expect(() => decodeEntryBundle(bytes, length - 1)).toThrow(/malformed|out_of_range/)
      }),
    )
  })

  it('takes up to 256 entries of up to 65535 bytes', () => {
    const empty = new Uint8Array(0)
    expect(() => encodeEntryBundle([])).toThrow('out_of_range')
    expect(() => encodeEntryBundle(Array.from({ length: 257 }, () => empty))).toThrow(
      'out_of_range',
    )
    const most = Array.from({ length: 256 }, () => empty)
    expect(decodeEntryBundle(encodeEntryBundle(most), 256)).toEqual(most)
    expect(() => encodeEntryBundle([new Uint8Array(65_536)])).toThrow('too_large')
    const longest = encodeEntryBundle([new Uint8Array(65_535)])
    expect(decodeEntryBundle(longest, 1)[0]).toHaveLength(65_535)
    for (const count of [0, 257, 0.5])
      expect(() => decodeEntryBundle(longest, count)).toThrow('out_of_range')
  })
})

describe('nodesFromTiles', () => {
  const leaves = Array.from({ length: 70_000 }, (_, index) => leafHash(toUtf8(String(index))))
  const levels = [leaves]
  for (let below = leaves; below.length > 1;) {
    const above: Uint8Array[] = []
    for (let at = 0; at + 1 < below.length; at += 2)
      above.push(nodeHash(below[at] ?? leafHash(toUtf8('')), below[at + 1] ?? leafHash(toUtf8(''))))
    levels.push(above)
    below = above
  }
  const nodes = nodesFromTiles((level, index) =>
    concatBytes(...(levels[level * 8]?.slice(index * 256, index * 256 + 256) ?? [])),
  )

  it('makes the root and proofs of any tree from its tiles', () => {
    const pairs = fc
      .tuple(fc.nat(69_999), fc.nat(69_999))
      .map(([a, b]) => (a < b ? [a, b] : [b, a]))
    fc.assert(
      fc.property(pairs, ([index = 0, last = 0]) => {
        const size = last + 1
        const root = rootAt(size, nodes)
        const proof = inclusionProof(index, size, nodes)
        const leaf = leaves[index] ?? root
        verifyInclusion({ leafHash: leaf, index, size, proof, root })
        const oldRoot = rootAt(index + 1, nodes)
        const path = consistencyProof(index + 1, size, nodes)
        const claim = { oldSize: index + 1, newSize: size, proof: path, oldRoot, newRoot: root }
        verifyConsistency(claim)
      }),
      { numRuns: 30 },
    )
    expect(rootAt(70_000, nodes)).toEqual(rootOf(appendLeaves(EMPTY_RANGE, leaves)))
  })

  it('refuses a tile without the hashes asked for', () => {
    expect(() => nodesFromTiles(() => new Uint8Array(32))(1, 0)).toThrow('malformed')
  })
})
