import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createIdentity } from '../../node/core/identity.ts'
import { loadConfig } from '../../node/roles/config.ts'
import { SETTINGS, variableOf, type SettingName } from '../../node/roles/settings.ts'
import { formatVerifierKey } from '../../protocol/note.ts'
import { parseSiteId } from '../../protocol/ids.ts'

const NETWORK = parseSiteId('dpn.example')
const KEY = formatVerifierKey(createIdentity(NETWORK, NETWORK, new Uint8Array(32).fill(1)).logKey)
const OTHER = createIdentity(NETWORK, NETWORK, new Uint8Array(32).fill(1)).witnessKey

const SITE = {
  DPN_SITE: 'amor.example',
  DPN_COORDINATOR_KEY: KEY,
  DPN_COORDINATOR_ADDRESS: '/ip4/127.0.0.1/tcp/4001',
}
const COORDINATOR = {
  DPN_NETWORK: 'dpn.example',
  DPN_JURISDICTION: 'DE',
  DPN_CONTROLLER_NAME: 'Pilot Group',
  DPN_CONTROLLER_ADDRESS: '1 Example Street',
  DPN_CONTROLLER_EMAIL: 'office@dpn.example',
}

function aFolder(config?: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'dpn-config-'))
  const text = typeof config === 'string' ? config : JSON.stringify(config)
  if (config !== undefined) writeFileSync(join(folder, 'config.json'), text)
  return folder
}

