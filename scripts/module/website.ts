/**
 * The website beside the stand-in for the old module, and the module's tables in its database: users
 * as the product keeps them, the queue of the module, and photos on an HTTP server of its own.
 */
import { createHash } from 'node:crypto'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import sharp from 'sharp'
import { quote, type PhpValue } from './serialize.ts'

/** `''` is what the database makes of any other word. */
export type NetStatus = 'not_agree' | 'ready' | 'processed' | 'error' | 'ok' | ''

/** The columns of a user that the module sends, as plain text, in its order. */
export interface UserFields {
  fname: string
  nickname: string
  postal_code: string
  sname: string
  user_type: string
  birth_date: string
  age_max: number
  looking_user_type: string
  /** MD5 of nickname and e-mail address. */
  email: string
  country_code: string
  region: string
  city: string
  /** An absolute address; empty without a picture. */
  icon: string
  lang: string
}
export interface User {
  /** The site's own. */
  id: number
  /** 0 until the server has given one. */
  netId: number
  status: NetStatus
  /** What the user has said at registration. The module does not look at it. */
  decision: 'agree' | 'disagree' | 'unknown'
  /** Made by the module from a profile of another site. */
  isForeign: boolean
  fields: UserFields
  /** The approved gallery: absolute addresses. */
  photos: string[]
  /** Answers of the profile form, as the text that pages show. */
  profile: Record<string, string>
  /** What the module makes of a foreign profile: a line for each answer. */
  about: string
}

/** A row of the module's queue. Rows `out` wait to be sent, rows `in` for the job. */
export type QueueRow =
  | { direction: 'in'; kind: 'add' | 'update'; netId: number; data: Record<string, unknown> }
  | { direction: 'in'; kind: 'remove'; netId: number }
  /** The job has added it; the server is to be told. */
  | { direction: 'out'; kind: 'added'; netId: number }
  | { direction: 'out'; kind: 'remove'; netId: number; isConfirmation: boolean }
  | { direction: 'out'; kind: 'update'; data: Record<string, PhpValue> }

/** A new user; what is left out is as the product leaves it. */
export type NewUser = Partial<Omit<UserFields, 'email' | 'icon'>> & {
  nickname: string
  birth_date: string
  user_type: string
  /** Address that the site knows, of which the module sends an MD5 with the nickname. */
  address?: string
  /** Names of pictures, each a file of its own; the first is the icon. */
  pictures?: readonly string[]
  decision?: User['decision']
  profile?: Record<string, string>
}

export interface Website {
  users: Map<number, User>
  queue: QueueRow[]
  /** Next id of a user. */
  nextId: number
  /** Where its photos are: `http://127.0.0.1:port`. */
  photoOrigin: string
  /** Texts in chats, with the site's own ids of author and addressee; 0 is nobody. */
  chats: { from: number; to: number; text: string }[]
  /** Own ids of users who are online. */
  online: Set<number>
  close: () => Promise<void>
}

/** `photoOrigin` alone, or an own server on 127.0.0.1 that makes a picture of every name. */
export async function openWebsite(photoOrigin?: string): Promise<Website> {
  const served = photoOrigin === undefined ? await servePhotos() : null
  return {
    users: new Map(),
    queue: [],
    nextId: 1,
    photoOrigin: photoOrigin ?? served?.origin ?? '',
    chats: [],
    online: new Set(),
    close: async () => served?.close(),
  }
}

