/** `dpn start`, `dpn site`, `dpn coordinator`: run the node until it is told to stop. */
import type { Command } from 'commander'
import { folderPath, loadConfig, type Config } from '../roles/config.ts'
import { runUntilSignal, type Running } from '../roles/lifetime.ts'
import { perform, withExamples, withFolder, type Shell } from './command.ts'
import type { Outcome } from './outcome.ts'

/** The nodes are loaded when one is to run: the other commands start without their libraries. */
async function startNode(config: Config): Promise<Running> {
  if (config.role === 'site') {
    const { startSite } = await import('../roles/site.ts')
    return startSite(config)
  }
  const { startCoordinator } = await import('../roles/coordinator.ts')
  return startCoordinator(config)
}

async function runNode(env: NodeJS.ProcessEnv, folder: string, role: Config['role'] | null) {
  await runUntilSignal(() => startNode(loadConfig(env, folder, role)))
  const ended: Outcome = { json: { stopped: true }, lines: [] }
  return ended
}

/** Adds the commands. */
export function addStart(program: Command, shell: Shell): void {
  const add = (name: string, role: Config['role'] | null, description: string): void => {
    const command = withFolder(program.command(name)).description(description)
    withExamples(
      command,
      `dpn ${name} --data /srv/dpn`,
      `DPN_HTTP_PORT=8081 DPN_LOG_LEVEL=debug dpn ${name}`,
    ).action((options: { data?: string }) =>
      perform(shell, {}, () => {
        const { env } = shell.around
        return runNode(env, folderPath(env, options.data), role)
      }),
    )
  }
  add('start', null, 'run the node of the data folder, in the role that it was made for')
  add('site', 'site', 'run a site node')
  add('coordinator', 'coordinator', 'run a coordinator')
}
