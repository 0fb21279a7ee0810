/** Who is a member: applications, and the entries that admit, suspend, reinstate, expel, rotate. */
import type { CoordinatorEntry, MeasureReason, Terms } from '../../../protocol/entry.ts'
import { equalBytes, fromBase64, toBase64 } from '../../../protocol/bytes.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import { MEMBERS } from '../../../protocol/limits.ts'
import { assertPublicKey } from '../../../protocol/keys.ts'
import { memberOf, type Member } from '../../../protocol/registry.ts'
import { logStateOf, type Appended, type LogWriter } from '../log/writer.ts'
import type { Accounts } from '../people/accounts.ts'
import type { Actor } from '../people/actor.ts'
import type { Acts } from '../people/acts.ts'
import { parseEmail, type Addresses } from '../people/address.ts'
import type { Clock } from '../ports.ts'
import type { ApplicationRow, Store, WriteTransaction } from '../store.ts'
import type { View } from '../view.ts'

/** Seconds for which an admission holds when nothing else is said: a year. */
export const ADMISSION_SECONDS = 365 * 86_400

export type Application = Omit<ApplicationRow, 'appliedAt' | 'state'>

export interface Admission {
  /**
   * Takes an application; `contact` is the owner's e-mail address.
   *
   * @throws ProtocolError `conflict` for a site that is admitted, or keys that are bad; `malformed`
   *   at `/contact`
   */
  apply: (application: Application) => Promise<ApplicationRow>
  applications: () => Promise<ApplicationRow[]>
  /**
   * Admits an applicant, or prolongs a member. Its contact becomes a registered owner, who is told
   * of breaches.
   *
   * @throws ProtocolError `not_found`
   */
  admit: (site: SiteId, seconds?: number) => Promise<Member>
  refuse: (site: SiteId) => Promise<void>
  /** @throws ProtocolError `not_found` for a stranger, `conflict` where it changes nothing */
  measure: (
    kind: 'suspend' | 'reinstate' | 'expel',
    site: SiteId,
    reason: MeasureReason,
  ) => Promise<Member>
  rotate: (site: SiteId, keys: { logKey: Uint8Array; witnessKey: Uint8Array }) => Promise<Member>
  setTerms: (terms: Terms) => Promise<void>
  /** Commands the end of one record, or (null) of all that the site has published so far. */
  order: (site: SiteId, record: RecordId | null, notice: string) => Promise<{ index: number }>
}

function isSameKeys(one: Application, other: Application): boolean {
  return equalBytes(one.logKey, other.logKey) && equalBytes(one.witnessKey, other.witnessKey)
}

/**
 * Creates the admission desk of the coordinator. What it does is on record under the actor, in the
 * transaction that does it.
 */
export function createAdmission(ports: {
  view: View
  store: Store
  clock: Clock
  writer: LogWriter
  onPublished: (appended: Appended) => Promise<void>
  acts: Pick<Acts, 'add'>
  addresses: Addresses
  accounts: Pick<Accounts, 'registerOwner'>
}): (by: Actor) => Admission {
  return (by) => admissionBy(by, ports)
}

