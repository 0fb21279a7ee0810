/** What the old module has sent becomes records: with a consent, and with each change thereafter. */
import { toHex } from '../../../../protocol/bytes.ts'
import type { ConsentRecord } from '../../../../protocol/consent.ts'
import { ProtocolError, type ProtocolErrorCode } from '../../../../protocol/errors.ts'
import type { ProfileInput } from '../../../../protocol/vocabulary.ts'
import type { Clock } from '../../ports.ts'
import type { MemberSource, OwnMembers } from '../../record/own.ts'
import type { Publisher, PutOutcome } from '../../record/publish.ts'
import type { Ending } from './ending.ts'
import { changed, emptyHold, holdOf, inputOf, trimmedHold } from './hold-content.ts'
import type { ConsentOutcome, GivenConsent } from './holds.ts'
import { refusalOf } from './profile-in.ts'
import { isLive, type Entry, type Register } from './register.ts'
import type { BridgedRow, Refusal } from '../rows.ts'

/** Seconds until what had to wait for the log is tried again. */
export const AGAIN_SECONDS = 60

export interface Publishing {
  /** At most a batch. @throws ProtocolError `not_ready` */
  consent: (given: readonly GivenConsent[]) => Promise<ConsentOutcome[]>
  /**
   * Publishes changes that wait.
   *
   * @throws ProtocolError `not_ready`; then they go on waiting
   */
  apply: (rows: readonly BridgedRow[]) => Promise<void>
  /** Members whose record is live, and of whom the register does not know it yet. */
  settle: (rows: readonly BridgedRow[]) => Promise<void>
}

/** An error of the core for a profile that was refused on receipt. */
const CODES = {
  'under-age': 'under_age',
  'birth-date': 'malformed',
  gender: 'out_of_range',
  seeks: 'out_of_range',
  nickname: 'malformed',
  country: 'malformed',
  malformed: 'malformed',
  node: 'conflict',
} as const satisfies Record<Refusal, ProtocolErrorCode>
const PATHS: Readonly<Partial<Record<Refusal, string>>> = {
  'under-age': '/birthDate',
  'birth-date': '/birthDate',
}

function errorOf(refusal: Refusal): ProtocolError {
  const field =
    PATHS[refusal] ?? (refusal === 'malformed' || refusal === 'node' ? '' : `/${refusal}`)
  return new ProtocolError(CODES[refusal], `/profile${field}`, 'a profile that can be published')
}

function isSame(one: ConsentRecord, given: GivenConsent['consent']): boolean {
  return (
    one.givenAt === given.givenAt &&
    one.notice.hash === given.notice.hash &&
    one.scopes.join() === given.scopes.toSorted().join() &&
    (given.expiresAt === undefined || given.expiresAt === one.expiresAt) &&
    (one.excludes ?? []).join() === (given.excludes ?? []).toSorted().join()
  )
}

/** Whether a refusal is about the person, and not about the consent or the node. */
const isOfProfile = ({ path }: ProtocolError): boolean => path.startsWith('/profile')

/** What is said without asking the publisher; else the profile to be published. */
function judge(
  entry: Entry | undefined,
  consent: GivenConsent['consent'],
): ConsentOutcome | { kind: 'publish'; profile: ProfileInput } {
  if (entry === undefined) return { kind: 'unknown' }
  const { row, content, source } = entry
  if (row.state === 'refused')
    return { kind: 'refused', error: errorOf(row.refusal ?? 'malformed') }
  if (row.state === 'suspended' && consent.givenAt < row.changedAt)
    return {
      kind: 'refused',
      error: new ProtocolError('no_consent', '/consent/givenAt', 'a consent given since then'),
    }
  if (row.state === 'published' && source !== null && isSame(source.consent, consent))
    return { kind: 'published', record: source.record }
  const base = content?.profile ?? (source === null ? null : inputOf(source))
  if (base === null) return { kind: 'unknown' }
  return { kind: 'publish', profile: changed(base, content?.change ?? null) }
}

