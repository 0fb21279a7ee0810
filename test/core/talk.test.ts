/** Messages between members of two sites: who may write to whom, how much, and that it comes once. */
import { describe, expect, it } from 'vitest'
import type { SendOutcome } from '../../node/core/talk/message.ts'
import { TALK_RATES } from '../../node/core/talk/limits.ts'
import { DEFAULT_TERMS } from '../../protocol/registry.ts'
import type { RecordId } from '../../protocol/ids.ts'
import type { TalkMessage } from '../../protocol/talk.ts'
import { aWebsite, textsOf } from './website.ts'
import { A, aMember, aWorld, B, C, put, type SiteMachine } from './world.ts'

const TALKING = { consent: { scopes: ['discovery', 'messaging'] as const } }
const talking = (id: string): unknown =>
  aMember(id, { consent: { scopes: [...TALKING.consent.scopes] } })

async function aPair(options: { scopes?: ('discovery' | 'messaging')[] } = {}) {
  const world = await aWorld()
  const websites = { a: aWebsite(), b: aWebsite() }
  const a = await world.addSite(A, { website: websites.a.ports })
  const b = await world.addSite(B, { website: websites.b.ports })
  const { scopes = ['discovery', 'messaging'] } = options
  const ann = await put(a, aMember('ann', { consent: { scopes } }))
  const bob = await put(b, talking('bob'))
  await world.tick(30)
  await world.tick(30)
  const send = (
    text: string,
    more: { id?: string; replyTo?: string } = {},
  ): Promise<SendOutcome> => {
    const { id, replyTo } = more
    return a.site.talk.messages.send({
      from: 'ann',
      to: { home: B, record: bob },
      ...(id !== undefined && { id }),
      content: { kind: 'text', text, ...(replyTo !== undefined && { replyTo }) },
    })
  }
  const back = (text: string): Promise<SendOutcome> =>
    b.site.talk.messages.send({
      from: 'bob',
      to: { home: A, record: ann },
      content: { kind: 'text', text },
    })
  return { world, a, b, ann, bob, send, back, websites }
}

const DELIVERED = { outcome: 'delivered' }
const refused = (reason: string) => ({ outcome: 'refused', reason })
const id = (n: number): string => n.toString(16).padStart(32, '0')

/** A message as a site that keeps to nothing sends it. */
const forged = (from: RecordId, to: RecordId, n: number, text = `text ${n}`): TalkMessage => ({
  kind: 'message',
  id: id(n),
  from,
  to,
  time: 1,
  content: { kind: 'text', text },
})

const blocksIn = async ({ database }: SiteMachine): Promise<number> =>
  (await database.db.selectFrom('blocks').selectAll().execute()).length

