/** What everybody may see: who runs the Network, who takes part, with which keys. */
import { z } from '@hono/zod-openapi'
import { html } from 'hono/html'
import { formatVerifierKey } from '../../../protocol/note.ts'
import type { Door } from '../app.ts'
import { mount } from '../operation.ts'
import { keyTexts, type CoordinatorPorts } from './ports.ts'

const controllerShape = z.object({
  name: z.string(),
  address: z.string(),
  email: z.string(),
  dpoName: z.string(),
  dpoEmail: z.string(),
})
const directoryShape = z.object({
  network: z.string(),
  controller: controllerShape,
  logKey: z.string().describe('verifier key of the coordinator: what a node is configured with'),
  witnessKey: z.string(),
  addresses: z.array(z.string()).describe('libp2p multiaddrs of the coordinator'),
  members: z.array(
    z.object({
      site: z.string(),
      status: z.enum(['admitted', 'suspended', 'expelled']),
      type: z.string(),
      jurisdiction: z.string(),
      admittedAt: z.int(),
      expires: z.int(),
      logKey: z.string(),
      witnessKey: z.string(),
      addresses: z.array(z.string()).describe('libp2p multiaddrs'),
    }),
  ),
})
export type Directory = z.output<typeof directoryShape>

/** The directory as it is now. */
export function directoryOf(ports: CoordinatorPorts): Directory {
  const { coordinator, controller } = ports
  const { view, exchange, settings } = coordinator.node
  const { network } = view
  const addresses = new Map(exchange.peers().map((peer) => [peer.site, peer.addresses]))
  const { logKey, witnessKey } = settings.identity
  return {
    network,
    controller,
    logKey: formatVerifierKey(logKey),
    witnessKey: formatVerifierKey(witnessKey),
    addresses: [...(ports.addresses?.() ?? [])],
    members: [...view.registry().members.values()].flatMap((member) => {
      const keys = member.keys.at(-1)
      if (keys === undefined) return []
      return [
        {
          site: member.site,
          status: member.status,
          type: member.siteType,
          jurisdiction: member.jurisdiction,
          admittedAt: member.admittedAt,
          expires: member.expires,
          ...keyTexts(network, member.site, keys),
          addresses: addresses.get(member.site) ?? [],
        },
      ]
    }),
  }
}

function page(directory: Directory) {
  const { controller, members } = directory
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${directory.network}</title>
        <link rel="stylesheet" href="/v1/docs.css" />
      </head>
      <body>
        <h1>${directory.network}</h1>
        <p>
          A network of independent dating sites. They make their members discoverable to each other,
          only with each member's explicit consent, and every site signs a receipt when a member has
          withdrawn. No profile passes through this coordinator, and none rests here.
        </p>
        <h2>Who is responsible</h2>
        <p>${controller.name}, ${controller.address}, ${controller.email}</p>
        <p>Data protection officer: ${controller.dpoName}, ${controller.dpoEmail}</p>
        <h2>Sites</h2>
        <ul>
          ${members.map(
            ({ site, status, jurisdiction }) => html`<li>${site}: ${status} (${jurisdiction})</li>`,
          )}
        </ul>
        <h2>For nodes and auditors</h2>
        <p>Verifier key:</p>
        <pre>${directory.logKey}</pre>
        <p>
          <a href="/v1/directory">Directory</a>, <a href="/v1/docs">interface</a>, logs under
          <code>/log/&lt;origin&gt;/</code> (C2SP tlog-tiles), witness at
          <code>/witness/</code> (C2SP tlog-witness)
        </p>
      </body>
    </html>`
}

/** Mounts the page and the directory. */
export function mountDirectory(door: Door, ports: CoordinatorPorts): void {
  door.app.get('/', (c) => c.html(page(directoryOf(ports))))
  mount(
    door,
    {
      method: 'get',
      path: '/v1/directory',
      roles: null,
      tag: 'Directory',
      summary: 'Who takes part, with which keys, at which addresses',
      answers: { 200: { description: 'The directory', schema: directoryShape } },
    },
    (c) => {
      c.header('access-control-allow-origin', '*')
      c.header('cross-origin-resource-policy', 'cross-origin')
      c.header('cache-control', 'public, max-age=5')
      return c.json(directoryOf(ports))
    },
  )
}
