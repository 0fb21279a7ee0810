/** `/v1/discover`: people of other sites, found for a member of this one. */
import { z } from '@hono/zod-openapi'
import { isCountry } from '../../../protocol/countries.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseRecordId, parseSiteId } from '../../../protocol/ids.ts'
import { SITE_TYPES } from '../../../protocol/requirements.ts'
import { FIELDS, GENDERS } from '../../../protocol/vocabulary.ts'
import { CURSOR_CHARS } from '../../core/record/cursor.ts'
import { BANDS_KM, SORTS, type DiscoverRequest } from '../../core/record/discover.ts'
import { parseMemberId } from '../../core/record/member.ts'
import { FACETS } from '../../core/search/query.ts'
import {
  CHOICE_FIELDS,
  RANGE_FIELDS,
  SENSITIVE_FIELDS,
  WORD_FIELDS,
} from '../../core/search/traits.ts'
import { soughtWords } from '../../core/search/words.ts'
import type { Door } from '../app.ts'
import { mount, takeRows, type OperationContext } from '../operation.ts'
import { READ, type SitePorts } from './ports.ts'
import { limit, recordId, seconds, siteId } from './shapes.ts'
import { visible, withPictures } from './visible.ts'

const tag = 'Discovery'
const MOST_VALUES = 50
const MOST_SEEN = 10_000
const TEXT_CHARS = 200
/** Half the equator: nobody is farther away. */
const FARTHEST_KM = 20_038

const age = z.int().min(18).max(120)
const country = z.string().refine(isCountry, 'an ISO 3166-1 alpha-2 country code')
const language = z.string().regex(/^[a-z]{2,3}$/, 'a BCP 47 primary language tag in lower case')
const listOf = <T extends z.ZodType>(item: T, most: number = MOST_VALUES) =>
  z.array(item).max(most).exactOptional()
const words = z.string().min(1).max(TEXT_CHARS)
const mapOf = <Name extends string, T>(names: readonly Name[], make: (name: Name) => T) =>
  Object.fromEntries(names.map((name) => [name, make(name)])) as Record<Name, T>

const choices = mapOf([...CHOICE_FIELDS, ...SENSITIVE_FIELDS], (name) =>
  listOf(FIELDS[name].schema as z.ZodType<string>),
)
const ranges = mapOf(RANGE_FIELDS, () =>
  z
    .strictObject({
      min: z.int().min(1).max(300).exactOptional(),
      max: z.int().min(1).max(300).exactOptional(),
    })
    .exactOptional(),
)
const searched = mapOf(WORD_FIELDS, () => words.exactOptional())

const body = z.strictObject({
  member: z
    .string()
    .exactOptional()
    .describe("your own id of the member who looks; by it, both must meet the other's wishes"),
  reciprocal: z.boolean().exactOptional().describe('false: whatever the wishes; true without it'),
  genders: listOf(z.enum(GENDERS)),
  ageMin: age.exactOptional(),
  ageMax: age.exactOptional(),
  languages: listOf(language).describe('spoken; any of them'),
  countries: listOf(country),
  near: z
    .strictObject({
      latitude: z.number().min(-90).max(90),
      longitude: z.number().min(-180).max(180),
    })
    .exactOptional()
    .describe("the place from which distances count; by default the member's"),
  radiusKm: z.int().min(1).max(FARTHEST_KM).exactOptional(),
  homes: listOf(siteId),
  siteTypes: listOf(z.enum(SITE_TYPES)),
  hasPicture: z.boolean().exactOptional(),
  isOnline: z.boolean().exactOptional().describe('true: only who is online now'),
  joinedSince: seconds.exactOptional(),
  text: words
    .exactOptional()
    .describe('words of nickname, headline and description, or how they begin'),
  ...choices,
  ...ranges,
  ...searched,
  seen: listOf(recordId, MOST_SEEN).describe('records to leave out'),
  sort: z.enum(SORTS).exactOptional().describe('nearest where there is a place, else newest'),
  facets: listOf(z.enum(FACETS), FACETS.length),
  limit,
  cursor: z
    .string()
    .max(CURSOR_CHARS)
    .exactOptional()
    .describe('next of the page before; with the same query'),
})
type Body = z.output<typeof body>

const query = z.strictObject({
  member: z.string().exactOptional(),
  reciprocal: z.boolean().exactOptional(),
  gender: listOf(z.enum(GENDERS)).describe('may be repeated, as all lists'),
  age_min: age.exactOptional(),
  age_max: age.exactOptional(),
  language: listOf(language),
  country: listOf(country),
  radius_km: z.int().min(1).max(FARTHEST_KM).exactOptional(),
  home: listOf(siteId),
  site_type: listOf(z.enum(SITE_TYPES)),
  picture: z.boolean().exactOptional(),
  online: z.boolean().exactOptional(),
  joined_since: seconds.exactOptional(),
  ...choices,
  sort: z.enum(SORTS).exactOptional(),
  facet: listOf(z.enum(FACETS), FACETS.length),
  limit,
  cursor: z.string().max(CURSOR_CHARS).exactOptional(),
})

