/** `dpn rotate`: new signing keys for a site, prepared there and bound by the coordinator. */
import type { Command } from 'commander'
import { folderPath } from '../roles/config.ts'
import { prepareRotation } from '../roles/offline.ts'
import {
  perform,
  performWith,
  withApi,
  withExamples,
  withFolder,
  withJson,
  type ApiOptions,
  type JsonOption,
  type Shell,
} from './command.ts'

/** Adds the commands. */
export function addRotate(program: Command, shell: Shell): void {
  const rotate = program
    .command('rotate')
    .description("replace a site's signing keys: prepare on the site, bind at the coordinator")
  withExamples(
    withFolder(withJson(rotate.command('prepare'))).description(
      'make the next keys of this site beside the present ones, and print what to send to the staff',
    ),
    'dpn rotate prepare --data /srv/dpn',
  ).action((options: JsonOption & { data?: string }) =>
    perform(shell, options, () => {
      const { env } = shell.around
      const { site, logKey, witnessKey } = prepareRotation(folderPath(env, options.data), env)
      return {
        json: { site, logKey, witnessKey },
        lines: [
          `The next keys of ${site}:`,
          `  ${logKey}`,
          `  ${witnessKey}`,
          "Send them to the Network's staff. Once they are bound, the running node takes them into",
          'use by itself; until then nothing changes.',
        ],
      }
    }),
  )
  withExamples(
    withApi(rotate.command('bind <site>'))
      .description('for the staff: bind new keys to a site')
      .requiredOption('--log-key <vkey>', 'the new verifier key of its log')
      .requiredOption('--witness-key <vkey>', 'and of its cosignatures'),
    'dpn rotate bind amor.example --log-key "$LOG" --witness-key "$WITNESS"',
  ).action((site: string, options: ApiOptions & { logKey: string; witnessKey: string }) =>
    performWith(shell, options, async (client) => {
      const { logKey, witnessKey } = options
      const path = `/v1/members/${encodeURIComponent(site)}/rotate`
      const json = await client.send('POST', path, { logKey, witnessKey })
      return { json, lines: [`The new keys are bound to ${site}.`] }
    }),
  )
}
