/** `/v1/members/{id}/pictures`: put, list, arrange and remove the pictures of a member. */
import { z } from '@hono/zod-openapi'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parsePictureId, type PictureId } from '../../../protocol/ids.ts'
import { GALLERY_PICTURES } from '../../../protocol/limits.ts'
import { PLACES } from '../../core/picture/own.ts'
import { parseMemberId } from '../../core/record/member.ts'
import type { OwnMember } from '../../core/record/own.ts'
import type { Door } from '../app.ts'
import { readBytes } from '../body.ts'
import { mount, type OperationContext } from '../operation.ts'
import { HttpProblem } from '../problem.ts'
import { linksTo, pictureLinks } from './picture-files.ts'
import { READ, WRITE, type SitePorts } from './ports.ts'
import { recordId } from './shapes.ts'

const tag = 'Pictures'
/** Bytes of an upload. */
export const UPLOAD_BYTES = 20 * 1024 * 1024
/** Bytes around the picture in a form. */
const FORM_BYTES = 64 * 1024
/** Uploads read into memory at once, and those that wait for it unread. */
const UPLOADS = 4
const UPLOADS_WAITING = 64
const FIELD = 'picture'
const TYPES = [
  'image/jpeg',
  'image/png',
  'image/webp',
  'image/avif',
  'application/octet-stream',
  'multipart/form-data',
]

const ownPictures = z.object({
  record: recordId,
  main: pictureLinks.nullable(),
  gallery: z.array(pictureLinks),
})
const id = z.string().describe('64 hexadecimal digits')

/** Lets a few run at once and some wait; more are turned away. */
function createQueue(running: number, waiting: number) {
  let active = 0
  const queue: (() => void)[] = []
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (active < running) active += 1
    else if (queue.length >= waiting)
      throw new HttpProblem('too_many_requests', 'fewer uploads at once', { 'retry-after': '5' })
    else await new Promise<void>((resolve) => queue.push(resolve))
    try {
      return await work()
    } finally {
      const next = queue.shift()
      if (next === undefined) active -= 1
      else next()
    }
  }
}

function typeOf(c: OperationContext): string {
  const type = c.req.header('content-type') ?? ''
  const name = type.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (!TYPES.includes(name))
    throw new HttpProblem('unsupported_media_type', `Content-Type: ${TYPES.join(', ')}`)
  return type
}

/** The picture in a form; anything else in it is refused. */
async function partOf(form: Uint8Array<ArrayBuffer>, type: string): Promise<Uint8Array> {
  let fields: [string, unknown][]
  try {
    const parsed = await new Response(form, { headers: { 'content-type': type } }).formData()
    fields = [...parsed]
  } catch {
    throw new ProtocolError('malformed', '', 'a form (multipart/form-data)')
  }
  const [field, ...others] = fields
  if (others.length > 0 || field?.[0] !== FIELD || !(field[1] instanceof Blob))
    throw new ProtocolError(
      'unknown_field',
      `/${FIELD}`,
      `one file named ${FIELD} and nothing else`,
    )
  return new Uint8Array(await field[1].arrayBuffer())
}

async function readUpload(c: OperationContext): Promise<Uint8Array> {
  const type = typeOf(c)
  const isForm = type.toLowerCase().startsWith('multipart/')
  const bytes = await readBytes(c, UPLOAD_BYTES + (isForm ? FORM_BYTES : 0))
  const upload = isForm ? await partOf(bytes, type) : bytes
  if (upload.length > UPLOAD_BYTES)
    throw new ProtocolError('too_large', `/${FIELD}`, `at most ${UPLOAD_BYTES} bytes`)
  return upload
}

function idOf(c: OperationContext): string {
  return parseMemberId(c.req.param('id'))
}

