/** `dpn owner`, `dpn retention`, `dpn processors`, `dpn review`: the coordinator's own data. */
import type { Command } from 'commander'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { readJsonFile } from './member.ts'
import { table, timeText, type Outcome } from './outcome.ts'

interface Owner {
  id: string
  site: string | null
  email: string
  fields: Record<string, { value: string; source: string; basis: string }>
  orders: string[]
  lastContactAt: number
  keptUntil: number
  shrunkAt: number | null
  objectedAt: number | null
}
interface Processor {
  name: string
  purpose: string
  country: string
  policy: string
}

const part = (text: string): string => encodeURIComponent(text)

function ownerOutcome(owner: Owner): Outcome {
  const fields = Object.entries(owner.fields).map(([name, { value, source, basis }]) => [
    `  ${name}`,
    value,
    source,
    basis,
  ])
  return {
    json: { ...owner },
    lines: [
      `owner ${owner.id} of ${owner.site ?? 'no site'}, ${owner.email}`,
      `last contact ${timeText(owner.lastContactAt)}, more than the minimum until ` +
        timeText(owner.keptUntil),
      ...(owner.objectedAt === null ? [] : ['has objected: no offers']),
      `orders: ${owner.orders.join(', ') || 'none'}`,
      ...table(fields),
    ],
  }
}

function addOwners(program: Command, shell: Shell): void {
  const owner = program.command('owner').description('site owners, as the coordinator keeps them')
  withExamples(
    withApi(owner.command('list'))
      .description('site owners')
      .option('--offers', 'only those who may be made offers')
      .option('--cursor <cursor>', 'where the page before has ended'),
    'dpn owner list --offers',
  ).action((options: ApiOptions & { offers?: boolean; cursor?: string }) =>
    performWith(shell, options, async (client) => {
      const query = new URLSearchParams({ limit: '200' })
      if (options.offers === true) query.set('offers', 'true')
      if (options.cursor !== undefined) query.set('cursor', options.cursor)
      const page = await client.get<{ customers: Owner[]; next: string | null }>(
        `/v1/customers?${query.toString()}`,
      )
      const rows = page.customers.map((row) => [
        row.id,
        row.site ?? '-',
        row.email,
        String(row.orders.length),
        timeText(row.lastContactAt),
      ])
      const more = page.next === null ? [] : [`More: --cursor ${page.next}`]
      const header = ['ID', 'SITE', 'E-MAIL', 'ORDERS', 'LAST CONTACT']
      return { json: { ...page }, lines: [...table([header, ...rows]), ...more] }
    }),
  )
  withExamples(
    withApi(owner.command('show <id>')).description('all that is kept of a site owner'),
    'dpn owner show c-0f3c…',
  ).action((id: string, options: ApiOptions) =>
    performWith(shell, options, async (client) =>
      ownerOutcome(await client.get<Owner>(`/v1/customers/${part(id)}`)),
    ),
  )
  withExamples(
    withApi(owner.command('put <file>')).description(
      'make or change a site owner from a JSON file with email, source, site and fields',
    ),
    'dpn owner put owner.json',
  ).action((file: string, options: ApiOptions) =>
    performWith(shell, options, async (client) =>
      ownerOutcome(await client.send<Owner>('PUT', '/v1/customers', readJsonFile(file))),
    ),
  )
  withExamples(
    withApi(owner.command('contact <id>')).description('note a contact: two years begin anew'),
    'dpn owner contact c-0f3c…',
  ).action((id: string, options: ApiOptions) =>
    performWith(shell, options, async (client) =>
      ownerOutcome(await client.send<Owner>('POST', `/v1/customers/${part(id)}/contact`)),
    ),
  )
}

/** Adds the commands. */
export function addOwner(program: Command, shell: Shell): void {
  addOwners(program, shell)
  withExamples(
    withApi(program.command('retention'))
      .description('site owners without contact for two years: what a sweep would do, or does')
      .option('--run', 'do it'),
    'dpn retention',
    'dpn retention --run',
  ).action((options: ApiOptions & { run?: boolean }) =>
    performWith(shell, options, async (client) => {
      const json =
        options.run === true
          ? await client.send<{ shrunk: string[]; removed: string[] }>('POST', '/v1/retention')
          : await client.get<{ shrunk: string[]; removed: string[] }>('/v1/retention')
      const verb = options.run === true ? 'was' : 'would be'
      return {
        json: { ...json },
        lines: [
          ...json.shrunk.map((id) => `${id} ${verb} shrunk to address and order numbers`),
          ...json.removed.map((id) => `${id} ${verb} removed`),
          ...(json.shrunk.length + json.removed.length === 0 ? ['Nothing is due.'] : []),
        ],
      }
    }),
  )
  withExamples(
    withApi(program.command('processors [file]')).description(
      'the register of processors; with a JSON file, replace it',
    ),
    'dpn processors --json > processors.json',
    'dpn processors processors.json',
  ).action((file: string | undefined, options: ApiOptions) =>
    performWith(shell, options, async (client) => {
      const json =
        file === undefined
          ? await client.get<{ processors: Processor[] }>('/v1/processors')
          : await client.send<{ processors: Processor[] }>(
              'PUT',
              '/v1/processors',
              readJsonFile(file),
            )
      const rows = json.processors.map((row) => [row.name, row.country, row.purpose, row.policy])
      return { json: { ...json }, lines: table(rows) }
    }),
  )
  withExamples(
    withApi(program.command('review <site> [text]')).description(
      'the notes about an application; with a text, one more',
    ),
    'dpn review amor.example "The imprint names another company: asked."',
  ).action((site: string, text: string | undefined, options: ApiOptions) =>
    performWith(shell, options, async (client) => {
      const path = `/v1/applications/${part(site)}/notes`
      const json =
        text === undefined
          ? await client.get<{ notes: { time: number; actor: string; text: string }[] }>(path)
          : await client.send<{ notes: { time: number; actor: string; text: string }[] }>(
              'POST',
              path,
              { text },
            )
      const lines = json.notes.map((note) => `${timeText(note.time)} ${note.actor}: ${note.text}`)
      return { json: { ...json }, lines: lines.length === 0 ? ['No notes.'] : lines }
    }),
  )
}
