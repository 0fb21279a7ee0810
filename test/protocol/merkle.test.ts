import { existsSync, globSync, readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase64, fromHex, toHex, toUtf8 } from '../../protocol/bytes.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { sha256 } from '../../protocol/keys.ts'
import {
  appendLeaf,
  appendLeaves,
  type CompactRange,
  consistencyProof,
  decodeRange,
  EMPTY_RANGE,
  EMPTY_ROOT,
  encodeRange,
  inclusionProof,
  leafHash,
  nodeHash,
  type NodeSource,
  rootAt,
  rootOf,
  verifyConsistency,
  verifyInclusion,
  rangeAt,
} from '../../protocol/merkle.ts'

const VECTORS = '../shared/vectors'
const LEAVES = Array.from({ length: 130 }, (_, index) => leafHash(toUtf8(`entry ${index}`)))

/** The root by the definition of RFC 6962 §2.1, without any of our tree code. */
function rootByDefinition(leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves
  if (only === undefined) return sha256(new Uint8Array(0))
  if (leaves.length === 1) return only
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)]
  return sha256(Uint8Array.of(1), rootByDefinition(left), rootByDefinition(right))
}

/** Perfect subtrees of LEAVES; fails when asked beyond `size`. */
function nodesWithin(size: number): NodeSource {
  return (level, index) => {
    const [start, end] = [index * 2 ** level, (index + 1) * 2 ** level]
    expect(end).toBeLessThanOrEqual(size)
    return rootByDefinition(LEAVES.slice(start, end))
  }
}

const ROOTS = LEAVES.map((_, size) => rootByDefinition(LEAVES.slice(0, size)))
const rootOfSize = (size: number): Uint8Array => ROOTS[size] ?? EMPTY_ROOT
const leafAt = (index: number): Uint8Array => LEAVES[index] ?? EMPTY_ROOT
const sizes = fc.integer({ min: 1, max: LEAVES.length - 2 })
const bits = fc.tuple(fc.nat(), fc.nat(255))

const identity = (data: Uint8Array): Uint8Array => data

function anInclusion(index: number, size: number) {
  const proof = inclusionProof(index, size, nodesWithin(size))
  return { leafHash: leafAt(index), index, size, proof, root: rootOfSize(size) }
}

function aConsistency(oldSize: number, newSize: number) {
  const proof = consistencyProof(oldSize, newSize, nodesWithin(newSize))
  const [oldRoot, newRoot] = [rootOfSize(oldSize), rootOfSize(newSize)]
  return { oldSize, newSize, proof, oldRoot, newRoot }
}

/** One of `hashes` with one bit changed. */
function flip(hashes: readonly Uint8Array[], [which, bit]: [number, number]): Uint8Array[] {
  const at = which % hashes.length
  return hashes.map((hash, index) => (index === at ? flipBit(hash, bit) : hash))
}

function flipBit(hash: Uint8Array, bit: number): Uint8Array {
  const changed = Uint8Array.from(hash)
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return changed
}

describe('leafHash and nodeHash', () => {
  it('give the known answers of RFC 6962 trees', () => {
    expect(toHex(EMPTY_ROOT)).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    )
    expect(toHex(leafHash(new Uint8Array(0)))).toBe(
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    )
    expect(toHex(leafHash(toUtf8('L123456')))).toBe(
      '395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56',
    )
    expect(toHex(nodeHash(toUtf8('N123'), toUtf8('N456')))).toBe(
      'aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb',
    )
  })

  it('use the hash that they are given', () => {
    expect(toHex(leafHash(Uint8Array.of(7), identity))).toBe('0007')
    expect(toHex(nodeHash(Uint8Array.of(7), Uint8Array.of(8), identity))).toBe('010708')
  })
})

