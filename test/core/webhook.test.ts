/** Webhooks of a real core: the clock is the test's, and so is what answers in the website's place. */
import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { Webhook } from 'standardwebhooks'
import type { OutboundAnswer, OutboundRequest } from '../../node/core/ports.ts'
import { createWebhooks, type Webhooks } from '../../node/core/webhook/delivery.ts'
import { isoTime, signCall } from '../../node/core/webhook/signature.ts'
import type { MessageEvent } from '../../node/core/website.ts'
import { systemCrypto, systemRandom } from '../../node/roles/system.ts'
import { recordIdOf } from '../../protocol/ids.ts'
import { A, aWorld, B, type SiteMachine, type World } from './world.ts'

const DAY = 86_400
const URL = 'https://amor.example/hook'
const OK: OutboundAnswer = { kind: 'answered', status: 200 }
const ERROR: OutboundAnswer = { kind: 'answered', status: 500 }

interface Website {
  /** What it answers from now on. */
  answer: (request: OutboundRequest) => OutboundAnswer | Promise<OutboundAnswer>
  calls: (OutboundRequest & { at: number; json: { type: string; data: Record<string, unknown> } })[]
}
const typesOf = ({ calls }: Website): string[] => calls.map(({ json }) => json.type)

const aRecord = () => recordIdOf(systemRandom.bytes(16))

async function aSite() {
  const world = await aWorld()
  const machine = await world.addSite(A)
  const website: Website = { answer: () => OK, calls: [] }
  const { webhooks } = start(world, machine, website)
  return { world, machine, website, webhooks }
}

function start(world: World, machine: SiteMachine, website: Website) {
  const webhooks: Webhooks = createWebhooks({
    ...machine.ports,
    feed: machine.site.feed,
    hub: machine.site.hub,
    tasks: machine.site.node.tasks,
    key: machine.keys.webhook,
    outbound: {
      post: async (request) => {
        const json = JSON.parse(request.body) as Website['calls'][number]['json']
        website.calls.push({ ...request, at: world.clock.now(), json })
        return website.answer(request)
      },
    },
  })
  const started = webhooks.start()
  onTestFinished(async () => {
    await started
    webhooks.stop()
  })
  return { webhooks, started }
}

async function happen({ site }: SiteMachine, count = 1): Promise<void> {
  for (let one = 0; one < count; one += 1)
    await site.feed.store.write((tx) =>
      site.feed.add(tx, [{ type: 'record.appeared', home: B, record: aRecord() }]),
    )
}
const aMessage = (id: string): MessageEvent => ({
  type: 'message',
  id,
  from: { home: B, record: aRecord() },
  to: aRecord(),
  content: { kind: 'text', text: 'Good morning' },
  time: 1_800_000_000,
})

afterEach(() => void vi.useRealTimers())

