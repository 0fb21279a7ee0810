/** The Merkle tree of RFC 6962: hashes, compact ranges, inclusion and consistency proofs. */
import { concatBytes, equalBytes, passingBytes } from './bytes.ts'
import { invariant, ProtocolError } from './errors.ts'
import { HASH_BYTES, type Hash, sha256 } from './keys.ts'
import { LOG_SIZE, PROOF_HASHES } from './limits.ts'

const LEAF_PREFIX = Uint8Array.of(0x00)
const NODE_PREFIX = Uint8Array.of(0x01)

/** The root of a tree without leaves. */
export const EMPTY_ROOT: Uint8Array = sha256(new Uint8Array(0))

/**
 * What is left of a tree for appending to it: the roots of its perfect subtrees from left to right,
 * one for each set bit of `size` from the top.
 */
export interface CompactRange {
  readonly size: number
  readonly hashes: readonly Uint8Array[]
}

/** The compact range of a tree without leaves. */
export const EMPTY_RANGE: CompactRange = { size: 0, hashes: [] }

/**
 * Where proofs are made from: the root of the perfect subtree over the leaves from
 * `index * 2^level` to `(index + 1) * 2^level`. Level 0 holds leaf hashes. Asked only for subtrees
 * that lie inside the tree.
 */
export interface NodeSource {
  (level: number, index: number): Uint8Array
}

/**
 * The hash of a leaf.
 *
 * @see RFC 6962 §2.1
 */
export function leafHash(entry: Uint8Array, hash: Hash = sha256): Uint8Array {
  return hash(passingBytes(LEAF_PREFIX, entry))
}

/**
 * The hash of an inner node.
 *
 * @see RFC 6962 §2.1
 */
export function nodeHash(left: Uint8Array, right: Uint8Array, hash: Hash = sha256): Uint8Array {
  return hash(passingBytes(NODE_PREFIX, left, right))
}

/** The range with one more leaf; `range` itself stays as it was. */
export function appendLeaf(range: CompactRange, leaf: Uint8Array, hash?: Hash): CompactRange {
  return appendLeaves(range, [leaf], hash)
}

/** The range with more leaves, in their order; `range` itself stays as it was. */
export function appendLeaves(
  range: CompactRange,
  leaves: readonly Uint8Array[],
  hash: Hash = sha256,
): CompactRange {
  const hashes = [...range.hashes]
  let { size } = range
  for (const leaf of leaves) {
    pushNode(hashes, size, leaf, hash)
    size += 1
  }
  invariant(size <= LOG_SIZE, 'a tree has more leaves than LOG_SIZE')
  return { size, hashes }
}

/**
 * Adds a node as one adds 1 to a binary number: each trailing 1 of the index is a merge.
 *
 * @param index of the node within its level: how many of its size are before it
 */
function pushNode(hashes: Uint8Array[], index: number, added: Uint8Array, hash: Hash): void {
  let node = added
  for (let rest = index; rest % 2 === 1; rest = (rest - 1) / 2) {
    const left = hashes.pop()
    invariant(left !== undefined, 'a compact range has too few hashes')
    node = nodeHash(left, node, hash)
  }
  hashes.push(node)
}

/** The root of a perfect subtree over `2^level` leaves; level 0 is a leaf. */
export interface Subtree {
  readonly level: number
  /** 32 bytes. */
  readonly root: Uint8Array
}

/**
 * The range with more perfect subtrees, in their order; `range` itself stays as it was.
 *
 * @throws ProtocolError `bad_proof` for a subtree that cannot stand at its place, `out_of_range`
 *   above LOG_SIZE
 */
export function appendSubtrees(
  range: CompactRange,
  subtrees: Iterable<Subtree>,
  hash: Hash = sha256,
): CompactRange {
  const hashes = [...range.hashes]
  let { size } = range
  for (const { level, root } of subtrees) {
    const leaves = 2 ** level
    if (size % leaves !== 0) refuse('subtrees at a multiple of their own size')
    if (size + leaves > LOG_SIZE) throw new ProtocolError('out_of_range', '/size', 'a tree size')
    pushNode(hashes, size / leaves, root, hash)
    size += leaves
  }
  return { size, hashes }
}

/** The root of the tree that `range` stands for. */
export function rootOf(range: CompactRange, hash: Hash = sha256): Uint8Array {
  if (range.hashes.length === 0) return EMPTY_ROOT
  return range.hashes.reduceRight((right, left) => nodeHash(left, right, hash))
}

/** The hashes of a range, one after another; its size is kept beside them. */
export function encodeRange(range: CompactRange): Uint8Array {
  return concatBytes(...range.hashes)
}

/**
 * The range of a tree with `size` leaves, from its hashes one after another.
 *
 * @throws ProtocolError `out_of_range` for an impossible size, `malformed` for another number of
 *   hashes than the size has set bits
 */
