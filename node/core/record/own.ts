/** This site's own members: their shared data, consents, recipients; changes of consent. */
import { decodeBody, type Body, type SealedProfile } from '../../../protocol/body.ts'
import {
  checkConsentLive,
  checkNotice,
  parseConsentInput,
  type ConsentRecord,
  type Channel,
  type Scope,
} from '../../../protocol/consent.ts'
import {
  ageOn,
  ageOnDay,
  dayNumber,
  dayOf,
  isoDateOfDay,
  type IsoDate,
} from '../../../protocol/dates.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import type { Facts } from '../../../protocol/requirements.ts'
import { FIELDS, FIELD_NAMES } from '../../../protocol/vocabulary.ts'
import type { RequestRow } from '../request/rows.ts'
import type {
  ConsentEvent,
  FilledPicture,
  HeldBody,
  LedgerRow,
  MemberRow,
  PictureRow,
  ReadTransaction,
  RecordState,
} from '../store.ts'
import { emailKeyOf, memberKeyOf, openHomePart, type HomePart } from './member.ts'
import { draftOf, writeDrafts, type Draft, type PublishPorts } from './publish.ts'
import { createReconciler } from './reconcile.ts'

/** A member of this site whose record is live. */
export interface OwnMember {
  id: string
  record: RecordId
  version: number
  publishedAt: number
  profile: Omit<SealedProfile, 'sealed'>
  consent: ConsentRecord
}

export interface OwnMembers {
  get: (id: string) => Promise<OwnMember | null>
  /** In the order of RecordId. */
  list: (
    after: RecordId | null,
    limit: number,
  ) => Promise<{ members: OwnMember[]; next: RecordId | null }>
  /** Everything kept of a member: shared data, consent history, who has got what. */
  export: (id: string) => Promise<MemberExport>
  disclosures: (record: RecordId) => Promise<LedgerRow[]>
  /** The site's own ids of members whose record lives; others are left out. */
  idsOf: (records: readonly RecordId[]) => Promise<Map<RecordId, string>>
  /**
   * Publishes a version under a new consent: fields outside its scopes leave the record, and with
   * it every copy.
   *
   * @throws ProtocolError `not_found`, `no_consent`, `outdated_notice`, `not_ready`
   */
  changeConsent: (id: string, consent: unknown) => Promise<OwnMember>
  /** A member with the pictures that the record names. */
  withPictures: (id: string) => Promise<{ member: OwnMember; rows: PictureRow[] } | null>
  /**
   * Publishes a version with other pictures.
   *
   * @param change the fields as they are to be, and files that come with them; null for no change
   * @throws ProtocolError `not_found`, `not_ready`, or what `change` throws
   */
  changePictures: (
    id: string,
    change: (record: RecordId, rows: readonly PictureRow[]) => PictureChange | null,
  ) => Promise<OwnMember>
  /** What is shared of these members, with what only the home knows; in no order. */
  sources: (memberKeys: readonly Uint8Array[]) => Promise<MemberSource[]>
  /**
   * Publishes what members share as it is: whether it may be given to anybody has changed. Those
   * without a live record are left out.
   */
  republish: (memberKeys: readonly Uint8Array[]) => Promise<void>
  /** Publishes a version without a scope, where the consent has it: the member has objected. */
  dropScope: (memberKey: Uint8Array, scope: Scope, channel: Channel) => Promise<void>
  /** Publishes anew whoever had a birthday and shares only the age in years. */
  publishBirthdays: () => Promise<number>
  /** Removes members whose record the log says has ended, e.g. after a restore or an order. */
  reconcile: () => Promise<void>
  /** Rebuilds the index of members from own bodies that came back. */
  rebuild: (bodies: readonly { record: RecordId; body: Body }[]) => Promise<void>
}

/** A member with what no partner can read. */
export interface MemberSource extends OwnMember {
  memberKey: Uint8Array
  email: string | null
  birthDate: IsoDate
  /** Whether this version is given to nobody. */
  isHidden: boolean
}

