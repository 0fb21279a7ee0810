/** Pictures from a home to a partner, beside a raw libp2p stream of the same bytes. */
import { startChild } from './child.ts'
import { startFederation, type FlagsOf } from './federation.ts'
import { rangeOf, median, short, type Figure } from './figures.ts'

const MEMBERS = 40
const ROUNDS = 3
const MEGA = 1e6

async function streamRates(bytes: number): Promise<number[]> {
  await using server = startChild('stream server')
  await using client = startChild('stream client')
  const { address } = await server.call('streamServer', null)
  const rates: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const { millis } = await client.call('streamFloor', { address, bytes })
    rates.push(bytes / MEGA / (millis / 1000))
  }
  return rates
}

/** Measures the transfer; every partner starts empty. */
export async function* measurePictures({ flagsOf }: { flagsOf: FlagsOf }): AsyncGenerator<Figure> {
  await using federation = await startFederation(flagsOf)
  const addresses = federation.coordinator.facts.addresses
  const home = await federation.addSite('home')
  await home.child.call('join', { addresses })
  const { bytes, pictures } = await home.child.call('givePictures', { members: MEMBERS })
  const floors = await streamRates(bytes)
  const rates: number[] = []
  const cpu: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const partner = await federation.addSite(`partner-${round}`)
    const { millis, cpuMillis } = await partner.child.call('pullPictures', {
      addresses,
      home: home.facts.site,
      pictures,
    })
    rates.push(bytes / MEGA / (millis / 1000))
    cpu.push((cpuMillis / pictures) * 1000)
    await partner.child.call('stop', null)
  }
  yield {
    name: 'pictures to a partner, durable',
    value: median(rates),
    unit: 'MB/s',
    floor: { name: 'libp2p stream', value: median(floors) },
    note: `${pictures} of ${short(bytes / pictures / 1000)} kB, ${short(median(cpu))} µs of CPU each at the partner, ${rangeOf(rates)}`,
  }
}
