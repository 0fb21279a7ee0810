/** The old module in a measured process: sends members, asks for numbers, and goes round idly. */
import {
  createSlowLoop,
  getProfilesStatus,
  putProfiles,
  type ModuleOptions,
} from '../module/slow-loop.ts'
import { openWebsite, register, type QueueRow, type Website } from '../module/website.ts'
import type { Person } from '../people.ts'
import type { BridgedModule, Calls } from './calls.ts'
import { batches } from './members.ts'

/** Members in one call. */
const HUNDRED = 100
/** Nobody fetches them: consents here are for other scopes. */
const PHOTOS = 'http://photos.home.example'

const optionsOf = (module: BridgedModule): ModuleOptions => ({ ...module, ids: 'integers' })

function registerPerson(site: Website, { id, email, profile }: Person): void {
  const isMan = profile['gender'] === 'man'
  register(site, {
    nickname: String(profile['nickname']),
    fname: String(profile['firstName']),
    sname: String(profile['lastName']),
    birth_date: profile.birthDate,
    user_type: isMan ? 'male' : 'female',
    looking_user_type: isMan ? 'female' : 'male',
    age_max: Number(profile['seeksAgeMax']),
    country_code: String(profile['country']),
    region: 'Region',
    city: String(profile['city']),
    lang: String(profile['language']).toUpperCase(),
    address: email,
    pictures: [id, `${id}-1`, `${id}-2`],
    profile: {
      body_type: 'Athletic',
      hair_colour: 'Brown',
      height: `${String(profile['heightCm'])} cm`,
      weight: `${String(profile['weightKg'])} kg`,
    },
  })
}

async function timesOf(work: () => Promise<void>): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}

/** The calls of the module. */
export const bridgeCalls = {
  putProfiles: async ({ module, from, count }) => {
    const site = await openWebsite(PHOTOS)
    const millis: number[] = []
    let processed = 0
    site.nextId = from + 1
    for (const batch of batches(from, count))
      for (let at = 0; at < batch.length; at += HUNDRED) {
        for (const person of batch.slice(at, at + HUNDRED)) registerPerson(site, person)
        millis.push(await timesOf(() => putProfiles(site, optionsOf(module))))
        processed += [...site.users.values()].filter((user) => user.status !== 'ready').length
        site.users.clear()
      }
    return { millis, processed }
  },
  getNumbers: async ({ module, count }) => {
    const site = await openWebsite(PHOTOS)
    const millis: number[] = []
    const known = new Set<number>()
    for (let id = 1; id <= count; id += 1) register(site, NOBODY)
    while (known.size < count) {
      const before = known.size
      millis.push(await timesOf(() => getProfilesStatus(site, optionsOf(module))))
      for (const { id, netId } of site.users.values()) if (netId > 0) known.add(id)
      if (known.size === before) throw new Error(`only ${before} numbers are told`)
      for (const id of known) site.users.delete(id)
    }
    return { millis }
  },
  rounds: async ({ module, count }) => {
    const site = await openWebsite(PHOTOS)
    const loop = createSlowLoop(site, optionsOf(module))
    const millis: number[] = []
    let added = 0
    for (let round = 0; round < count; round += 1) {
      millis.push(await timesOf(loop.round))
      site.queue = site.queue.flatMap((row): QueueRow[] =>
        row.kind === 'add' ? [{ direction: 'out', kind: 'added', netId: row.netId }] : [],
      )
      added += site.queue.length
    }
    return { millis, added }
  },
} satisfies Partial<Calls>

const NOBODY = { nickname: '', birth_date: '', user_type: '' }
