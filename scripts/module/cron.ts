/** The old module's job, which runs every 21 minutes on a site: what has come in becomes users. */
import {
  confirmRemoval,
  look,
  register,
  type QueueRow,
  type User,
  type Website,
} from './website.ts'

/** Oldest rows of all kinds that one run looks at: as many adds leave nothing for the rest. */
const ROWS = 25
const ADDS = 5
const REMOVALS = 15
const UPDATES = 5

type In<Kind> = Extract<QueueRow, { direction: 'in'; kind: Kind }>

const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : ''

const numberOf = (row: QueueRow): unknown => ('netId' in row ? row.netId : row.data['net_id'])

/** A line for each answer, whatever it is. */
function aboutOf(answers: unknown): string {
  return typeof answers === 'object' && answers !== null && !Array.isArray(answers)
    ? Object.entries(answers)
        .map(([key, value]) => `${key}: ${textOf(value)}`)
        .join('\n')
    : ''
}

function setFields({ fields }: User, data: Record<string, unknown>): void {
  for (const name of Object.keys(fields) as (keyof User['fields'])[])
    if (data[name] !== undefined)
      Object.assign(fields, {
        [name]: name === 'age_max' ? Number(data[name]) : textOf(data[name]),
      })
}

async function add(site: Website, { netId, data }: In<'add'>): Promise<void> {
  if ([...site.users.values()].some((user) => user.netId === netId)) {
    // All rows of the number go, of removals too, and the server is not told.
    site.queue = site.queue.filter((row) => numberOf(row) !== netId)
    return
  }
  const user = register(site, { nickname: '', birth_date: '', user_type: '' })
  Object.assign(user, { netId, status: 'ok', isForeign: true })
  setFields(user, data)
  user.about = aboutOf(data['profile_data'])
  const photos = (Array.isArray(data['photos']) ? (data['photos'] as unknown[]) : []).map(textOf)
  // For the size of each; the addresses are what pages show from now on.
  for (const url of photos)
    if ((await look(url).catch(() => null))?.status === 200) user.photos.push(url)
  site.queue.push({ direction: 'out', kind: 'added', netId })
}

function update(site: Website, { netId, data }: In<'update'>): void {
  const user = [...site.users.values()].find((one) => one.netId === netId)
  if (user === undefined) return
  setFields(user, data)
  const about = aboutOf(data['profile_data'])
  if (about !== '') user.about = about
}

/**
 * One run. Where rows come as text (PHP before 8.1) it dies at the first removal, and does so in
 * every run from then on: neither that removal nor an update ever comes to pass.
 */
export async function runCron(site: Website, { ids }: { ids: 'integers' | 'text' }): Promise<void> {
  const rows = site.queue.filter((row) => row.direction === 'in').slice(0, ROWS)
  const adds = rows.filter((row): row is In<'add'> => row.kind === 'add').slice(0, ADDS)
  const removals = rows.filter((row): row is In<'remove'> => row.kind === 'remove')
  const updates = rows.filter((row): row is In<'update'> => row.kind === 'update')
  const done = (row: QueueRow): void => {
    site.queue = site.queue.filter((one) => one !== row)
  }
  for (const row of adds) {
    done(row)
    await add(site, row)
  }
  for (const row of removals.slice(0, REMOVALS)) {
    if (ids === 'text') return
    done(row)
    confirmRemoval(site, row.netId)
  }
  for (const row of updates.slice(0, UPDATES)) {
    done(row)
    update(site, row)
  }
}