/** A site that was given something of a member. */
export interface Recipient {
  partner: SiteId
  what: LedgerRow['what'][]
  /** Unix seconds of the first and of the last time. */
  firstAt: number
  lastAt: number
  /** Versions handed over, repetitions included. */
  versions: number
}
/** All that a node keeps of a member. */
export interface MemberExport {
  member: (OwnMember & { email: string | null }) | null
  consents: Omit<ConsentEvent, 'memberKey'>[]
  /** Everybody who was given something, named one by one. */
  recipients: Recipient[]
  disclosures: LedgerRow[]
  /** Authorities that were given a copy. */
  authorities: { authority: string; basis: string; exportedAt: number }[]
  requests: Pick<RequestRow, 'id' | 'right' | 'channel' | 'receivedAt' | 'dueAt' | 'state'>[]
  /** Whether the record is kept from everybody at the member's request. */
  isRestricted: boolean
}

function requestOf(row: RequestRow): MemberExport['requests'][number] {
  const { id, right, channel, receivedAt, dueAt, state } = row
  return { id, right, channel, receivedAt, dueAt, state }
}

function recipientsOf(disclosures: readonly LedgerRow[]): Recipient[] {
  const byPartner = Map.groupBy(disclosures, ({ partner }) => partner)
  return [...byPartner].map(([partner, rows]) => ({
    partner,
    what: [...new Set(rows.map(({ what }) => what))].toSorted(),
    firstAt: Math.min(...rows.map(({ time }) => time)),
    lastAt: Math.max(...rows.map(({ time }) => time)),
    versions: rows.reduce((sum, { versions }) => sum + versions.length, 0),
  }))
}

async function exportOf(
  tx: ReadTransaction,
  of: { self: SiteId; key: Uint8Array; member: MemberExport['member'] },
): Promise<MemberExport> {
  const { self, key, member } = of
  const consents = await tx.members.consents(key)
  const records = [...new Set(consents.map(({ record }) => record))]
  const disclosures: LedgerRow[] = []
  for (const record of records) disclosures.push(...(await tx.ledger.ofRecord(self, record)))
  const requests = await tx.requests.list({ memberKey: key, limit: MOST_REQUESTS })
  const authorities = await tx.requests.authorities({ memberKey: key, limit: MOST_REQUESTS })
  return {
    member,
    consents: consents.map(({ memberKey: _memberKey, ...event }) => event),
    recipients: recipientsOf(disclosures),
    disclosures,
    authorities: authorities.flatMap(({ authority, basis, exportedAt }) =>
      exportedAt === null ? [] : [{ authority, basis, exportedAt }],
    ),
    requests: requests.map(requestOf),
    isRestricted: (await tx.requests.restricted([key])).length > 0,
  }
}

/** The fields of a profile that name pictures, and the files of new ones. */
export interface PictureChange {
  fields: Pick<SealedProfile, 'picture' | 'gallery'>
  filled: readonly FilledPicture[]
}

interface Loaded {
  row: MemberRow
  state: RecordState
  body: Body
  home: HomePart
  isHidden: boolean
}

function present({ home, state, body }: Loaded): OwnMember {
  const { sealed: _sealed, ...profile } = body.profile
  const { record, version, publishedAt } = state
  return { id: home.id, record, version, publishedAt, profile, consent: body.consent }
}

const PAGE = 1000
/** Requests and disclosures to authorities in an export. */
const MOST_REQUESTS = 1000

/** Whether a body may say another age than today's. One that came back may lack the birthday. */
function mayHaveAged({ ageYears, birthDay }: Facts, today: number): boolean {
  return ageYears !== null && (birthDay === null || ageYears !== ageOnDay(birthDay, today))
}