describe('rootOf', () => {
  it('is the root by definition for each size, leaf by leaf and in bulk', () => {
    let range: CompactRange = EMPTY_RANGE
    for (let size = 0; size < LEAVES.length; size += 1) {
      expect(range.size).toBe(size)
      expect(rootOf(range)).toEqual(rootOfSize(size))
      expect(appendLeaves(EMPTY_RANGE, LEAVES.slice(0, size))).toEqual(range)
      expect(rootAt(size, nodesWithin(size))).toEqual(rootOfSize(size))
      range = appendLeaf(range, leafAt(size))
    }
  })

  it('does not depend on how the leaves are cut into batches', () => {
    fc.assert(
      fc.property(fc.nat(LEAVES.length), fc.nat(LEAVES.length), (a, b) => {
        const [first, second] = a < b ? [a, b] : [b, a]
        let range = appendLeaves(EMPTY_RANGE, LEAVES.slice(0, first))
        range = appendLeaves(range, LEAVES.slice(first, second))
        expect(rootOf(appendLeaves(range, LEAVES.slice(second)))).toEqual(rootByDefinition(LEAVES))
      }),
    )
  })

  it('leaves the range that it appends to as it was', () => {
    const before = appendLeaves(EMPTY_RANGE, LEAVES.slice(0, 3))
    const root = rootOf(before)
    appendLeaf(before, leafAt(3))
    expect(rootOf(before)).toEqual(root)
  })
})

describe('decodeRange', () => {
  it('reads back each range, and refuses it one byte shorter or longer', () => {
    for (let size = 0; size < LEAVES.length; size += 1) {
      const range = appendLeaves(EMPTY_RANGE, LEAVES.slice(0, size))
      const bytes = encodeRange(range)
      expect(decodeRange(bytes, size)).toEqual(range)
      expect(() => decodeRange(Uint8Array.of(...bytes, 0), size)).toThrow('malformed')
    }
    for (let size = 1; size < LEAVES.length; size += 1) {
      const bytes = encodeRange(appendLeaves(EMPTY_RANGE, LEAVES.slice(0, size)))
      expect(() => decodeRange(bytes.subarray(1), size)).toThrow('malformed')
    }
  })

  it.each([-1, 0.5, 2 ** 53, Number.NaN])('refuses the size %s', (size) => {
    expect(() => decodeRange(new Uint8Array(0), size)).toThrow('out_of_range')
  })
})

