/** Recommendations in a process of its own, and the pool that they are chosen from in bare SQL. */
import { join } from 'node:path'
import { POOL } from '../../node/core/record/recommend.ts'
import type { Calls } from './calls.ts'
import { startCrowd, type Held } from './crowd.ts'
import { openSearchFloor } from './search-floor.ts'
import { ask } from './timing.ts'

const ROUNDS = 5
const SLICE = 1000
const TOP = 50
const MEGA = 1e6

export const recommendCalls = {
  recommend: async ({ path, records, floorRounds }) => {
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
    const lists = await ask(viewers, ROUNDS, async ({ id }) => {
      shown += (await recommender.recommend({ member: id, limit: TOP })).length
    })
    const wishes = { religion: ['none', 'spiritual'] }
    const wished = await ask(viewers, ROUNDS, ({ id }) =>
      recommender.recommend({ member: id, limit: TOP, wishes }),
    )
    const raw = await ask(viewers, floorRounds, ({ facts }) => floor.nearest(facts, POOL))
    const rssMb = process.memoryUsage.rss() / MEGA
    floor.close()
    await crowd.close()
    return { lists, wished, raw, shown: shown / lists.millis.length, rssMb }
  },
} satisfies Partial<Calls>
