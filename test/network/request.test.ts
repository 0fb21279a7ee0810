/** Requests of the coordinator over real libp2p: one request, one answer, within bounds. */
import { afterEach, describe, expect, it } from 'vitest'
import type { NetworkHandlers } from '../../node/core/ports.ts'
import { SIGNED_REQUEST_BYTES } from '../../node/network/bounds.ts'
import { frame } from '../../node/network/frames.ts'
import { encodeCbor } from '../../protocol/cbor.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { parseRecordId, parseSiteId, type SiteId } from '../../protocol/ids.ts'
import { PERSON_REQUEST_BYTES, REQUEST_RECORDS } from '../../protocol/limits.ts'
import { REQUEST_PROTOCOL, type RequestAnswer, type SignedRequest } from '../../protocol/request.ts'
import { aBareNode, aHost, meet, members, NETWORK, reach, until, type TestHost } from './hosts.ts'

const AMOR = parseSiteId('amor.example')

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
})
async function aPair(request: NetworkHandlers['request']) {
  const registry = await members(NETWORK, AMOR)
  const started = async (site: SiteId, handlers: Partial<NetworkHandlers>): Promise<TestHost> => {
    const made = await aHost(site, registry, handlers)
    stops.push(made.host.stop)
    return made
  }
  const desk = await started(NETWORK, {})
  const amor = await started(AMOR, { request })
  await meet(desk, amor)
  return { registry, desk, amor }
}
const largest: SignedRequest = {
  request: new Uint8Array(PERSON_REQUEST_BYTES).fill(1),
  signature: new Uint8Array(64).fill(2),
}

describe('request', () => {
  it('carries the largest request and the largest answer', async () => {
    const asked: [SiteId, SignedRequest][] = []
    const records = Array.from({ length: REQUEST_RECORDS }, (_, n) =>
      parseRecordId(n.toString(16).padStart(32, '0')),
    )
    const { desk } = await aPair(async (from, request) => {
      asked.push([from, request])
      return { kind: 'withdrawn', records }
    })
    expect(await desk.host.request(AMOR, largest)).toEqual({ kind: 'withdrawn', records })
    expect(asked).toEqual([[NETWORK, largest]])
  })

  it('fails where the home refuses, without a word on why, and is no strike', async () => {
    let count = 0
    const { desk, amor } = await aPair(async () => {
      count += 1
      if (count < 5) throw new ProtocolError('bad_signature', '/signature', 'another one')
      return { kind: 'unknown' }
    })
    for (let tries = 0; tries < 4; tries += 1)
      await expect(desk.host.request(AMOR, largest)).rejects.toMatchObject({ name: 'NetworkFault' })
    expect(await desk.host.request(AMOR, largest)).toEqual({ kind: 'unknown' })
    expect(amor.events).toContainEqual({
      type: 'peer.failed',
      site: NETWORK,
      action: `serve ${REQUEST_PROTOCOL}`,
      reason: 'bad_signature',
    })
  })

  it('never reaches the handler malformed or too large', async () => {
    const asked: SignedRequest[] = []
    const answer = async (_from: SiteId, request: SignedRequest): Promise<RequestAnswer> => {
      asked.push(request)
      return { kind: 'noted' }
    }
    const registry = await members(NETWORK, AMOR)
    const amor = await aHost(AMOR, registry, { request: answer })
    stops.push(amor.host.stop)
    const bare = await aBareNode(NETWORK)
    stops.push(() => Promise.resolve(bare.stop()))
    for (const bytes of [
      encodeCbor({ request: new Uint8Array(3) }),
      new Uint8Array(SIGNED_REQUEST_BYTES + 1),
    ]) {
      const connection = await reach(bare, amor)
      const stream = await connection.newStream(REQUEST_PROTOCOL)
      stream.send(frame(bytes))
      await until(() => stream.status !== 'open', 'the stream is reset')
    }
    expect(asked).toEqual([])
  })
})
