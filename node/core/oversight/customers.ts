/**
 * The site owners' own data at the coordinator (policy §2.1, §4, §6): each field with source, purpose
 * and basis, sealed; shrunk to address and order numbers two years after the last contact.
 */
import { toHex } from '../../../protocol/bytes.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { holdsFinancial } from '../../../protocol/financial.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { normaliseEmail } from '../../../protocol/request.ts'
import type { Actor } from '../people/actor.ts'
import { NODE_ACTOR } from '../people/actor.ts'
import type { Acts } from '../people/acts.ts'
import type { Clock, Random } from '../ports.ts'
import { endOfMonths, RETENTION_MONTHS } from '../request/period.ts'
import type { Sealer } from '../request/sealed.ts'
import type { ReadTransaction, Store, WriteTransaction } from '../store.ts'
import type { CustomerFilter, CustomerRow } from './customer-rows.ts'
import { createRetention, type Retention } from './retention.ts'
import {
  OWNER_FIELD_NAMES,
  OWNER_FIELDS,
  type OwnerContent,
  type OwnerField,
  type Source,
} from './owner-fields.ts'

const ID_BYTES = 8
const BATCH = 200
const MOST_ORDERS = 1000

/** A site owner as staff see one. */
export interface Customer extends Omit<CustomerRow, 'sealed' | 'emailKey'> {
  content: OwnerContent
  /** Unix seconds from which on only the minimum may be left. */
  keptUntil: number
}
export interface CustomerChange {
  email: string
  site?: SiteId | undefined
  source: Source
  /** Fields as they are to be; null takes one away. */
  fields: Partial<Record<OwnerField, string | null | undefined>>
}
export interface Customers extends Retention {
  /**
   * Makes or changes an owner, found by the address.
   *
   * @throws ProtocolError `conflict` for a restricted one or an objection; `out_of_range`
   */
  put: (actor: Actor, change: CustomerChange) => Promise<Customer>
  /** @throws ProtocolError `not_found` */
  get: (id: string) => Promise<Customer>
  list: (filter: CustomerFilter) => Promise<Customer[]>
  byEmail: (email: string) => Promise<Customer | null>
  /** The sites whose owners have this address. */
  sitesOf: (address: string) => Promise<SiteId[]>
  /** Somebody was in contact: the two years begin anew. */
  touch: (actor: Actor, id: string) => Promise<Customer>
  /** Keeps the address and number of an order; of a known number nothing changes. */
  order: (order: { email: string; order: string }) => Promise<void>
  /** Leaves address and order numbers, or nothing where there is no order. */
  shrink: (actor: Actor, id: string) => Promise<'shrunk' | 'removed'>
  /** Takes away what rests on legitimate interests, for good. */
  object: (actor: Actor, id: string) => Promise<void>
  restrict: (actor: Actor, id: string, isRestricted: boolean) => Promise<void>
  /** Who may be made offers: no objection, no restriction, more than the minimum. */
  offers: () => Promise<Customer[]>
}

async function need(tx: Pick<ReadTransaction, 'customers'>, id: string): Promise<CustomerRow> {
  const row = await tx.customers.get(id)
  if (row === null) throw new ProtocolError('not_found', '/id', 'a site owner')
  return row
}

