/** `/v1/applications`: sites that ask to be admitted, and what becomes of them. */
import { z } from '@hono/zod-openapi'
import { isCountry } from '../../../protocol/countries.ts'
import { at } from '../../../protocol/errors.ts'
import { parseSiteId, type SiteId } from '../../../protocol/ids.ts'
import { SITE_TYPES } from '../../../protocol/requirements.ts'
import type { ApplicationRow } from '../../core/store.ts'
import type { Door } from '../app.ts'
import { actorIn } from '../auth.ts'
import { mount } from '../operation.ts'
import { createLimiter, type Limiter } from '../rate.ts'
import { ACT, keyTexts, LOOK, parseKeyTexts, siteIn, type CoordinatorPorts } from './ports.ts'
import { memberOf, memberShape } from './members.ts'

const tag = 'Applications'
const KEY_CHARS = 512
/** Applications an hour: from one address, and from everybody. */
const HOURLY = { address: 10, all: 200 }

const application = z.strictObject({
  site: z.string().max(253),
  logKey: z.string().max(KEY_CHARS).describe('verifier key <network>/<site>+…'),
  witnessKey: z.string().max(KEY_CHARS).describe('verifier key <network>/<site>/witness+…'),
  siteType: z.enum(SITE_TYPES),
  jurisdiction: z.string().refine(isCountry, 'an ISO 3166-1 alpha-2 country code'),
  contact: z
    .string()
    .max(254)
    .describe("e-mail address of the site's owner, who is told of breaches"),
})
const shown = application.extend({
  appliedAt: z.int(),
  state: z.enum(['open', 'admitted', 'refused']),
})

function applicationOf(network: SiteId, row: ApplicationRow): object {
  const { logKey, witnessKey, ...rest } = row
  return { ...rest, ...keyTexts(network, row.site, { logKey, witnessKey }) }
}

function hour(burst: number): Limiter {
  return createLimiter({ perSecond: burst / 3600, burst })
}

function mountApply(door: Door, { coordinator }: CoordinatorPorts): void {
  const { network } = coordinator.node.view
  const perAddress = hour(HOURLY.address)
  const all = hour(HOURLY.all)
  mount(
    door,
    {
      method: 'post',
      path: '/v1/applications',
      roles: null,
      tag,
      summary: 'Ask to be admitted to the Network',
      description: `At most ${HOURLY.address} an hour from one address.`,
      body: application,
      answers: {
        202: {
          description: 'Taken; staff will decide',
          schema: z.object({ site: z.string(), state: z.literal('open') }),
        },
      },
    },
    async (c, { body }) => {
      perAddress.take(door.addressOf(c))
      all.take('all')
      const site = at('/site', () => parseSiteId(body.site))
      const keys = parseKeyTexts(network, site, body)
      const { siteType, jurisdiction, contact } = body
      const row = { site, ...keys, siteType, jurisdiction, contact }
      const { state } = await coordinator.admission.apply(row)
      return c.json({ site, state }, 202)
    },
  )
}

/** Mounts the resource. */
export function mountApplications(door: Door, ports: CoordinatorPorts): void {
  const { coordinator } = ports
  const { network } = coordinator.node.view
  mountApply(door, ports)
  mount(
    door,
    {
      method: 'get',
      path: '/v1/applications',
      roles: LOOK,
      tag,
      summary: 'Applications, decided ones too',
      answers: {
        200: { description: 'Oldest first', schema: z.object({ applications: z.array(shown) }) },
      },
    },
    async (c) => {
      const rows = await coordinator.admission.applications()
      return c.json({ applications: rows.map((row) => applicationOf(network, row)) })
    },
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/applications/{site}/admit',
      roles: ACT,
      tag,
      summary: 'Admit an applicant, or prolong a membership',
      description: 'For a year.',
      answers: { 200: { description: 'The member', schema: memberShape } },
    },
    async (c) => {
      const site = siteIn(c.req.param('site'))
      return c.json(memberOf(ports, await coordinator.admissionBy(actorIn(c)).admit(site)))
    },
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/applications/{site}/refuse',
      roles: ACT,
      tag,
      summary: 'Refuse an applicant',
      answers: { 204: { description: 'Refused' } },
    },
    async (c) => {
      await coordinator.admissionBy(actorIn(c)).refuse(siteIn(c.req.param('site')))
      return c.body(null, 204)
    },
  )
}
