/** The bridge as a site node starts it: real core, real parts, real listener. */
import { describe, expect, it } from 'vitest'
import type { BridgeConfig } from '../../node/roles/config.ts'
import { openBridge, serveBridgeOf } from '../../node/roles/bridge.ts'
import { isExplained } from '../../node/roles/faults.ts'
import { createSteps } from '../../node/roles/lifetime.ts'
import { createLogger } from '../../node/telemetry/logger.ts'
import { request, send } from '../bridge/served.ts'
import { A, aWorld } from '../core/world.ts'

const CONFIG: BridgeConfig = {
  host: '127.0.0.1',
  port: 0,
  publicUrl: 'https://net.amor.example',
  origins: [],
  holdDays: 30,
  silenceDays: 30,
}

async function aStart(config: BridgeConfig) {
  const world = await aWorld()
  const { ports, site, keys } = await world.addSite(A, { requirements: null })
  const steps = createSteps()
  const bridge = await openBridge({ ...ports, site, keys }, config, steps)
  const logger = createLogger('silent')
  const serve = (): Promise<string> =>
    serveBridgeOf(bridge, config, { events: ports.events, logger, steps })
  return { world, bridge, steps, serve }
}

describe('openBridge and serveBridgeOf', () => {
  it('start the bridge of a site, answer its module, and stop in reverse', async () => {
    const { bridge, steps, serve, world } = await aStart(CONFIG)
    const url = await serve()
    await world.quiet()
    const key = await bridge.contact.makeKey()
    const port = Number(new URL(url).port)
    const test = request('POST', 'test', { key, domain: A })
    expect((await send(port, test))?.body).toBe('{"test":1}')
    const offers = request('GET', 'get_profiles?last_id=0', { key, domain: A })
    expect((await send(port, offers))?.body).toBe('{"profiles":[]}')
    await steps.undo()
    await expect(send(port, test)).rejects.toThrow('ECONNREFUSED')
  })

  it('refuse to listen for the world', async () => {
    const { serve, steps } = await aStart({ ...CONFIG, host: '0.0.0.0' })
    await expect(serve()).rejects.toSatisfy(isExplained)
    await steps.undo()
  })
})