describe('signCall', () => {
  it('signs as the specification does in its example', () => {
    // The known answer of the specification's reference libraries.
    const request = signCall(
      { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', type: 'test', time: 0, data: {} },
      {
        url: URL,
        secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
        now: 1_614_265_330,
        crypto: systemCrypto,
      },
    )
    const verifier = new Webhook('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
    const signature = verifier.sign(
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      new Date(1_614_265_330_000),
      request.body,
    )
    expect(request.headers['webhook-signature']).toBe(signature)
    expect(
      verifier.sign(
        'msg_p5jXN8AQM9LWM0D4loKWxJek',
        new Date(1_614_265_330_000),
        '{"test": 2432232314}',
      ),
    ).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })

  it.each([0, 1, 86_399, 951_782_400, 1_614_265_330, 4_102_444_799])(
    'writes %d as ISO 8601',
    (time) => {
      expect(isoTime(time)).toBe(new Date(time * 1000).toISOString().replace('.000Z', 'Z'))
    },
  )
})

describe('createWebhooks', () => {
  it('calls with what the website can verify, in order', async () => {
    const { world, machine, website, webhooks } = await aSite()
    const { endpoint, secret } = await webhooks.add(URL, [])
    await happen(machine, 3)
    await world.tick()
    expect(website.calls).toHaveLength(3)
    vi.setSystemTime(world.clock.now() * 1000)
    const verifier = new Webhook(secret)
    for (const { headers, body } of website.calls)
      expect(verifier.verify(body, headers)).toMatchObject({ type: 'record.appeared' })
    expect(() =>
      verifier.verify(`${website.calls[0]?.body} `, website.calls[0]?.headers ?? {}),
    ).toThrow('No matching signature found')
    const ids = website.calls.map(({ headers }) => headers['webhook-id'])
    expect(new Set(ids).size).toBe(3)
    expect(await webhooks.list()).toMatchObject([
      { id: endpoint.id, failures: 0, lastSuccessAt: world.clock.now(), disabledAt: null },
    ])
  })

  it('sends only the types that were asked for, and nothing from before', async () => {
    const { world, machine, website, webhooks } = await aSite()
    await happen(machine)
    await webhooks.add(URL, ['home.shown', 'record.vanished'])
    const { feed } = machine.site
    await feed.store.write((tx) =>
      feed.add(tx, [
        { type: 'record.appeared', home: B, record: aRecord() },
        { type: 'home.shown', home: B },
        { type: 'record.changed', home: B, record: aRecord() },
      ]),
    )
    await world.tick()
    expect(typesOf(website)).toEqual(['home.shown'])
    expect(await machine.site.hub.deliver(aMessage('m'))).toBe('absent')
  })

  it('tries again, slower each time, and goes on in order', async () => {
    const { world, machine, website, webhooks } = await aSite()
    await webhooks.add(URL, [])
    website.answer = () => ERROR
    await happen(machine, 2)
    const begun = world.clock.now()
    for (let second = 0; second < 800; second += 1) {
      world.clock.set(world.clock.now() + 1)
      await world.tick(0)
    }
    const first = website.calls[0]
    expect(
      website.calls.map(({ at }) => at - begun - (first === undefined ? 0 : first.at - begun)),
    ).toEqual([0, 5, 35, 155, 755])
    expect(new Set(website.calls.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(new Set(website.calls.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(5)
    expect(await webhooks.list()).toMatchObject([{ failures: 5, lastFailure: 'status-500' }])
    website.answer = () => OK
    await world.tick(1800)
    await world.tick()
    expect(typesOf(website)).toHaveLength(7)
    expect(await webhooks.list()).toMatchObject([{ failures: 0, failingSince: null }])
  })

  it('is disabled after five days of failure, and tried again when it is set anew', async () => {
    const { world, machine, website, webhooks } = await aSite()
    const { endpoint } = await webhooks.add(URL, [])
    website.answer = () => ({ kind: 'failed', reason: 'unreachable' })
    await happen(machine)
    await world.tick()
    for (let hour = 0; hour < 4 * 24; hour += 1) await world.tick(3600)
    expect(await webhooks.list()).toMatchObject([{ disabledAt: null }])
    for (let hour = 0; hour < 28; hour += 1) await world.tick(3600)
    const [row] = await webhooks.list()
    expect(row?.disabledAt).toBeGreaterThanOrEqual((row?.failingSince ?? 0) + 5 * DAY)
    expect(world.events).toContainEqual({
      type: 'webhook.disabled',
      webhook: endpoint.id,
      reason: 'unreachable',
    })
    const calls = website.calls.length
    await world.tick(DAY)
    expect(website.calls).toHaveLength(calls)
    website.answer = () => OK
    await webhooks.change(endpoint.id, `${URL}/new`, [])
    await world.tick()
    expect(website.calls.slice(calls)).toMatchObject([{ url: `${URL}/new` }])
    expect(await webhooks.list()).toMatchObject([{ disabledAt: null, failures: 0 }])
  })

  it('is disabled at once by the answer 410', async () => {
    const { world, machine, website, webhooks } = await aSite()
    await webhooks.add(URL, [])
    website.answer = () => ({ kind: 'answered', status: 410 })
    await happen(machine)
    await world.tick()
    expect(await webhooks.list()).toMatchObject([{ disabledAt: world.clock.now() }])
  })

  it('goes on after a restart where it stopped, once for each event', async () => {
    const { world, machine, website, webhooks } = await aSite()
    await webhooks.add(URL, [])
    await happen(machine, 2)
    await world.tick()
    website.answer = () => ERROR
    await happen(machine, 2)
    await world.tick()
    webhooks.stop()
    await world.restart(machine)
    website.answer = () => OK
    await start(world, machine, website).started
    await world.tick(5)
    await world.tick()
    const ids = website.calls.map(({ headers }) => headers['webhook-id'])
    expect(ids).toHaveLength(5)
    // The one that failed comes again under its id.
    expect(new Set(ids).size).toBe(4)
    expect(ids[2]).toBe(ids[3])
  })

  it('tells of a gap to who has been away for longer than events are kept', async () => {
    const { world, machine, website, webhooks } = await aSite()
    await webhooks.add(URL, [])
    website.answer = () => ERROR
    await happen(machine, 3)
    await world.tick()
    await machine.site.feed.store.write((tx) => tx.feed.purge(0, 1))
    website.answer = () => OK
    await happen(machine)
    await world.tick(5)
    await world.tick()
    expect(typesOf(website)).toEqual(['record.appeared', 'gap'])
    await happen(machine)
    await world.tick()
    expect(typesOf(website)).toEqual(['record.appeared', 'gap', 'record.appeared'])
  })

  it('hands over a message, which the answer acknowledges, and does not try again', async () => {
    const { machine, website, webhooks, world } = await aSite()
    await webhooks.add(URL, ['message'])
    await world.tick()
    expect(await machine.site.hub.deliver(aMessage('a1'))).toBe('taken')
    expect(website.calls).toMatchObject([
      {
        headers: { 'webhook-id': 'msg_a1' },
        json: { data: { content: { text: 'Good morning' } } },
      },
    ])
    website.answer = () => ERROR
    expect(await machine.site.hub.deliver(aMessage('a2'))).toBe('absent')
    await world.tick(3600)
    expect(website.calls).toHaveLength(2)
    // A website that takes its time is absent after ten seconds.
    website.answer = () => new Promise(() => undefined)
    const slow = machine.site.hub.deliver(aMessage('a3'))
    await setImmediate()
    await world.tick(11)
    expect(await slow).toBe('absent')
  })

  it('keeps no message, sealed secret or presence in clear on the disk', async () => {
    const { machine, webhooks, website, world } = await aSite()
    const { secret } = await webhooks.add(URL, [])
    await world.tick()
    await machine.site.hub.deliver(aMessage('b1'))
    machine.site.hub.show({
      type: 'presence',
      who: { home: B, record: aRecord() },
      state: 'online',
    })
    await world.tick()
    expect(typesOf(website)).toEqual(['message', 'presence'])
    const bytes = Buffer.from(machine.database.serialize())
    for (const text of ['Good morning', 'online', secret, secret.slice(6)])
      expect(bytes.includes(text)).toBe(false)
    expect(bytes.includes(Buffer.from(secret.slice(6), 'base64'))).toBe(false)
    expect(JSON.stringify(world.events)).not.toMatch(/Good morning|online/)
  })

  it('refuses addresses and types that are none, and too many', async () => {
    const { webhooks } = await aSite()
    for (const url of [
      '',
      'ftp://a.example/',
      'https://',
      'https://u:p@a.example/',
      `https://a/${'x'.repeat(2048)}`,
    ])
      await expect(webhooks.add(url, [])).rejects.toMatchObject({ path: '/url' })
    await expect(webhooks.add(URL, ['record.*'])).rejects.toMatchObject({ path: '/types/0' })
    await expect(webhooks.remove('0')).rejects.toMatchObject({ code: 'not_found' })
    await expect(webhooks.change('0', URL, [])).rejects.toMatchObject({ code: 'not_found' })
    await expect(webhooks.test('0')).rejects.toMatchObject({ code: 'not_found' })
    for (let n = 0; n < 16; n += 1) await webhooks.add(URL, [])
    await expect(webhooks.add(URL, [])).rejects.toMatchObject({ code: 'conflict' })
  })
})
