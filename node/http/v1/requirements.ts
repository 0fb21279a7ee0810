/** `/v1/requirements`: what this site accepts of others, and whom it gives nothing. */
import { z } from '@hono/zod-openapi'
import { ProtocolError } from '../../../protocol/errors.ts'
import { requirementsSchema } from '../../../protocol/requirements.ts'
import type { PublishedRequirements } from '../../core/store.ts'
import type { Door } from '../app.ts'
import { readJson } from '../body.ts'
import { mount } from '../operation.ts'
import { ADMIN, READ, type SitePorts } from './ports.ts'
import { siteId } from './shapes.ts'

const tag = 'Requirements'
const shape = z.strictObject({
  requirements: requirementsSchema,
  excludes: z.array(siteId).max(100).optional().describe('sites that get nothing from this one'),
})
const published = shape.extend({ index: z.int().nullable() })

function shown(found: PublishedRequirements | null): object {
  // Before the first entry a site gets nothing: that is what null says.
  return found ?? { requirements: null, excludes: [], index: null }
}

/** Errors name the field of the body: the core sees the two parts one by one. */
function inRequirements(error: unknown): unknown {
  const isField =
    error instanceof ProtocolError &&
    error.code !== 'not_ready' &&
    !error.path.startsWith('/excludes')
  return isField
    ? new ProtocolError(error.code, `/requirements${error.path}`, error.expected)
    : error
}

/** Mounts the resource. */
export function mountRequirements(door: Door, { site }: SitePorts): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/requirements',
      roles: READ,
      tag,
      summary: 'What this site accepts of others',
      answers: { 200: { description: 'As published in its log', schema: published } },
    },
    (c) => c.json(shown(site.demands.get())),
  )
  mount(
    door,
    {
      method: 'put',
      path: '/v1/requirements',
      roles: ADMIN,
      tag,
      summary: 'Publish what this site accepts of others',
      description:
        'Public, in its log. A list that is absent accepts anything, an empty one nothing. Records ' +
        'held here that do not match any more are erased.',
      shownBody: {
        schema: shape,
        example: { requirements: { ageMin: 25, countries: ['DE', 'AT'] }, excludes: [] },
      },
      answers: { 200: { description: 'As published', schema: published } },
    },
    async (c) => {
      const json = await readJson(c)
      if (typeof json !== 'object' || json === null || Array.isArray(json))
        throw new ProtocolError('wrong_type', '', 'an object with requirements and excludes')
      const unknown = Object.keys(json).find((name) => !(name in shape.shape))
      if (unknown !== undefined) {
        const path = /^\w{1,40}$/.test(unknown) ? `/${unknown}` : ''
        throw new ProtocolError('unknown_field', path, 'only requirements and excludes')
      }
      const { requirements, excludes } = json as Record<string, unknown>
      try {
        return c.json(shown(await site.demands.put(requirements, excludes)))
      } catch (error) {
        throw inRequirements(error)
      }
    },
  )
}
