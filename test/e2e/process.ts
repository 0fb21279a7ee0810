/** A node as a process of the operating system, and the program `dpn` as one. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const ROOT = join(import.meta.dirname, '../..')
const NODE = join(ROOT, 'node_modules/.bin/node')
const MAIN = join(ROOT, 'node/main.ts')

const POLL_MILLIS = 40
const DEADLINE_SECONDS = 30
const COMMAND_MILLIS = 60_000
/** Below the range from which the system takes ports for connections that go out. */
const FIRST_PORT = 11_000
const PORTS = 20_000

/** Processes that run now, so that none outlives this one however it ends. */
const children = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** The environment without settings that this machine may have for a node of its own. */
function cleanEnvironment(extra: Record<string, string> = {}): Record<string, string> {
  const inherited = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || name.startsWith('DPN_') || name.startsWith('VITEST')
      ? []
      : [[name, value] as const],
  )
  return { ...Object.fromEntries(inherited), NODE_ENV: 'production', ...extra }
}

/**
 * Asks again and again until `probe` gives something other than null or false.
 *
 * @throws Error at the deadline, with what `probe` threw last
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | null | false> | T | null | false,
  seconds = DEADLINE_SECONDS,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000
  let cause: unknown
  for (;;) {
    try {
      const found = await probe()
      if (found !== null && found !== false) return found
      cause = undefined
    } catch (error) {
      cause = error
    }
    if (Date.now() > deadline) throw new Error(`Not within ${seconds} s: ${what}`, { cause })
    await delay(POLL_MILLIS)
  }
}

const handedOut = new Set<number>()

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** A port that is free now and that nobody gets by chance: a node comes back under its old one. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS)
    if (handedOut.has(port)) continue
    handedOut.add(port)
    if (await isFree(port)) return port
  }
}

export interface CommandResult {
  code: number
  out: string
  err: string
}

/** Runs `dpn` with these arguments. */
export function dpn(args: readonly string[], env: Record<string, string> = {}) {
  return new Promise<CommandResult>((resolve) => {
    const options = { cwd: ROOT, env: cleanEnvironment(env), timeout: COMMAND_MILLIS }
    const child = execFile(NODE, [MAIN, ...args], options, (error, out, err) => {
      children.delete(child)
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, out, err })
    })
    children.add(child)
  })
}

/** A node that can be started, stopped, killed, and started again. */
export interface NodeProcess {
  /** Starts without waiting for anything. */
  spawn: () => void
  isRunning: () => boolean
  /** Resolves with the exit code when it has ended by itself; null by a signal. */
  ended: () => Promise<number | null>
  /** Asks it to stop and waits; the exit code. */
  stop: () => Promise<number | null>
  /** Ends it as a power cut would. */
  kill: () => Promise<void>
  /** File with all that it has written to standard output and error. */
  logFile: string
  log: () => string
}

/** Another program than `dpn`, which tells this process something over IPC. */
export interface Program {
  path: string
  heard: (message: unknown, answer: (message: object) => void) => void
}

/** Describes a node process; nothing runs before `spawn`. */
export function createProcess(
  args: readonly string[],
  logFile: string,
  env: Record<string, string> = {},
  program: Program | null = null,
): NodeProcess {
  let child: ChildProcess | null = null
  let exited: Promise<number | null> = Promise.resolve(null)

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    child?.kill(signal)
    return exited
  }
  return {
    spawn: () => {
      if (child !== null) throw new Error('The node runs already')
      const log = openSync(logFile, 'a', 0o600)
      const started = spawn(NODE, [program?.path ?? MAIN, ...args], {
        cwd: ROOT,
        env: cleanEnvironment(env),
        stdio: ['ignore', log, log, ...(program === null ? [] : (['ipc'] as const))],
      })
      started.on('message', (message) =>
        program?.heard(message, (answer) => {
          if (started.connected) started.send(answer, () => undefined)
        }),
      )
      closeSync(log)
      child = started
      children.add(started)
      exited = new Promise((resolve) => {
        started.once('exit', (code) => {
          children.delete(started)
          child = null
          resolve(code)
        })
      })
    },
    isRunning: () => child !== null,
    ended: () => exited,
    stop: () => end('SIGTERM'),
    kill: async () => {
      await end('SIGKILL')
    },
    logFile,
    log: () => readFileSync(logFile, 'utf8'),
  }
}
