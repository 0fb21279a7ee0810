/** `dpn records`: records of other sites that may be shown here now. */
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { parseLimit } from './member.ts'
import { table, wordOf, type Outcome } from './outcome.ts'

interface Options extends ApiOptions {
  limit: string
  cursor?: string
  home?: string[]
  gender?: string[]
  country?: string[]
  language?: string[]
  ageMin?: string
  ageMax?: string
}
interface Page {
  records: { record: string; home: string; age: number; profile: Record<string, unknown> }[]
  next: string | null
}

function queryOf(options: Options): URLSearchParams {
  const query = new URLSearchParams({ limit: String(parseLimit(options.limit)) })
  const { cursor, ageMin, ageMax } = options
  for (const [name, value] of Object.entries({ cursor, age_min: ageMin, age_max: ageMax }))
    if (value !== undefined) query.set(name, value)
  const { home, gender, country, language } = options
  for (const [name, values] of Object.entries({ home, gender, country, language }))
    for (const value of values ?? []) query.append(name, value)
  return query
}

async function list(client: Client, options: Options): Promise<Outcome> {
  const page = await client.get<Page>(`/v1/records?${queryOf(options).toString()}`)
  const rows = page.records.map(({ record, home, age, profile }) => [
    home,
    record,
    String(age),
    ...['gender', 'country', 'nickname'].map((name) => wordOf(profile[name])),
  ])
  const more = page.next === null ? [] : [`More: --cursor ${page.next}`]
  const header = ['HOME', 'RECORD', 'AGE', 'GENDER', 'COUNTRY', 'NICKNAME']
  return { json: { ...page }, lines: [...table([header, ...rows]), ...more] }
}

/** Adds the command. */
export function addRecords(program: Command, shell: Shell): void {
  const command = withApi(program.command('records'))
    .description('records of other sites that may be shown here now')
    .option('--home <site...>', 'of these sites')
    .option('--gender <gender...>', 'of these genders')
    .option('--country <code...>', 'in these countries')
    .option('--language <tag...>', 'of sites in these languages')
    .option('--age-min <years>', 'not younger')
    .option('--age-max <years>', 'not older')
    .option('--limit <rows>', 'rows of a page, at most 200', '50')
    .option('--cursor <cursor>', 'where the page before has ended')
  withExamples(command, 'dpn records --country DE AT --age-min 30').action((options: Options) =>
    performWith(shell, options, (client) => list(client, options)),
  )
}