export function decodeRange(bytes: Uint8Array, size: number): CompactRange {
  if (!isSize(size)) throw new ProtocolError('out_of_range', '/size', 'a tree size')
  const count = size.toString(2).replaceAll('0', '').length
  if (bytes.length !== count * HASH_BYTES)
    throw new ProtocolError('malformed', '', 'one hash for each set bit of the size')
  const hashes: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += HASH_BYTES)
    hashes.push(Uint8Array.from(bytes.subarray(at, at + HASH_BYTES)))
  return { size, hashes }
}

function isSize(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0 && size <= LOG_SIZE
}

/** The largest power of two below `size`, which is at least 2. */
function splitOf(size: number): number {
  let split = 1
  while (split * 2 < size) split *= 2
  return split
}

/** The root over the leaves from `start` to `end`, a range that the tree's splits produce. */
function rangeRoot(start: number, end: number, nodes: NodeSource, hash: Hash): Uint8Array {
  const size = end - start
  const level = Math.round(Math.log2(size))
  // Log2 is rounded for large sizes, so its answer is checked; the power is exact up to 2^53.
  if (2 ** level === size) return nodes(level, start / size)
  const middle = start + splitOf(size)
  const left = rangeRoot(start, middle, nodes, hash)
  return nodeHash(left, rangeRoot(middle, end, nodes, hash), hash)
}

/**
 * The root of the tree's first `size` leaves.
 *
 * @throws ProtocolError `out_of_range`
 */
export function rootAt(size: number, nodes: NodeSource, hash: Hash = sha256): Uint8Array {
  if (!isSize(size)) throw new ProtocolError('out_of_range', '/size', 'a tree size')
  return size === 0 ? EMPTY_ROOT : rangeRoot(0, size, nodes, hash)
}

/**
 * The compact range of the tree's first `size` leaves.
 *
 * @throws ProtocolError `out_of_range`
 */
export function rangeAt(size: number, nodes: NodeSource): CompactRange {
  if (!isSize(size)) throw new ProtocolError('out_of_range', '/size', 'a tree size')
  const hashes: Uint8Array[] = []
  for (let start = 0; start < size;) {
    // The largest perfect subtree that begins here and ends inside.
    let [level, width] = [0, 1]
    while (start + 2 * width <= size) [level, width] = [level + 1, 2 * width]
    hashes.push(nodes(level, start / width))
    start += width
  }
  return { size, hashes }
}

/**
 * The proof that leaf `index` is in the tree of `size` leaves: sibling hashes from leaf to root.
 *
 * @param index 0-based, below `size`
 * @throws ProtocolError `out_of_range`
 * @see RFC 6962 §2.1.1
 */
export function inclusionProof(
  index: number,
  size: number,
  nodes: NodeSource,
  hash: Hash = sha256,
): Uint8Array[] {
  if (!isSize(size)) throw new ProtocolError('out_of_range', '/size', 'a tree size')
  if (!isSize(index) || index >= size)
    throw new ProtocolError('out_of_range', '/index', 'an index below the size')
  const proof: Uint8Array[] = []
  let [start, end] = [0, size]
  while (end - start > 1) {
    const middle = start + splitOf(end - start)
    const isLeft = index < middle
    proof.push(isLeft ? rangeRoot(middle, end, nodes, hash) : rangeRoot(start, middle, nodes, hash))
    if (isLeft) end = middle
    else start = middle
  }
  return proof.toReversed()
}

/**
 * The proof that the tree of `newSize` leaves begins with the tree of `oldSize` leaves. Empty when
 * the sizes are the same, and for an old size of 0, which every tree begins with.
 *
 * @throws ProtocolError `out_of_range`
 * @see RFC 6962 §2.1.2
 */
export function consistencyProof(
  oldSize: number,
  newSize: number,
  nodes: NodeSource,
  hash: Hash = sha256,
): Uint8Array[] {
  if (!isSize(newSize)) throw new ProtocolError('out_of_range', '/newSize', 'a tree size')
  if (!isSize(oldSize) || oldSize > newSize)
    throw new ProtocolError('out_of_range', '/oldSize', 'a size of at most the new size')
  if (oldSize === 0) return []
  const proof: Uint8Array[] = []
  let [start, end] = [0, newSize]
  while (end !== oldSize) {
    const middle = start + splitOf(end - start)
    const isLeft = oldSize <= middle
    proof.push(isLeft ? rangeRoot(middle, end, nodes, hash) : rangeRoot(start, middle, nodes, hash))
    if (isLeft) end = middle
    else start = middle
  }
  // The verifier knows the old root, and so needs this last part only when it is not all of it.
  if (start !== 0) proof.push(rangeRoot(start, end, nodes, hash))
  return proof.toReversed()
}

