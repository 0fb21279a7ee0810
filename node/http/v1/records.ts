/** `/v1/records`: the records of other sites that may be shown here now. */
import { z } from '@hono/zod-openapi'
import { isCountry } from '../../../protocol/countries.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseRecordId, parseSiteId } from '../../../protocol/ids.ts'
import { GENDERS } from '../../../protocol/vocabulary.ts'
import type { VisibleFilter } from '../../core/record/discover.ts'
import type { Door } from '../app.ts'
import { mount, takeRows } from '../operation.ts'
import { READ, type SitePorts } from './ports.ts'
import { limit, recordId, siteId } from './shapes.ts'
import { visible, withPictures } from './visible.ts'

const tag = 'Records'
const MOST_VALUES = 50
const age = z.int().min(18).max(120).optional()
const country = z.string().refine(isCountry, 'an ISO 3166-1 alpha-2 country code')
const language = z.string().regex(/^[a-z]{2,3}$/, 'a BCP 47 primary language tag in lower case')

const query = z.strictObject({
  gender: z.array(z.enum(GENDERS)).max(GENDERS.length).optional().describe('may be repeated'),
  country: z.array(country).max(MOST_VALUES).optional().describe('may be repeated'),
  language: z.array(language).max(MOST_VALUES).optional().describe('spoken; may be repeated'),
  age_min: age,
  age_max: age,
  home: z.array(siteId).max(MOST_VALUES).optional().describe('may be repeated'),
  limit,
  cursor: recordId.optional(),
})

function filterOf(given: z.output<typeof query>): VisibleFilter {
  const { gender, country: countries, language: languages, age_min, age_max, home, cursor } = given
  if (age_min !== undefined && age_max !== undefined && age_min > age_max)
    throw new ProtocolError('out_of_range', '/age_max', 'no less than age_min')
  return {
    limit: given.limit,
    ...(gender && { genders: gender }),
    ...(countries && { countries }),
    ...(languages && { languages }),
    ...(age_min !== undefined && { ageMin: age_min }),
    ...(age_max !== undefined && { ageMax: age_max }),
    ...(home && { homes: at('/home', () => home.map(parseSiteId)) }),
    ...(cursor !== undefined && { after: at('/cursor', () => parseRecordId(cursor)) }),
  }
}

/** Mounts the resource. */
export function mountRecords(door: Door, { site }: SitePorts): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/records',
      roles: READ,
      tag,
      summary: 'Records of other sites that may be shown here now',
      description: 'Show only what this answers, and not longer: ask again before you show it.',
      query,
      answers: {
        200: {
          description: 'A page; next is the cursor of the following one, null at the end',
          schema: z.object({ records: z.array(visible), next: recordId.nullable() }),
        },
      },
    },
    async (c, input) => {
      const filter = filterOf(input.query)
      takeRows(door, c, filter.limit)
      const { records, next } = await site.discovery.list(filter)
      return c.json({ records: await withPictures(site, records), next })
    },
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/records/{home}/{record}',
      roles: READ,
      tag,
      summary: 'One record of another site',
      answers: {
        200: { description: 'The record', schema: visible },
        404: { description: 'There is none that may be shown here now' },
      },
    },
    async (c) => {
      const home = at('/home', () => parseSiteId(c.req.param('home') ?? ''))
      const record = at('/record', () => parseRecordId(c.req.param('record') ?? ''))
      const found = await site.discovery.get(home, record)
      if (found === null)
        throw new ProtocolError('not_found', '', 'a record that may be shown here now')
      const [shown] = await withPictures(site, [found])
      return c.json(shown)
    },
  )
}
