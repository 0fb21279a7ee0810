/**
 * The tour in README, as a reader would take it: its own commands, word for word, on the demo
 * network that stays up.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { hasPackages } from './debian.ts'

const UP_MILLIS = 120_000
const folder = mkdtempSync(join(tmpdir(), 'dpn-tour-'))
const isPossible = hasPackages('curl')

/** The commands of all blocks that are marked as parts of the tour. */
function tourOf(readme: string): string {
  return [...readme.matchAll(/^```sh tour\n(.*?)^```$/gms)].map(([, block = '']) => block).join('')
}

function start(program: string, args: string[]) {
  const child = spawn(program, args, { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  return { child, ended: once(child, 'close'), out: () => out, err: () => err }
}

describe.skipIf(!isPossible)('the tour in README', () => {
  let demo: ReturnType<typeof start>
  beforeAll(async () => {
    symlinkSync(resolve('scripts'), join(folder, 'scripts'))
    demo = start(process.execPath, [resolve('scripts/demo.ts')])
    const isUp = (): boolean => existsSync(join(folder, 'demo.env'))
    await vi.waitUntil(isUp, { timeout: UP_MILLIS, interval: 200 })
  }, UP_MILLIS)
  afterAll(async () => {
    demo.child.kill('SIGINT')
    await demo.ended
    rmSync(folder, { recursive: true, force: true })
  })

  it('shows two members meeting, writing, and one of them vanishing', async () => {
    const tour = start('bash', ['-e'])
    tour.child.stdin.end(tourOf(readFileSync('README.md', 'utf8')))
    const [code] = (await tour.ended) as [number | null]
    expect([code, code === 0 ? '' : tour.err()]).toEqual([0, ''])
    const said = tour.out()
    expect(said).toContain('"nickname":"Lotte"')
    expect(said.match(/"outcome":"delivered"/g)).toHaveLength(2)
    expect(said).toContain('"outcome":"refused","reason":"blocked"')
    expect(said).toContain('"code":"not_found"')
    expect(said).toContain('"state":"complete"')
  }, 120_000)
})