async function servePhotos(): Promise<{ origin: string; close: () => Promise<void> }> {
  const server = createServer((request, response) => void servePhoto(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function servePhoto({ url = '', method }: IncomingMessage, response: ServerResponse) {
  const bytes = await paint(url)
  response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': bytes.length })
  response.end(method === 'HEAD' ? undefined : bytes)
}

/** A picture in a colour of its own. */
function paint(name: string): Promise<Buffer> {
  const [r = 0, g = 0, b = 0] = createHash('sha256').update(name).digest()
  const picture = { width: 360, height: 480, channels: 3, background: { r, g, b } } as const
  return sharp({ create: picture }).jpeg().toBuffer()
}

/** Where a picture of that name is. */
export function photoUrl({ photoOrigin }: Website, name: string): string {
  return `${photoOrigin}/img/${name}.jpg`
}

const DEFAULTS: UserFields = {
  fname: '',
  nickname: '',
  postal_code: '',
  sname: '',
  user_type: '',
  birth_date: '',
  age_max: 80,
  looking_user_type: 'all',
  email: '',
  country_code: 'DE',
  region: '',
  city: '',
  icon: '',
  lang: 'EN',
}

/** Registers a user; `ready` to be sent is what everybody is by default. */
export function register(site: Website, given: NewUser): User {
  const { address = '', pictures = [], decision = 'unknown', profile = {}, ...fields } = given
  const [icon, ...photos] = pictures.map((name) => photoUrl(site, name))
  const email = createHash('md5').update(`${fields.nickname}${address}`).digest('hex')
  const user: User = {
    id: site.nextId,
    netId: 0,
    status: 'ready',
    decision,
    isForeign: false,
    fields: { ...DEFAULTS, ...fields, email, icon: icon ?? '' },
    photos,
    profile: { ...profile },
    about: '',
  }
  site.nextId += 1
  site.users.set(user.id, user)
  return user
}

const QUOTED = new Set(['fname', 'nickname', 'postal_code', 'sname'])
const MOST_PHOTOS = 5
/** Answers of the profile form that the module sends. */
const ANSWERS = ['body_type', 'hair_colour', 'height', 'weight']

function fieldsOf(user: User, names: readonly string[]): Record<string, PhpValue> {
  const all = Object.entries(user.fields as unknown as Record<string, string | number>)
  return Object.fromEntries(
    all.flatMap(([name, value]) =>
      names.includes(name)
        ? [[name, QUOTED.has(name) ? quote(String(value)) : value] as const]
        : [],
    ),
  )
}

function answersOf({ profile }: User, names: readonly string[]): PhpValue {
  const known = ANSWERS.filter((name) => names.includes(name) && profile[name] !== undefined)
  // An empty array of PHP is a list and a map.
  return known.length === 0
    ? []
    : Object.fromEntries(known.map((name) => [name, profile[name] ?? '']))
}

/** A whole profile, as it is sent once. */
export function profileOf(user: User): Record<string, PhpValue> {
  return {
    ...fieldsOf(user, Object.keys(user.fields)),
    photos: user.photos.slice(0, MOST_PHOTOS),
    profile_data: answersOf(user, ANSWERS),
  }
}

export interface Changes {
  /** Also the icon, of which the module says nothing then. */
  fields?: Partial<UserFields>
  photos?: readonly string[]
  profile?: Record<string, string>
}

/** Saves a user. Each time a record is queued, also where nothing has changed. */
export function save(site: Website, id: number, changes: Changes = {}): void {
  const user = userOf(site, id)
  Object.assign(user.fields, changes.fields)
  if (changes.photos !== undefined) user.photos = [...changes.photos]
  Object.assign(user.profile, changes.profile)
  // Who has no number is not told of: what the server holds of it grows old.
  if (user.netId === 0) return
  site.queue.push({
    direction: 'out',
    kind: 'update',
    data: {
      id: user.netId,
      net_id: user.netId,
      ...fieldsOf(
        user,
        Object.keys(changes.fields ?? {}).filter((name) => name !== 'icon'),
      ),
      photos: user.photos.slice(0, MOST_PHOTOS),
      profile_data: answersOf(user, Object.keys(changes.profile ?? {})),
      local_id: user.id,
    },
  })
}

function userOf(site: Website, id: number): User {
  const user = site.users.get(id)
  if (user === undefined) throw new Error(`The website has no user ${id}`)
  return user
}

const removal = (netId: number, isConfirmation = false): QueueRow => ({
  direction: 'out',
  kind: 'remove',
  netId,
  isConfirmation,
})

/**
 * The user leaves the Network: the removal does not say who, and two saves change nothing. The user
 * keeps its number, under which the module goes on to tell of changes.
 */
export function leave(site: Website, id: number): void {
  const user = userOf(site, id)
  save(site, id)
  site.queue.push(removal(0))
  save(site, id)
  user.status = 'not_agree'
  user.decision = 'disagree'
}

/** The user deletes its account; of one from another site, whom the owner deletes, nothing is told. */
export function deleteUser(site: Website, id: number): void {
  const { netId, isForeign } = userOf(site, id)
  if (!isForeign) site.queue.push(removal(netId))
  site.users.delete(id)
}

/** A profile of another site has been removed by the job. */
export function confirmRemoval(site: Website, netId: number): void {
  for (const user of site.users.values()) if (user.netId === netId) site.users.delete(user.id)
  site.queue.push(removal(netId, true))
}

/** Users of other sites that members see. */
export function foreigners(site: Website): User[] {
  return [...site.users.values()].filter(({ isForeign }) => isForeign)
}

/** What a visitor's browser gets for an address: pictures of others are never copied. */
export function look(url: string): Promise<{ status: number; type: string; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    const sent = get(url, { agent: false }, (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.on('error', reject)
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          type: answer.headers['content-type'] ?? '',
          bytes: Buffer.concat(parts),
        }),
      )
    })
    sent.on('error', reject)
  })
}
