/** Runs tasks one after another. */

/** Creates a lock: `run` starts a task when all earlier ones have ended, however they ended. */
export function createLock(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (task) => {
    const result = last.then(task, task)
    last = result.catch(() => undefined)
    return result
  }
}