/** Creates the desk for this site's own members. */
export function createOwnMembers(ports: PublishPorts): OwnMembers {
  const { view, store, vault, clock, crypto, keys, lock } = ports

  function open(row: MemberRow, state: RecordState, held: HeldBody): Loaded | null {
    const bytes = vault.open(held.sealed)
    if (bytes === null) return null
    const body = decodeBody(bytes)
    const home = openHomePart(crypto, keys, body.profile.sealed)
    return home === null ? null : { row, state, body, home, isHidden: held.scopes.length === 0 }
  }

  async function load(rows: readonly MemberRow[]): Promise<Loaded[]> {
    const { states, bodies } = await store.read(async (tx) => {
      const live = (
        await tx.records.getMany(
          view.self,
          rows.map(({ record }) => record),
        )
      ).filter((state) => state.live)
      const indexes = live.map(({ index }) => index)
      return { states: live, bodies: await tx.bodies.atIndexes(view.self, indexes) }
    })
    const byRecord = new Map(states.map((state) => [state.record, state]))
    const held = new Map(bodies.map((body) => [body.record, body]))
    return rows.flatMap((row) => {
      const state = byRecord.get(row.record)
      const body = held.get(row.record)
      const loaded = state && body && open(row, state, body)
      return loaded ?? []
    })
  }

  async function find(id: string): Promise<Loaded | null> {
    const key = memberKeyOf(crypto, keys, id)
    const rows = await store.read((tx) => tx.members.byKeys([key]))
    return (await load(rows)).at(0) ?? null
  }

  /** The profile under other scopes; the birth date comes and goes with its scope. */
  function rescope({ body, home }: Loaded, consent: ConsentRecord): SealedProfile {
    const { sealed, birthDate: _birthDate, ageYears: _ageYears, ...shared } = body.profile
    const kept = Object.fromEntries(
      FIELD_NAMES.flatMap((name) => {
        const value = (shared as Record<string, unknown>)[name]
        const isCovered = value !== undefined && consent.scopes.includes(FIELDS[name].scope)
        return isCovered ? [[name, value]] : []
      }),
    ) as Omit<SealedProfile, 'sealed'>
    const ageYears = ageOn(home.birthDate, isoDateOfDay(dayOf(clock.now())))
    // Who was of age once can only be too young again by a wrong clock: nobody would take the body.
    if (ageYears < view.registry().terms.minimumAge)
      throw new ProtocolError('under_age', '/birthDate', 'an age of at least the minimum')
    return consent.scopes.includes('birth-date')
      ? { ...kept, birthDate: home.birthDate, sealed }
      : { ...kept, ageYears, sealed }
  }

  function redraft(
    loaded: Loaded,
    consent: ConsentRecord,
    consentEvent: ConsentEvent['kind'] | null,
  ): Draft {
    const { row, state, home } = loaded
    return draftOf(ports, {
      memberKey: row.memberKey,
      emailKey: emailKeyOf(crypto, keys, home.email),
      // What the site sent last is no longer what is published: sending it again must count.
      inputDigest: new Uint8Array(32),
      record: state.record,
      version: state.version + 1,
      profile: rescope(loaded, consent),
      consent,
      birthDay: dayNumber(home.birthDate),
      consentEvent,
    })
  }

  async function rowsOf(records: readonly { record: RecordId }[]): Promise<MemberRow[]> {
    return store.read(async (tx) => {
      const rows: MemberRow[] = []
      for (const { record } of records) {
        const row = await tx.members.byRecord(record)
        if (row !== null) rows.push(row)
      }
      return rows
    })
  }

  async function changePictures(
    id: string,
    change: Parameters<OwnMembers['changePictures']>[1],
  ): Promise<OwnMember> {
    const loaded = await find(id)
    if (loaded === null) throw new ProtocolError('not_found', '/id', 'a member with a live record')
    const { body, state } = loaded
    checkConsentLive(body.consent, clock.now())
    const rows = await store.read((tx) => tx.pictures.ofRecords(view.self, [state.record]))
    const changed = change(state.record, rows)
    if (changed === null) return present(loaded)
    const { picture: _picture, gallery: _gallery, ...rest } = body.profile
    const other = { ...loaded, body: { ...body, profile: { ...rest, ...changed.fields } } }
    const draft = redraft(other, body.consent, null)
    await writeDrafts(ports, [{ ...draft, filled: changed.filled }])
    return presentAgain(id)
  }

  async function presentAgain(id: string): Promise<OwnMember> {
    const changed = await find(id)
    if (changed === null) throw new ProtocolError('conflict', '', 'a record that is still live')
    return present(changed)
  }

  /** Looks at one page of records; `last` is where it ends, null where there are no more. */
  async function publishBirthdaysAbove(
    above: number,
  ): Promise<{ count: number; last: number | null }> {
    const today = dayOf(clock.now())
    const { minimumAge } = view.registry().terms
    const page = await store.read((tx) => tx.bodies.columns(view.self, above, PAGE))
    // By their columns: to open every body would keep withdrawals waiting for the lock.
    const due = page.filter(({ facts }) => mayHaveAged(facts, today))
    const loaded = await load(await rowsOf(due))
    const aged = loaded.filter(({ body: { profile }, home }) => {
      const age = ageOnDay(dayNumber(home.birthDate), today)
      return profile.ageYears !== undefined && profile.ageYears !== age && age >= minimumAge
    })
    await writeDrafts(
      ports,
      aged.map((one) => redraft(one, one.body.consent, null)),
    )
    return { count: aged.length, last: page.at(-1)?.index ?? null }
  }

  async function changeConsent(id: string, json: unknown): Promise<OwnMember> {
    const loaded = await find(id)
    if (loaded === null) throw new ProtocolError('not_found', '/id', 'a member with a live record')
    const consent = at('/consent', () => {
      const parsed = parseConsentInput(json)
      checkConsentLive(parsed, clock.now())
      checkNotice(parsed, view.registry().terms.noticeVersions)
      return parsed
    })
    await writeDrafts(ports, [redraft(loaded, consent, 'changed')])
    return presentAgain(id)
  }

  async function withKeys(memberKeys: readonly Uint8Array[]): Promise<Loaded[]> {
    return load(await store.read((tx) => tx.members.byKeys(memberKeys)))
  }
  async function republish(memberKeys: readonly Uint8Array[]): Promise<void> {
    const loaded = await withKeys(memberKeys)
    await writeDrafts(
      ports,
      loaded.map((one) => redraft(one, one.body.consent, null)),
    )
  }
  async function dropScope(key: Uint8Array, scope: Scope, channel: Channel): Promise<void> {
    const [loaded] = await withKeys([key])
    if (!loaded?.body.consent.scopes.includes(scope)) return
    const { consent } = loaded.body
    const scopes = consent.scopes.filter((one) => one !== scope)
    const changed = { ...consent, scopes, givenAt: clock.now(), channel }
    await writeDrafts(ports, [redraft(loaded, changed, 'changed')])
  }

  return {
    get: async (id) => {
      const loaded = await find(id)
      return loaded === null ? null : present(loaded)
    },
    list: async (after, limit) => {
      const rows = await store.read((tx) => tx.members.list(after, limit))
      const next = rows.length < limit ? null : (rows.at(-1)?.record ?? null)
      return { members: (await load(rows)).map(present), next }
    },
    export: async (id) => {
      const loaded = await find(id)
      const member = loaded && { ...present(loaded), email: loaded.home.email }
      const key = memberKeyOf(crypto, keys, id)
      return store.read((tx) => exportOf(tx, { self: view.self, key, member }))
    },
    disclosures: (record) => store.read((tx) => tx.ledger.ofRecord(view.self, record)),
    idsOf: async (records) => {
      const loaded = await load(await rowsOf(records.map((record) => ({ record }))))
      return new Map(loaded.map(({ row, home }) => [row.record, home.id]))
    },
    withPictures: async (id) => {
      const loaded = await find(id)
      if (loaded === null) return null
      const { record } = loaded.state
      const rows = await store.read((tx) => tx.pictures.ofRecords(view.self, [record]))
      return { member: present(loaded), rows }
    },
    changePictures: (id, change) => lock(() => changePictures(id, change)),
    changeConsent: (id, consent) => lock(() => changeConsent(id, consent)),
    sources: async (memberKeys) =>
      (await withKeys(memberKeys)).map((loaded) => ({
        ...present(loaded),
        memberKey: loaded.row.memberKey,
        email: loaded.home.email,
        birthDate: loaded.home.birthDate,
        isHidden: loaded.isHidden,
      })),
    republish: (memberKeys) => lock(() => republish(memberKeys)),
    dropScope: (...dropped) => lock(() => dropScope(...dropped)),
    publishBirthdays: async () => {
      let count = 0
      for (let above: number | null = -1; above !== null;) {
        const from: number = above
        const page = await lock(() => publishBirthdaysAbove(from), 'bulk')
        count += page.count
        above = page.last
      }
      return count
    },
    reconcile: () => lock(createReconciler(ports)),
    rebuild: (bodies) =>
      lock(async () => {
        const rows = bodies.flatMap(({ record, body }) => {
          const home = openHomePart(crypto, keys, body.profile.sealed)
          if (home === null) return []
          const memberKey = memberKeyOf(crypto, keys, home.id)
          const emailKey = emailKeyOf(crypto, keys, home.email)
          return [{ memberKey, record, inputDigest: new Uint8Array(32), emailKey }]
        })
        await store.write((tx) => tx.members.save(rows))
      }),
  }
}