/** Names of the query that are shorter than those of the body. */
const LONG_NAMES: Readonly<Record<string, string>> = {
  gender: 'genders',
  age_min: 'ageMin',
  age_max: 'ageMax',
  language: 'languages',
  country: 'countries',
  radius_km: 'radiusKm',
  home: 'homes',
  site_type: 'siteTypes',
  picture: 'hasPicture',
  online: 'isOnline',
  joined_since: 'joinedSince',
  facet: 'facets',
}

const answer = z.object({
  records: z.array(
    visible.extend({
      joinedAt: seconds,
      isOnline: z.boolean(),
      withinKm: z
        .union(BANDS_KM.map((band) => z.literal(band)))
        .nullable()
        .describe('at most so far away; null where a place is not known'),
    }),
  ),
  next: z.string().nullable().describe('cursor of the next page; null at the end'),
  total: z.int().describe('records that fit now, on all pages'),
  facets: z.partialRecord(z.enum(FACETS), z.record(z.string(), z.int())),
})

const EXAMPLE = {
  member: '4711',
  radiusKm: 100,
  hasPicture: true,
  text: 'fahrrad',
  facets: ['age', 'country'],
  limit: 20,
}

function pick<Name extends string>(
  given: Body,
  names: readonly Name[],
): Pick<Body, Name & keyof Body> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = given[name as unknown as keyof Body]
      return value === undefined ? [] : [[name, value]]
    }),
  ) as Pick<Body, Name & keyof Body>
}

/** @throws ProtocolError where a text has no word to look for, or a range is upside down */
function check(given: Body): void {
  const pairs: [string, number | undefined, number | undefined][] = [
    ['/ageMax', given.ageMin, given.ageMax],
    ...RANGE_FIELDS.map((name): [string, number | undefined, number | undefined] => [
      `/${name}/max`,
      given[name]?.min,
      given[name]?.max,
    ]),
  ]
  for (const [path, min, max] of pairs)
    if (min !== undefined && max !== undefined && min > max)
      throw new ProtocolError('out_of_range', path, 'no less than the lower bound')
  for (const name of ['text', ...WORD_FIELDS] as const) {
    const text = given[name]
    if (text !== undefined && soughtWords(text).length === 0)
      throw new ProtocolError('out_of_range', `/${name}`, 'text with a word in it')
  }
}

/** @throws ProtocolError at `/member` */
function memberOf(id: string): string {
  try {
    return parseMemberId(id)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    throw new ProtocolError(error.code, '/member', error.expected)
  }
}

function requestOf(given: Body): DiscoverRequest {
  check(given)
  const { member, near, homes, seen } = given
  return {
    ...pick(given, ['reciprocal', 'radiusKm', 'siteTypes', 'isOnline', 'sort', 'facets', 'cursor']),
    limit: given.limit,
    ...(member !== undefined && { member: memberOf(member) }),
    ...(near !== undefined && {
      near: {
        latitudeTenths: Math.round(near.latitude * 10) + 0,
        longitudeTenths: Math.round(near.longitude * 10) + 0,
      },
    }),
    ...(homes !== undefined && { homes: at('/homes', () => homes.map(parseSiteId)) }),
    ...(seen !== undefined && { seen: at('/seen', () => seen.map(parseRecordId)) }),
    filter: {
      ...pick(given, ['genders', 'ageMin', 'ageMax', 'languages', 'countries']),
      ...pick(given, ['hasPicture', 'joinedSince', 'text']),
      choices: pick(given, [...CHOICE_FIELDS, ...SENSITIVE_FIELDS]),
      ranges: pick(given, RANGE_FIELDS),
      words: pick(given, WORD_FIELDS),
    },
  }
}

/** Mounts the resource. */
export function mountDiscover(door: Door, { site }: SitePorts): void {
  const respond = async (c: OperationContext, given: Body): Promise<Response> => {
    const request = requestOf(given)
    takeRows(door, c, request.limit)
    const page = await site.discovery.find(request)
    return c.json({ ...page, records: await withPictures(site, page.records) })
  }
  const common = { roles: READ, tag }
  const answers = {
    200: { description: 'A page', schema: answer },
    404: { description: 'There is no such member with a live record' },
    409: { description: 'The cursor is of a list that was begun too long ago' },
    503: { description: 'Texts, race and religion are still being read; Retry-After says when' },
  }
  mount(
    door,
    {
      ...common,
      method: 'post',
      path: '/v1/discover',
      summary: 'Find people of other sites, mostly for a member',
      description:
        'Show only what this answers, and not longer: ask again before you show it. Nothing is ' +
        'changed or kept; the query is a body so that nothing personal stands in an address.',
      body,
      shownBody: { schema: body, example: EXAMPLE },
      answers,
    },
    (c, input) => respond(c, input.body),
  )
  mount(
    door,
    {
      ...common,
      method: 'get',
      path: '/v1/discover',
      summary: 'Find people of other sites by simple filters',
      description: 'The same as POST, without texts, places and lists of what was seen.',
      query,
      answers,
    },
    (c, input) => {
      const { limit: rows, ...given } = input.query
      const renamed = Object.entries(given).map(([name, value]) => [
        LONG_NAMES[name] ?? name,
        value,
      ])
      return respond(c, { limit: rows, ...Object.fromEntries(renamed) })
    },
  )
}
