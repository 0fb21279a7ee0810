/** Recommendations in a process of its own, and the pool that they are chosen from in bare SQL. */
import { POOL } from '../../node/core/record/recommend.ts'
import type { Calls } from './calls.ts'
import { crowdHere } from './discover-calls.ts'
import { ask } from './timing.ts'

const ROUNDS = 5
const TOP = 50
const MEGA = 1e6

export const recommendCalls = {
  recommend: async ({ floorRounds }) => {
    const { recommender, floor, viewers: all } = crowdHere()
    // Who has not consented to be recommended is recommended nobody.
    const viewers = all.filter(({ scopes }) => scopes.includes('recommendations'))
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
    const rssMb = process.memoryUsage.rss() / MEGA
    const raw = await ask(viewers, floorRounds, ({ facts }) => floor.nearest(facts, POOL))
    return { lists, wished, raw, shown: shown / lists.millis.length, rssMb }
  },
} satisfies Partial<Calls>