describe('loadConfig', () => {
  it('takes a site from the environment, with defaults', () => {
    const config = loadConfig({ ...SITE, PATH: '/bin' }, aFolder(), 'site')
    expect(config).toMatchObject({
      role: 'site',
      site: 'amor.example',
      network: 'dpn.example',
      coordinatorAddresses: ['/ip4/127.0.0.1/tcp/4001'],
      http: { host: '127.0.0.1', port: 8080 },
      secrets: { node: null, storage: null },
    })
    expect(Object.isFrozen(config) && Object.isFrozen(config.http)).toBe(true)
  })

  it('takes a coordinator, whose site is the network', () => {
    expect(loadConfig(COORDINATOR, aFolder(), 'coordinator')).toMatchObject({
      site: 'dpn.example',
      controller: { dpoName: 'Pilot Group', dpoEmail: 'office@dpn.example' },
      terms: null,
    })
  })

  it('has a bridge where its port is set, with defaults', () => {
    expect(loadConfig(SITE, aFolder(), 'site')).toMatchObject({ bridge: null })
    const bridge = {
      DPN_BRIDGE_PORT: '8081',
      DPN_BRIDGE_PUBLIC_URL: 'https://net.amor.example/',
    }
    expect(loadConfig({ ...SITE, ...bridge }, aFolder(), 'site')).toMatchObject({
      bridge: {
        host: '127.0.0.1',
        port: 8081,
        publicUrl: 'https://net.amor.example',
        origins: [],
        holdDays: 30,
        silenceDays: 30,
      },
    })
    const folder = aFolder({
      bridgePort: 8081,
      bridgeHost: 'site',
      bridgePublicUrl: 'https://net.amor.example',
      bridgeOrigins: ['https://a.example', 'http://b.example:8000/'],
      bridgeHoldDays: 7,
      bridgeSilenceDays: 14,
    })
    expect(loadConfig(SITE, folder, 'site')).toMatchObject({
      bridge: {
        host: 'site',
        origins: ['https://a.example', 'http://b.example:8000'],
        holdDays: 7,
        silenceDays: 14,
      },
    })
  })

  it('lets the environment win over config.json, and takes the role from there', () => {
    const folder = aFolder({
      role: 'site',
      site: 'amor.example',
      coordinatorKey: KEY,
      coordinatorAddress: ['/ip4/10.0.0.1/tcp/1', '/dns4/c.example/tcp/2'],
      httpPort: 9000,
    })
    expect(loadConfig({}, folder)).toMatchObject({ http: { port: 9000 } })
    expect(loadConfig({ DPN_HTTP_PORT: '9001' }, folder)).toMatchObject({
      http: { port: 9001 },
      coordinatorAddresses: ['/ip4/10.0.0.1/tcp/1', '/dns4/c.example/tcp/2'],
    })
    expect(() => loadConfig({}, folder, 'coordinator')).toThrow('is the folder of a site')
  })

  it.each<[string, Record<string, string>, RegExp]>([
    ['a port that is none', { DPN_HTTP_PORT: '80x' }, /^DPN_HTTP_PORT: expected a whole number/],
    ['a port too high', { DPN_HTTP_PORT: '65536' }, /^DPN_HTTP_PORT: expected .* 65535$/],
    ['a site in capitals', { DPN_SITE: 'Amor.example' }, /^DPN_SITE: expected a lower-case/],
    ['a key that is none', { DPN_COORDINATOR_KEY: 'x' }, /^DPN_COORDINATOR_KEY: expected the/],
    [
      'the key of a witness',
      { DPN_COORDINATOR_KEY: formatVerifierKey(OTHER) },
      /^DPN_COORDINATOR_KEY: expected/,
    ],
    ['an address without port', { DPN_LISTEN: '/ip4/0.0.0.0' }, /^DPN_LISTEN: expected libp2p/],
    ['a web address of another kind', { DPN_COORDINATOR_URL: 'ftp://a' }, /^DPN_COORDINATOR_URL/],
    ['a secret cut short', { DPN_NODE_KEY: 'ab' }, /^DPN_NODE_KEY: expected 64 hexadecimal/],
    ['a level that is none', { DPN_LOG_LEVEL: 'loud' }, /^DPN_LOG_LEVEL: expected one of trace/],
    ['terms that are none', { DPN_TERMS: '{}' }, /^DPN_TERMS: expected the Network's terms/],
    ['a slip in a name', { DPN_HTPP_PORT: '1' }, /^DPN_HTPP_PORT: there is no such setting$/],
    ["another network's name", { DPN_NETWORK: 'b.example' }, /^DPN_NETWORK: expected the name/],
    ["the coordinator's name", { DPN_SITE: 'dpn.example' }, /^DPN_SITE: expected a name other/],
    [
      'a bridge that no browser finds',
      { DPN_BRIDGE_PORT: '8081' },
      /^DPN_BRIDGE_PUBLIC_URL: expected where members' browsers/,
    ],
    [
      'an origin with a path',
      { DPN_BRIDGE_ORIGINS: 'https://a.example,https://b.example/photos' },
      /^DPN_BRIDGE_ORIGINS: expected origins, separated by commas/,
    ],
    [
      'an origin of another kind',
      { DPN_BRIDGE_ORIGINS: 'ftp://a.example' },
      /^DPN_BRIDGE_ORIGINS: expected origins/,
    ],
    ['a hold without end', { DPN_BRIDGE_HOLD_DAYS: '366' }, /^DPN_BRIDGE_HOLD_DAYS: expected a/],
    ['no address', { DPN_COORDINATOR_ADDRESS: '' }, /^DPN_COORDINATOR_ADDRESS: expected where/],
  ])('refuses %s, naming the variable and what was expected', (_what, change, message) => {
    expect(() => loadConfig({ ...SITE, ...change }, aFolder(), 'site')).toThrow(message)
  })

  it.each(Object.keys(COORDINATOR))('refuses a coordinator without %s', (variable) => {
    const env = { ...COORDINATOR, [variable]: '' }
    expect(() => loadConfig(env, aFolder(), 'coordinator')).toThrow(`${variable}: expected`)
  })

  it('never repeats a refused value', () => {
    const names = Object.keys(SETTINGS) as SettingName[]
    const marker = 'ZZ secret\u0000 value'
    for (const name of names.filter((one) => !/Name|Address|Host$/.test(one)))
      expect(() => loadConfig({ ...SITE, [variableOf(name)]: marker }, aFolder(), 'site')).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining(marker) as unknown }),
      )
  })

  it.each<[string, unknown, RegExp]>([
    ['an unknown setting', { colour: 1 }, /^colour in .*config.json: there is no such setting$/],
    ['a secret', { nodeKey: 'aa' }, /^nodeKey in .*: expected in a file of its own or in DPN_/],
    ['a bad value', { httpPort: -1 }, /^httpPort in .*: expected a whole number/],
    ['another shape', [], /: expected an object$/],
    ['broken JSON', '{', /: expected JSON$/],
  ])('refuses %s in config.json', (_what, config, message) => {
    expect(() => loadConfig(SITE, aFolder(config), 'site')).toThrow(message)
  })
})
