/**
 * What people may ask for (policy §9; GDPR Art. 15 to 21), at both roles: copy, correction, deletion,
 * restriction, objection. Each has its clock of a calendar month, an identity step whose proof is
 * looked at and not kept, and an end with a reason from a closed list.
 */
import { toHex } from '../../../protocol/bytes.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import type { Channel, Right } from '../../../protocol/request.ts'
import type { Actor } from '../people/actor.ts'
import type { Acts } from '../people/acts.ts'
import type { Clock, Random } from '../ports.ts'
import type { ReadTransaction, Store, WriteTransaction } from '../store.ts'
import { ANSWER_MONTHS, endOfMonths, EXTENDED_MONTHS } from './period.ts'
import type {
  ExtensionReason,
  IdentityMethod,
  IdentityResult,
  PartialReason,
  RefusalReason,
  RequestFilter,
  RequestRow,
} from './rows.ts'
import type { Sealer } from './sealed.ts'

const ID_BYTES = 8
const BATCH = 100
const TIDY_SECONDS = 3600
/** Seconds for which names and words are kept after the end: for questions about the answer. */
export const CONTENT_SECONDS = 30 * 86_400

/** What is kept of the person, sealed. */
export interface Person {
  name: string
  email: string
  /** At the home: the site's own id of the member. */
  member: string
  /** What the person says. */
  text: string
}
/** A request without what is sealed in it. */
export type PersonsRequest = Omit<RequestRow, 'sealed' | 'memberKey' | 'tellAt' | 'attempts'> & {
  isOverdue: boolean
}

export interface NewRequest {
  /** For one that came from elsewhere; a new one else. */
  id?: string
  subject: RequestRow['subject']
  memberKey?: Uint8Array
  customer?: string
  site?: SiteId
  right: Right
  channel: Channel
  /** Unix seconds; now where it is not given. A letter is received before it is entered. */
  receivedAt?: number | undefined
  person: Person
  /** Whether the home has to be told. */
  tell?: boolean
}
/** What a fulfilled request has led to. */
export interface Fulfilment {
  /** Where something had to stay: why, and which fields. */
  partial: { reason: PartialReason; kept: string[] } | null
}

export interface Rights {
  /** Opens a request; one whose id is known already changes nothing. */
  open: (
    actor: Actor,
    request: NewRequest,
    /** Done in the same transaction. */
    also?: (tx: WriteTransaction) => Promise<void>,
  ) => Promise<PersonsRequest>
  list: (filter: RequestFilter) => Promise<PersonsRequest[]>
  counts: () => Promise<{ open: number; overdue: number }>
  /** @throws ProtocolError `not_found` */
  get: (id: string) => Promise<{ request: PersonsRequest; person: Person | null }>
  /** Notes what came of the identity step. Whatever was shown is not part of it. */
  identify: (
    actor: Actor,
    id: string,
    step: { result: Exclude<IdentityResult, 'not-asked'>; method?: IdentityMethod | undefined },
  ) => Promise<PersonsRequest>
  /** Two months more, with a reason, once, within the first month. */
  extend: (actor: Actor, id: string, reason: ExtensionReason) => Promise<PersonsRequest>
  /** Does what was asked, as far as it is this node's part. */
  fulfil: (actor: Actor, id: string, done: Fulfilment) => Promise<PersonsRequest>
  refuse: (actor: Actor, id: string, reason: RefusalReason) => Promise<PersonsRequest>
  /** The person asks no more. A restriction that lasts ends. */
  withdraw: (actor: Actor, id: string) => Promise<PersonsRequest>
  /** Drops names and words of requests that have ended long enough ago. */
  tidy: () => Promise<void>
}

/** How somebody complains who got no, or not all: said with each refusal (GDPR Art. 12(4)). */
export const COMPLAINT =
  'You can ask the data protection officer named on the public pages to look at this again. You can ' +
  'complain to the data protection authority of the country where you live or work, or where you ' +
  'think the law was broken (GDPR Art. 77), and you can go to court (GDPR Art. 79).'

/** What the role does for a request; it can be repeated. */
export interface RightsActions {
  /** @throws ProtocolError where it cannot be done as it stands */
  fulfil: (row: RequestRow, person: Person | null, done: Fulfilment) => Promise<void>
  /** Ends a restriction. */
  lift: (row: RequestRow) => Promise<void>
}

function checkIdentity({ right, identity }: RequestRow): void {
  if (identity === 'asked' || identity === 'not-proven')
    throw new ProtocolError('conflict', '/identity', 'an identity that is proven')
  // A copy in the wrong hands is a disclosure: here nobody is taken at their word.
  if (right === 'copy' && identity !== 'proven')
    throw new ProtocolError('conflict', '/identity', 'an identity that is proven')
}

async function need(tx: Pick<ReadTransaction, 'requests'>, id: string): Promise<RequestRow> {
  const row = await tx.requests.get(id)
  if (row === null) throw new ProtocolError('not_found', '/id', 'a request')
  return row
}
function assertOpen({ state }: RequestRow): void {
  if (state !== 'open') throw new ProtocolError('conflict', '/id', 'a request that is open')
}

