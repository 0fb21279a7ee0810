/** Chat and presence between a module and the Network: real cores, a module that the test plays. */
import { describe, expect, it } from 'vitest'
import { WAIT_SECONDS } from '../../../node/core/bridge/module-talk.ts'
import { MESSAGE_BYTES } from '../../../protocol/limits.ts'
import { textsOf } from '../website.ts'
import { aMember, B, put } from '../world.ts'
import { aTalk, BOB } from './fixture.ts'

const DELIVERED = { outcome: 'delivered' }
const UNREACHABLE = { outcome: 'unreachable' }

describe('what the module says', () => {
  it('reaches the other member as it was written', async () => {
    const { world, connect, annId, website, talk } = await aTalk()
    const line = connect()
    line.say('im.message', {
      id_user: BOB,
      id_contact: annId,
      text: 'O&#39;Neil &amp;lt; 中&#10;&lt;3',
    })
    line.say('im.message', { id_user: String(BOB), id_contact: String(annId), text: 'second' })
    await world.quiet()
    expect(textsOf(website)).toEqual(["O'Neil &lt; 中\n<3", 'second'])
    expect(Object.values(talk.dropped()).every((count) => count === 0)).toBe(true)
  })

  it('is left out where either is nobody that it may name, and is counted', async () => {
    const { world, connect, annId, website, talk } = await aTalk()
    const line = connect()
    line.say('im.message', { id_user: annId, id_contact: BOB, text: 'in the name of another site' })
    line.say('im.message', { id_user: BOB, id_contact: 7, text: 'to nobody' })
    line.say('im.message', { id_user: BOB, id_contact: BOB, text: 'to herself' })
    line.say('im.message', { id_user: 0, id_contact: annId, text: 'by user 0' })
    line.say('im.message', { id_user: BOB, id_contact: annId, text: '' })
    line.say('im.message', {
      id_user: BOB,
      id_contact: annId,
      text: 'é'.repeat(MESSAGE_BYTES / 2 + 1),
    })
    line.say('mail', { id_user: BOB, id_to: annId })
    line.say('active', { id_user: 7 })
    await world.quiet()
    expect(website.taken).toEqual([])
    expect(talk.dropped()).toMatchObject({ 'unknown-id': 4, malformed: 3, 'too-long': 1 })
  })

  it('counts what the other site did not take', async () => {
    const { world, connect, annId, website, talk } = await aTalk()
    website.answer = async () => 'absent'
    connect().say('im.message', { id_user: BOB, id_contact: annId, text: 'x' })
    await world.quiet()
    expect(talk.dropped()).toMatchObject({ undelivered: 1 })
  })

  it('of a flood is left out what is too much at once', async () => {
    const { world, connect, annId, talk } = await aTalk()
    const line = connect()
    for (let n = 0; n < 2000; n += 1) line.say('active', { id_user: annId })
    await world.quiet()
    await world.quiet()
    expect(talk.dropped().busy).toBeGreaterThan(1000)
  })
})

describe('presence', () => {
  it('by the module holds until it says otherwise, or for eleven minutes', async () => {
    const { world, connect, talk, state } = await aTalk()
    const line = connect()
    const pass = async (seconds: number): Promise<void> => {
      for (let at = 0; at < seconds; at += 60) {
        await world.tick(60)
        await talk.tick()
      }
    }
    line.say('active', { id_user: BOB })
    await world.quiet()
    expect(await state()).toBe('online')
    await pass(600)
    expect(await state()).toBe('online')
    await pass(180)
    expect(await state()).toBe('offline')
    line.say('active', { id_user: BOB })
    await world.quiet()
    line.say('inactive', { id_user: BOB })
    await world.quiet()
    expect(await state()).toBe('offline')
  })

  it('of a record that the module has is told, and told again before it forgets', async () => {
    const { world, a, connect, talk, sent, annId } = await aTalk()
    connect()
    await a.site.talk.presence.set([{ id: 'ann', state: 'online' }])
    await world.tick(1)
    expect(sent).toEqual([['active', { id_user: annId }]])
    const keepOnline = async (seconds: number): Promise<void> => {
      for (let at = 0; at < seconds; at += 60) {
        await a.site.talk.presence.set([{ id: 'ann', state: 'online' }])
        await world.tick(60)
        await talk.tick()
      }
    }
    await talk.tick()
    sent.length = 0
    await keepOnline(480)
    expect(sent).toEqual([['active', { id_user: annId }]])
    sent.length = 0
    await a.site.talk.presence.set([{ id: 'ann', state: 'offline' }])
    await world.tick(1)
    expect(sent).toEqual([['inactive', { id_user: annId }]])
  })

  it('is told whole to a module that has come back', async () => {
    const { world, a, connect, talk, sent, annId } = await aTalk()
    await a.site.talk.presence.set([{ id: 'ann', state: 'online' }])
    await world.tick(1)
    connect()
    await talk.tick()
    expect(sent).toEqual([['active', { id_user: annId }]])
  })

  it('of a record that the module has not is not told', async () => {
    const { world, a, deliveries, connect, sent, annId } = await aTalk()
    connect()
    await deliveries.removed([annId])
    await a.site.talk.presence.set([{ id: 'ann', state: 'online' }])
    await world.tick(1)
    expect(sent).toEqual([])
  })
})

