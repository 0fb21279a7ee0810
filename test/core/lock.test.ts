import { describe, expect, it } from 'vitest'
import { createLock } from '../../node/core/lock.ts'

describe('createLock', () => {
  it('runs one task at a time, in the order of the calls, whether or not they fail', async () => {
    const lock = createLock()
    const seen: string[] = []
    const task = (name: string) => async (): Promise<string> => {
      seen.push(`${name} starts`)
      await Promise.resolve()
      seen.push(`${name} ends`)
      if (name === 'b') throw new Error('b fails')
      return name
    }
    const results = await Promise.allSettled(['a', 'b', 'c'].map((name) => lock(task(name))))
    expect(seen).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} starts`, `${name} ends`]))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await lock(task('d'))).toBe('d')
  })

  it('lets whatever is not bulk work overtake it', async () => {
    const lock = createLock()
    const seen: string[] = []
    const say = (name: string) => async (): Promise<void> => {
      seen.push(name)
      // What comes while a task runs overtakes too.
      if (name === 'bulk 1') void lock(say('late'))
    }
    const all = [
      lock(say('bulk 1'), 'bulk'),
      lock(say('bulk 2'), 'bulk'),
      lock(say('first')),
      lock(say('bulk 3'), 'bulk'),
      lock(say('second')),
    ]
    await Promise.all(all)
    expect(seen).toEqual(['bulk 1', 'late', 'first', 'second', 'bulk 2', 'bulk 3'])
  })
})
