/** What the commands have in common: `--json`, the API's options, and how they end. */
import type { Command } from 'commander'
import { createClient, type Client } from './client.ts'
import { EXIT_FAILURE, explain, printOutcome, type Outcome, type Surroundings } from './outcome.ts'

/** Hands the exit code of the command that ran to the program. */
export interface Shell {
  around: Surroundings
  finish: (code: number) => void
}

export interface JsonOption {
  json?: boolean
}
export interface ApiOptions extends JsonOption {
  url?: string
  key?: string
}

/** Adds examples below the help of a command. */
export function withExamples(command: Command, ...examples: string[]): Command {
  const lines = examples.map((example) => `  $ ${example}`).join('\n')
  return command.addHelpText('after', `\nExamples:\n${lines}`)
}

/** Adds `--json`. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print one JSON object')
}

/** Adds `--json` and how the node's API is reached. */
export function withApi(command: Command): Command {
  return withJson(command)
    .option('--url <url>', 'address of the node (or DPN_URL)')
    .option('--key <key>', 'API key (or DPN_API_KEY, which no process list shows)')
}

/** Adds the data folder. */
export function withFolder(command: Command): Command {
  return command.option('-d, --data <folder>', 'data folder (or DPN_DATA)')
}

/** Runs the work of a command and prints how it ended. */
export async function perform(
  shell: Shell,
  options: JsonOption,
  work: () => Promise<Outcome> | Outcome,
): Promise<void> {
  try {
    shell.finish(printOutcome(shell.around, await work(), options.json === true))
  } catch (error) {
    const { code, line } = explain(error)
    if (code === EXIT_FAILURE && shell.around.env['DPN_LOG_LEVEL'] === 'debug')
      shell.around.err(`${error instanceof Error ? (error.stack ?? '') : ''}\n`)
    shell.around.err(`dpn: ${line}\n`)
    shell.finish(code)
  }
}

/** The same for a command that talks to a node. */
export function performWith(
  shell: Shell,
  options: ApiOptions,
  work: (client: Client) => Promise<Outcome>,
): Promise<void> {
  return perform(shell, options, () => work(createClient(shell.around, options)))
}
