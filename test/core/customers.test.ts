/** The site owners' own data: source, purpose and basis of each field; orders; two years; requests. */
import { Webhook } from 'standardwebhooks'
import { beforeEach, describe, expect, it } from 'vitest'
import { parseOrderSecret, type OrderCall } from '../../node/core/oversight/orders-received.ts'
import { createOrderTaker } from '../../node/core/oversight/orders-received.ts'
import type { Customers } from '../../node/core/oversight/customers.ts'
import type { Actor } from '../../node/core/people/actor.ts'
import { endOfMonths } from '../../node/core/request/period.ts'
import type { Rights } from '../../node/core/request/rights.ts'
import { systemCrypto } from '../../node/roles/system.ts'
import type { Right } from '../../protocol/request.ts'
import { aWorld, type World } from './world.ts'

const STAFF: Actor = { kind: 'key', id: 'k1', role: 'staff' }
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const EMAIL = 'Owner@Site.example'
const WHOLE = { partial: null }

let world: World
let customers: Customers
let rights: Rights

beforeEach(async () => {
  world = await aWorld()
  const { desk } = world.coordinator.coordinator
  customers = desk.customers
  rights = desk.rights
})

const anOwner = (email = EMAIL) =>
  customers.put(STAFF, {
    email,
    source: 'registration',
    fields: { name: 'Olga Owner', phone: '+49 30 901820', interests: 'more members' },
  })
const fieldsOf = async (id: string): Promise<string[]> =>
  Object.keys((await customers.get(id)).content.fields).toSorted()
async function asked(right: Right, customer: string) {
  const person = { name: '', email: EMAIL, member: '', text: '' }
  const request = await rights.open(STAFF, {
    subject: 'owner',
    customer,
    right,
    channel: 'website',
    person,
  })
  return request.id
}
const clear = (): string => Buffer.from(world.coordinator.database.serialize()).toString('latin1')

describe('the data of a site owner', () => {
  it('carries source, and is in the database sealed alone', async () => {
    const { id, content } = await anOwner()
    expect(content.fields.name).toEqual({
      value: 'Olga Owner',
      source: 'registration',
      at: world.clock.now(),
    })
    for (const word of ['Olga', 'site.example', '901820', 'more members'])
      expect(clear().toLowerCase()).not.toContain(word.toLowerCase())
    expect((await customers.byEmail('owner@site.example'))?.id).toBe(id)
  })

  it('refuses payment data in every field', async () => {
    for (const value of ['4111 1111 1111 1111', 'DE89370400440532013000'])
      for (const name of ['name', 'address', 'phone', 'opinion'] as const)
        await expect(
          customers.put(STAFF, { email: EMAIL, source: 'order', fields: { [name]: value } }),
        ).rejects.toMatchObject({ path: `/fields/${name}` })
    expect(await customers.byEmail(EMAIL)).toBeNull()
  })
})