function admissionBy(by: Actor, ports: Parameters<typeof createAdmission>[0]): Admission {
  const { view, store, clock, writer, onPublished, acts, addresses, accounts } = ports

  /** Appends an entry with its act; the subject is the site, or where the entry stands. */
  async function write(
    entry: CoordinatorEntry,
    act: string,
    also: (tx: WriteTransaction) => Promise<void> = async () => undefined,
  ): Promise<Appended> {
    const appended = await store.write(async (tx) => {
      const made = await writer.append(tx, [entry])
      const subject = entry.type === 'terms' ? String(made.from) : `${entry.site}/${made.from}`
      await acts.add(tx, { actor: by, act, subject })
      await also(tx)
      return made
    })
    await onPublished(appended)
    return appended
  }

  const sealed = (row: ApplicationRow): ApplicationRow => ({
    ...row,
    contact: toBase64(addresses.seal(row.contact)),
  })
  const opened = (row: ApplicationRow): ApplicationRow => ({
    ...row,
    contact: addresses.open(fromBase64(row.contact)),
  })

  function existing(site: SiteId): Member {
    const member = memberOf(view.registry(), site)
    if (member === undefined) throw new ProtocolError('not_found', '/site', 'a member')
    return member
  }

  async function applicationOf(site: SiteId): Promise<ApplicationRow> {
    const row = await store.read((tx) => tx.desk.application(site))
    if (row === null) throw new ProtocolError('not_found', '/site', 'a site that has applied')
    return opened(row)
  }

  const STATUS = { suspend: 'suspended', reinstate: 'admitted', expel: 'expelled' } as const
  return {
    apply: async (application) => {
      assertPublicKey(application.logKey)
      assertPublicKey(application.witnessKey)
      if (memberOf(view.registry(), application.site) !== undefined)
        throw new ProtocolError('conflict', '/site', 'a site that is not a member yet')
      const contact = at('/contact', () => parseEmail(application.contact))
      const row: ApplicationRow = {
        ...application,
        contact,
        appliedAt: clock.now(),
        state: 'open',
      }
      await store.write(async (tx) => {
        const open = await tx.desk.application(application.site)
        // Anybody can apply under any name: other keys must not slip into an application that
        // staff are looking at. They refuse it first.
        if (open?.state === 'open' && !isSameKeys(open, application))
          throw new ProtocolError('conflict', '/site', 'a site without an open application')
        await tx.desk.saveApplication(sealed(row))
      })
      return row
    },
    applications: async () => (await store.read((tx) => tx.desk.applications())).map(opened),
    admit: async (site, seconds = ADMISSION_SECONDS) => {
      const row = await applicationOf(site)
      const known = memberOf(view.registry(), site)
      if (known?.status === 'expelled')
        throw new ProtocolError('conflict', '/site', 'a site that was never expelled')
      if (known === undefined && view.registry().members.size >= MEMBERS)
        throw new ProtocolError('out_of_range', '/site', `a network of at most ${MEMBERS} sites`)
      const { logKey, witnessKey, siteType, jurisdiction } = row
      const time = clock.now()
      const expires = time + seconds
      const keys = { logKey, witnessKey }
      await write(
        { type: 'admit', site, ...keys, siteType, jurisdiction, time, expires },
        'site.admit',
        async (tx) => {
          await tx.desk.saveApplication(sealed({ ...row, state: 'admitted' }))
          await accounts.registerOwner(tx, by, row.contact, site)
        },
      )
      return existing(site)
    },
    refuse: async (site) => {
      const row = await applicationOf(site)
      await store.write(async (tx) => {
        await tx.desk.saveApplication(sealed({ ...row, state: 'refused' }))
        await acts.add(tx, { actor: by, act: 'application.refuse', subject: site })
      })
    },
    measure: async (kind, site, reason) => {
      const { status } = existing(site)
      if (status === 'expelled' || status === STATUS[kind])
        throw new ProtocolError('conflict', '/site', `a site that is not ${status}`)
      // Every member has frozen its log for good, and the proof would suspend it again.
      if (kind === 'reinstate' && view.frozen.has(site))
        throw new ProtocolError('conflict', '/site', 'a site whose log has one history')
      await write({ type: kind, site, reason, time: clock.now() }, `site.${kind}`)
      return existing(site)
    },
    rotate: async (site, keys) => {
      // The checkpoint that carries the rotation would already be checked with the new key.
      if (site === view.network)
        throw new ProtocolError('conflict', '/site', 'another site than the coordinator')
      assertPublicKey(keys.logKey)
      assertPublicKey(keys.witnessKey)
      const current = existing(site).keys.at(-1)
      if (current === undefined) throw new ProtocolError('conflict', '/site', 'a member with keys')
      const { size } = await store.read((tx) => logStateOf(tx, site))
      await write(
        {
          type: 'rotate',
          site,
          oldLogKey: current.logKey,
          oldWitnessKey: current.witnessKey,
          ...keys,
          size,
          time: clock.now(),
        },
        'site.rotate',
      )
      return existing(site)
    },
    setTerms: async (terms) => {
      const { heartbeatSeconds, hideAfterSeconds, eraseAfterSeconds } = terms
      if (heartbeatSeconds >= hideAfterSeconds)
        throw new ProtocolError('out_of_range', '/hideAfterSeconds', 'more than heartbeatSeconds')
      if (hideAfterSeconds > eraseAfterSeconds)
        throw new ProtocolError('out_of_range', '/eraseAfterSeconds', 'at least hideAfterSeconds')
      await write({ type: 'terms', terms, time: clock.now() }, 'terms.set')
    },
    order: async (site, record, notice) => {
      existing(site)
      const { size } = await store.read((tx) => logStateOf(tx, site))
      const { from } = await write(
        { type: 'order', site, record, size, time: clock.now(), notice },
        'record.order',
      )
      return { index: from }
    },
  }
}