describe('verifyInclusion', () => {
  it('accepts the proof of every index in trees of every size', () => {
    for (let size = 1; size < 66; size += 1)
      for (let index = 0; index < size; index += 1)
        expect(() => verifyInclusion(anInclusion(index, size))).not.toThrow()
  })

  it('refuses one flipped bit in the leaf, the root or the proof', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), bits, (size, position, bit) => {
        const claim = anInclusion(position % size, size)
        const hashes = flip([claim.leafHash, claim.root, ...claim.proof], bit)
        const [leaf = EMPTY_ROOT, root = EMPTY_ROOT, ...proof] = hashes
        expect(() => verifyInclusion({ ...claim, leafHash: leaf, root, proof })).toThrow(
          'bad_proof',
        )
      }),
    )
  })

  it('refuses any other index, and a missing or additional hash', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), (below, first, second) => {
        const size = below + 1
        const claim = anInclusion(first % size, size)
        const index = (claim.index + 1 + (second % below)) % size
        expect(() => verifyInclusion({ ...claim, index })).toThrow('bad_proof')
        const more = [...claim.proof, EMPTY_ROOT]
        expect(() => verifyInclusion({ ...claim, proof: more })).toThrow('bad_proof')
        const fewer = claim.proof.slice(1)
        expect(() => verifyInclusion({ ...claim, proof: fewer })).toThrow('bad_proof')
      }),
    )
  })

  it('refuses a proof longer than 63 hashes', () => {
    const claim = anInclusion(0, 1)
    const proof = Array.from({ length: 64 }, () => EMPTY_ROOT)
    expect(() => verifyInclusion({ ...claim, proof })).toThrow('at most 63 hashes')
  })

  it.each([-1, 0, 0.5, Number.NaN, 2 ** 53])('refuses the size %s', (size) => {
    expect(() => verifyInclusion({ ...anInclusion(0, 1), size })).toThrow('bad_proof')
  })

  it.each([0, 31, 33])('refuses hashes of %i bytes', (length) => {
    const claim = anInclusion(0, 2)
    const short = new Uint8Array(length)
    expect(() => verifyInclusion({ ...claim, proof: [short] })).toThrow('32 bytes')
    expect(() => verifyInclusion({ ...claim, root: short })).toThrow('32 bytes')
    expect(() => verifyInclusion({ ...claim, leafHash: short })).toThrow('32 bytes')
  })

  it('works above 2^32 leaves', () => {
    // All leaves are the same here, so that each perfect subtree of a level has the same root.
    const perfect = [leafAt(0)]
    for (let level = 0; level < 53; level += 1) {
      const below = perfect[level] ?? EMPTY_ROOT
      perfect.push(nodeHash(below, below))
    }
    const nodes: NodeSource = (level) => perfect[level] ?? EMPTY_ROOT
    const [size, index] = [2 ** 52 + 2 ** 33 + 5, 2 ** 52 + 2 ** 32 + 1]
    const root = rootAt(size, nodes)
    const proof = inclusionProof(index, size, nodes)
    expect(() => verifyInclusion({ leafHash: leafAt(0), index, size, proof, root })).not.toThrow()
    const [oldSize, oldRoot] = [index, rootAt(index, nodes)]
    const path = consistencyProof(oldSize, size, nodes)
    const claim = { oldSize, newSize: size, proof: path, oldRoot, newRoot: root }
    expect(() => verifyConsistency(claim)).not.toThrow()
    expect(() => verifyConsistency({ ...claim, oldSize: oldSize + 2 })).toThrow('bad_proof')
  })
})

describe('verifyConsistency', () => {
  it('accepts the proof from every size to every later one', () => {
    for (let newSize = 1; newSize < 66; newSize += 1)
      for (let oldSize = 1; oldSize <= newSize; oldSize += 1)
        expect(() => verifyConsistency(aConsistency(oldSize, newSize))).not.toThrow()
  })

  it('refuses one flipped bit in a root or the proof', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), bits, (newSize, position, bit) => {
        const claim = aConsistency(1 + (position % newSize), newSize)
        const hashes = flip([claim.oldRoot, claim.newRoot, ...claim.proof], bit)
        const [oldRoot = EMPTY_ROOT, newRoot = EMPTY_ROOT, ...proof] = hashes
        const changed = { ...claim, oldRoot, newRoot, proof }
        expect(() => verifyConsistency(changed)).toThrow('bad_proof')
      }),
    )
  })

  it('refuses swapped sizes, and a missing or additional hash', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), (below, position) => {
        const newSize = below + 1
        const claim = aConsistency(1 + (position % below), newSize)
        const more = [...claim.proof, EMPTY_ROOT]
        expect(() => verifyConsistency({ ...claim, proof: more })).toThrow('bad_proof')
        const fewer = claim.proof.slice(0, -1)
        expect(() => verifyConsistency({ ...claim, proof: fewer })).toThrow('bad_proof')
        const swapped = { ...claim, oldSize: newSize, newSize: claim.oldSize }
        expect(() => verifyConsistency(swapped)).toThrow('bad_proof')
      }),
    )
  })

  it('refuses an old size of 0, which its caller decides', () => {
    const claim = { oldSize: 0, newSize: 3, proof: [], oldRoot: EMPTY_ROOT, newRoot: rootOfSize(3) }
    expect(() => verifyConsistency(claim)).toThrow('bad_proof')
    expect(consistencyProof(0, 3, nodesWithin(3))).toEqual([])
  })

  it('refuses a proof longer than 63 hashes', () => {
    const proof = Array.from({ length: 64 }, () => EMPTY_ROOT)
    expect(() => verifyConsistency({ ...aConsistency(1, 2), proof })).toThrow('at most 63 hashes')
  })
})

