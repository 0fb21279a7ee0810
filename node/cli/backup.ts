/** `dpn backup`: copies the database while the node runs; no body, no key. */
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
export function addBackup(program: Command, shell: Shell): void {
  const command = withFolder(withJson(program.command('backup')))
    .description('write a backup, also while the node runs; it holds no body and no key')
    .argument('<file>', 'the backup to make')
  withExamples(command, 'dpn backup /backups/node-2026-03-01.db').action(
    (file: string, options: JsonOption & { data?: string }) =>
      perform(shell, options, async () => {
        const { backupFolder } = await import('../roles/offline.ts')
        const folder = folderPath(shell.around.env, options.data)
        backupFolder(folder, file)
        return { json: { file, folder }, lines: [`Wrote ${file}.`] }
      }),
  )
}