/** Creates the desk for people's requests. */
export function createRights(ports: {
  store: Store
  clock: Clock
  random: Random
  sealer: Sealer<Person>
  acts: Pick<Acts, 'add'>
  actions: RightsActions
}): Rights {
  const { store, clock, random, sealer, acts, actions } = ports
  let tidiedAt: number | null = null

  function shown(row: RequestRow): PersonsRequest {
    const { sealed: _sealed, memberKey: _memberKey, tellAt: _tellAt, attempts: _n, ...rest } = row
    return { ...rest, isOverdue: row.state === 'open' && clock.now() > row.dueAt }
  }
  function stepped(row: RequestRow, actor: Actor, what: string): RequestRow {
    return { ...row, steps: [...row.steps, { time: clock.now(), actor: actor.id, what }] }
  }

  async function change(
    actor: Actor,
    id: string,
    what: string,
    work: (row: RequestRow) => RequestRow,
  ): Promise<PersonsRequest> {
    const row = await store.write(async (tx) => {
      const before = await need(tx, id)
      assertOpen(before)
      const after = stepped(work(before), actor, what)
      await tx.requests.save(after)
      await acts.add(tx, { actor, act: `request.${what}`, subject: id })
      return after
    })
    return shown(row)
  }
  function closed(row: RequestRow, state: RequestRow['state']): RequestRow {
    return { ...row, state, closedAt: clock.now(), tellAt: null }
  }

  return {
    open: async (actor, given, also) => {
      const now = clock.now()
      const receivedAt = given.receivedAt ?? now
      if (receivedAt > now)
        throw new ProtocolError('out_of_range', '/receivedAt', 'a time that is not ahead')
      const row: RequestRow = {
        id: given.id ?? `r-${toHex(random.bytes(ID_BYTES))}`,
        subject: given.subject,
        memberKey: given.memberKey ?? null,
        customer: given.customer ?? null,
        site: given.site ?? null,
        right: given.right,
        channel: given.channel,
        receivedAt,
        dueAt: endOfMonths(receivedAt, ANSWER_MONTHS),
        extension: null,
        // The website vouches for who is signed in there.
        identity: given.channel === 'website' ? 'proven' : 'not-asked',
        method: given.channel === 'website' ? 'signed-in' : null,
        state: 'open',
        reason: null,
        kept: [],
        closedAt: null,
        sealed: sealer.seal(given.person),
        tellAt: given.tell === true ? now : null,
        attempts: 0,
        steps: [{ time: now, actor: actor.id, what: 'open' }],
      }
      return store.write(async (tx) => {
        const known = await tx.requests.get(row.id)
        if (known !== null) return shown(known)
        await tx.requests.save(row)
        await acts.add(tx, { actor, act: 'request.open', subject: row.id })
        await also?.(tx)
        return shown(row)
      })
    },
    list: async (filter) => (await store.read((tx) => tx.requests.list(filter))).map(shown),
    counts: () => store.read((tx) => tx.requests.counts(clock.now())),
    get: async (id) => {
      const row = await store.read((tx) => need(tx, id))
      return { request: shown(row), person: sealer.open(row.sealed) }
    },
    identify: async (actor, id, { result, method }) => {
      if ((result === 'proven') !== (method !== undefined))
        throw new ProtocolError('malformed', '/method', 'by what it was proven, and only then')
      return change(actor, id, `identity-${result}`, (row) => ({
        ...row,
        identity: result,
        method: method ?? null,
      }))
    },
    extend: (actor, id, reason) =>
      change(actor, id, 'extend', (row) => {
        if (row.extension !== null)
          throw new ProtocolError('conflict', '/id', 'a request that was not extended before')
        // The person has to hear of it within the first month.
        if (clock.now() > row.dueAt)
          throw new ProtocolError('conflict', '/id', 'a request within its first month')
        const dueAt = endOfMonths(row.receivedAt, EXTENDED_MONTHS)
        return { ...row, extension: reason, dueAt }
      }),
    fulfil: async (actor, id, done) => {
      const row = await store.read((tx) => need(tx, id))
      assertOpen(row)
      checkIdentity(row)
      if (done.partial !== null && row.right !== 'deletion')
        throw new ProtocolError('conflict', '/partial', 'a deletion, which alone may be partial')
      // Before it is said to be done it is done; a crash in between leads to doing it once more.
      await actions.fulfil(row, sealer.open(row.sealed), done)
      const state = done.partial === null ? 'fulfilled' : 'partly-fulfilled'
      return change(actor, id, state, (now) => ({
        ...closed(now, state),
        reason: done.partial?.reason ?? null,
        kept: done.partial?.kept ?? [],
      }))
    },
    refuse: (actor, id, reason) =>
      change(actor, id, 'refuse', (row) => {
        if ((reason === 'identity-not-proven') !== (row.identity === 'not-proven'))
          throw new ProtocolError(
            'conflict',
            '/reason',
            'identity-not-proven where, and only where, the identity was not proven',
          )
        return { ...closed(row, 'refused'), reason }
      }),
    withdraw: async (actor, id) => {
      const row = await store.read((tx) => need(tx, id))
      const isRestriction = row.right === 'restriction' && row.state === 'fulfilled'
      if (!isRestriction) return change(actor, id, 'withdraw', (one) => closed(one, 'withdrawn'))
      await actions.lift(row)
      const lifted = await store.write(async (tx) => {
        const after = stepped(closed(await need(tx, id), 'withdrawn'), actor, 'lift')
        await tx.requests.save(after)
        await acts.add(tx, { actor, act: 'request.lift', subject: id })
        return after
      })
      return shown(lifted)
    },
    tidy: async () => {
      const now = clock.now()
      if (tidiedAt !== null && Math.abs(now - tidiedAt) < TIDY_SECONDS) return
      tidiedAt = now
      const before = now - CONTENT_SECONDS
      const rows = await store.read((tx) => tx.requests.closedBefore(before, BATCH))
      if (rows.length === 0) return
      await store.write(async (tx) => {
        for (const row of rows) await tx.requests.save({ ...row, sealed: null, memberKey: null })
      }, 'erase')
    },
  }
}
