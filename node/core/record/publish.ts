/** Publishes members: consent and profile in, a body kept here and an entry in the log out. */
import { encodeBody, SALT_BYTES, type Body, type SealedProfile } from '../../../protocol/body.ts'
import { equalBytes, toHex } from '../../../protocol/bytes.ts'
import { checkConsentLive, checkNotice, type ConsentRecord } from '../../../protocol/consent.ts'
import { dayNumber, dayOf, isoDateOfDay } from '../../../protocol/dates.ts'
import type { Publish } from '../../../protocol/entry.ts'
import { at, invariant, ProtocolError } from '../../../protocol/errors.ts'
import { RECORD_ID_BYTES, recordIdOf, type RecordId } from '../../../protocol/ids.ts'
import { shareProfile, type Eligibility } from '../../../protocol/vocabulary.ts'
import type { PrivateKeys } from '../identity.ts'
import type { Lock } from '../lock.ts'
import type { Appended, LogWriter } from '../log/writer.ts'
import type { Clock, Crypto, Random, Vault } from '../ports.ts'
import { checkKnown, namedBy, picturesIn } from '../picture/named.ts'
import type {
  ConsentEvent,
  FilledPicture,
  HeldBody,
  MemberRow,
  PictureRow,
  RecordState,
  Store,
} from '../store.ts'
import type { View } from '../view.ts'
import { columnsOf } from './fetch.ts'
import {
  emailKeyOf,
  inputDigestOf,
  memberKeyOf,
  parseMember,
  sealHomePart,
  type MemberInput,
} from './member.ts'

export type PutOutcome =
  | {
      kind: 'published' | 'updated' | 'unchanged'
      record: RecordId
      version: number
      /** Fields that stay at home because no scope covers them; they are not kept at all. */
      keptBack: string[]
    }
  | { kind: 'refused'; error: ProtocolError }

export interface Publisher {
  /**
   * Publishes, updates or leaves as they are members given as JSON, in durable batches of at most
   * {@link BATCH_MEMBERS}, between which withdrawals have their turn. Outcomes are in the order of
   * the inputs.
   *
   * @throws ProtocolError `not_ready` while the log may not be written; then the batch at hand, and
   *   what follows it, is not written
   */
  put: (inputs: readonly unknown[]) => Promise<PutOutcome[]>
  /** Refuses these members in what was handed in and still waits: call it where they withdraw. */
  stop: (ids: readonly string[]) => void
}

/** Members written at once: what a withdrawal may have to wait for. */
export const BATCH_MEMBERS = 1000

/** One new version, ready to be sealed and written. */
export interface Draft {
  memberKey: Uint8Array
  emailKey: Uint8Array | null
  inputDigest: Uint8Array
  publish: Publish
  body: Body
  bytes: Uint8Array
  /** Day number of birth, which the home's own copy keeps whatever the scopes. */
  birthDay: number
  consentEvent: ConsentEvent['kind'] | null
  /** Files of pictures that this version is the first to name. */
  filled?: readonly FilledPicture[]
}

export interface PublishPorts {
  view: View
  store: Store
  vault: Vault
  clock: Clock
  random: Random
  crypto: Crypto
  keys: PrivateKeys
  writer: LogWriter
  /** Serialises everything that changes this site's own members. */
  lock: Lock
  onPublished: (appended: Appended) => Promise<void>
}

/** What a draft is made of. */
export interface DraftSource {
  memberKey: Uint8Array
  emailKey: Uint8Array | null
  inputDigest: Uint8Array
  record: RecordId
  version: number
  profile: SealedProfile
  consent: ConsentRecord
  birthDay: number
  consentEvent: ConsentEvent['kind'] | null
}

/** Salts, commits and describes a version. */
export function draftOf(
  ports: Pick<PublishPorts, 'clock' | 'random' | 'crypto'>,
  source: DraftSource,
): Draft {
  const { clock, random, crypto } = ports
  const { memberKey, emailKey, inputDigest, record, version } = source
  const { profile, consent, birthDay } = source
  const salts = random.bytes(2 * SALT_BYTES)
  const body: Body = {
    profile,
    consent,
    profileSalt: salts.slice(0, SALT_BYTES),
    consentSalt: salts.slice(SALT_BYTES),
  }
  const { bytes, commitments } = encodeBody(body, crypto.sha256)
  const publish: Publish = {
    type: 'publish',
    record,
    version,
    ...commitments,
    time: clock.now(),
    expires: consent.expiresAt,
  }
  const { consentEvent } = source
  return { memberKey, emailKey, inputDigest, publish, body, bytes, birthDay, consentEvent }
}

