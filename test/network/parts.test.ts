/** The parts of a host that need no network: strikes, address book, slots, byte queue. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAddressBook } from '../../node/network/book.ts'
import { BOOK_SITES, STRIKE_MILLIS, STRIKES } from '../../node/network/bounds.ts'
import { createByteQueue } from '../../node/network/queue.ts'
import { createSlots } from '../../node/network/slots.ts'
import { createStrikes } from '../../node/network/strikes.ts'
import { parseSiteId } from '../../protocol/ids.ts'
import { ADDRESSES } from '../../protocol/limits.ts'

const AMOR = parseSiteId('amor.example')
const BRIO = parseSiteId('brio.example')

describe('createStrikes', () => {
  it('puts a site out at the bound, and forgives one strike after the other', () => {
    let now = 1_000
    const strikes = createStrikes(() => now)
    for (let count = 1; count < STRIKES; count++) strikes.add(AMOR)
    expect(strikes.out(AMOR)).toBe(false)
    strikes.add(AMOR)
    expect(strikes.out(AMOR)).toBe(true)
    expect(strikes.out(BRIO)).toBe(false)
    now += STRIKE_MILLIS - 1
    expect(strikes.count(AMOR)).toBe(STRIKES)
    now += 1
    expect(strikes.count(AMOR)).toBe(STRIKES - 1)
    expect(strikes.out(AMOR)).toBe(false)
    now += 100 * STRIKE_MILLIS
    expect(strikes.count(AMOR)).toBe(0)
  })
})

function at(port: number): string {
  return `/ip4/192.0.2.1/tcp/${port}`
}

describe('createAddressBook', () => {
  it('keeps the newest addresses, and the one that worked whatever is told', () => {
    const book = createAddressBook(() => true)
    book.learn(AMOR, [at(1)])
    book.proved(AMOR, at(1))
    for (let port = 2; port < 30; port++) book.learn(AMOR, [at(port)])
    expect(book.of(AMOR)[0]).toBe(at(1))
    expect(book.of(AMOR)[1]).toBe(at(29))
    expect(book.of(AMOR)).toHaveLength(ADDRESSES + 1)
  })

  it.each([
    '',
    'amor.example:4001',
    '/ip4/192.0.2.1/udp/1',
    '/ip4/999.0.2.1/tcp/1',
    `/dns4/${'a'.repeat(260)}/tcp/1`,
  ])('drops %j', (address) => {
    const book = createAddressBook(() => true)
    book.learn(AMOR, [address])
    expect(book.of(AMOR)).toEqual([])
    expect(book.sites()).toEqual([])
  })

  it('makes room for members among names that do not exist, and never grows', () => {
    const book = createAddressBook((site) => site === AMOR || site === BRIO)
    book.learn(AMOR, [at(1)])
    for (let index = 0; index < BOOK_SITES + 10; index++)
      book.learn(parseSiteId(`s${index}.example`), [at(2)])
    book.learn(BRIO, [at(3)])
    expect(book.sites()).toHaveLength(BOOK_SITES)
    expect(book.of(AMOR)).toEqual([at(1)])
    expect(book.of(BRIO)).toEqual([at(3)])
  })

  it('takes nobody more when it is full of members', () => {
    const book = createAddressBook(() => true)
    for (let index = 0; index < BOOK_SITES; index++)
      book.learn(parseSiteId(`s${index}.example`), [at(2)])
    book.learn(AMOR, [at(1)])
    expect(book.of(AMOR)).toEqual([])
  })
})

describe('createSlots', () => {
  it('runs so many at once, in order, and refuses more than may wait', async () => {
    const slots = createSlots(1, 1)
    const first = await slots.take('a')
    const order: string[] = []
    const second = slots.take('a').then((free) => {
      order.push('second')
      return free
    })
    await expect(slots.take('a')).rejects.toMatchObject({ reason: 'busy' })
    const other = await slots.take('b')
    expect(order).toEqual([])
    first()
    first()
    ;(await second)()
    other()
    await slots.take('a')
    expect(order).toEqual(['second'])
  })
})

describe('createByteQueue', () => {
  it('gives the bytes in order, however they came and are taken', () => {
    const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }))
    fc.assert(
      fc.property(pieces, fc.array(fc.nat(30)), (chunks, counts) => {
        const queue = createByteQueue()
        for (const chunk of chunks) queue.push(chunk)
        const taken: number[] = []
        for (const count of [...counts, Infinity])
          taken.push(...queue.take(Math.min(count, queue.size())))
        expect(taken).toEqual(chunks.flatMap((chunk) => [...chunk]))
        expect(queue.size()).toBe(0)
      }),
    )
  })
})
