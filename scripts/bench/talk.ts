/** Messages between two sites beside round trips of as many bytes on a bare libp2p stream. */
import { startChild } from './child.ts'
import { startFederation, type Member } from './federation.ts'
import { short, type Figure } from './figures.ts'
import type { Context } from './measures.ts'

const MEMBERS = 200
/** Bytes of a talk frame with a text of 200 characters. */
const FRAME_BYTES = 330
const ALONE = 1000
const TOGETHER = 10_000
/** Messages under way at once: half a window, as by many members of a busy site. */
const AT_ONCE = 32

interface Trips {
  millis: number
  cpuMillis: number
  p50: number
  p99: number
}
interface Round {
  alone: Trips
  together: Trips
}

async function measureEcho(): Promise<Round> {
  await using server = startChild('echo server')
  await using client = startChild('echo client')
  const { address } = await server.call('echoServer', null)
  const ask = (count: number, atOnce: number) =>
    client.call('echoFloor', { address, bytes: FRAME_BYTES, count, atOnce })
  return { alone: await ask(ALONE, 1), together: await ask(TOGETHER, AT_ONCE) }
}

async function join({ child }: Member, addresses: string[]) {
  await child.call('join', { addresses })
  await child.call('requirements', {})
  return child.call('talkers', { count: MEMBERS })
}

async function measureMessages({ flagsOf }: Context): Promise<Round> {
  await using federation = await startFederation(flagsOf)
  const { addresses } = federation.coordinator.facts
  const sender = await federation.addSite('sender')
  const receiver = await federation.addSite('receiver')
  const { ids } = await join(sender, addresses)
  const { records } = await join(receiver, addresses)
  const home = receiver.facts.site
  // The entry with the requirements, and the members.
  for (const [one, other] of [
    [sender, receiver],
    [receiver, sender],
  ] as const)
    await one.child.call('settled', { home: other.facts.site, size: MEMBERS + 1 })
  const ask = (count: number, atOnce: number) =>
    sender.child.call('talk', { home, ids, records, count, atOnce })
  return { alone: await ask(ALONE, 1), together: await ask(TOGETHER, AT_ONCE) }
}

/** Rates and latencies of messages, each beside its floor. */
export async function* measureTalk(context: Context): AsyncGenerator<Figure> {
  const floor = await measureEcho()
  const messages = await measureMessages(context)
  const rows = [
    ['one at a time', messages.alone, floor.alone, ALONE],
    [`${AT_ONCE} at once`, messages.together, floor.together, TOGETHER],
  ] as const
  for (const [name, spent, bare, count] of rows) {
    const rate = ({ millis }: Trips): number => (count / millis) * 1000
    yield {
      name: `messages, ${name}`,
      value: rate(spent),
      unit: 'messages/s',
      floor: { name: 'libp2p round trip', value: rate(bare) },
      note: `${short((spent.cpuMillis / count) * 1000)} µs of CPU at the sender, ${short((bare.cpuMillis / count) * 1000)} µs raw`,
    }
    for (const quantile of ['p50', 'p99'] as const)
      yield {
        name: `messages, ${name}: ${quantile}`,
        value: spent[quantile],
        unit: 'ms',
        floor: { name: 'libp2p round trip', value: bare[quantile] },
      }
  }
}