describe('a message', () => {
  it('goes both ways, with its id, time and what it answers', async () => {
    const { world, ann, bob, send, back, websites } = await aPair()
    const sent = await send('Guten Tag 👋', { replyTo: id(7) })
    expect(sent).toMatchObject(DELIVERED)
    expect(websites.b.taken).toEqual([
      {
        type: 'message',
        id: sent.id,
        from: { home: A, record: ann },
        to: bob,
        content: { kind: 'text', text: 'Guten Tag 👋', replyTo: id(7) },
        time: world.clock.now(),
      },
    ])
    expect(await back('Hello')).toMatchObject(DELIVERED)
    expect(textsOf(websites.a)).toEqual(['Hello'])
  })

  it('is told as typing and read without a text', async () => {
    const { a, bob, websites } = await aPair()
    for (const kind of ['typing', 'read'] as const) {
      const to = { home: B, record: bob }
      const sent = await a.site.talk.messages.send({ from: 'ann', to, content: { kind } })
      expect(sent).toMatchObject(DELIVERED)
    }
    expect(textsOf(websites.b)).toEqual(['typing', 'read'])
  })

  it('takes a text of 16 KiB and not one byte more, well-formed, and not empty', async () => {
    const { send, websites } = await aPair()
    expect(await send('é'.repeat(8192))).toMatchObject(DELIVERED)
    for (const text of [`${'é'.repeat(8192)}a`, ''])
      await expect(send(text)).rejects.toMatchObject({ code: 'out_of_range', path: '/text' })
    await expect(send('\ud800')).rejects.toMatchObject({ code: 'malformed', path: '/text' })
    expect(websites.b.taken).toHaveLength(1)
  })

  it('between members of one site is refused, as is one by nobody', async () => {
    const { a, ann } = await aPair()
    const content = { kind: 'text', text: 'x' } as const
    const { messages } = a.site.talk
    await expect(
      messages.send({ from: 'ann', to: { home: A, record: ann }, content }),
    ).rejects.toMatchObject({ code: 'out_of_range', path: '/to/home' })
    await expect(
      messages.send({ from: 'nobody', to: { home: B, record: ann }, content }),
    ).rejects.toMatchObject({ code: 'not_found', path: '/from' })
  })

  it('is delivered only when the website has acknowledged it', async () => {
    const { send, websites } = await aPair()
    const acknowledged = Promise.withResolvers<'taken'>()
    websites.b.answer = () => acknowledged.promise
    let outcome: string | null = null
    const sending = send('wait').then((sent) => {
      outcome = sent.outcome
      return sent
    })
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    expect(outcome).toBeNull()
    acknowledged.resolve('taken')
    expect(await sending).toMatchObject(DELIVERED)
  })

  it('is unreachable where the website or the site is away, and may be tried again', async () => {
    const { world, send, websites } = await aPair()
    websites.b.answer = async () => 'absent'
    const first = await send('once', { id: id(1) })
    expect(first).toEqual({ id: id(1), outcome: 'unreachable' })
    websites.b.answer = async () => 'taken'
    expect(await send('once', { id: id(1) })).toEqual({ id: id(1), ...DELIVERED })
    world.cut(A, B)
    expect(await send('twice')).toMatchObject({ outcome: 'unreachable' })
    await world.heal(A, B)
    expect(await send('twice')).toMatchObject(DELIVERED)
    expect(textsOf(websites.b)).toEqual(['once', 'twice'])
  })

  it('comes once under one id, also while the first is on its way', async () => {
    const { send, websites } = await aPair()
    const first = { id: id(1), ...DELIVERED }
    const both = await Promise.all([send('x', { id: id(1) }), send('x', { id: id(1) })])
    const again = await send('x', { id: id(1) })
    expect([...both, again]).toEqual([first, first, first])
    expect(textsOf(websites.b)).toEqual(['x'])
  })

  it('stays in order for a pair, however long the website takes for each', async () => {
    const { send, websites } = await aPair()
    let turn = 0
    websites.b.answer = async () => {
      turn += 1
      // The first takes longest.
      for (let wait = 10 - turn; wait > 0; wait -= 1)
        await new Promise((resolve) => {
          setImmediate(resolve)
        })
      return 'taken'
    }
    const texts = Array.from({ length: 9 }, (_, at) => `text ${at}`)
    const sent = await Promise.all(texts.map((text) => send(text)))
    expect(sent.every(({ outcome }) => outcome === 'delivered')).toBe(true)
    expect(textsOf(websites.b)).toEqual(texts)
  })

  it('needs the scope on both sides', async () => {
    const { a, b, ann, bob, back, send, websites } = await aPair({ scopes: ['discovery'] })
    expect(await send('x')).toMatchObject(refused('no-scope'))
    expect(await back('x')).toMatchObject(refused('no-scope'))
    // The receiver does not take the sender's word for it.
    expect(await b.site.talk.messages.take(A, forged(ann, bob, 1))).toEqual({
      kind: 'refused',
      reason: 'no-scope',
    })
    expect(await a.site.talk.messages.take(B, forged(bob, ann, 2))).toEqual({
      kind: 'refused',
      reason: 'no-scope',
    })
    expect([...websites.a.taken, ...websites.b.taken]).toEqual([])
  })

  it('cannot be sent in the name of a record of another site', async () => {
    const { world, b, ann, bob, websites } = await aPair()
    await world.addSite(C)
    await world.tick(30)
    const answer = await b.site.talk.messages.take(C, forged(ann, bob, 1))
    expect(answer).toEqual({ kind: 'refused', reason: 'not-visible' })
    expect(websites.b.taken).toEqual([])
  })

  it('needs a match both ways, a lease, and that both live', async () => {
    const { world, a, b, send, back, websites } = await aPair()
    await b.site.demands.put({ genders: ['man'] }, undefined)
    await world.tick(30)
    expect(await send('x')).toMatchObject(refused('not-visible'))
    expect(await back('x')).toMatchObject(refused('not-visible'))
    await b.site.demands.put({}, undefined)
    await world.tick(30)
    await world.tick(30)
    expect(await send('seen again')).toMatchObject(DELIVERED)
    world.clock.set(world.clock.now() + DEFAULT_TERMS.hideAfterSeconds)
    expect(await send('x')).toMatchObject(refused('not-visible'))
    await world.tick(30)
    expect(await send('fresh again')).toMatchObject(DELIVERED)
    await b.site.withdrawer.withdraw(['bob'], 'erased', '')
    expect(await send('x')).toMatchObject(refused('not-visible'))
    await expect(back('x')).rejects.toMatchObject({ code: 'not_found' })
    await a.site.withdrawer.withdraw(['ann'], 'erased', '')
    await expect(send('x')).rejects.toMatchObject({ code: 'not_found', path: '/from' })
    expect(textsOf(websites.b)).toEqual(['seen again', 'fresh again'])
  })

  it('is refused by the home at once when its member has withdrawn, heard of or not', async () => {
    const { world, b, send, websites } = await aPair()
    world.mute(B, true)
    await b.site.withdrawer.withdraw(['bob'], 'erased', '')
    expect(await send('x')).toMatchObject(refused('not-visible'))
    expect(websites.b.taken).toEqual([])
  })

  it('is not sent nor taken while a site may be behind its own log', async () => {
    const { a, b, ann, bob, send } = await aPair()
    b.site.node.writer.setWritable(false)
    expect(await send('x')).toMatchObject({ outcome: 'unreachable' })
    expect(await b.site.talk.messages.take(A, forged(ann, bob, 1))).toEqual({ kind: 'unreachable' })
    a.site.node.writer.setWritable(false)
    await expect(send('x')).rejects.toMatchObject({ code: 'not_ready' })
  })
})

