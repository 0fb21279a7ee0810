/** The demo's processes: nodes that run, commands that end. None of them outlives the demo. */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'

const MAIN = fileURLToPath(new URL('../../node/main.ts', import.meta.url))
const STOP_MILLIS = 6000
const POLL_MILLIS = 100
const LOG_TAIL = 1500

/** A step of the story that did not come to pass. */
export class DemoError extends Error {
  override readonly name = 'DemoError'
}

/** @throws DemoError where something did not hold */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new DemoError(`did not hold: ${what}`)
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

let compileCache = ''

/** Lets the processes share what Node has compiled: twenty of them start within the story. */
export function shareCompiled(folder: string): void {
  compileCache = folder
}

/** The environment without settings of another node. */
function environment(settings: Record<string, string>): NodeJS.ProcessEnv {
  const rest = Object.entries(process.env).filter(([name]) => !name.startsWith('DPN_'))
  const shared = compileCache === '' ? {} : { NODE_COMPILE_CACHE: compileCache }
  return { ...Object.fromEntries(rest), ...shared, ...settings }
}

function track(child: ChildProcess): ChildProcess {
  running.add(child)
  child.once('exit', () => running.delete(child))
  child.once('error', () => running.delete(child))
  return child
}

/** A node in a process of its own. */
export interface NodeProcess {
  /** Stops it at once, as a power cut would. */
  kill: () => Promise<void>
  stop: () => Promise<void>
  hasEnded: () => boolean
  /** The end of its log. */
  tail: () => string
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MILLIS)
  await ended
  clearTimeout(timer)
}

/** Starts a node on its data folder; its log goes to a file. */
export function startNode(folder: string, log: string, env: Record<string, string>): NodeProcess {
  const file = openSync(log, 'a', 0o600)
  const child = track(
    spawn(process.execPath, [MAIN, 'start', '--data', folder], {
      env: environment(env),
      stdio: ['ignore', file, file],
    }),
  )
  closeSync(file)
  return {
    kill: () => end(child, 'SIGKILL'),
    stop: () => end(child, 'SIGTERM'),
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    tail: () => readFileSync(log, 'utf8').slice(-LOG_TAIL),
  }
}

/** What a command has printed, and its exit code. */
export interface Done {
  code: number
  out: string
  err: string
}

/** Runs one command line of the program to its end. */
export async function dpn(args: string[], env: Record<string, string> = {}): Promise<Done> {
  const child = track(
    spawn(process.execPath, [MAIN, ...args], {
      env: environment(env),
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  )
  let out = ''
  let err = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code: code ?? 1, out, err }
}

/** The same, for a command that must succeed; its JSON object. */
export async function dpnJson(
  args: string[],
  env: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const { code, out, err } = await dpn([...args, '--json'], env)
  if (code !== 0) throw new DemoError(`dpn ${args.slice(0, 2).join(' ')} failed: ${err.trim()}`)
  return JSON.parse(out) as Record<string, unknown>
}

/** Ends every process, the newest first. */
export async function endAll(): Promise<void> {
  await Promise.all([...running].toReversed().map((child) => end(child, 'SIGTERM')))
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

/** Asks again and again until there is an answer; undefined means not yet. */
export async function until<T>(
  what: string,
  seconds: number,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > deadline)
      throw new DemoError(`did not come to pass within ${seconds} s: ${what}`)
    await delay(POLL_MILLIS)
  }
}
