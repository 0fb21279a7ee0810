/** Programs of the system that some tests need: installed where that can be done. */
import { spawnSync } from 'node:child_process'

const isThere = (program: string): boolean =>
  spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0

function apt(...args: string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync('apt-get', args, { stdio: 'ignore', env }).status === 0
}

/**
 * Whether a program can be run; on Debian and as root its package of the same name is installed
 * first. Without it a test is skipped with a line that says so, but with CI set it runs, and fails.
 */
export function hasProgram(program: string): boolean {
  if (isThere(program)) return true
  if (process.getuid?.() === 0 && apt('update', '-qq'))
    apt('install', '-yqq', '--no-install-recommends', program)
  if (isThere(program) || process.env['CI'] === 'true') return true
  console.log(`skipped: ${program} is not here and could not be installed`)
  return false
}