describe('a block', () => {
  it('stops messages both ways until it is taken back', async () => {
    const { b, ann, bob, send, back, websites } = await aPair()
    await b.site.talk.blocks.put('bob', ann)
    expect(await send('x')).toMatchObject(refused('blocked'))
    expect(await back('x')).toMatchObject(refused('blocked'))
    const { blocksOf } = b.site.talk.blocks
    expect(await b.ports.store.read((tx) => blocksOf(tx, bob))).toEqual([ann])
    await b.site.talk.blocks.remove('bob', ann)
    expect(await send('free')).toMatchObject(DELIVERED)
    expect(textsOf(websites.b)).toEqual(['free'])
  })

  it('is for a live record of another site, by a member', async () => {
    const { b, bob, ann } = await aPair()
    const { blocks } = b.site.talk
    await expect(blocks.put('bob', bob)).rejects.toMatchObject({ path: '/record' })
    await expect(blocks.put('bob', id(1) as RecordId)).rejects.toMatchObject({ path: '/record' })
    await expect(blocks.put('nobody', ann)).rejects.toMatchObject({ path: '/id' })
  })

  it('dies with the record of either', async () => {
    const { world, a, b, ann } = await aPair()
    await b.site.talk.blocks.put('bob', ann)
    await b.site.withdrawer.withdraw(['bob'], 'erased', '')
    expect(await blocksIn(b)).toBe(0)
    await put(b, aMember('bea', { consent: { givenAt: world.clock.now() } }))
    await b.site.talk.blocks.put('bea', ann)
    await a.site.withdrawer.withdraw(['ann'], 'erased', '')
    await world.tick(3600)
    expect(await blocksIn(b)).toBe(0)
  })
})