function refuse(expected: string): never {
  throw new ProtocolError('bad_proof', '/proof', expected)
}

function checkHashes(hashes: readonly Uint8Array[]): void {
  for (const each of hashes) if (each.length !== HASH_BYTES) refuse('hashes of 32 bytes')
}

function checkProof(proof: readonly Uint8Array[]): void {
  if (proof.length > PROOF_HASHES) refuse(`at most ${PROOF_HASHES} hashes`)
  checkHashes(proof)
}

const isOdd = (value: number): boolean => value % 2 === 1
const half = (value: number): number => Math.floor(value / 2)

/** What `verifyInclusion` checks. */
export interface Inclusion {
  readonly leafHash: Uint8Array
  /** 0-based, below `size`. */
  readonly index: number
  readonly size: number
  /** Sibling hashes from leaf to root, 32 bytes each, at most 63. */
  readonly proof: readonly Uint8Array[]
  readonly root: Uint8Array
}

/**
 * Checks that `leafHash` is entry `index` of the tree with `root` and `size`.
 *
 * @throws ProtocolError `bad_proof` at `/proof`
 * @see RFC 6962 §2.1.1, by the algorithm of RFC 9162 §2.1.3.2
 */
export function verifyInclusion(claim: Inclusion, hash: Hash = sha256): void {
  const { index, size, proof, root } = claim
  if (!isSize(size) || !isSize(index) || index >= size) refuse('an index below the size')
  checkProof(proof)
  checkHashes([claim.leafHash, root])
  let node = claim.leafHash
  let [at, last] = [index, size - 1]
  for (const sibling of proof) {
    if (last === 0) refuse('no hashes after the root')
    const isRight = isOdd(at) || at === last
    node = isRight ? nodeHash(sibling, node, hash) : nodeHash(node, sibling, hash)
    // A last node without a sibling rises unhashed to where it has one on its left.
    if (isRight) while (!isOdd(at) && at !== 0) [at, last] = [half(at), half(last)]
    ;[at, last] = [half(at), half(last)]
  }
  if (last !== 0) refuse('hashes up to the root')
  if (!equalBytes(node, root)) refuse('a path from the leaf to the root')
}

/** What `verifyConsistency` checks. */
export interface Consistency {
  /** At least 1. A witness that saw nothing yet has nothing to compare, and decides that itself. */
  readonly oldSize: number
  readonly newSize: number
  /** As `consistencyProof` makes it, 32 bytes each, at most 63. */
  readonly proof: readonly Uint8Array[]
  readonly oldRoot: Uint8Array
  readonly newRoot: Uint8Array
}

/**
 * Checks that the tree with `newRoot` begins with the tree with `oldRoot`.
 *
 * @throws ProtocolError `bad_proof` at `/proof`, also when `oldSize` is 0
 * @see RFC 6962 §2.1.2, by the algorithm of RFC 9162 §2.1.4.2
 */
export function verifyConsistency(claim: Consistency, hash: Hash = sha256): void {
  const { oldSize, newSize, proof, oldRoot, newRoot } = claim
  if (!isSize(oldSize) || !isSize(newSize) || oldSize > newSize || oldSize === 0)
    refuse('an old size from 1 to the new size')
  checkProof(proof)
  checkHashes([oldRoot, newRoot])
  if (oldSize === newSize) {
    if (proof.length > 0 || !equalBytes(oldRoot, newRoot)) refuse('the same root and no hashes')
    return
  }
  const roots = rootsFromConsistency(claim, hash)
  if (!equalBytes(roots.oldRoot, oldRoot)) refuse('a path to the old root')
  if (!equalBytes(roots.newRoot, newRoot)) refuse('a path to the new root')
}

function rootsFromConsistency(
  { oldSize, newSize, proof, oldRoot }: Consistency,
  hash: Hash,
): { oldRoot: Uint8Array; newRoot: Uint8Array } {
  let [at, last] = [oldSize - 1, newSize - 1]
  while (isOdd(at)) [at, last] = [half(at), half(last)]
  // An old tree that is a perfect subtree of the new one starts the path itself.
  const path = at === 0 ? [oldRoot, ...proof] : proof
  const [first, ...rest] = path
  if (first === undefined || proof.length === 0) refuse('hashes up to the root')
  let [older, newer] = [first, first]
  for (const sibling of rest) {
    if (last === 0) refuse('no hashes after the root')
    if (isOdd(at) || at === last) {
      older = nodeHash(sibling, older, hash)
      newer = nodeHash(sibling, newer, hash)
      while (!isOdd(at) && at !== 0) [at, last] = [half(at), half(last)]
    } else newer = nodeHash(newer, sibling, hash)
    ;[at, last] = [half(at), half(last)]
  }
  if (last !== 0) refuse('hashes up to the root')
  return { oldRoot: older, newRoot: newer }
}
