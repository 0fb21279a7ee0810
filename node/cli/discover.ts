/** `dpn discover`: people of other sites, found for a member of this one. */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { parseLimit } from './member.ts'
import { table, UsageError, wordOf, type Outcome } from './outcome.ts'

interface Options extends ApiOptions {
  limit: string
  query?: string
  everybody?: boolean
  gender?: string[]
  country?: string[]
  language?: string[]
  ageMin?: string
  ageMax?: string
  radius?: string
  siteType?: string[]
  picture?: boolean
  online?: boolean
  joinedSince?: string
  text?: string
  sort?: string
  facet?: string[]
  cursor?: string
}
interface Page {
  records: {
    record: string
    home: string
    age: number
    withinKm: number | null
    isOnline: boolean
    profile: Record<string, unknown>
  }[]
  next: string | null
  total: number
  facets: Record<string, Record<string, number>>
}

function numberOf(option: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (!/^\d{1,10}$/.test(value)) throw new UsageError(`${option}: expected a whole number`)
  return Number(value)
}

async function readQuery(path: string | undefined): Promise<object> {
  if (path === undefined) return {}
  try {
    const json: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (typeof json === 'object' && json !== null) return json
  } catch (cause) {
    throw new UsageError(`--query: ${path} cannot be read as JSON`, { cause })
  }
  throw new UsageError(`--query: expected a JSON object in ${path}`)
}

async function bodyOf(member: string | undefined, options: Options): Promise<object> {
  const { everybody, gender, country, language, siteType, picture, online, text, sort } = options
  const given = {
    member,
    reciprocal: everybody === true ? false : undefined,
    genders: gender,
    countries: country,
    languages: language,
    siteTypes: siteType,
    ageMin: numberOf('--age-min', options.ageMin),
    ageMax: numberOf('--age-max', options.ageMax),
    radiusKm: numberOf('--radius', options.radius),
    joinedSince: numberOf('--joined-since', options.joinedSince),
    hasPicture: picture,
    isOnline: online,
    text,
    sort,
    facets: options.facet,
    cursor: options.cursor,
    limit: parseLimit(options.limit),
  }
  const set = Object.entries(given).filter(([, value]) => value !== undefined)
  return { ...(await readQuery(options.query)), ...Object.fromEntries(set) }
}

function distanceOf(withinKm: number | null): string {
  return withinKm === null ? '' : `<=${withinKm} km`
}

async function discover(
  client: Client,
  member: string | undefined,
  options: Options,
): Promise<Outcome> {
  const page = await client.send<Page>('POST', '/v1/discover', await bodyOf(member, options))
  const rows = page.records.map(({ home, record, age, withinKm, isOnline, profile }) => [
    home,
    record,
    String(age),
    distanceOf(withinKm),
    isOnline ? 'online' : '',
    ...['gender', 'country', 'nickname'].map((name) => wordOf(profile[name])),
  ])
  const header = ['HOME', 'RECORD', 'AGE', 'AWAY', '', 'GENDER', 'COUNTRY', 'NICKNAME']
  const facets = Object.entries(page.facets).map(
    ([name, counts]) =>
      `${name}: ${Object.entries(counts)
        .map(([value, count]) => `${value} ${count}`)
        .join(', ')}`,
  )
  const more = page.next === null ? [] : [`More: --cursor ${page.next}`]
  return {
    json: { ...page },
    lines: [...table([header, ...rows]), `${page.total} fit`, ...facets, ...more],
  }
}

/** Adds the command. */
export function addDiscover(program: Command, shell: Shell): void {
  const command = withApi(program.command('discover [member]'))
    .description('people of other sites who fit a member of this one, and whom the member fits')
    .option('--everybody', 'whatever the wishes of both')
    .option('--gender <gender...>', 'of these genders')
    .option('--age-min <years>', 'not younger')
    .option('--age-max <years>', 'not older')
    .option('--language <tag...>', 'who speak one of these')
    .option('--country <code...>', 'in these countries')
    .option('--radius <km>', 'not farther away')
    .option('--site-type <type...>', 'of sites of these types')
    .option('--picture', 'with a picture')
    .option('--online', 'who are online now')
    .option('--joined-since <seconds>', 'who joined since (unix time)')
    .option('--text <words>', 'with these words in nickname, headline or description')
    .option('--query <file>', 'JSON as POST /v1/discover takes it, for all other filters')
    .option('--sort <order>', 'nearest, newest or active')
    .option('--facet <name...>', 'count by these, e.g. age country')
    .option('--limit <rows>', 'rows of a page, at most 200', '50')
    .option('--cursor <cursor>', 'where the page before has ended')
  withExamples(
    command,
    'dpn discover 4711 --radius 100 --picture',
    'dpn discover 4711 --text fahrrad --facet age country',
    'dpn discover --gender woman --sort newest',
  ).action((member: string | undefined, options: Options) =>
    performWith(shell, options, (client) => discover(client, member, options)),
  )
}