describe('limits', () => {
  const { pair, member, sameTextByMember } = TALK_RATES

  it('hold for a pair, and give back with time', async () => {
    const { world, send, websites } = await aPair()
    for (let n = 0; n < pair.burst; n += 1) expect(await send(`text ${n}`)).toMatchObject(DELIVERED)
    expect(await send('x')).toMatchObject(refused('rate'))
    await world.tick(Math.ceil(1 / pair.perSecond))
    expect(await send('later')).toMatchObject(DELIVERED)
    expect(websites.b.taken).toHaveLength(pair.burst + 1)
  })

  it('hold for one member who writes to many', async () => {
    const { world, a, b } = await aPair()
    const others: RecordId[] = []
    for (let n = 0; n < 4; n += 1)
      others.push(await put(b, talking(`other ${n}`.replace(' ', '-'))))
    await world.tick(30)
    await world.tick(30)
    const outcomes: SendOutcome[] = []
    for (let n = 0; n < member.burst + 1; n += 1)
      outcomes.push(
        await a.site.talk.messages.send({
          from: 'ann',
          to: { home: B, record: others[n % 4] ?? ('' as RecordId) },
          content: { kind: 'text', text: `text ${n}` },
        }),
      )
    expect(outcomes.filter(({ outcome }) => outcome === 'delivered')).toHaveLength(member.burst)
    expect(outcomes.at(-1)).toMatchObject(refused('rate'))
  })

  it('hold back one text to many, and tell the home once', async () => {
    const { world, a, b, ann, websites } = await aPair()
    const others: RecordId[] = []
    for (let n = 0; n < sameTextByMember + 3; n += 1) others.push(await put(b, talking(`o${n}`)))
    await world.tick(30)
    await world.tick(30)
    const to = async (record: RecordId, text: string) =>
      a.site.talk.messages.send({
        from: 'ann',
        to: { home: B, record },
        content: { kind: 'text', text },
      })
    const held: SendOutcome[] = []
    for (const [at, record] of others.entries())
      // Digits, signs and case are what senders vary.
      held.push(await to(record, at % 2 === 0 ? `Send me MONEY ${at}!` : 'send me... money'))
    expect(held.map(({ outcome }) => outcome)).toEqual([
      ...Array(sameTextByMember).fill('delivered'),
      ...Array(3).fill('refused'),
    ])
    expect(held.at(-1)).toMatchObject(refused('held'))
    expect(websites.a.notices).toEqual([
      { type: 'messages.held', record: ann, recipients: sameTextByMember + 1 },
    ])
    // Who had it already may have it again, and another text is another text.
    expect(await to(others[0] ?? ann, 'send me money')).toMatchObject(DELIVERED)
    expect(await to(others.at(-1) ?? ann, 'How are you?')).toMatchObject(DELIVERED)
  })

  it('are kept by the receiver against a site that keeps to none', async () => {
    const { b, ann, bob } = await aPair()
    const { messages } = b.site.talk
    const answers: string[] = []
    for (let n = 0; n < 3 * pair.burst; n += 1)
      answers.push((await messages.take(A, forged(ann, bob, n))).kind)
    expect(answers.filter((kind) => kind === 'delivered')).toHaveLength(2 * pair.burst)
  })

  it('take a flood for what no honest node sends', async () => {
    const { b, ann, bob } = await aPair()
    const { messages } = b.site.talk
    const flood = async (): Promise<void> => {
      for (let n = 0; n < 4 * TALK_RATES.site.burst; n += 1)
        await messages.take(A, forged(bob, ann, n))
    }
    await expect(flood()).rejects.toMatchObject({ name: 'ProtocolError' })
  })
})
