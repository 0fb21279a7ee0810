/**
 * What a member that breaks the protocol achieves. Method: bare libp2p nodes under an admitted key
 * write raw bytes, or serve them to us.
 */
import { afterEach, describe, expect, it } from 'vitest'
import type { Connection, Stream } from '@libp2p/interface'
import type { NetworkHandlers } from '../../node/core/ports.ts'
import { REPORT_BYTES, SERVED } from '../../node/network/bounds.ts'
import { frame } from '../../node/network/frames.ts'
import type { HostOptions } from '../../node/network/host.ts'
import { parseSiteId } from '../../protocol/ids.ts'
import {
  BODIES_PROTOCOL,
  bodiesReplyCodec,
  bodiesRequestCodec,
  REPORT_PROTOCOL,
  SYNC_PROTOCOL,
  syncReplyCodec,
  type BodiesReply,
  type SyncReply,
} from '../../protocol/wire.ts'
import {
  aBareNode,
  aHost,
  all,
  meet,
  members,
  reach,
  until,
  type Members,
  type TestHost,
} from './hosts.ts'

const AMOR = parseSiteId('amor.example')
const BRIO = parseSiteId('brio.example')
const CARO = parseSiteId('caro.example')

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function start(
  site: typeof AMOR,
  registry: Members,
  handlers: Partial<NetworkHandlers> = {},
  options: Partial<HostOptions> = {},
): Promise<TestHost> {
  const made = await aHost(site, registry, handlers, options)
  cleanups.push(made.host.stop)
  return made
}

async function bare(site: typeof AMOR): ReturnType<typeof aBareNode> {
  const node = await aBareNode(site)
  cleanups.push(async () => node.stop())
  return node
}

async function ended(stream: Stream): Promise<string> {
  await until(() => stream.status !== 'open', 'the stream ended')
  return stream.status
}

/** A bare brio, connected to amor. */
async function attack(
  handlers: Partial<NetworkHandlers> = {},
  options: Partial<HostOptions> = {},
): Promise<{ amor: TestHost; connection: Connection; registry: Members }> {
  const registry = await members(AMOR, BRIO, CARO)
  const amor = await start(AMOR, registry, handlers, options)
  const connection = await reach(await bare(BRIO), amor)
  return { amor, connection, registry }
}

const BOMB = new Uint8Array([0xff, 0xff, 0xff, 0xff])

