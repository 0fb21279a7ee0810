/**
 * What a member that is asked for pictures achieves by answering as no honest node does. Method: a
 * bare libp2p node under an admitted key serves raw frames.
 */
import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { Stream } from '@libp2p/interface'
import { frame } from '../../node/network/frames.ts'
import type { HostOptions } from '../../node/network/host.ts'
import { parsePictureId, parseSiteId } from '../../protocol/ids.ts'
import { PICTURE_CHUNK_BYTES } from '../../protocol/limits.ts'
import { PICTURES_PROTOCOL, picturesReplyCodec, type PicturesReply } from '../../protocol/wire.ts'
import { aBareNode, aHost, all, members, reach, until, type TestHost } from './hosts.ts'

const AMOR = parseSiteId('amor.example')
const BRIO = parseSiteId('brio.example')
const ASKED = {
  home: BRIO,
  requirements: 0,
  registry: 0,
  wishes: [1, 2].map((index) => ({
    index,
    picture: parsePictureId(String(index).repeat(64)),
    from: 0,
  })),
}

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** Amor beside a bare brio that answers each request for pictures so. */
async function answering(
  answer: (stream: Stream) => Promise<void>,
  options: Partial<HostOptions> = {},
): Promise<TestHost> {
  const registry = await members(AMOR, BRIO)
  const node = await aBareNode(BRIO)
  cleanups.push(async () => node.stop())
  await node.handle(PICTURES_PROTOCOL, answer)
  const amor = await aHost(AMOR, registry, {}, options)
  cleanups.push(amor.host.stop)
  await reach(node, amor)
  await until(() => amor.host.connected().includes(BRIO), 'connected')
  return amor
}

const encode = (reply: PicturesReply): Uint8Array => frame(picturesReplyCodec.encode(reply))
const manifest = (wish: number): Uint8Array =>
  encode({ kind: 'manifest', wish, manifest: new Uint8Array(8) })
const chunk = (wish: number, length = 8): Uint8Array =>
  encode({ kind: 'chunk', wish, bytes: new Uint8Array(length) })
const gone = (wish: number): Uint8Array => encode({ kind: 'gone', wish })

describe('a server of pictures', () => {
  it.each<[what: string, frames: () => Uint8Array[], code: string]>([
    ['answers nothing', () => [], 'malformed'],
    ['leaves a wish out', () => [manifest(0), chunk(0)], 'malformed'],
    ['begins with the second wish', () => [gone(1), gone(0)], 'malformed'],
    ['answers a wish twice', () => [gone(0), gone(0), gone(1)], 'malformed'],
    ['goes on after the last wish', () => [gone(0), gone(1), gone(2)], 'malformed'],
    ['sends a chunk before any manifest', () => [chunk(0), gone(0), gone(1)], 'malformed'],
    ['sends a chunk of a wish that is past', () => [manifest(0), gone(1), chunk(0)], 'malformed'],
    ['claims 4 GiB', () => [new Uint8Array(4).fill(0xff)], 'too_large'],
    ['sends no CBOR', () => [frame(new Uint8Array([0xff]))], 'malformed'],
    [
      'sends a frame beyond the bound of a chunk',
      () => [manifest(0), frame(new Uint8Array(PICTURE_CHUNK_BYTES + 257))],
      'too_large',
    ],
  ])('that %s is refused', async (_what, frames, code) => {
    const amor = await answering(async (stream) => {
      for (const bytes of frames()) stream.send(bytes)
      await stream.close()
    })
    await expect(all(amor.host.pictures(BRIO, ASKED))).rejects.toMatchObject({
      name: 'ProtocolError',
      code,
    })
  })

  it('hands on what came before a fault', async () => {
    const amor = await answering(async (stream) => {
      for (const bytes of [manifest(0), chunk(0), gone(0)]) stream.send(bytes)
      await stream.close()
    })
    const kinds: string[] = []
    const read = async (): Promise<void> => {
      for await (const { kind } of amor.host.pictures(BRIO, ASKED)) kinds.push(kind)
    }
    await expect(read()).rejects.toMatchObject({ code: 'malformed' })
    expect(kinds).toEqual(['manifest', 'chunk'])
  })

  it('that sends chunks without end is cut off by whoever has read enough', async () => {
    const { promise: over, resolve: end } = Promise.withResolvers<string>()
    const amor = await answering(async (stream) => {
      stream.addEventListener('close', () => end(stream.status))
      stream.send(manifest(0))
      while (stream.status === 'open') {
        if (stream.writeStatus === 'writable') stream.send(chunk(0, PICTURE_CHUNK_BYTES))
        await setImmediate()
      }
    })
    let count = 0
    for await (const { kind } of amor.host.pictures(BRIO, ASKED))
      if (kind === 'chunk' && (count += 1) === 10) break
    expect(count).toBe(10)
    expect(await over).toBe('reset')
  })

  it('that stops in the middle meets the deadline', async () => {
    const amor = await answering(
      async (stream) => {
        stream.send(manifest(0))
        stream.send(chunk(0).subarray(0, 6))
      },
      { deadlines: { idleMillis: 300 } },
    )
    await expect(all(amor.host.pictures(BRIO, ASKED))).rejects.toMatchObject({ reason: 'timeout' })
  })
})
