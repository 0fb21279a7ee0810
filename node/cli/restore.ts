/** `dpn restore`: makes a data folder from a backup. */
import type { Command } from 'commander'
import { folderPath } from '../roles/config.ts'
import {
  perform,
  withExamples,
  withFolder,
  withJson,
  type JsonOption,
  type Shell,
} from './command.ts'

/** Adds the command. */
export function addRestore(program: Command, shell: Shell): void {
  const command = withFolder(withJson(program.command('restore')))
    .description('make a data folder from a backup; the folder must be empty or not there')
    .argument('<file>', 'the backup')
    .option('--keys <folder>', 'folder with config.json, node.key and storage.key to copy')
  withExamples(
    command,
    'mv data data.damaged && dpn restore /backups/node-2026-03-01.db --keys data.damaged',
  ).action((file: string, options: JsonOption & { data?: string; keys?: string }) =>
    perform(shell, options, async () => {
      const { restoreFolder } = await import('../roles/offline.ts')
      const folder = folderPath(shell.around.env, options.data)
      await restoreFolder(file, folder, options.keys ?? null)
      const next =
        options.keys === undefined ? 'Put config.json, node.key and storage.key there, then: ' : ''
      return {
        json: { file, folder },
        lines: [
          `Made ${folder} from ${file}. It holds no body; those come again from the partners.`,
          `${next}dpn start. It writes nothing until the others have said what it has missed.`,
        ],
      }
    }),
  )
}
