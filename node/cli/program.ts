/** The program `dpn`: all commands, and how wrong usage ends. */
import { Command, CommanderError } from 'commander'
import { addAccount } from './account.ts'
import { addApply } from './apply.ts'
import { addAudit } from './audit.ts'
import { addBackup } from './backup.ts'
import { addBridge } from './bridge.ts'
import { addChallenge } from './challenge.ts'
import { addBreach } from './breach.ts'
import type { Shell } from './command.ts'
import { addDiscover } from './discover.ts'
import { addEvidence } from './evidence.ts'
import { addFinding } from './finding.ts'
import { addInit } from './init.ts'
import { addKey } from './key.ts'
import { addMember } from './member.ts'
import { addMessage } from './message.ts'
import { addNotice } from './notice.ts'
import { EXIT_USAGE, PROCESS, type Surroundings } from './outcome.ts'
import { addOwner } from './owner.ts'
import { addRecords } from './records.ts'
import { addReport } from './report.ts'
import { addAuthority, addRequest } from './request.ts'
import { addRequirements } from './requirements.ts'
import { addRestore } from './restore.ts'
import { addRotate } from './rotate.ts'
import { addStaff } from './staff.ts'
import { addStart } from './start.ts'
import { addStatus } from './status.ts'
import { addVerify } from './verify.ts'
import { addWebhook } from './webhook.ts'
import { addWithdrawals } from './withdrawals.ts'

const COMMANDS = [
  addInit,
  addApply,
  addStart,
  addKey,
  addStatus,
  addMember,
  addRequirements,
  addRecords,
  addDiscover,
  addMessage,
  addReport,
  addWithdrawals,
  addWebhook,
  addBridge,
  addNotice,
  addRequest,
  addAuthority,
  addOwner,
  addStaff,
  addAudit,
  addChallenge,
  addAccount,
  addBreach,
  addFinding,
  addRotate,
  addEvidence,
  addVerify,
  addBackup,
  addRestore,
]

/** Makes every command, also inner ones, throw instead of ending the process. */
function tame(command: Command, around: Surroundings): void {
  command.exitOverride().configureOutput({
    writeOut: around.out,
    // Commander writes two lines where it has a suggestion; the handler below writes one.
    writeErr: () => undefined,
  })
  command.showSuggestionAfterError(true)
  for (const inner of command.commands) tame(inner, around)
}

function usageLine(error: CommanderError): string {
  const text = error.message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ')
  return text === '(outputHelp)' ? 'expected a command: see dpn --help' : text
}

/**
 * Runs one command line.
 *
 * @param args without the program's own name
 * @returns the exit code
 */
export async function run(args: readonly string[], around: Surroundings = PROCESS) {
  let code = 0
  const shell: Shell = { around, finish: (ended) => (code = ended) }
  const program = new Command('dpn')
    .description(
      'A node of the Dating Pro Network: finds dating profiles with consent, and forgets',
    )
    .enablePositionalOptions()
  for (const add of COMMANDS) add(program, shell)
  tame(program, around)
  try {
    await program.parseAsync([...args], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    const isHelp = error.code === 'commander.helpDisplayed' || error.code === 'commander.version'
    if (isHelp) return 0
    around.err(`dpn: ${usageLine(error)}\n`)
    return EXIT_USAGE
  }
  return code
}