/** Creates the part that publishes. */
export function createPublishing(ports: {
  clock: Clock
  register: Register
  publisher: Pick<Publisher, 'put'>
  members: Pick<OwnMembers, 'republish'>
  ending: Ending
}): Publishing {
  const { clock, register, publisher, members, ending } = ports

  /** A row of a member whose record is live, with what may still be held. */
  function settled({ row, content, source }: Entry & { source: MemberSource }) {
    const held = content ?? holdOf(source)
    const kept = trimmedHold(held, source.consent.scopes)
    const isDone = row.state === 'published' && held.profile === null && held.change === null
    const mayHavePictures = kept.icon !== null || kept.photos.length > 0
    return {
      before: row,
      row: {
        ...row,
        state: 'published' as const,
        refusal: null,
        changedAt: isDone ? row.changedAt : clock.now(),
        expiresAt: null,
        handed: row.netId === null ? 0 : row.handed,
        bareAt: null,
        picturesAt: mayHavePictures || source.isHidden ? clock.now() : null,
      },
      content: kept,
    }
  }

  async function settle(rows: readonly BridgedRow[]): Promise<void> {
    const entries = [...(await register.entries(rows)).values()]
    const live = entries.flatMap(({ source, ...entry }) =>
      source === null ? [] : [{ ...entry, source }],
    )
    await register.save(live.map(settled))
    // Who was hidden wrote its version as such; now that the row says otherwise it is written anew.
    const hidden = live.filter(({ row, source }) => row.state === 'suspended' && source.isHidden)
    if (hidden.length > 0) await members.republish(hidden.map(({ row }) => row.memberKey))
  }

  /** A held profile that the node does not take is kept no longer. */
  async function refuse(refused: readonly { entry: Entry; error: ProtocolError }[]): Promise<void> {
    await register.save(
      refused.flatMap(({ entry: { row, content }, error }) => {
        if (content === null || isLive(row)) return []
        const refusal = refusalOf(error)
        return [
          {
            before: row,
            row: {
              ...row,
              state: 'refused' as const,
              refusal: refusal === 'malformed' ? ('node' as const) : refusal,
              changedAt: clock.now(),
            },
            content: emptyHold(content.localId),
          },
        ]
      }),
    )
  }

  async function publish(given: readonly GivenConsent[]): Promise<ConsentOutcome[]> {
    const rows = await register.byKeys(given.map(({ localId }) => register.keyOf(localId)))
    const entries = await register.entries(rows)
    const outcomes: ConsentOutcome[] = []
    const inputs: { at: number; entry: Entry; input: unknown }[] = []
    for (const [at, one] of given.entries()) {
      const entry = entries.get(register.nameOf(one.localId))
      const judged = judge(entry, one.consent)
      if (judged.kind !== 'publish') outcomes[at] = judged
      else if (entry !== undefined) {
        const email = one.email ?? entry.source?.email ?? null
        const { profile } = judged
        const input = { id: String(one.localId), email, profile, consent: one.consent }
        inputs.push({ at, entry, input })
      }
    }
    const put = await publisher.put(inputs.map(({ input }) => input))
    const done = new Map<string, BridgedRow>()
    const refused: { entry: Entry; error: ProtocolError }[] = []
    for (const [offset, { at, entry }] of inputs.entries()) {
      const outcome = put[offset]
      if (outcome === undefined) continue
      outcomes[at] = consentOutcomeOf(outcome)
      if (outcome.kind !== 'refused') done.set(toHex(entry.row.memberKey), entry.row)
      else if (isOfProfile(outcome.error)) refused.push({ entry, error: outcome.error })
    }
    await settle([...done.values()])
    await refuse(refused)
    return outcomes
  }

  async function apply(rows: readonly BridgedRow[]): Promise<void> {
    const entries = [...(await register.entries(rows)).values()]
    const waiting = entries.flatMap(({ row, content, source }) =>
      content?.change == null || source === null ? [] : [{ row, content, source }],
    )
    const put = await publisher.put(
      waiting.map(({ content, source }) => ({
        id: source.id,
        email: source.email,
        profile: changed(inputOf(source), content.change),
        consent: source.consent,
      })),
    )
    const going: { row: BridgedRow; error: ProtocolError }[] = []
    const done = waiting.filter(({ row }, at) => {
      const outcome = put[at]
      const isOver = outcome?.kind === 'refused' && isOfProfile(outcome.error)
      if (isOver) going.push({ row, error: outcome.error })
      return !isOver
    })
    await register.save(
      done.map(({ row, content }) => ({ before: row, row, content: { ...content, change: null } })),
    )
    for (const { row, error } of going) await ending.ineligible(row, refusalOf(error))
  }

  return { consent: publish, apply, settle }
}

function consentOutcomeOf(outcome: PutOutcome): ConsentOutcome {
  return outcome.kind === 'refused' ? outcome : { kind: 'published', record: outcome.record }
}
