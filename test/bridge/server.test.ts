/** The bridge's listener: where it listens, and to whom. */
import { describe, expect, it } from 'vitest'
import { aServedBridge, expectAlive, request, send } from './served.ts'

describe('serveBridge', () => {
  it.each(['0.0.0.0', '::', '198.51.100.7', '169.254.169.254', '8.8.8.8'])(
    'does not listen on %s',
    async (host) => {
      await expect(aServedBridge({}, { host })).rejects.toThrow(
        'The bridge listens on loopback or private addresses only: set DPN_BRIDGE_HOST to one',
      )
    },
  )

  it('ends connections from elsewhere without a word', async () => {
    let isOpen = true
    const served = await aServedBridge({}, { isPrivate: () => isOpen })
    await expectAlive(served)
    isOpen = false
    expect(await send(served.port, request('POST', 'test', served))).toBeNull()
  })

  it('mounts the fast channel', async () => {
    const seen: string[] = []
    const served = await aServedBridge(
      {},
      {
        fast: {
          handshake: (c) => c.text('97:0{}'),
          upgrade: (incoming, socket) => {
            seen.push(incoming.url ?? '')
            socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n')
          },
          close: () => void seen.push('closed'),
        },
      },
    )
    const poll = 'GET /socket.io/?EIO=2&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n'
    expect((await send(served.port, poll))?.body).toBe('97:0{}')
    const upgrade =
      'GET /socket.io//?EIO=2&transport=websocket HTTP/1.1\r\nHost: a\r\n' +
      'Upgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n'
    expect((await send(served.port, upgrade))?.status).toBe(101)
    expect(seen).toEqual(['/socket.io//?EIO=2&transport=websocket'])
    await expectAlive(served)
  })
})
