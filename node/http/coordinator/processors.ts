/** `/v1/processors` for everybody, and what staff write about applications. */
import { actorIn } from '../auth.ts'
import { z } from '@hono/zod-openapi'
import { isCountry } from '../../../protocol/countries.ts'
import type { Door } from '../app.ts'
import { mount } from '../operation.ts'
import { seconds } from '../v1/shapes.ts'
import { ACT, siteIn, type CoordinatorPorts } from './ports.ts'

const tag = 'Desk'
const MOST_PROCESSORS = 200
const NOTE_CHARS = 4000

const text = (chars: number) =>
  z
    .string()
    .min(2)
    .max(chars)
    .regex(/^\P{Cc}+$/u, 'text on one line')

/** A processor, as it is shown and as it is given. */
export const processorShape = z.strictObject({
  name: text(100),
  purpose: text(300),
  category: text(60),
  country: z.string().refine(isCountry, 'an ISO 3166-1 alpha-2 country code'),
  policy: z.url({ protocol: /^https?$/ }).max(500),
})
const list = z.object({ processors: z.array(processorShape) })

/** Mounts the register of processors. */
export function mountProcessors(door: Door, { coordinator }: CoordinatorPorts): void {
  const { processors } = coordinator.desk
  mount(
    door,
    {
      method: 'get',
      path: '/v1/processors',
      roles: null,
      tag,
      summary: "Who works with site owners' data, for what, where, under which policy",
      answers: { 200: { description: 'The register', schema: list } },
    },
    async (c) => c.json({ processors: await processors.list() }),
  )
  mount(
    door,
    {
      method: 'put',
      path: '/v1/processors',
      roles: ACT,
      tag,
      summary: 'Replace the register of processors',
      body: z.strictObject({ processors: z.array(processorShape).max(MOST_PROCESSORS) }),
      answers: { 200: { description: 'The register', schema: list } },
    },
    async (c, { body }) => {
      await processors.replace(actorIn(c), body.processors)
      return c.json({ processors: await processors.list() })
    },
  )
}

/** Mounts the review notes of applications. */
export function mountReviews(door: Door, { coordinator }: CoordinatorPorts): void {
  const { reviews } = coordinator.desk
  const path = '/v1/applications/{site}/notes'
  const schema = z.object({
    notes: z.array(z.object({ id: z.int(), time: seconds, actor: z.string(), text: z.string() })),
  })
  mount(
    door,
    {
      method: 'get',
      path,
      roles: ACT,
      tag,
      summary: 'What staff have written about an application',
      answers: { 200: { description: 'Oldest first', schema } },
    },
    async (c) => c.json({ notes: await reviews.of(siteIn(c.req.param('site'))) }),
  )
  mount(
    door,
    {
      method: 'post',
      path,
      roles: ACT,
      tag,
      summary: 'Write a note about an application',
      body: z.strictObject({ text: z.string().trim().min(1).max(NOTE_CHARS) }),
      answers: { 201: { description: 'All notes', schema } },
    },
    async (c, { body }) => {
      const site = siteIn(c.req.param('site'))
      await reviews.add(actorIn(c), site, body.text)
      return c.json({ notes: await reviews.of(site) }, 201)
    },
  )
}
