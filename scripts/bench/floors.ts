/** The raw floors: the same rows, the same bytes, and nothing of a node around them. */
import { hash, randomBytes } from 'node:crypto'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import Sqlite from 'better-sqlite3'
import { createLibp2p } from 'libp2p'
import { openDatabase } from '../../node/store/database.ts'
import { toUtf8 } from '../../protocol/bytes.ts'
import type { Calls } from './calls.ts'
import { BATCH, batches } from './members.ts'
import { timed, type Spent } from './timing.ts'

const PROTOCOL = '/bench/bytes/1'
/** Bytes of a frame, as the node's batches of bodies have. */
const FRAME_BYTES = 128 * 1024
/** Bytes of one sealed body and one publish entry, as the invented members come out. */
const BODY_BYTES = 1250
const ENTRY_BYTES = 150
const TILE = randomBytes(256 * 32)

const STATEMENTS = {
  entries: 'insert into entries values (?, ?, ?)',
  records: `insert into records values (${Array(11).fill('?').join(', ')})`,
  bodies: `insert into bodies values (${Array(27).fill('?').join(', ')})`,
  ciphertexts: 'insert into ciphertexts values (?, ?)',
  members: 'insert into members values (?, ?, ?, ?)',
  consents: 'insert into consents values (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  tiles: 'insert or replace into tiles values (?, ?, ?, ?)',
}
type Row = Record<keyof typeof STATEMENTS, unknown[]>

const SCOPES = 'appearance,discovery,habits,messaging,pictures,presence,recommendations'

const FACTS = ['woman', 'man', 25, 45, null, 33, 20_000, 'de', 'DE', 513, 124]
const TRAITS = ['de,en', 170, 60, 'bodyType:slim,hairColour:brown,smoking:never,purpose:dating']

/** The rows of one member: those of a home, or (not `own`) those that a partner keeps. */
function rowOf(index: number): Row {
  const record = randomBytes(16)
  const key = randomBytes(32)
  const now = 1_800_000_000
  return {
    entries: [1, index, randomBytes(ENTRY_BYTES)],
    records: [1, record, index, index, 1, 1, null, 0, now, now + index, now],
    bodies: [
      index + 1,
      1,
      index,
      record,
      index,
      0,
      now,
      SCOPES,
      '',
      ...FACTS,
      1,
      now,
      now,
      ...TRAITS,
    ],
    ciphertexts: [index + 1, randomBytes(BODY_BYTES)],
    members: [key, record, randomBytes(32), randomBytes(32)],
    consents: [index + 1, key, record, 'given', now, 1, SCOPES, 'web', now],
    tiles: [1, 0, Math.floor(index / 256), TILE],
  }
}

async function insert(path: string, count: number, own: boolean): Promise<Spent> {
  await (await openDatabase(path)).close()
  const sqlite = new Sqlite(path)
  sqlite.pragma('journal_mode = WAL')
  sqlite.pragma('synchronous = FULL')
  const prepared = Object.entries(STATEMENTS).map(
    ([name, sql]) => [name as keyof Row, sqlite.prepare(sql)] as const,
  )
  const write = sqlite.transaction((rows: readonly Row[]) => {
    for (const [name, statement] of prepared) {
      if (!own && (name === 'members' || name === 'consents')) continue
      for (const [at, row] of rows.entries())
        // A tile is written when it is full, and as it is at the end of each batch.
        if (name !== 'tiles' || at % 256 === 255 || at === rows.length - 1)
          statement.run(...row[name])
    }
  })
  const spent = { millis: 0, cpuMillis: 0 }
  for (let from = 0; from < count; from += BATCH) {
    const rows = Array.from({ length: Math.min(BATCH, count - from) }, (_, at) => rowOf(from + at))
    const { millis, cpuMillis } = await timed(() => write(rows))
    spent.millis += millis
    spent.cpuMillis += cpuMillis
  }
  sqlite.close()
  return spent
}

function libp2p(listen: string[]) {
  return createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  })
}

async function serveStreams(): Promise<{ address: string }> {
  const node = await libp2p(['/ip4/127.0.0.1/tcp/0'])
  await node.handle(PROTOCOL, async (stream) => {
    // Read to the end, and then one byte back: so the sender knows that all has arrived.
    for await (const _ of stream);
    stream.send(new Uint8Array(1))
    await stream.close()
  })
  return { address: String(node.getMultiaddrs()[0]) }
}

async function sendStream(address: string, bytes: number): Promise<Spent> {
  const node = await libp2p([])
  const connection = await node.dial(multiaddr(address))
  const frame = new Uint8Array(FRAME_BYTES).fill(7)
  const { millis, cpuMillis } = await timed(async () => {
    const stream = await connection.newStream(PROTOCOL)
    for (let sent = 0; sent < bytes; sent += frame.length)
      if (!stream.send(frame)) await stream.onDrain()
    await stream.close()
    for await (const _ of stream);
  })
  await node.stop()
  return { millis, cpuMillis }
}

async function hashMembers(count: number): Promise<Spent & { bytes: number }> {
  const spent = { millis: 0, cpuMillis: 0, bytes: 0 }
  for (const batch of batches(0, count)) {
    const texts = batch.map((person) => toUtf8(JSON.stringify(person)))
    for (const text of texts) spent.bytes += text.length
    const { millis, cpuMillis } = await timed(() => {
      for (const text of texts) hash('sha256', text, 'buffer')
    })
    spent.millis += millis
    spent.cpuMillis += cpuMillis
  }
  return spent
}

export const floorCalls = {
  insertFloor: ({ path, count, own }) => insert(path, count, own),
  hashFloor: ({ count }) => hashMembers(count),
  streamServer: () => serveStreams(),
  streamFloor: ({ address, bytes }) => sendStream(address, bytes),
} satisfies Partial<Calls>
