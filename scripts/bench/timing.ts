/** Wall and CPU time of a piece of work. */

export interface Spent {
  millis: number
  /** CPU time of all threads of the process. */
  cpuMillis: number
}

/** Times `work`, and the CPU time that the whole process spends meanwhile. */
export async function timed<T>(work: () => T | Promise<T>): Promise<Spent & { value: T }> {
  const cpu = process.cpuUsage()
  const from = performance.now()
  const value = await work()
  const millis = performance.now() - from
  const { user, system } = process.cpuUsage(cpu)
  return { millis, cpuMillis: (user + system) / 1000, value }
}

/** What many questions cost, one after another. */
export interface Asked {
  /** Milliseconds of each. */
  millis: number[]
  /** CPU time of the whole process for one, on average. */
  cpuMillis: number
}

/** Asks for each viewer in turn, so many rounds. */
export async function ask<Viewer>(
  viewers: readonly Viewer[],
  rounds: number,
  question: (viewer: Viewer, turn: { at: number; round: number }) => unknown,
): Promise<Asked> {
  const millis: number[] = []
  const { cpuMillis } = await timed(async () => {
    for (let round = 0; round < rounds; round += 1)
      for (const [at, viewer] of viewers.entries()) {
        const from = performance.now()
        await question(viewer, { at, round })
        millis.push(performance.now() - from)
      }
  })
  return { millis, cpuMillis: cpuMillis / millis.length }
}
