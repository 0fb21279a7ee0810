/** Archives of evidence, written as they are read: many withdrawals, and what proves each of them. */
import {
  ARCHIVE_FORMAT,
  ARCHIVE_NAMES,
  formatAbout,
  isInScope,
  manifestLine,
  signArchive,
  type ArchiveScope,
} from '../../../protocol/archive/form.ts'
import { createPolicyPrinter, type Owed } from '../../../protocol/archive/log-check.ts'
import {
  createGap,
  encodeStretch,
  stretchBytes,
  type StretchItem,
} from '../../../protocol/archive/stretch.ts'
import { toUtf8 } from '../../../protocol/bytes.ts'
import { decodeEntry } from '../../../protocol/entry.ts'
import { registryTime, requiredPolicy } from '../../../protocol/evidence.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { ARCHIVE_PART_BYTES, MANIFEST_FILES } from '../../../protocol/limits.ts'
import { formatNote, parseNote, parseSignatureLine } from '../../../protocol/note.ts'
import type { Policy } from '../../../protocol/proof.ts'
import { memberOf, originOf, type Registry } from '../../../protocol/registry.ts'
import { TAR_END_BYTES, tarHeader, tarPadding } from '../../../protocol/tar.ts'
import type { Identity } from '../identity.ts'
import { logStateOf } from '../log/writer.ts'
import type { Clock, Crypto } from '../ports.ts'
import type { Store } from '../store.ts'
import type { View } from '../view.ts'
import { candidatesOf, createChooser } from './archive-checkpoints.ts'

/**
 * What the coordinator states in an archive beside what is proven: findings, results of challenges.
 * The archive's signature covers it.
 */
export interface StatementSource {
  /** Lower-case letters and hyphens; the name of its folder in the archive. */
  kind: string
  /** One JSON value a line. It must hold no personal data. */
  lines: (scope: ArchiveScope) => AsyncIterable<unknown>
}

export interface Archives {
  /**
   * An archive as it comes: nothing is read before it is asked for.
   *
   * @throws ProtocolError `not_found` for a site that never was a member, `out_of_range` for an
   *   empty period, `not_ready` where the registry has no heartbeat yet
   */
  write: (scope: ArchiveScope) => Promise<AsyncGenerator<Uint8Array>>
}

interface File {
  name: string
  bytes: Uint8Array
}
/** The registry that an archive is made under. */
interface Base {
  registry: Registry
  note: string
  /** Unix seconds at which the coordinator has vouched for it. */
  time: number
}
/** What was met on the way. */
interface Met {
  withdrawals: number
  unwitnessed: number
}

const PAGE = 1000

/** Collects the items of a stretch into files. */
function createStretchWriter(nameOf: (first: number) => string) {
  let items: StretchItem[] = []
  let first = 0
  let bytes = 0
  function* flush(next: number): Generator<File> {
    if (items.length > 0) yield { name: nameOf(first), bytes: encodeStretch(items) }
    items = []
    bytes = 0
    first = next
  }
  return {
    /** Adds an item; `next` is the index after what it stands for. */
    *add(item: StretchItem, next: number): Generator<File> {
      items.push(item)
      bytes += stretchBytes(item)
      if (bytes >= ARCHIVE_PART_BYTES) yield* flush(next)
    },
    flush,
  }
}

/** A tar file of these files. */
async function* bytesOf(files: AsyncGenerator<File>): AsyncGenerator<Uint8Array> {
  for await (const { name, bytes } of files) {
    yield tarHeader(name, bytes.length)
    yield bytes
    const padding = tarPadding(bytes.length)
    if (padding > 0) yield new Uint8Array(padding)
  }
  yield new Uint8Array(TAR_END_BYTES)
}