describe('a request', () => {
  it('that claims 4 GiB is refused without allocating', async () => {
    const { amor, connection } = await attack()
    const before = process.memoryUsage().arrayBuffers
    const stream = await connection.newStream(REPORT_PROTOCOL)
    stream.send(BOMB)
    expect(await ended(stream)).toBe('reset')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024)
    expect(amor.events).toContainEqual({
      type: 'peer.failed',
      site: BRIO,
      action: `serve ${REPORT_PROTOCOL}`,
      reason: 'too_large',
    })
  })

  it('one byte over its bound is refused', async () => {
    const { connection } = await attack()
    const stream = await connection.newStream(REPORT_PROTOCOL)
    const header = new Uint8Array(4)
    new DataView(header.buffer).setUint32(0, REPORT_BYTES + 1)
    stream.send(header)
    expect(await ended(stream)).toBe('reset')
  })

  it('that is malformed again and again gets its sender cut off', async () => {
    const { amor, connection } = await attack()
    for (let attempt = 0; attempt < 3; attempt++) {
      const stream = await connection.newStream(BODIES_PROTOCOL)
      stream.send(frame(new Uint8Array([0xff])))
      expect(await ended(stream)).not.toBe('open')
    }
    await until(() => connection.status !== 'open', 'cut off')
    expect(amor.host.connected()).toEqual([])
  })

  it('that is truncated ends the stream, and is no strike', async () => {
    const { amor, connection } = await attack()
    for (let attempt = 0; attempt < 5; attempt++) {
      const stream = await connection.newStream(BODIES_PROTOCOL)
      stream.send(frame(new Uint8Array(100)).subarray(0, 50))
      await stream.close()
      expect(await ended(stream)).toBe('reset')
    }
    expect(connection.status).toBe('open')
    expect(amor.events.map((event) => 'reason' in event && event.reason)).toEqual(
      Array.from({ length: 5 }, () => 'truncated'),
    )
  })

  it('of one byte now and then meets the deadline of the frame', async () => {
    const { amor, connection } = await attack({}, { deadlines: { idleMillis: 300 } })
    const stream = await connection.newStream(BODIES_PROTOCOL)
    const bytes = frame(new Uint8Array(200))
    let sent = 0
    const drip = setInterval(() => {
      if (stream.status === 'open') stream.send(bytes.subarray(sent, ++sent))
    }, 20)
    expect(await ended(stream)).toBe('reset')
    clearInterval(drip)
    expect(sent).toBeLessThan(60)
    expect(amor.events).toContainEqual(expect.objectContaining({ reason: 'timeout' }))
  })

  it('whose answer is not read meets the deadline', async () => {
    let returned = false
    const { amor, connection } = await attack(
      {
        async *bodies(_from, { indexes }) {
          try {
            for (const index of indexes)
              yield { answers: [{ kind: 'body', index, body: new Uint8Array(32 * 1024) }] }
          } finally {
            returned = true
          }
        },
      },
      { deadlines: { idleMillis: 300 } },
    )
    const stream = await connection.newStream(BODIES_PROTOCOL)
    stream.pause()
    const indexes = Array.from({ length: 512 }, (_, index) => index)
    stream.send(
      frame(bodiesRequestCodec.encode({ home: AMOR, indexes, requirements: 0, registry: 0 })),
    )
    await until(() => returned, 'the handler was told')
    await until(() => amor.events.length > 0, 'told')
    expect(amor.events).toContainEqual(expect.objectContaining({ reason: 'timeout' }))
  })

  it('beyond the bound of streams is refused, and honest ones still pass', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    let served = 0
    const { amor, connection, registry } = await attack({
      async *bodies(from, { indexes }) {
        if (from === BRIO) {
          served += 1
          await gate
        }
        yield { answers: indexes.map((index) => ({ kind: 'gone', index })) }
      },
    })
    const request = frame(
      bodiesRequestCodec.encode({ home: AMOR, indexes: [1], requirements: 0, registry: 0 }),
    )
    const streams: Stream[] = []
    for (let index = 0; index < 3 * SERVED; index++) {
      try {
        const stream = await connection.newStream(BODIES_PROTOCOL, { maxOutboundStreams: 100 })
        streams.push(stream)
        stream.send(request)
      } catch {
        // Refused while it was opened.
      }
    }
    await until(() => served === SERVED, 'the bound is reached')
    const caro = await start(CARO, registry)
    await meet(caro, amor)
    expect(
      await all(caro.host.bodies(AMOR, { home: AMOR, indexes: [1], requirements: 0, registry: 0 })),
    ).toHaveLength(1)
    expect(served).toBe(SERVED)
    expect(streams.filter(({ status }) => status === 'open').length).toBeLessThanOrEqual(SERVED)
    open()
    for (const stream of streams) await stream.close().catch(() => undefined)
    await until(
      () => connection.streams.every(({ protocol }) => protocol !== BODIES_PROTOCOL),
      'over',
    )
    const late = await connection.newStream(BODIES_PROTOCOL)
    late.send(request)
    await late.close()
    await until(() => served === SERVED + 1, 'served again')
  })

  it('that is not known ends without a word', async () => {
    const { connection } = await attack()
    await expect(connection.newStream('/dpn/other/1')).rejects.toThrow('could not negotiate')
  })

  it('of a site that was just removed is not answered', async () => {
    let asked = 0
    const { connection, registry } = await attack({
      report: async () => {
        asked += 1
        return { kind: 'taken' }
      },
    })
    registry.expel(BRIO)
    const stream = await connection.newStream(REPORT_PROTOCOL).catch(() => null)
    await until(() => stream?.status !== 'open', 'refused')
    expect(asked).toBe(0)
  })
})

