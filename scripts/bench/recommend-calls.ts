/** Recommendations in a process of its own, and the pool that they are chosen from in bare SQL. */
import { join } from 'node:path'
import { POOL } from '../../node/core/record/recommend.ts'
import type { Calls } from './calls.ts'
import { startCrowd, type Held } from './crowd.ts'
import { openSearchFloor } from './search-floor.ts'

const ROUNDS = 5
const SLICE = 1000
const TOP = 50

async function each<Viewer>(
  viewers: readonly Viewer[],
  ask: (viewer: Viewer) => unknown,
): Promise<number[]> {
  const millis: number[] = []
  for (let round = 0; round < ROUNDS; round += 1)
    for (const viewer of viewers) {
      const from = performance.now()
      await ask(viewer)
      millis.push(performance.now() - from)
    }
  return millis
}

export const recommendCalls = {
  recommend: async ({ path, records }) => {
    const floor = openSearchFloor(join(path, 'floor.db'))
    let held: Held[] = []
    const crowd = await startCrowd(join(path, 'site'), records, (one) => {
      held.push(one)
      if (held.length < SLICE) return
      floor.add(held)
      held = []
    })
    floor.finish()
    const { recommender } = crowd
    // Who has not consented to be recommended is recommended nobody.
    const viewers = crowd.viewers.filter(({ scopes }) => scopes.includes('recommendations'))
    // The first question loads the index.
    for (const { id } of viewers.slice(0, 3))
      await recommender.recommend({ member: id, limit: TOP })
    let shown = 0
    const lists = await each(viewers, async ({ id }) => {
      shown += (await recommender.recommend({ member: id, limit: TOP })).length
    })
    const wishes = { religion: ['none', 'spiritual'] }
    const wished = await each(viewers, ({ id }) =>
      recommender.recommend({ member: id, limit: TOP, wishes }),
    )
    const raw = await each(viewers, ({ facts }) => floor.nearest(facts, POOL))
    floor.close()
    await crowd.close()
    return { lists, wished, raw, shown: shown / lists.length }
  },
} satisfies Partial<Calls>