function mountAdd(door: Door, { site }: SitePorts, shown: Shown): void {
  const inTurn = createQueue(UPLOADS, UPLOADS_WAITING)
  mount(
    door,
    {
      method: 'post',
      path: '/v1/members/{id}/pictures',
      roles: WRITE,
      tag,
      summary: 'Add a picture to a member',
      description:
        'The member needs a live record whose consent has the scope pictures; a new version of it ' +
        'is published. Send the bytes of the file, or a form with one file named picture. JPEG, ' +
        'PNG, WebP and AVIF are read, up to 20 MiB and 50 (JPEG), 24 (PNG, WebP) or 12 (AVIF) ' +
        'megapixels; HEIC is not, since its codec (HEVC) is not in this build: convert it first. The node makes two WebP files ' +
        'of it, turned upright, without any metadata, and keeps nothing of the original. ' +
        'Animations, files that are cut short, and files with something behind the picture are ' +
        'refused. The same upload again changes nothing. PUT of the member leaves pictures as ' +
        'they are, unless it names some.',
      query: z.strictObject({
        place: z
          .enum(PLACES)
          .optional()
          .describe('main where there is none yet, else the end of the gallery'),
      }),
      shownBody: { schema: z.string().meta({ format: 'binary' }), type: 'image/jpeg' },
      answers: {
        201: { description: 'It was added', schema: ownPictures.extend({ picture: id }) },
        200: { description: 'It was there before', schema: ownPictures.extend({ picture: id }) },
        409: { description: `The gallery has its ${GALLERY_PICTURES} pictures` },
        413: { description: 'Too many bytes, or pixels' },
      },
    },
    (c, { query }) =>
      inTurn(async () => {
        const { kind, picture, member } = await site.ownPictures.add(
          idOf(c),
          await readUpload(c),
          query.place,
        )
        return c.json({ picture, ...(await shown(member)) }, kind === 'added' ? 201 : 200)
      }),
  )
}

function mountArrange(door: Door, { site }: SitePorts, shown: Shown): void {
  const answers = { 200: { description: 'The pictures as they are now', schema: ownPictures } }
  mount(
    door,
    {
      method: 'put',
      path: '/v1/members/{id}/pictures',
      roles: WRITE,
      tag,
      summary: 'Arrange the pictures of a member',
      description: 'What is not named is erased here and at every partner.',
      body: z.strictObject({
        main: id.nullable(),
        gallery: z.array(id).max(GALLERY_PICTURES).default([]),
      }),
      answers,
    },
    async (c, { body }) => {
      const { main, gallery } = body
      const arrangement = {
        main: main === null ? null : at('/main', () => parsePictureId(main)),
        gallery: gallery.map((one, place) => at(`/gallery/${place}`, () => parsePictureId(one))),
      }
      return c.json(await shown(await site.ownPictures.arrange(idOf(c), arrangement)))
    },
  )
  mount(
    door,
    {
      method: 'delete',
      path: '/v1/members/{id}/pictures/{picture}',
      roles: WRITE,
      tag,
      summary: 'Erase a picture of a member everywhere',
      description: 'The first of the gallery takes the place of a main picture.',
      answers,
    },
    async (c) => {
      const picture = at('/picture', () => parsePictureId(c.req.param('picture') ?? ''))
      return c.json(await shown(await site.ownPictures.remove(idOf(c), picture)))
    },
  )
}

type Shown = (member: OwnMember) => Promise<z.output<typeof ownPictures>>

/** Mounts the resource. */
export function mountPictures(door: Door, ports: SitePorts): void {
  const { site } = ports
  const shown: Shown = async ({ record, profile }) => {
    const { self } = site.node.view
    const here = (await site.pictures.of(self, [record])).get(record) ?? []
    const links = linksTo(site, self, record, here)
    const linkOf = (one: PictureId | string) => links.filter(({ picture }) => picture === one)
    return {
      record,
      main: profile.picture === undefined ? null : (linkOf(profile.picture)[0] ?? null),
      gallery: (profile.gallery ?? []).flatMap(linkOf),
    }
  }
  mountAdd(door, ports, shown)
  mountArrange(door, ports, shown)
  mount(
    door,
    {
      method: 'get',
      path: '/v1/members/{id}/pictures',
      roles: READ,
      tag,
      summary: 'The pictures of a member',
      description: 'Links hold for 5 to 10 minutes.',
      answers: { 200: { description: 'Those that are here', schema: ownPictures } },
    },
    async (c) => {
      const member = await site.members.get(idOf(c))
      if (member === null)
        throw new ProtocolError('not_found', '/id', 'a member with a live record')
      return c.json(await shown(member))
    },
  )
}
