/** Programs of the system that some tests need: installed where that can be done. */
import { spawnSync } from 'node:child_process'

const succeeds = ([program = '', ...args]: readonly string[]): boolean =>
  spawnSync(program, args, { stdio: 'ignore' }).status === 0

/** Packages of Debian, each with a command that ends with 0 where it is there. */
const PACKAGES = {
  chromium: ['chromium', '--version'],
  curl: ['curl', '--version'],
  openssl: ['openssl', 'version'],
  'golang-go': ['go', 'version'],
  'golang-golang-x-mod-dev': ['test', '-d', '/usr/share/gocode/src/golang.org/x/mod'],
  // Debian's own Python: another one would not see Debian's packages.
  'python3-cryptography': ['/usr/bin/python3', '-c', 'import cryptography'],
} as const
type Package = keyof typeof PACKAGES

/** As root on Debian, installs the packages that are not here. */
export function installMissing(): void {
  const missing = Object.entries(PACKAGES).flatMap(([name, test]) => (succeeds(test) ? [] : [name]))
  if (missing.length === 0 || process.getuid?.() !== 0) return
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args: string[]): boolean =>
    spawnSync('apt-get', args, { stdio: 'ignore', env }).status === 0
  // A package that cannot be had must not keep the others out.
  if (apt('update', '-qq'))
    for (const name of missing) apt('install', '-yqq', '--no-install-recommends', name)
}

/**
 * Whether packages of Debian are here. Without them a test is skipped with a line that says so, but
 * with CI set it runs, and fails.
 */
export function hasPackages(...names: Package[]): boolean {
  const missing = names.filter((name) => !succeeds(PACKAGES[name]))
  if (missing.length === 0 || process.env['CI'] === 'true') return true
  console.log(`skipped: ${missing.join(', ')} not here and could not be installed`)
  return false
}
