/** Discovery in a process of its own: the node's answers, and the same questions in bare SQL. */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { DiscoverRequest } from '../../node/core/record/discover.ts'
import { createBodyReader } from '../../node/core/search/reader.ts'
import type { Calls } from './calls.ts'
import { startCrowd, VIEWERS, type Crowd, type Held } from './crowd.ts'
import { openSearchFloor, type Question } from './search-floor.ts'
import { ask, timed, type Asked } from './timing.ts'

const ROUNDS = 6
const SLICE = 1000
const PAGE = 50
const MEGA = 1e6
const WORDS = ['fahrrad', 'собака', 'pan', 'cat', 'música']

const QUESTIONS: readonly Omit<Question, 'viewer'>[] = [
  { sort: 'nearest' },
  { sort: 'nearest', radiusKm: 100 },
  { sort: 'newest' },
  { sort: 'newest', country: 'DE' },
  { sort: 'newest', hasPicture: false, bodyType: 'slim', smoking: 'never' },
  { sort: 'nearest', bodyType: 'curvy', education: 'master' },
]

function requestOf(
  id: string,
  { sort, radiusKm, country, hasPicture, ...choices }: Omit<Question, 'viewer'>,
) {
  const words = Object.entries(choices).map(([name, word]) => [name, [word]])
  const request: DiscoverRequest = {
    member: id,
    sort,
    limit: PAGE,
    ...(radiusKm !== undefined && { radiusKm }),
    filter: {
      ...(country !== undefined && { countries: [country] }),
      ...(hasPicture !== undefined && { hasPicture }),
      choices: Object.fromEntries(words),
    },
  }
  return request
}

type Viewer = Crowd['viewers'][number]

/** Each viewer has another question in each round. */
function each(
  viewers: readonly Viewer[],
  rounds: number,
  pose: (viewer: Viewer, question: Omit<Question, 'viewer'>, round: number) => unknown,
): Promise<Asked> {
  return ask(viewers, rounds, (viewer, { at, round }) => {
    const question = QUESTIONS[(at + round) % QUESTIONS.length]
    if (question === undefined) throw new Error('no question')
    return pose(viewer, question, round)
  })
}

const rss = (): number => process.memoryUsage.rss() / MEGA

async function measure(
  crowd: Crowd,
  floor: ReturnType<typeof openSearchFloor>,
  floorRounds: number,
) {
  const { discovery, storage, viewers } = crowd
  const before = rss()
  const { millis: loadMillis } = await timed(() => discovery.find({ filter: {}, limit: 1 }))
  const columnsMb = rss() - before
  const one = (
    id: string,
    question: Omit<Question, 'viewer'>,
    more: Partial<DiscoverRequest> = {},
  ) => discovery.find({ ...requestOf(id, question), ...more })
  const pages = await each(viewers, ROUNDS, ({ id }, question) => one(id, question))
  const raw = await each(viewers, floorRounds, ({ facts }, question) =>
    floor.ask({ ...question, viewer: facts }),
  )
  const facets = await each(viewers, ROUNDS, ({ id }, question) =>
    one(id, question, { facets: ['age', 'country', 'bodyType'] }),
  )
  const start = performance.now()
  const unread = rss()
  let slowest = 0
  let last = performance.now()
  const pause = async (): Promise<void> => {
    slowest = Math.max(slowest, performance.now() - last)
    await setImmediate()
    last = performance.now()
  }
  await createBodyReader({ ...storage, pause }).run()
  const readMillis = performance.now() - start
  const textsMb = rss() - unread
  const texts = await each(viewers, ROUNDS, ({ id }, question, round) => {
    const request = requestOf(id, question)
    const text = WORDS[round % WORDS.length] ?? ''
    return discovery.find({ ...request, filter: { ...request.filter, text } })
  })
  return {
    pages,
    raw,
    facets,
    texts,
    loadMillis,
    readMillis,
    slowest,
    columnsMb,
    textsMb,
    rssMb: rss(),
  }
}

export const discoverCalls = {
  discover: async ({ path, records, floorRounds }) => {
    const floor = openSearchFloor(join(path, 'floor.db'))
    let held: Held[] = []
    const crowd = await startCrowd(join(path, 'site'), records, (one) => {
      held.push(one)
      if (held.length < SLICE) return
      floor.add(held)
      held = []
    })
    floor.finish()
    if (crowd.viewers.length !== VIEWERS) throw new Error('viewers are missing')
    const measured = await measure(crowd, floor, floorRounds)
    floor.close()
    await crowd.close()
    return measured
  },
} satisfies Partial<Calls>