function bodies(reply: BodiesReply): Uint8Array {
  return frame(bodiesReplyCodec.encode(reply))
}

function sync(reply: SyncReply): Uint8Array {
  return frame(syncReplyCodec.encode(reply))
}

describe('a server', () => {
  /** Amor asks a bare brio that answers each bodies or sync request with these bytes. */
  async function answering(
    bytes: Uint8Array[],
    { close = true, options = {} }: { close?: boolean; options?: Partial<HostOptions> } = {},
  ): Promise<TestHost> {
    const registry = await members(AMOR, BRIO)
    const node = await bare(BRIO)
    for (const protocol of [BODIES_PROTOCOL, SYNC_PROTOCOL])
      await node.handle(protocol, async (stream) => {
        for (const part of bytes) stream.send(part)
        if (close) await stream.close()
      })
    const amor = await start(AMOR, registry, {}, options)
    await reach(node, amor)
    await until(() => amor.host.connected().includes(BRIO), 'connected')
    return amor
  }
  const ask = { home: BRIO, indexes: [1, 2], requirements: 0, registry: 0 }

  it.each([
    ['claims 4 GiB', [BOMB], 'too_large'],
    ['sends no CBOR', [frame(new Uint8Array([0xff]))], undefined],
    ['leaves an index out', [bodies({ answers: [{ kind: 'gone', index: 1 }] })], 'malformed'],
    [
      'answers what was not asked',
      [bodies({ answers: [{ kind: 'gone', index: 3 }] })],
      'malformed',
    ],
    ['answers nothing', [bodies({ answers: [] })], 'malformed'],
    [
      'answers twice',
      [1, 2, 2].map((index) => bodies({ answers: [{ kind: 'gone', index }] })),
      'malformed',
    ],
  ])('that %s is refused', async (_name, bytes, code) => {
    const amor = await answering(bytes)
    await expect(all(amor.host.bodies(BRIO, ask))).rejects.toMatchObject({
      name: 'ProtocolError',
      ...(code === undefined ? {} : { code }),
    })
  })

  it.each([
    ['no reply', []],
    ['entries without a checkpoint', [sync({ kind: 'entries', from: 0, entries: [], proof: [] })]],
    ['heads', [sync({ kind: 'heads', heads: [], peers: [] })]],
    [
      'a gap',
      [
        sync({ kind: 'checkpoint', note: '' }),
        sync({ kind: 'entries', from: 1, entries: [new Uint8Array(1)], proof: [] }),
      ],
    ],
    ['two answers', [sync({ kind: 'unknown' }), sync({ kind: 'unknown' })]],
  ])('that answers a question for entries with %s is refused', async (_name, bytes) => {
    const amor = await answering(bytes)
    const asked = amor.host.sync(BRIO, { kind: 'entries', log: BRIO, from: 0 })
    await expect(all(asked)).rejects.toMatchObject({ code: 'malformed' })
  })

  it('that ends in the middle of a frame is a fault', async () => {
    const reply = bodies({ answers: [{ kind: 'gone', index: 1 }] })
    const amor = await answering([reply, reply.subarray(0, -1)])
    await expect(all(amor.host.bodies(BRIO, ask))).rejects.toMatchObject({ reason: 'truncated' })
  })

  it('that says nothing meets the deadline', async () => {
    const options = { deadlines: { idleMillis: 300 } }
    const amor = await answering([], { close: false, options })
    await expect(all(amor.host.bodies(BRIO, ask))).rejects.toMatchObject({ reason: 'timeout' })
  })

  it('that sends a frame now and then meets the deadline of the stream', async () => {
    const options = { deadlines: { idleMillis: 10_000, streamMillis: 300 } }
    const amor = await answering([], { close: false, options })
    await expect(all(amor.host.bodies(BRIO, ask))).rejects.toMatchObject({ name: 'NetworkFault' })
  })
})

