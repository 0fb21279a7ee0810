/** Programs of the system that some tests need: installed where that can be done. */
import { spawnSync } from 'node:child_process'

const succeeds = ([program = '', ...args]: readonly string[]): boolean =>
  spawnSync(program, args, { stdio: 'ignore' }).status === 0

function apt(...args: string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync('apt-get', args, { stdio: 'ignore', env }).status === 0
}

/**
 * Whether a package of Debian is here, which `test` shows by ending with 0; as root on Debian it is
 * installed first. Without it a test is skipped with a line that says so, but with CI set it runs,
 * and fails.
 */
export function hasPackage(name: string, test: readonly string[]): boolean {
  if (succeeds(test)) return true
  if (process.getuid?.() === 0 && apt('update', '-qq'))
    apt('install', '-yqq', '--no-install-recommends', name)
  if (succeeds(test) || process.env['CI'] === 'true') return true
  console.log(`skipped: ${name} is not here and could not be installed`)
  return false
}

/** Whether a program can be run, or is once its package is installed. */
export function hasProgram(
  program: string,
  packageName = program,
  test: readonly string[] = ['--version'],
): boolean {
  return hasPackage(packageName, [program, ...test])
}
