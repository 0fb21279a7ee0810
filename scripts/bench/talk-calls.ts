/** Round trips: of messages between two nodes, and of the same bytes on a bare libp2p stream. */
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import type { Stream } from '@libp2p/interface'
import { createLibp2p } from 'libp2p'
import { parseRecordId, parseSiteId } from '../../protocol/ids.ts'
import type { Calls } from './calls.ts'
import { quantile } from './figures.ts'
import { batches } from './members.ts'
import { bySite } from './node-calls.ts'
import { timed, type Spent } from './timing.ts'

const PROTOCOL = '/bench/echo/1'
const TALKING = ['discovery', 'messaging']
/** Characters of a text: some sentences. */
const TEXT_CHARS = 200

/** Trips before the first that counts, so that the code that runs is compiled, as in a node that runs. */
const WARM = 3000

type Trips = Spent & { p50: number; p99: number }

/** Makes `count` trips, so many at a time, and takes the time of each. */
async function trips(
  count: number,
  atOnce: number,
  trip: (n: number) => Promise<void>,
): Promise<Trips> {
  const millis: number[] = []
  let next = 0
  const runner = async (): Promise<void> => {
    while (next < count) {
      const n = next
      next += 1
      const from = performance.now()
      await trip(n)
      millis.push(performance.now() - from)
    }
  }
  const spent = await timed(() => Promise.all(Array.from({ length: atOnce }, runner)))
  return {
    millis: spent.millis,
    cpuMillis: spent.cpuMillis,
    p50: quantile(millis, 0.5),
    p99: quantile(millis, 0.99),
  }
}

function bareNode(listen: string[]) {
  return createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  })
}

async function echoServer(): Promise<{ address: string }> {
  const node = await bareNode(['/ip4/127.0.0.1/tcp/0'])
  await node.handle(PROTOCOL, (stream) => {
    stream.addEventListener('message', ({ data }) => void stream.send(data))
  })
  return { address: String(node.getMultiaddrs()[0]) }
}

/** Answers come in the order of the questions, so that a count of bytes tells whose turn it is. */
function echoOn(stream: Stream, bytes: number): () => Promise<void> {
  const waiting: (() => void)[] = []
  let received = 0
  stream.addEventListener('message', ({ data }) => {
    for (received += data.byteLength; received >= bytes; received -= bytes) waiting.shift()?.()
  })
  const payload = new Uint8Array(bytes).fill(7)
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve)
      stream.send(payload)
    })
}

async function echoFloor({ address, bytes, count, atOnce }: Parameters<Calls['echoFloor']>[0]) {
  const node = await bareNode([])
  const connection = await node.dial(multiaddr(address))
  const trip = echoOn(await connection.newStream(PROTOCOL), bytes)
  await trips(WARM, atOnce, trip)
  const spent = await trips(count, atOnce, trip)
  await node.stop()
  return spent
}

async function talkers(count: number): Promise<{ ids: string[]; records: string[] }> {
  const { publisher } = bySite().site
  const ids: string[] = []
  const records: string[] = []
  for (const batch of batches(0, count)) {
    const members = batch.map(({ consent, ...rest }) => ({
      ...rest,
      consent: { ...consent, scopes: TALKING },
    }))
    for (const [at, outcome] of (await publisher.put(members)).entries()) {
      if (outcome.kind === 'refused') throw outcome.error
      ids.push(members[at]?.id ?? '')
      records.push(outcome.record)
    }
  }
  return { ids, records }
}

async function talk({ home, ids, records, count, atOnce }: Parameters<Calls['talk']>[0]) {
  const { messages } = bySite().site.talk
  const site = parseSiteId(home)
  const text = 'a'.repeat(TEXT_CHARS)
  const trip = async (n: number): Promise<void> => {
    const record = parseRecordId(records[(n * 7) % records.length] ?? '')
    const sent = await messages.send({
      from: ids[n % ids.length] ?? '',
      to: { home: site, record },
      content: { kind: 'text', text },
    })
    if (sent.outcome !== 'delivered') throw new Error(`a message was ${sent.outcome}`)
  }
  await trips(WARM, atOnce, trip)
  return trips(count, atOnce, trip)
}

export const talkCalls = {
  talkers: ({ count }) => talkers(count),
  talk,
  echoServer: () => echoServer(),
  echoFloor,
} satisfies Partial<Calls>