describe('what is said to the module', () => {
  it('is quoted, and delivered when it is written', async () => {
    const { connect, write, sent, annId } = await aTalk()
    connect()
    expect(await write('<b>"O\'Neil"\n👋')).toMatchObject(DELIVERED)
    const text = '&lt;b&gt;&quot;O&#39;Neil&quot;&#10;&#128075;'
    expect(sent).toEqual([['im.message', { id_user: annId, id_contact: BOB, text }]])
  })

  it('is never from or to a number that the module does not have', async () => {
    const { world, b, deliveries, connect, write, sent, annId, talk } = await aTalk()
    connect()
    const consent = { scopes: ['discovery', 'messaging'] as const, givenAt: world.clock.now() }
    const other = await put(
      b,
      aMember('13', {
        consent: { ...consent, scopes: [...consent.scopes] },
        profile: { gender: 'man', seeks: ['any'] },
      }),
    )
    await world.pass(60)
    expect(await write('to a member of the API', other)).toMatchObject(UNREACHABLE)
    await deliveries.removed([annId])
    expect(await write('by somebody removed')).toMatchObject(UNREACHABLE)
    expect(sent).toEqual([])
    expect(talk.dropped()).toMatchObject({ 'unknown-id': 2 })
  })

  it('waits some seconds for a module that comes back, in order', async () => {
    const { world, connect, write, sent } = await aTalk()
    connect().close()
    const sending = Promise.all([write('one'), write('two')])
    await world.quiet()
    await world.tick(5)
    connect()
    expect(await sending).toMatchObject([DELIVERED, DELIVERED])
    expect(sent.map(([, { text }]) => text)).toEqual(['one', 'two'])
  })

  it('is not delivered where the module stays away', async () => {
    const { world, connect, write, sent, talk } = await aTalk()
    expect(await write('before it ever came')).toMatchObject(UNREACHABLE)
    connect().close()
    const sending = write('lost')
    await world.quiet()
    await world.tick(WAIT_SECONDS)
    expect(await sending).toMatchObject(UNREACHABLE)
    await world.tick(60)
    expect(await write('at once')).toMatchObject(UNREACHABLE)
    connect().saved()
    expect(sent).toEqual([])
    expect(talk.dropped()).toMatchObject({ away: 2 })
  })

  it('waits where it cannot be written, and goes out when the module asks', async () => {
    const { world, connect, write, sent, module } = await aTalk()
    const line = connect()
    module.isFull = true
    const sending = write('held up')
    await world.quiet()
    module.isFull = false
    line.saved()
    expect(await sending).toMatchObject(DELIVERED)
    expect(sent).toHaveLength(1)
  })

  it('that is longer than its frame is not delivered', async () => {
    const { connect, write, sent, talk } = await aTalk()
    connect()
    expect(await write('&'.repeat(MESSAGE_BYTES))).toMatchObject(UNREACHABLE)
    expect(sent).toEqual([])
    expect(talk.dropped()).toMatchObject({ 'too-long': 1 })
  })

  it('as typing or read has no words, and is no text lost', async () => {
    const { a, bob, connect, sent } = await aTalk()
    connect()
    for (const kind of ['typing', 'read'] as const) {
      const to = { home: B, record: bob }
      const outcome = await a.site.talk.messages.send({ from: 'ann', to, content: { kind } })
      expect(outcome).toMatchObject(DELIVERED)
    }
    expect(sent).toEqual([])
  })

  it('goes to the newest of two connections, and the older one says nothing more', async () => {
    const { world, connect, write, sent, annId, talk, website } = await aTalk()
    const older = connect()
    const newer = connect()
    older.say('im.message', { id_user: BOB, id_contact: annId, text: 'late' })
    older.close()
    await world.quiet()
    expect(website.taken).toEqual([])
    expect(talk.isConnected()).toBe(true)
    expect(await write('x')).toMatchObject(DELIVERED)
    expect(sent).toHaveLength(1)
    newer.close()
    expect(talk.isConnected()).toBe(false)
  })
})
