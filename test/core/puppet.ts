/** A site whose part a test plays: logs of any content under its keys, bodies of any content. */
import type { Identity } from '../../node/core/identity.ts'
import type { NetworkHandlers } from '../../node/core/ports.ts'
import { systemCrypto } from '../../node/roles/system.ts'
import { encodeBody } from '../../protocol/body.ts'
import { signCheckpoint } from '../../protocol/checkpoint.ts'
import type { ConsentRecord } from '../../protocol/consent.ts'
import { addCosignature, cosign } from '../../protocol/cosignature.ts'
import { encodeEntry, type Publish } from '../../protocol/entry.ts'
import { recordIdOf } from '../../protocol/ids.ts'
import {
  appendLeaves,
  consistencyProof,
  EMPTY_RANGE,
  leafHash,
  rootOf,
} from '../../protocol/merkle.ts'
import { formatNote } from '../../protocol/note.ts'
import { shareProfile } from '../../protocol/vocabulary.ts'
import type { Announcement, BodyAnswer, SyncReply } from '../../protocol/wire.ts'
import { aConsent, aProfile, NOW } from '../fixtures/people.ts'

const { sha256, sign } = systemCrypto

/** Handlers that know nothing; tests replace what they are about. */
export const silent: NetworkHandlers = {
  mayConnect: () => true,
  announcement: async () => 'ignore',
  async *sync() {
    yield { kind: 'unknown' }
  },
  async *bodies(_from, { indexes }) {
    yield { answers: indexes.map((index): BodyAnswer => ({ kind: 'unknown', index })) }
  },
  async *pictures(_from, { wishes }) {
    for (const wish of wishes.keys()) yield { kind: 'unknown' as const, wish }
  },
  audit: async () => ({ kind: 'refused' }),
  talk: async () => ({ kind: 'unreachable' }),
  async *presence() {},
  report: async () => ({ kind: 'taken' }),
  connected: () => undefined,
}

/** The checkpoint of these entries, signed, with a heartbeat unless `time` is null. */
export function noteOf(
  identity: Identity,
  entries: readonly Uint8Array[],
  time: number | null,
): string {
  const range = appendLeaves(
    EMPTY_RANGE,
    entries.map((entry) => leafHash(entry, sha256)),
    sha256,
  )
  const checkpoint = {
    origin: identity.origin,
    size: entries.length,
    root: rootOf(range, sha256),
  }
  const { note } = signCheckpoint(checkpoint, identity.logSeed, sign)
  if (time === null) return formatNote(note)
  const beat = cosign({
    checkpointText: note.text,
    time,
    key: identity.witnessKey,
    seed: identity.witnessSeed,
    signer: sign,
  })
  return formatNote(addCosignature(note, beat))
}

/** An announcement of a log with all its entries from `from` on. */
export function announce(
  identity: Identity,
  entries: readonly Uint8Array[],
  { from = 0, time = null }: { from?: number; time?: number | null } = {},
): Announcement {
  const note = noteOf(identity, entries, time)
  return { log: identity.site, note, from, entries: entries.slice(from) }
}

function subtree(entries: readonly Uint8Array[], level: number, index: number): Uint8Array {
  const width = 2 ** level
  const part = entries.slice(index * width, (index + 1) * width)
  return rootOf(
    appendLeaves(
      EMPTY_RANGE,
      part.map((entry) => leafHash(entry, sha256)),
      sha256,
    ),
    sha256,
  )
}

/** The answer to a sync request for this log, in one chunk. */
export function* syncOf(
  identity: Identity,
  entries: readonly Uint8Array[],
  { from, time = null }: { from: number; time?: number | null },
): Generator<SyncReply> {
  yield { kind: 'checkpoint', note: noteOf(identity, entries, time) }
  if (from >= entries.length) return
  const proof = consistencyProof(
    entries.length,
    entries.length,
    (level, index) => subtree(entries, level, index),
    sha256,
  )
  yield { kind: 'entries', from, entries: entries.slice(from), proof }
}

/** A record id that is different for each number. */
export function recordNumber(n: number) {
  return recordIdOf(new Uint8Array(16).fill(n))
}

/** A publish entry and its body, as a home without scruples makes them. */
export function aPublished(
  n: number,
  parts: {
    profile?: Parameters<typeof aProfile>[0]
    /** Put over the shared profile, past all checks of an honest home. */
    forged?: Record<string, unknown>
    consent?: Partial<ConsentRecord>
    publish?: Partial<Publish>
  } = {},
): { entry: Uint8Array; body: Uint8Array } {
  const consent = aConsent(parts.consent)
  const { profile } = shareProfile(aProfile(parts.profile), consent.scopes, '2026-03-01' as never)
  const { bytes, commitments } = encodeBody({
    profile: { ...profile, sealed: new Uint8Array(40), ...parts.forged },
    consent,
    profileSalt: new Uint8Array(32).fill(n),
    consentSalt: new Uint8Array(32).fill(n + 1),
  })
  const entry = encodeEntry({
    type: 'publish',
    record: recordNumber(n),
    version: 1,
    ...commitments,
    time: NOW,
    expires: consent.expiresAt,
    ...parts.publish,
  })
  return { entry, body: bytes }
}