/** Creates the maker of archives. */
export function createArchives(ports: {
  identity: Identity
  view: View
  store: Store
  clock: Clock
  crypto: Crypto
  statements: readonly StatementSource[]
}): Archives {
  const { identity, view, store, clock, crypto } = ports
  const { network } = view
  const hash = crypto.sha256
  const statements = ports.statements.toSorted((a, b) => (a.kind < b.kind ? -1 : 1))

  async function baseOf(): Promise<Base> {
    const registry = view.registry()
    const { note, size } = await store.read((tx) => logStateOf(tx, network))
    const notReady = new ProtocolError('not_ready', '', 'a heartbeat of the coordinator')
    if (note === null || size !== registry.size) throw notReady
    try {
      return { registry, note, time: registryTime(registry, note, crypto.verify) }
    } catch (error) {
      if (error instanceof ProtocolError) throw notReady
      throw error
    }
  }

  async function* entriesOf(log: SiteId, from: number, to: number): AsyncGenerator<Uint8Array> {
    for (let at = from; at < to; at += PAGE) {
      const start = at
      yield* await store.read((tx) => tx.logs.entries(log, start, Math.min(to, start + PAGE)))
    }
  }

  async function* registryFiles({ registry, note }: Base): AsyncGenerator<File> {
    const stretch = createStretchWriter(ARCHIVE_NAMES.registryEntries)
    let next = 0
    for await (const bytes of entriesOf(network, 0, registry.size))
      yield* stretch.add({ kind: 'entry', bytes }, (next += 1))
    yield* stretch.flush(next)
    yield { name: ARCHIVE_NAMES.registryCheckpoint, bytes: toUtf8(note) }
  }

  /** A checkpoint with the signatures of those who had to sign, and the policy that says who. */
  async function cosigned(
    { registry }: Base,
    site: SiteId,
    { size, required }: { size: number; required: readonly SiteId[] },
  ): Promise<{ note: string; policy: Policy }> {
    const { bare, rows } = await store.read(async (tx) => ({
      bare: await tx.receipts.checkpoint(site, size),
      rows: await tx.receipts.atSize(site, size),
    }))
    if (bare === null) throw new ProtocolError('not_found', '', 'a checkpoint that is kept')
    const { text, signatures } = parseNote(bare)
    const members = new Set(required)
    const lines = rows.filter(({ cosigner }) => members.has(cosigner)).map(({ line }) => line)
    const note = formatNote({ text, signatures: [...signatures, ...lines.map(parseSignatureLine)] })
    return { note, policy: requiredPolicy(registry, { site, size }, note) }
  }

  /** The files of one log; none where it has no withdrawal of the scope. */
  async function* logFiles(
    base: Base,
    scope: ArchiveScope,
    log: { site: SiteId; number: number; met: Met },
  ): AsyncGenerator<File> {
    const { site, number, met } = log
    const { registry } = base
    const isCoordinator = site === network
    const isWanted = (bytes: Uint8Array): { time: number } | null => {
      const entry = decodeEntry(bytes)
      return isInScope(scope, { isCoordinator }, entry) ? entry : null
    }
    const stretch = createStretchWriter((first) => ARCHIVE_NAMES.entries(number, first))
    const chooser = createChooser(
      candidatesOf(store, { registry, log: site, until: base.time }),
      registry.terms.erasureDeadlineSeconds,
    )
    const print = createPolicyPrinter()
    const isWhole = scope.entries === 'all'
    const size =
      site === network ? registry.size : (await store.read((tx) => logStateOf(tx, site))).size
    let gap = createGap(0, hash)
    let position = 0
    let covered = 0
    let fresh: Owed | null = null
    let policy = ''
    let hasBegun = false

    function* begin(): Generator<File> {
      if (!hasBegun)
        yield {
          name: ARCHIVE_NAMES.origin(number),
          bytes: toUtf8(`${originOf(network, site)}\n`),
        }
      hasBegun = true
    }
    function* closeGap(): Generator<File> {
      for (const item of gap.items()) yield* stretch.add(item, position)
      gap = createGap(position, hash)
    }
    async function* advance(to: number): AsyncGenerator<File> {
      for await (const bytes of entriesOf(site, position, to)) {
        const entry = isWanted(bytes)
        if (entry === null && !isWhole) {
          gap.add(bytes)
          position += 1
          continue
        }
        yield* begin()
        yield* closeGap()
        position += 1
        yield* stretch.add({ kind: 'entry', bytes }, position)
        gap = createGap(position, hash)
        if (entry === null) continue
        met.withdrawals += 1
        const { time } = entry
        fresh = {
          withdrawals: (fresh?.withdrawals ?? 0) + 1,
          since: Math.min(fresh?.since ?? time, time),
        }
      }
    }
    async function* cover(candidate: { size: number; required: readonly SiteId[] }) {
      yield* closeGap()
      yield* stretch.flush(position)
      const made = await cosigned(base, site, candidate)
      const text = print(made.policy)
      if (text !== policy)
        yield { name: ARCHIVE_NAMES.policy(number, candidate.size), bytes: toUtf8(text) }
      policy = text
      yield { name: ARCHIVE_NAMES.checkpoint(number, candidate.size), bytes: toUtf8(made.note) }
      covered = candidate.size
      fresh = null
    }

    let last: { size: number; required: readonly SiteId[] } | null = null
    for (let one = await chooser.next(); one !== null; one = await chooser.next()) {
      yield* advance(one.size)
      if (await chooser.choose(fresh)) yield* cover(one)
      last = one
    }
    if (isWhole && last !== null && covered < last.size) yield* cover(last)
    for await (const bytes of entriesOf(site, position, size))
      if (isWanted(bytes) !== null) met.unwitnessed += 1
  }

  async function* statementFiles(scope: ArchiveScope): AsyncGenerator<File> {
    for (const { kind, lines } of statements) {
      let part = 0
      let text = ''
      for await (const line of lines(scope)) {
        text += `${JSON.stringify(line)}\n`
        if (text.length < ARCHIVE_PART_BYTES) continue
        yield { name: ARCHIVE_NAMES.statements(kind, part), bytes: toUtf8(text) }
        part += 1
        text = ''
      }
      if (text !== '') yield { name: ARCHIVE_NAMES.statements(kind, part), bytes: toUtf8(text) }
    }
  }

  async function* filesOf(base: Base, scope: ArchiveScope, met: Met): AsyncGenerator<File> {
    const about = formatAbout({ format: ARCHIVE_FORMAT, network, ...scope })
    yield { name: ARCHIVE_NAMES.about, bytes: toUtf8(about) }
    yield* registryFiles(base)
    const sites = scope.site === null ? [...base.registry.members.keys()] : [scope.site]
    let number = 0
    for (const site of [...new Set([network, ...sites])].toSorted()) {
      let hasFiles = false
      for await (const file of logFiles(base, scope, { site, number, met })) {
        hasFiles = true
        yield file
      }
      if (hasFiles) number += 1
    }
    yield* statementFiles(scope)
  }

  /** The files with their manifest among them, and the signed note as the last. */
  async function* withManifest(base: Base, scope: ArchiveScope): AsyncGenerator<File> {
    const met: Met = { withdrawals: 0, unwitnessed: 0 }
    let lines: string[] = []
    let part = 0
    let files = 0
    let digest: Uint8Array = new Uint8Array(0)
    const listed = (file: File): File => {
      lines.push(manifestLine(file.name, file.bytes, hash))
      files += 1
      return file
    }
    function* closePart(): Generator<File> {
      const file = { name: ARCHIVE_NAMES.manifest(part), bytes: toUtf8(lines.join('')) }
      part += 1
      lines = []
      digest = hash(file.bytes)
      yield listed(file)
    }
    for await (const file of filesOf(base, scope, met)) {
      yield listed(file)
      if (lines.length === MANIFEST_FILES) yield* closePart()
    }
    yield* closePart()
    const text = signArchive(
      { network, madeAt: clock.now(), files, manifest: digest, ...met },
      { key: identity.logKey, seed: identity.logSeed, signer: crypto.sign },
    )
    yield { name: ARCHIVE_NAMES.note, bytes: toUtf8(text) }
  }

  return {
    write: async (scope) => {
      if (scope.from >= scope.to)
        throw new ProtocolError('out_of_range', '/to', 'a time after from')
      if (scope.site !== null && memberOf(view.registry(), scope.site) === undefined)
        throw new ProtocolError('not_found', '/site', 'a site that was ever admitted')
      const base = await baseOf()
      return bytesOf(withManifest(base, scope))
    },
  }
}
