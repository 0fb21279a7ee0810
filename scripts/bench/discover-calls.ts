/** Discovery in a process of its own: the node's answers, and the same questions in bare SQL. */
import { setImmediate } from 'node:timers/promises'
import type { DiscoverRequest } from '../../node/core/record/discover.ts'
import { createBodyReader } from '../../node/core/search/reader.ts'
import type { Calls } from './calls.ts'
import { startCrowd, VIEWERS, type Crowd } from './crowd.ts'
import type { Question } from './search-floor.ts'
import { ask, timed, type Asked } from './timing.ts'

const ROUNDS = 6
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

let current: Crowd | null = null

/** The crowd of this process. */
export function crowdHere(): Crowd {
  if (current === null) throw new Error('no crowd yet')
  return current
}

const find = (
  { id }: Viewer,
  question: Omit<Question, 'viewer'>,
  more: Partial<DiscoverRequest> = {},
) => crowdHere().discovery.find({ ...requestOf(id, question), ...more })

async function discover({ floorRounds }: { floorRounds: number }) {
  const { discovery, floor, viewers } = crowdHere()
  const before = rss()
  const { millis: loadMillis } = await timed(() => discovery.find({ filter: {}, limit: 1 }))
  const columnsMb = rss() - before
  const pages = await each(viewers, ROUNDS, (viewer, question) => find(viewer, question))
  const facets = await each(viewers, ROUNDS, (viewer, question) =>
    find(viewer, question, { facets: ['age', 'country', 'bodyType'] }),
  )
  const raw = await each(viewers, floorRounds, ({ facts }, question) =>
    floor.ask({ ...question, viewer: facts }),
  )
  return { pages, raw, facets, loadMillis, columnsMb }
}

async function discoverByWords() {
  const { storage, viewers } = crowdHere()
  const unread = rss()
  let slowest = 0
  let last = performance.now()
  const pause = async (): Promise<void> => {
    slowest = Math.max(slowest, performance.now() - last)
    await setImmediate()
    last = performance.now()
  }
  const { millis: readMillis } = await timed(() => createBodyReader({ ...storage, pause }).run())
  const textsMb = rss() - unread
  const texts = await each(viewers, ROUNDS, (viewer, question, round) => {
    const { filter } = requestOf(viewer.id, question)
    return find(viewer, question, {
      filter: { ...filter, text: WORDS[round % WORDS.length] ?? '' },
    })
  })
  return { texts, readMillis, slowest, textsMb, rssMb: rss() }
}

export const discoverCalls = {
  fill: async ({ path, records }) => {
    const { millis, cpuMillis, value } = await timed(() => startCrowd(path, records))
    current = value
    if (value.viewers.length !== VIEWERS) throw new Error('viewers are missing')
    return { millis, cpuMillis }
  },
  discover,
  discoverByWords,
} satisfies Partial<Calls>
