/** Wall and CPU time of a piece of work. */
import type { Spent } from './calls.ts'

/** Times `work`, and the CPU time that the whole process spends meanwhile. */
export async function timed<T>(work: () => T | Promise<T>): Promise<Spent & { value: T }> {
  const cpu = process.cpuUsage()
  const from = performance.now()
  const value = await work()
  const millis = performance.now() - from
  const { user, system } = process.cpuUsage(cpu)
  return { millis, cpuMillis: (user + system) / 1000, value }
}