describe('rangeAt', () => {
  it('gives the range that leads to any size', () => {
    const leaves = Array.from({ length: 70 }, (_, n) => leafHash(new Uint8Array([n])))
    const nodes = (level: number, index: number): Uint8Array =>
      rootOf(appendLeaves(EMPTY_RANGE, leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)))
    for (let size = 0; size <= leaves.length; size += 1)
      expect(rangeAt(size, nodes)).toEqual(appendLeaves(EMPTY_RANGE, leaves.slice(0, size)))
    expect(() => rangeAt(-1, nodes)).toThrow('out_of_range')
  })
})

describe('inclusionProof and consistencyProof', () => {
  it.each([
    [0, 0],
    [5, 5],
    [-1, 5],
    [0.5, 5],
    [0, -1],
    [0, 2 ** 53],
  ])('refuse index %s in a tree of %s', (index, size) => {
    expect(() => inclusionProof(index, size, nodesWithin(0))).toThrow('out_of_range')
  })

  it.each([
    [6, 5],
    [-1, 5],
    [0.5, 5],
    [0, 2 ** 53],
  ])('refuse sizes from %s to %s', (oldSize, newSize) => {
    expect(() => consistencyProof(oldSize, newSize, nodesWithin(0))).toThrow('out_of_range')
  })
})

interface Case {
  desc: string
  proof: string[] | null
  wantErr: boolean
}

interface InclusionCase extends Case {
  leafIdx: number
  treeSize: number
  root: string
  leafHash: string
}

interface ConsistencyCase extends Case {
  size1: number
  size2: number
  root1: string
  root2: string
}

function read<T>(kind: string): T[] {
  return globSync(`${VECTORS}/merkle-rfc6962/testdata/${kind}/**/*.json`).map((file) =>
    JSON.parse(readFileSync(file, 'utf8')),
  )
}

const bytesOf = (text: string | null): Uint8Array => fromBase64(text ?? '')
const proofOf = ({ proof }: Case): Uint8Array[] => (proof ?? []).map(bytesOf)

/** Whether `check` refuses its proof; any other error is a failure. */
function isRefused(check: () => void): boolean {
  try {
    check()
    return false
  } catch (error) {
    if (error instanceof ProtocolError && error.code === 'bad_proof') return true
    throw error
  }
}

describe.skipIf(!existsSync(VECTORS))('on the cases of transparency-dev/merkle', () => {
  it.each(read<InclusionCase>('inclusion'))('judges the inclusion case "$desc" alike', (each) => {
    const claim = {
      leafHash: bytesOf(each.leafHash),
      index: each.leafIdx,
      size: each.treeSize,
      proof: proofOf(each),
      root: bytesOf(each.root),
    }
    expect(isRefused(() => verifyInclusion(claim))).toBe(each.wantErr)
  })

  it.each(read<ConsistencyCase>('consistency'))(
    'judges the consistency case "$desc" alike',
    (each) => {
      const claim = {
        oldSize: each.size1,
        newSize: each.size2,
        proof: proofOf(each),
        oldRoot: bytesOf(each.root1),
        newRoot: bytesOf(each.root2),
      }
      expect(isRefused(() => verifyConsistency(claim))).toBe(each.wantErr)
    },
  )

  it('makes the published roots', () => {
    const { rfc6962 } = JSON.parse(readFileSync(`${VECTORS}/notes/notes.json`, 'utf8'))
    const leaves = rfc6962.leafInputsHex.map((hex: string) => leafHash(fromHex(hex)))
    const roots = rfc6962.rootsBySize.map((_: string, size: number) =>
      toHex(rootOf(appendLeaves(EMPTY_RANGE, leaves.slice(0, size)))),
    )
    expect(roots).toEqual(rfc6962.rootsBySize)
  })
})