function consentEventOf(draft: Draft, kind: ConsentEvent['kind']): ConsentEvent {
  const { notice, scopes, channel, givenAt, expiresAt } = draft.body.consent
  return {
    record: draft.publish.record,
    memberKey: draft.memberKey,
    kind,
    time: givenAt,
    notice,
    scopes,
    channel,
    expires: expiresAt,
  }
}

/** Seals and writes drafts in one transaction, and announces them. Call inside the lock. */
export async function writeDrafts(ports: PublishPorts, drafts: readonly Draft[]): Promise<void> {
  const { store, vault, writer } = ports
  if (drafts.length === 0) return
  writer.assertWritable()
  const sealed = await vault.seal(drafts.map(({ bytes }) => bytes))
  const appended = await store.write(async (tx) => {
    const done = await writer.append(
      tx,
      drafts.map(({ publish }) => publish),
    )
    const restricted = new Set(
      (await tx.requests.restricted(drafts.map(({ memberKey }) => memberKey))).map(toHex),
    )
    const bodies: Omit<HeldBody, 'home'>[] = drafts.flatMap((draft, offset) => {
      const own = sealed[offset]
      if (own === undefined) return []
      const columns = columnsOf(draft.body, draft.publish, done.from + offset)
      const facts = { ...columns.facts, birthDay: draft.birthDay }
      // The gate looks at the columns: without a scope it lets nothing of the record out.
      const scopes = restricted.has(toHex(draft.memberKey)) ? [] : columns.scopes
      return [{ ...columns, facts, scopes, sealed: own }]
    })
    await tx.bodies.insert(ports.view.self, bodies)
    await tx.pictures.name(
      ports.view.self,
      drafts.map(({ publish, body }, offset) =>
        namedBy(body.profile, publish.record, done.from + offset),
      ),
    )
    const filled = drafts.flatMap((draft) => draft.filled ?? [])
    const kept = await tx.pictures.fill(ports.view.self, filled)
    invariant(kept.length === filled.length, 'a version names the pictures that it brings')
    await tx.members.save(
      drafts.map(({ memberKey, emailKey, inputDigest, publish: { record } }) => ({
        memberKey,
        record,
        inputDigest,
        emailKey,
      })),
    )
    const events = drafts.flatMap((draft) =>
      draft.consentEvent === null ? [] : [consentEventOf(draft, draft.consentEvent)],
    )
    if (events.length > 0) await tx.members.addConsents(events)
    return done
  })
  await ports.onPublished(appended)
}

interface Known {
  row: MemberRow | undefined
  state: RecordState | undefined
  last: ConsentEvent | undefined
  pictures: readonly PictureRow[]
}

function isSameConsent(a: ConsentEvent, b: ConsentRecord): boolean {
  return (
    a.time === b.givenAt &&
    a.expires === b.expiresAt &&
    a.notice.hash === b.notice.hash &&
    a.scopes.join() === b.scopes.join()
  )
}

