/** Notices of breaches as JSON: the same at the coordinator and at sites. */
import { z } from '@hono/zod-openapi'
import { BREACH_PHASES, DATA_KINDS, PEOPLE_KINDS } from '../../protocol/breach.ts'
import type { BreachNotice } from '../../protocol/registry.ts'
import { seconds, siteId } from './v1/shapes.ts'

/** What a notice says, as JSON. */
export const noticeText = {
  nature: z.string(),
  people: z.array(z.enum(PEOPLE_KINDS)),
  peopleCount: z.int().nullable().describe('about how many; null where it is not known yet'),
  data: z.array(z.enum(DATA_KINDS)),
  dataCount: z.int().nullable(),
  consequences: z.string(),
  measures: z.string(),
  contact: z.string(),
}
export const noticeShape = z.object({
  id: z.string(),
  phase: z.enum(BREACH_PHASES),
  site: siteId.describe("the site concerned; the network's name where it is the coordinator"),
  known: seconds.describe('when it became known'),
  ...noticeText,
  time: seconds,
  index: z.int().describe("of the entry in the coordinator's log"),
})
/** A notice without the word that it is an entry. */
export function noticeOf({ type: _type, ...notice }: BreachNotice) {
  return notice
}
