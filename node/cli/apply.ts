/** `dpn apply`: sends this site's application to the coordinator. */
import type { Command } from 'commander'
import { folderPath, readSettings } from '../roles/config.ts'
import { introductionAt } from '../roles/introduction.ts'
import { settingsOfEnvironment } from '../roles/settings.ts'
import { createClient } from './client.ts'
import {
  perform,
  withExamples,
  withFolder,
  withJson,
  type JsonOption,
  type Shell,
} from './command.ts'
import { FailureError, UsageError, type Outcome, type Surroundings } from './outcome.ts'

interface Options extends JsonOption {
  data?: string
  url?: string
  type: string
  jurisdiction: string
  contact: string
}

async function apply(around: Surroundings, options: Options): Promise<Outcome> {
  const folder = folderPath(around.env, options.data)
  const settings = { ...readSettings(folder), ...settingsOfEnvironment(around.env) }
  const url = options.url ?? settings.coordinatorUrl
  if (url === undefined)
    throw new UsageError("--url or DPN_COORDINATOR_URL: expected the coordinator's web address")
  const { readPublicKeys } = await import('../roles/offline.ts')
  const { site, network, logKey, witnessKey, coordinatorKey } = readPublicKeys(folder, around.env)
  const said = await introductionAt(url.replace(/\/+$/, ''))
  if (said === null) throw new FailureError(`No coordinator answers at ${url}`)
  const isSame = said.network === network && said.logKey === coordinatorKey
  if (!isSame)
    throw new FailureError(
      `${url} is not the coordinator of your network: it is ${said.network} with the key ${said.logKey}`,
    )
  // An application carries no API key: whoever answers there must not get one.
  const client = createClient({ ...around, env: {} }, { url })
  const { type: siteType, jurisdiction, contact } = options
  const body = { site, logKey, witnessKey, siteType, jurisdiction, contact }
  const { state } = await client.send<{ state: string }>('POST', '/v1/applications', body)
  return {
    json: { coordinator: url, network, coordinatorKey: said.logKey, ...body, state },
    lines: [
      `The coordinator of ${network} answers under the key that you have configured:`,
      `  ${said.logKey}`,
      `It has your application for ${site}; the Network's staff will decide and write to ${contact}.`,
      'Compare these keys with what they have, over another channel:',
      `  ${logKey}`,
      `  ${witnessKey}`,
    ],
  }
}

/** Adds the command. */
export function addApply(program: Command, shell: Shell): void {
  const command = withFolder(withJson(program.command('apply')))
    .description("send this site's application to the coordinator, whose key is checked first")
    .option('--url <url>', "the coordinator's web address (or DPN_COORDINATOR_URL)")
    .requiredOption('--type <type>', 'type of the site, such as general, christian or senior')
    .requiredOption('--jurisdiction <code>', 'country in which the site is established')
    .requiredOption(
      '--contact <email>',
      "e-mail address of the site's owner, who is told of breaches",
    )
  withExamples(
    command,
    'dpn apply --type general --jurisdiction DE --contact owner@amor.example',
  ).action((options: Options) => perform(shell, options, () => apply(shell.around, options)))
}