describe('an answer', () => {
  it('ends at the sender when the consumer stops', async () => {
    const registry = await members(AMOR, BRIO)
    let sent = 0
    let returned = false
    const amor = await start(AMOR, registry, {
      async *bodies(_from, { indexes }) {
        try {
          for (const index of indexes) {
            sent += 1
            yield { answers: [{ kind: 'body', index, body: new Uint8Array(32 * 1024) }] }
          }
        } finally {
          returned = true
        }
      },
    })
    const brio = await start(BRIO, registry)
    await meet(brio, amor)
    const indexes = Array.from({ length: 1024 }, (_, index) => index)
    for await (const reply of brio.host.bodies(AMOR, {
      home: AMOR,
      indexes,
      requirements: 0,
      registry: 0,
    })) {
      expect(reply.answers).toHaveLength(1)
      break
    }
    await until(() => returned, 'the handler was told')
    expect(sent).toBeLessThan(1024)
    expect(amor.events).toEqual([])
    expect(
      await all(brio.host.bodies(AMOR, { home: AMOR, indexes: [1], requirements: 0, registry: 0 })),
    ).toHaveLength(1)
  })

  it('waits for a slow consumer instead of filling memory', async () => {
    const registry = await members(AMOR, BRIO)
    let sent = 0
    const amor = await start(AMOR, registry, {
      async *bodies(_from, { indexes }) {
        for (const index of indexes) {
          sent += 1
          yield { answers: [{ kind: 'body', index, body: new Uint8Array(32 * 1024) }] }
        }
      },
    })
    const brio = await start(BRIO, registry)
    await meet(brio, amor)
    const indexes = Array.from({ length: 1024 }, (_, index) => index)
    let received = 0
    for await (const reply of brio.host.bodies(AMOR, {
      home: AMOR,
      indexes,
      requirements: 0,
      registry: 0,
    })) {
      received += reply.answers.length
      if (received !== 1) continue
      // The sender has stopped when nothing more goes out for some time.
      let last = -1
      while (last !== sent) {
        last = sent
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
      expect(sent * 32).toBeLessThan(6 * 1024)
    }
    expect(received).toBe(1024)
  })

  it('that fails at the sender fails at the asker, who does not learn why', async () => {
    const registry = await members(AMOR, BRIO)
    const amor = await start(AMOR, registry, {
      report: () => Promise.reject(new TypeError('a secret')),
    })
    const brio = await start(BRIO, registry)
    await meet(brio, amor)
    const note = 'a receipt'
    const sent = brio.host.report(AMOR, { kind: 'receipt', log: AMOR, note })
    await expect(sent).rejects.toMatchObject({ name: 'NetworkFault', reason: 'closed' })
    expect(amor.events).toEqual([
      {
        type: 'peer.failed',
        site: BRIO,
        action: `serve ${REPORT_PROTOCOL}`,
        reason: 'TypeError',
      },
    ])
  })

  it('of many requests at once comes for all: those beyond the bound wait', async () => {
    const registry = await members(AMOR, BRIO)
    const amor = await start(AMOR, registry)
    const brio = await start(BRIO, registry)
    await meet(brio, amor)
    const asked = Array.from({ length: 100 }, (_, index) =>
      all(brio.host.bodies(AMOR, { home: AMOR, indexes: [index], requirements: 0, registry: 0 })),
    )
    const replies = await Promise.all(asked)
    expect(replies.map(([reply]) => reply?.answers[0]?.index)).toEqual(
      Array.from({ length: 100 }, (_, index) => index),
    )
  })
})
