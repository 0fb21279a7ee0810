/** What everybody may see: who runs the Network, who takes part, with which keys. */
import { z } from '@hono/zod-openapi'
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

/** Mounts the directory. */
export function mountDirectory(door: Door, ports: CoordinatorPorts): void {
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