/** The words of a free text, among which an address may be. */
function wordsOf(contact: string): string[] {
  return normaliseEmail(contact).split(/[\s,;<>()"]+/)
}

/** Creates the keeper of the site owners' data. */
export function createCustomers(ports: {
  store: Store
  clock: Clock
  random: Random
  sealer: Sealer<OwnerContent>
  acts: Pick<Acts, 'add'>
}): Customers {
  const { store, clock, random, sealer, acts } = ports
  const emailKeyOf = (email: string): Uint8Array => sealer.keyOf(normaliseEmail(email))

  function contentOf(row: CustomerRow): OwnerContent {
    const content = sealer.open(row.sealed)
    if (content === null)
      throw new ProtocolError('not_ready', '', 'the storage key under which this was sealed')
    return content
  }
  function shown(row: CustomerRow): Customer {
    const { sealed: _sealed, emailKey: _emailKey, ...rest } = row
    const keptUntil = endOfMonths(row.lastContactAt, RETENTION_MONTHS)
    return { ...rest, content: contentOf(row), keptUntil }
  }
  function fresh(email: string, source: Source): CustomerRow {
    const now = clock.now()
    const content: OwnerContent = {
      email: email.trim(),
      emailSource: source,
      emailAt: now,
      fields: {},
      orders: [],
    }
    return {
      id: `c-${toHex(random.bytes(ID_BYTES))}`,
      site: null,
      emailKey: emailKeyOf(email),
      createdAt: now,
      lastContactAt: now,
      hasOrders: false,
      shrunkAt: null,
      objectedAt: null,
      restrictedAt: null,
      sealed: sealer.seal(content),
    }
  }
  async function change(
    actor: Actor,
    id: string,
    act: string,
    work: (row: CustomerRow) => CustomerRow,
  ): Promise<Customer> {
    const row = await store.write(async (tx) => {
      const next = work(await need(tx, id))
      await tx.customers.save(next)
      await acts.add(tx, { actor, act: `customer.${act}`, subject: id })
      return next
    })
    return shown(row)
  }

  function merged(row: CustomerRow, { fields, source }: CustomerChange): OwnerContent {
    const content = contentOf(row)
    const kept = { ...content.fields }
    for (const name of OWNER_FIELD_NAMES) {
      const value = fields[name]
      if (value === undefined) continue
      if (value === null) {
        delete kept[name]
        continue
      }
      const { chars, basis } = OWNER_FIELDS[name]
      const refuse = (expected: string): never => {
        throw new ProtocolError('out_of_range', `/fields/${name}`, expected)
      }
      if (value.length > chars) refuse(`at most ${chars} characters`)
      if (holdsFinancial(value)) refuse('nothing of a card or an account')
      if (basis === 'legitimate-interests' && row.objectedAt !== null)
        throw new ProtocolError('conflict', `/fields/${name}`, 'an owner who has not objected')
      kept[name] = { value, source, at: clock.now() }
    }
    return { ...content, fields: kept }
  }

  async function shrinkIn(
    tx: WriteTransaction,
    actor: Actor,
    row: CustomerRow,
  ): Promise<'shrunk' | 'removed'> {
    const kind = row.hasOrders ? 'shrunk' : 'removed'
    if (row.hasOrders)
      await tx.customers.save({
        ...row,
        shrunkAt: row.shrunkAt ?? clock.now(),
        sealed: sealer.seal({ ...contentOf(row), fields: {} }),
      })
    else await tx.customers.remove(row.id)
    await acts.add(tx, { actor, act: `customer.${kind}`, subject: row.id })
    return kind
  }

  async function all(filter: Omit<CustomerFilter, 'limit' | 'after'>): Promise<CustomerRow[]> {
    const found: CustomerRow[] = []
    for (let after = ''; ;) {
      const from = after
      const page = await store.read((tx) =>
        tx.customers.list({ ...filter, limit: BATCH, after: from }),
      )
      found.push(...page)
      if (page.length < BATCH) return found
      after = page.at(-1)?.id ?? ''
    }
  }

  return {
    put: async (actor, given) => {
      const row = await store.write(async (tx) => {
        const known = await tx.customers.byEmail(emailKeyOf(given.email))
        const before = known ?? fresh(given.email, given.source)
        if (before.restrictedAt !== null)
          throw new ProtocolError('conflict', '/email', 'an owner whose data is not restricted')
        const next: CustomerRow = {
          ...before,
          site: given.site ?? before.site,
          lastContactAt: clock.now(),
          // Whoever is in contact again has more than the minimum again.
          shrunkAt: Object.keys(given.fields).length > 0 ? null : before.shrunkAt,
          sealed: sealer.seal(merged(before, given)),
        }
        await tx.customers.save(next)
        const act = known === null ? 'customer.add' : 'customer.change'
        await acts.add(tx, { actor, act, subject: next.id })
        return next
      })
      return shown(row)
    },
    get: async (id) => shown(await store.read((tx) => need(tx, id))),
    list: async (filter) => (await store.read((tx) => tx.customers.list(filter))).map(shown),
    byEmail: async (email) => {
      const row = await store.read((tx) => tx.customers.byEmail(emailKeyOf(email)))
      return row === null ? null : shown(row)
    },
    sitesOf: async (address) => {
      const email = normaliseEmail(address)
      const { row, applications } = await store.read(async (tx) => ({
        row: await tx.customers.byEmail(emailKeyOf(email)),
        applications: await tx.desk.applications(),
      }))
      const applied = applications
        .filter(({ contact, state }) => state !== 'refused' && wordsOf(contact).includes(email))
        .map(({ site }) => site)
      return [...new Set([...(row?.site ? [row.site] : []), ...applied])]
    },
    touch: (actor, id) =>
      change(actor, id, 'contact', (row) => ({ ...row, lastContactAt: clock.now() })),
    order: async ({ email, order }) => {
      await store.write(async (tx) => {
        const before = (await tx.customers.byEmail(emailKeyOf(email))) ?? fresh(email, 'order')
        const content = contentOf(before)
        if (content.orders.includes(order)) return
        if (content.orders.length >= MOST_ORDERS)
          throw new ProtocolError(
            'conflict',
            '/order',
            `at most ${MOST_ORDERS} orders of one owner`,
          )
        const sealed = sealer.seal({ ...content, orders: [...content.orders, order] })
        const lastContactAt = clock.now()
        await tx.customers.save({ ...before, hasOrders: true, lastContactAt, sealed })
        await acts.add(tx, { actor: NODE_ACTOR, act: 'customer.order', subject: before.id })
      })
    },
    shrink: (actor, id) =>
      store.write(async (tx) => shrinkIn(tx, actor, await need(tx, id)), 'erase'),
    object: async (actor, id) => {
      await change(actor, id, 'object', (row) => {
        const content = contentOf(row)
        const contractual = OWNER_FIELD_NAMES.filter(
          (name) => OWNER_FIELDS[name].basis === 'contract' && content.fields[name] !== undefined,
        ).map((name) => [name, content.fields[name]])
        const fields = Object.fromEntries(contractual) as OwnerContent['fields']
        const objectedAt = row.objectedAt ?? clock.now()
        return { ...row, objectedAt, sealed: sealer.seal({ ...content, fields }) }
      })
    },
    restrict: async (actor, id, isRestricted) => {
      const act = isRestricted ? 'restrict' : 'lift'
      const restrictedAt = isRestricted ? clock.now() : null
      await change(actor, id, act, (row) => ({ ...row, restrictedAt }))
    },
    offers: async () => {
      const rows = await all({})
      return rows
        .filter((row) =>
          [row.objectedAt, row.restrictedAt, row.shrunkAt].every((at) => at === null),
        )
        .map(shown)
    },
    ...createRetention({ store, clock, shrinkIn }),
  }
}