describe('retention', () => {
  it('shrinks on the day after two years, and removes who has ordered nothing', async () => {
    const ordered = await anOwner()
    await customers.order({ email: EMAIL, order: 'A-1' })
    const other = await anOwner('other@site.example')
    const end = endOfMonths(world.clock.now(), 24)
    world.clock.set(end)
    expect(await customers.due()).toEqual({ shrunk: [], removed: [] })
    expect(await customers.sweep(STAFF)).toEqual({ shrunk: [], removed: [] })
    world.clock.set(end + 1)
    // A dry run changes nothing.
    const due = { shrunk: [ordered.id], removed: [other.id] }
    expect(await customers.due()).toEqual(due)
    expect(await fieldsOf(ordered.id)).toHaveLength(3)
    expect(await customers.sweep(STAFF)).toEqual(due)
    const { content } = await customers.get(ordered.id)
    expect(content).toMatchObject({ email: EMAIL, fields: {}, orders: ['A-1'] })
    await expect(customers.get(other.id)).rejects.toMatchObject({ code: 'not_found' })
    expect(await customers.due()).toEqual({ shrunk: [], removed: [] })
  })

  it('begins anew with each contact, and runs by itself', async () => {
    const kept = await anOwner()
    const gone = await anOwner('other@site.example')
    const end = endOfMonths(world.clock.now(), 24)
    await world.tick(30 * 86_400)
    await customers.touch(STAFF, kept.id)
    world.clock.set(end)
    await world.tick(1)
    expect(await fieldsOf(kept.id)).toHaveLength(3)
    await expect(customers.get(gone.id)).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('the requests of a site owner', () => {
  it('ends offers by an objection, with what rests on legitimate interests', async () => {
    const { id } = await anOwner()
    expect((await customers.offers()).map((one) => one.id)).toEqual([id])
    await rights.fulfil(STAFF, await asked('objection', id), WHOLE)
    expect(await customers.offers()).toEqual([])
    expect(await fieldsOf(id)).toEqual(['name'])
    const again = customers.put(STAFF, {
      email: EMAIL,
      source: 'survey',
      fields: { interests: 'x' },
    })
    await expect(again).rejects.toMatchObject({ path: '/fields/interests' })
  })

  it('deletes all, or leaves the minimum with the reason where there are orders', async () => {
    const { id } = await anOwner('other@site.example')
    await rights.fulfil(STAFF, await asked('deletion', id), WHOLE)
    await expect(customers.get(id)).rejects.toMatchObject({ code: 'not_found' })
    const { id: buyer } = await anOwner()
    await customers.order({ email: EMAIL, order: 'A-1' })
    const request = await asked('deletion', buyer)
    await expect(rights.fulfil(STAFF, request, WHOLE)).rejects.toMatchObject({ path: '/partial' })
    const partial = { reason: 'order-records', kept: ['email', 'orders'] } as const
    const done = await rights.fulfil(STAFF, request, { partial: { ...partial, kept: ['email'] } })
    expect(done).toMatchObject({ state: 'partly-fulfilled', reason: 'order-records' })
    expect(await fieldsOf(buyer)).toEqual([])
  })

  it('restricts until it is withdrawn, and corrects', async () => {
    const { id } = await anOwner()
    const restriction = await asked('restriction', id)
    await rights.fulfil(STAFF, restriction, WHOLE)
    const change = () =>
      customers.put(STAFF, { email: EMAIL, source: 'order', fields: { name: 'Olga New' } })
    await expect(change()).rejects.toMatchObject({ code: 'conflict' })
    expect(await customers.offers()).toEqual([])
    await rights.withdraw(STAFF, restriction)
    await world.tick(5)
    const correction = await asked('correction', id)
    await expect(rights.fulfil(STAFF, correction, WHOLE)).rejects.toMatchObject({
      code: 'conflict',
    })
    await change()
    expect(await rights.fulfil(STAFF, correction, WHOLE)).toMatchObject({ state: 'fulfilled' })
  })
})

function aCall(body: object | string, changes: Partial<OrderCall> = {}): OrderCall {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const now = world.clock.now()
  // Signed by the specification's own library.
  const signature = new Webhook(SECRET).sign('msg_1', new Date(now * 1000), text)
  return { id: 'msg_1', timestamp: String(now), signature, body: text, ...changes }
}
const take = (call: OrderCall, secret = parseOrderSecret(SECRET)) =>
  createOrderTaker({ secret, clock: world.clock, crypto: systemCrypto, customers })(call)

describe('an order of the payment provider', () => {
  const GOOD = { email: EMAIL, order: '2026-0042' }

  it('leaves the address and the number, once, and nothing else of what was told', async () => {
    const told = { ...GOOD, amount: '49.00 EUR', at: 1_772_323_200_000, buyer: 'Olga Owner' }
    await take(aCall(told))
    await take(aCall(told))
    const found = await customers.byEmail(EMAIL)
    expect(found?.content).toMatchObject({ email: EMAIL, fields: {}, orders: ['2026-0042'] })
    expect(found?.hasOrders).toBe(true)
  })

  it('is refused with payment data, wherever it stands', async () => {
    for (const more of [
      { note: 'card 4111-1111-1111-1111' },
      { payment: [{ method: { iban: 'GB82 WEST 1234 5698 7654 32' } }] },
      { payment: { cvv: '123' } },
      { account_number: '12345' },
      { n: 4111111111111111 },
    ])
      await expect(take(aCall({ ...GOOD, ...more }))).rejects.toMatchObject({
        code: 'out_of_range',
      })
    expect(await customers.byEmail(EMAIL)).toBeNull()
  })

  it('is refused where it is not signed, changed, old, or of nobody', async () => {
    const call = aCall(GOOD)
    const old = String(world.clock.now() - 301)
    for (const changes of [
      { signature: '' },
      { signature: 'v1,AAAA' },
      { id: 'msg_2' },
      { body: JSON.stringify({ ...GOOD, order: '2' }) },
      { timestamp: old },
      { timestamp: 'x' },
    ])
      await expect(take({ ...call, ...changes })).rejects.toMatchObject({ code: 'bad_signature' })
    await expect(take(call, null)).rejects.toMatchObject({ code: 'not_found' })
    await expect(take(aCall('{'))).rejects.toMatchObject({ code: 'malformed' })
    await expect(take(aCall({ email: 'x', order: '1' }))).rejects.toMatchObject({
      path: '/email',
    })
    expect(parseOrderSecret('whsec_AAAA')).toBeNull()
  })
})
