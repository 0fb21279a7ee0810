/** A site that runs the old module: a node as a process, and the stand-in beside it in this one. */
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { installModule, type Module } from '../../scripts/module/module.ts'
import { openWebsite } from '../../scripts/module/website.ts'
import { send } from './api.ts'
import type { ExtraSettings, TestNetwork, TestSite } from './network.ts'
import { dpn, freePort } from './process.ts'

export interface BridgedSite extends Module {
  node: TestSite
  /** The address of the bridge, which ends in no slash. */
  bridge: string
  owner: Owner
}

/** One line of a list of consents, with what differs. */
export interface Listed {
  localId: number
  scopes: readonly string[]
  /** Of the notice that was seen; by default the current one. */
  version?: string
}
/** What the owner of the site does, by the interface and the command line. */
export interface Owner {
  /** States of all members that the module has sent, by local id. */
  states: () => Promise<Map<number, string>>
  /** A link to the consent page. */
  link: (localId: number) => Promise<string>
  /** Signs a list with a key that lies in `folder`, and hands it in; the outcome of each line. */
  sign: (folder: string, lines: readonly Listed[]) => Promise<string[]>
  withdraw: (localId: number) => Promise<void>
  keep: (localId: number) => Promise<void>
  /** How the bridge is. */
  view: () => Promise<{ module: { canRemove: string }; deliveries: { removing: number } }>
}

/** What `dpn bridge import --json` says of lines that published nobody. */
interface Imported {
  others: { line: number; outcome?: 'unknown' }[]
}

/** Signs a list as an owner does, with a key that lies away from the node, and hands it in. */
function createSigner({ site, url, key: apiKey }: TestSite): Owner['sign'] {
  const env = { DPN_URL: url, DPN_API_KEY: apiKey() }
  let lists = 0

  async function bridge(args: string[], codes: readonly number[] = [0]): Promise<string> {
    const { code, out, err } = await dpn(['bridge', ...args, '--json'], env)
    if (!codes.includes(code)) throw new Error(`dpn bridge ${args.join(' ')}: ${code} ${err}`)
    return out
  }
  return async (folder, lines) => {
    const key = join(folder, `${site}.owner-key`)
    if (lists === 0) await bridge(['owner-key', key, '--site', site, '--register'])
    lists += 1
    const file = join(folder, `${site}-${lists}.consents`)
    const seen = {
      url: `https://${site}/notice`,
      version: '2018-06-19',
      language: 'it',
      hash: HASH,
    }
    const rows = lines.map(({ localId, scopes, version = seen.version }) => ({
      localId,
      scopes,
      notice: { ...seen, version },
      givenAt: Math.floor(Date.now() / 1000),
      channel: 'web',
      evidence: `row ${localId}`,
    }))
    writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    await bridge(['sign', file, '--key', key])
    // It ends with 1 where a line has published nobody.
    const said = JSON.parse(await bridge(['import', `${file}.signed`], [0, 1])) as Imported
    return rows.map((_, at) => {
      const other = said.others.find(({ line }) => line === at + 1)
      return other === undefined ? 'published' : (other.outcome ?? 'refused')
    })
  }
}

function ownerOf(node: TestSite): Owner {
  const { api } = node
  const act = async (localId: number, what: 'withdraw' | 'keep'): Promise<void> =>
    void (await api.send('POST', `/v1/bridge/members/${localId}/${what}`))
  return {
    sign: createSigner(node),
    states: async () => {
      const { members } = await api.get<{ members: { localId: number; state: string }[] }>(
        '/v1/bridge/members?limit=200',
      )
      return new Map(members.map(({ localId, state }) => [localId, state]))
    },
    link: async (localId) => {
      const { links } = await api.send<{ links: { url: string }[] }>('POST', '/v1/bridge/links', {
        localIds: [localId],
      })
      return links[0]?.url ?? ''
    },
    withdraw: (localId) => act(localId, 'withdraw'),
    keep: (localId) => act(localId, 'keep'),
    view: () => api.get('/v1/bridge'),
  }
}

/** Of a notice that nobody here reads. */
const HASH = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'

/** Starts a site with a website of its own, and gives the module a key by the pairing window. */
export async function startBridged(
  network: TestNetwork,
  site: string,
  more: ExtraSettings = {},
): Promise<BridgedSite> {
  const website = await openWebsite()
  const bridgePort = await freePort()
  const node = await network.startSite(site, (url) => ({
    bridgePort,
    bridgePublicUrl: url,
    bridgeOrigins: website.photoOrigin,
    ...more,
  }))
  const bridge = `http://127.0.0.1:${bridgePort}`
  await node.api.send('POST', '/v1/bridge/pairing')
  const module = await installModule(website, { bridge, domain: site })
  return {
    ...module,
    node,
    bridge,
    owner: ownerOf(node),
  }
}

/** The form on a page of the node, filled in and sent. */
export async function submit(
  url: string,
  form: Readonly<Record<string, string | readonly string[]>>,
): Promise<{ status: number; text: string }> {
  const fields = new URLSearchParams()
  for (const [name, value] of Object.entries(form))
    for (const one of typeof value === 'string' ? [value] : value) fields.append(name, one)
  const type = 'application/x-www-form-urlencoded'
  return send(url, 'POST', { body: fields.toString(), type })
}

/** The value of a hidden field of a page. */
export function hiddenField(page: string, name: string): string {
  return new RegExp(`name="${name}"\\s+value="([^"]*)"`).exec(page)?.[1] ?? ''
}

/** Bytes to the bridge on a connection of their own; resolves when it is over. */
export function throwAt(url: string, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    let heard = ''
    socket.setEncoding('latin1').on('data', (text: string) => {
      heard += text
      socket.end()
    })
    socket.on('error', () => resolve(heard))
    socket.on('close', () => resolve(heard))
    socket.write(bytes)
    socket.setTimeout(5000, () => socket.destroy())
  })
}