/** Creates the publisher of a site. */
export function createPublisher(ports: PublishPorts): Publisher {
  const { view, store, clock, random, crypto, keys, lock } = ports

  function eligibility(): Eligibility {
    const { minimumAge } = view.registry().terms
    return { today: isoDateOfDay(dayOf(clock.now())), minimumAge }
  }

  function checkConsent(consent: ConsentRecord, last: ConsentEvent | undefined): void {
    at('/consent', () => {
      checkConsentLive(consent, clock.now())
      checkNotice(consent, view.registry().terms.noticeVersions)
      // Who has withdrawn comes back by a new decision only, never by an old one sent again.
      if (last?.kind === 'withdrawn' && consent.givenAt <= last.time)
        throw new ProtocolError('no_consent', '/givenAt', 'a consent given after the withdrawal')
      // A decision does not give way to an older one that is sent again.
      if (last !== undefined && consent.givenAt < last.time)
        throw new ProtocolError('no_consent', '/givenAt', "the member's newest consent")
    })
  }

  async function look(members: readonly { key: Uint8Array }[]): Promise<Known[]> {
    return store.read(async (tx) => {
      const rows = await tx.members.byKeys(members.map(({ key }) => key))
      const byKey = new Map(rows.map((row) => [toHex(row.memberKey), row]))
      const states = await tx.records.getMany(
        view.self,
        rows.map(({ record }) => record),
      )
      const byRecord = new Map(states.map((state) => [state.record, state]))
      const pictures = Map.groupBy(
        await tx.pictures.ofRecords(
          view.self,
          rows.map(({ record }) => record),
        ),
        ({ record }) => record,
      )
      const lasts = await tx.members.lastConsents(members.map(({ key }) => key))
      const byLast = new Map(lasts.map((event) => [toHex(event.memberKey), event]))
      return members.map(({ key }) => {
        const row = byKey.get(toHex(key))
        return {
          row,
          state: row === undefined ? undefined : byRecord.get(row.record),
          last: byLast.get(toHex(key)),
          pictures: (row && pictures.get(row.record)) ?? [],
        }
      })
    })
  }

  function draft(
    input: MemberInput,
    key: Uint8Array,
    known: Known,
  ): { outcome: PutOutcome; draft: Draft | null } {
    const { row, state, last, pictures } = known
    // Ended by an order, or by an entry that came back after a restore, and not yet reconciled.
    if (state?.live === false) throw withdrawnSince()
    const inputDigest = inputDigestOf(crypto, keys, input)
    const { today } = eligibility()
    checkConsent(input.consent, last)
    const { profile, keptBack } = shareProfile(input.profile, input.consent.scopes, today)
    at('/profile', () => checkKnown(input.profile, pictures))
    const isLive = row !== undefined && state?.live === true
    if (isLive && equalBytes(row.inputDigest, inputDigest)) {
      const { record, version } = state
      return { outcome: { kind: 'unchanged', record, version, keptBack }, draft: null }
    }
    const record = isLive ? state.record : recordIdOf(random.bytes(RECORD_ID_BYTES))
    const version = isLive ? state.version + 1 : 1
    const { birthDate } = input.profile
    const sealed = sealHomePart(crypto, keys, { id: input.id, email: input.email, birthDate })
    const isChanged = isLive && last !== undefined && !isSameConsent(last, input.consent)
    const made = draftOf(ports, {
      memberKey: key,
      emailKey: emailKeyOf(crypto, keys, input.email),
      inputDigest,
      record,
      version,
      profile: { ...profile, ...picturesIn(input, pictures), sealed },
      consent: input.consent,
      birthDay: dayNumber(birthDate),
      consentEvent: isLive ? (isChanged ? 'changed' : null) : 'given',
    })
    const kind = isLive ? 'updated' : 'published'
    return { outcome: { kind, record, version, keptBack }, draft: made }
  }

  /** Members whose ids are all different. */
  async function putDistinct(
    parsed: readonly { at: number; key: Uint8Array; input: MemberInput }[],
    outcomes: PutOutcome[],
  ): Promise<void> {
    const known = await look(parsed)
    const drafts: Draft[] = []
    for (const [offset, { at: place, key, input }] of parsed.entries()) {
      try {
        const made = draft(input, key, known[offset] ?? nothing)
        outcomes[place] = made.outcome
        if (made.draft !== null) drafts.push(made.draft)
      } catch (error) {
        outcomes[place] = refused(error)
      }
    }
    await writeDrafts(ports, drafts)
  }

  /** By call of `put`: who has withdrawn since. */
  const waiting = new Set<Set<string>>()

  async function putBatch(
    inputs: readonly unknown[],
    stopped: ReadonlySet<string>,
  ): Promise<PutOutcome[]> {
    const outcomes: PutOutcome[] = []
    let batch: { at: number; key: Uint8Array; input: MemberInput }[] = []
    let ids = new Set<string>()
    const limits = eligibility()
    for (const [place, json] of inputs.entries()) {
      try {
        const input = parseMember(json, limits)
        if (stopped.has(input.id)) throw withdrawnSince()
        if (ids.has(input.id)) {
          // The same member twice: the later one updates what the earlier one published.
          await putDistinct(batch, outcomes)
          batch = []
          ids = new Set()
        }
        ids.add(input.id)
        batch.push({ at: place, key: memberKeyOf(crypto, keys, input.id), input })
      } catch (error) {
        outcomes[place] = refused(error)
      }
    }
    await putDistinct(batch, outcomes)
    return outcomes
  }

  return {
    put: async (inputs) => {
      const outcomes: PutOutcome[] = []
      const stopped = new Set<string>()
      waiting.add(stopped)
      try {
        for (let from = 0; from < inputs.length; from += BATCH_MEMBERS) {
          const batch = inputs.slice(from, from + BATCH_MEMBERS)
          for (const outcome of await lock(() => putBatch(batch, stopped), 'bulk'))
            outcomes.push(outcome)
        }
      } finally {
        waiting.delete(stopped)
      }
      return outcomes
    },
    stop: (ids) => {
      for (const stopped of waiting) for (const id of ids) stopped.add(id)
    },
  }
}

const nothing: Known = { row: undefined, state: undefined, last: undefined, pictures: [] }

function withdrawnSince(): ProtocolError {
  return new ProtocolError('no_consent', '/consent', 'a consent given after the withdrawal')
}

function refused(error: unknown): PutOutcome {
  // Not being ready is this node's state, not a fault of one member: the whole call fails.
  if (error instanceof ProtocolError && error.code !== 'not_ready')
    return { kind: 'refused', error }
  throw error
}
