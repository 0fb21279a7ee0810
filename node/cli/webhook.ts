/** `dpn webhook`: addresses of the website that are called with every event. */
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { table, timeText, type Outcome } from './outcome.ts'

interface Row {
  id: string
  url: string
  types: string[]
  failures: number
  lastSuccessAt: number | null
  lastFailure: string | null
  disabledAt: number | null
}
interface Options extends ApiOptions {
  type?: string[]
}

const pathOf = (id: string): string => `/v1/webhooks/${encodeURIComponent(id)}`

async function add(client: Client, url: string, types: readonly string[]): Promise<Outcome> {
  const made = await client.send<Row & { secret: string }>('POST', '/v1/webhooks', { url, types })
  return {
    json: { ...made },
    lines: [
      made.secret,
      `Webhook ${made.id} is signed with this secret, which is shown this once: keep it now.`,
    ],
  }
}

function stateOf({ disabledAt, failures, lastFailure }: Row): string {
  if (disabledAt !== null) return `disabled ${timeText(disabledAt)}: ${lastFailure ?? ''}`
  return failures === 0 ? 'well' : `failing (${failures}): ${lastFailure ?? ''}`
}

async function list(client: Client): Promise<Outcome> {
  const { webhooks } = await client.get<{ webhooks: Row[] }>('/v1/webhooks')
  const cells = webhooks.map((row) => [
    row.id,
    timeText(row.lastSuccessAt),
    stateOf(row),
    row.types.length === 0 ? 'all' : row.types.join(','),
    row.url,
  ])
  const head = ['ID', 'LAST SUCCESS', 'STATE', 'TYPES', 'URL']
  return { json: { webhooks }, lines: table([head, ...cells]) }
}

async function change(
  client: Client,
  id: string,
  url: string,
  types: readonly string[],
): Promise<Outcome> {
  const row = await client.send<Row>('PUT', pathOf(id), { url, types })
  return { json: { ...row }, lines: [`Webhook ${id} is changed, and is tried again.`] }
}

async function remove(client: Client, id: string): Promise<Outcome> {
  await client.send('DELETE', pathOf(id))
  return { json: { id, removed: true }, lines: [`Webhook ${id} is called no more.`] }
}

async function test(client: Client, id: string): Promise<Outcome> {
  const path = `${pathOf(id)}/test`
  const answer = await client.send<{ kind: string; status?: number; reason?: string }>('POST', path)
  const { status = 0, reason = '' } = answer
  const isWell = status >= 200 && status < 300
  const line = answer.kind === 'answered' ? `It answered ${status}.` : `It failed: ${reason}.`
  return { json: { ...answer }, lines: [line], ...(!isWell && { failed: true }) }
}

function withTypes(command: Command): Command {
  return command.option('--type <type...>', 'events to send; all without it')
}

/** Adds the commands. */
export function addWebhook(program: Command, shell: Shell): void {
  const webhook = program
    .command('webhook')
    .description(
      'addresses of the website that are called with every event; an admin key is needed',
    )
  const make = (usage: string, description: string): Command =>
    withApi(webhook.command(usage)).description(description)

  withExamples(
    withTypes(make('add <url>', 'add one; its secret is shown this once')),
    'dpn webhook add https://amor.example/dpn-events',
    'dpn webhook add https://amor.example/dpn-events --type message record.vanished',
  ).action((url: string, options: Options) =>
    performWith(shell, options, (client) => add(client, url, options.type ?? [])),
  )
  withExamples(make('list', 'list them, and how they fare'), 'dpn webhook list').action(
    (options: Options) => performWith(shell, options, list),
  )
  withExamples(
    withTypes(make('change <id> <url>', 'change one, and try it again if it was disabled')),
    'dpn webhook change 1a2b https://amor.example/dpn-events',
  ).action((id: string, url: string, options: Options) =>
    performWith(shell, options, (client) => change(client, id, url, options.type ?? [])),
  )
  withExamples(make('test <id>', 'call one now'), 'dpn webhook test 1a2b').action(
    (id: string, options: Options) => performWith(shell, options, (client) => test(client, id)),
  )
  withExamples(make('remove <id>', 'call one no more'), 'dpn webhook remove 1a2b').action(
    (id: string, options: Options) => performWith(shell, options, (client) => remove(client, id)),
  )
}
