/** `dpn requirements`: what this site accepts of others. */
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { readJsonFile } from './member.ts'
import type { Outcome } from './outcome.ts'

interface Published {
  requirements: Record<string, unknown> | null
  excludes: string[]
  index: number | null
}

function shown(json: Published): Outcome {
  const { requirements, excludes, index } = json
  const lines =
    requirements === null
      ? ['No requirements are published: this site gets nothing until they are.']
      : [
          `Published as entry ${index}:`,
          ...Object.entries(requirements).map(([name, value]) => `  ${name}: ${String(value)}`),
          `  gives nothing to: ${excludes.length === 0 ? 'nobody' : excludes.join(', ')}`,
        ]
  return { json: { ...json }, lines }
}

/** A file with requirements alone, or with the sites excluded beside them. */
function bodyOf(json: unknown): unknown {
  const isWhole = typeof json === 'object' && json !== null && 'requirements' in json
  return isWhole ? json : { requirements: json }
}

async function put(client: Client, path: string): Promise<Outcome> {
  return shown(await client.send<Published>('PUT', '/v1/requirements', bodyOf(readJsonFile(path))))
}

/** Adds the commands. */
export function addRequirements(program: Command, shell: Shell): void {
  const requirements = program
    .command('requirements')
    .description('what this site accepts of others')
  withExamples(
    withApi(requirements.command('get')).description('the published ones'),
    'dpn requirements get',
  ).action((options: ApiOptions) =>
    performWith(shell, options, async (client) => shown(await client.get('/v1/requirements'))),
  )
  withExamples(
    withApi(requirements.command('put <file>')).description('publish the JSON in a file'),
    `echo '{"ageMin": 25, "countries": ["DE", "AT"]}' > wants.json && dpn requirements put wants.json`,
  ).action((file: string, options: ApiOptions) =>
    performWith(shell, options, (client) => put(client, file)),
  )
}
