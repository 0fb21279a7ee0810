/** A measured process: started, asked over IPC as JSON, and ended by its pid. */
import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Calls } from './calls.ts'

/** Flags for Node under which the program is started, so that it is measured under the same. */
const START_FLAGS =
  readFileSync(new URL('../../bin/dpn', import.meta.url), 'utf8').match(/--[a-z-]+=\d+/g) ?? []
const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url))
/** Milliseconds for one call; the longest publishes and replicates everything. */
const CALL_MILLIS = 40 * 60_000
/** Milliseconds to end by itself before it is killed. */
const END_MILLIS = 20_000

export interface Child extends AsyncDisposable {
  name: string
  call: <Name extends keyof Calls>(
    name: Name,
    argument: Parameters<Calls[Name]>[0],
  ) => Promise<Awaited<ReturnType<Calls[Name]>>>
  /** Peak resident memory so far, in MB (10^6 bytes). */
  peakMb: () => number
  end: () => Promise<void>
}

/** What a parent sends, and what comes back. */
export interface Question {
  id: number
  name: string
  argument: unknown
}
export type Answer = { id: number; value: unknown } | { id: number; error: string }

/** The line of /proc/<pid>/status that holds the highest resident memory, in KiB. */
const PEAK = /^VmHWM:\s+(\d+) kB$/m

/**
 * Starts a worker.
 *
 * @param flags for Node, e.g. to write a profile
 */
export function startChild(name: string, flags: readonly string[] = []): Child {
  const worker = fork(WORKER, [], { execArgv: [...START_FLAGS, ...flags], stdio: 'inherit' })
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let last = 0
  const gone = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      for (const { reject } of waiting.values()) reject(new Error(`The process ${name} has ended`))
      resolve()
    })
  })
  worker.on('message', (answer: Answer) => {
    const pending = waiting.get(answer.id)
    waiting.delete(answer.id)
    if ('error' in answer) pending?.reject(new Error(`${name}: ${answer.error}`))
    else pending?.resolve(answer.value)
  })

  async function call(what: string, argument: unknown): Promise<unknown> {
    const id = (last += 1)
    const pending = Promise.withResolvers<unknown>()
    waiting.set(id, pending)
    const timer = setTimeout(
      () => pending.reject(new Error(`${name}: ${what} took too long`)),
      CALL_MILLIS,
    )
    worker.send({ id, name: what, argument } satisfies Question)
    try {
      return await pending.promise
    } finally {
      clearTimeout(timer)
    }
  }
  async function end(): Promise<void> {
    if (worker.exitCode !== null || worker.signalCode !== null) return
    worker.send({ id: 0, name: 'end', argument: null } satisfies Question)
    const timer = setTimeout(() => worker.kill('SIGKILL'), END_MILLIS)
    await gone
    clearTimeout(timer)
  }

  return {
    name,
    call: call as Child['call'],
    peakMb: () => {
      const status = readFileSync(`/proc/${worker.pid}/status`, 'utf8')
      return (Number(PEAK.exec(status)?.[1] ?? Number.NaN) * 1024) / 1e6
    },
    end,
    [Symbol.asyncDispose]: end,
  }
}
