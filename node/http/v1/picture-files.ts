/** `/v1/pictures/…`: the files of pictures, for browsers, under links that soon run out. */
import { z } from '@hono/zod-openapi'
import { ProtocolError } from '../../../protocol/errors.ts'
import {
  parsePictureId,
  parseRecordId,
  parseSiteId,
  type PictureId,
  type RecordId,
  type SiteId,
} from '../../../protocol/ids.ts'
import { PICTURE_SIZES } from '../../../protocol/picture.ts'
import type { LinkTarget } from '../../core/picture/link.ts'
import type { Door } from '../app.ts'
import { mount, type OperationContext } from '../operation.ts'
import { createLimiter } from '../rate.ts'
import type { SitePorts } from './ports.ts'

/** Pictures fetched from one address under valid links: pages of them, for people behind one proxy. */
const RATE = { perSecond: 500, burst: 5000 }

/** Links to both files of a picture, below the address of the node. */
export const pictureLinks = z.object({
  picture: z.string().describe('64 hexadecimal digits'),
  small: z.string().describe('a link without the address of the node; edges up to 320 pixels'),
  large: z.string().describe('a link without the address of the node; edges up to 1280 pixels'),
})

/** Signs links to pictures of a record. */
export function linksTo(
  { links }: SitePorts['site'],
  home: SiteId,
  record: RecordId,
  pictures: readonly PictureId[],
): z.output<typeof pictureLinks>[] {
  return pictures.map((picture) => {
    const [small = '', large = ''] = PICTURE_SIZES.map((size) => {
      const { expires, signature } = links.sign({ home, record, picture, size })
      return `/v1/pictures/${home}/${record}/${picture}/${size}?expires=${expires}&signature=${signature}`
    })
    return { picture, small, large }
  })
}

/** One answer for all that is wrong with a link: who made it up learns nothing. */
const noPicture = (): ProtocolError =>
  new ProtocolError('not_found', '', 'a link to a picture that may be shown now')

function targetOf(c: OperationContext): LinkTarget {
  try {
    const size = PICTURE_SIZES.find((one) => one === c.req.param('size'))
    if (size === undefined) throw noPicture()
    return {
      home: parseSiteId(c.req.param('home') ?? ''),
      record: parseRecordId(c.req.param('record') ?? ''),
      picture: parsePictureId(c.req.param('picture') ?? ''),
      size,
    }
  } catch (error) {
    throw error instanceof ProtocolError ? noPicture() : error
  }
}

type Range = { from: number; to: number } | 'all' | 'unsatisfiable'

/** The one range that is asked for; several, or another unit, count as none (RFC 9110 §14.2). */
function rangeOf(header: string | undefined, length: number): Range {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return 'all'
  const from = first === '' ? Math.max(0, length - Number(last)) : Number(first)
  const to = first === '' || last === '' ? length - 1 : Math.min(Number(last), length - 1)
  if (first !== '' && last !== '' && Number(last) < from) return 'all'
  return from < length && (first !== '' || Number(last) > 0) ? { from, to } : 'unsatisfiable'
}

function isKnown(header: string | undefined, tag: string): boolean {
  const tags = (header ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''))
  return tags.includes(tag) || tags.includes('*')
}

/** Mounts the resource. */
export function mountPictureFiles(door: Door, { site, clock }: SitePorts): void {
  const perAddress = createLimiter(RATE)
  const isSigned = (c: OperationContext, target: LinkTarget): boolean => {
    const { expires = '', signature = '' } = c.req.query()
    return (
      /^\d{1,12}$/.test(expires) &&
      site.links.isValid(target, { expires: Number(expires), signature })
    )
  }

  function guard(c: OperationContext): void {
    const address = door.addressOf(c)
    if (isSigned(c, targetOf(c))) perAddress.take(address)
    else {
      door.perAddress.take(address)
      throw noPicture()
    }
  }

  mount(
    door,
    {
      method: 'get',
      path: '/v1/pictures/{home}/{record}/{picture}/{size}',
      roles: null,
      guard,
      tag: 'Pictures',
      summary: 'A file of a picture, for a browser',
      description:
        'Under a link from another answer of this interface; it holds for 5 to 10 minutes. It is ' +
        'WebP without metadata. A link names a record and a picture by their ids, and nobody.',
      query: z.strictObject({
        expires: z.int().describe('unix seconds'),
        signature: z.string(),
      }),
      answers: {
        200: { description: 'The file', type: 'image/webp' },
        206: { description: 'The range asked for', type: 'image/webp' },
        304: { description: 'Not changed since it was fetched' },
        404: { description: 'A link that has run out, or a picture that may not be shown now' },
        416: { description: 'A range outside the file' },
      },
    },
    async (c) => {
      const target = targetOf(c)
      const shown = await site.pictures.open(target)
      if (shown === null) throw noPicture()
      const { bytes, until } = shown
      const length = bytes.length
      const now = clock.now()
      const seconds = Math.max(0, Math.min(Number(c.req.query('expires')), until) - now)
      const tag = `"${target.picture.slice(0, 32)}-${target.size}"`
      const headers = {
        'content-type': 'image/webp',
        'content-disposition': 'inline',
        'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
        // The pages that show it may stand at another address; the signature is what protects it.
        'cross-origin-resource-policy': 'cross-origin',
        'cache-control': `private, max-age=${seconds}`,
        'x-robots-tag': 'noindex',
        'accept-ranges': 'bytes',
        etag: tag,
      }
      if (isKnown(c.req.header('if-none-match'), tag)) return c.body(null, 304, headers)
      const ifRange = c.req.header('if-range')
      const range =
        ifRange === undefined || ifRange === tag ? rangeOf(c.req.header('range'), length) : 'all'
      if (range === 'unsatisfiable')
        return c.body(null, 416, { ...headers, 'content-range': `bytes */${length}` })
      if (range === 'all')
        return c.body(new Uint8Array(bytes), 200, { ...headers, 'content-length': String(length) })
      const part = new Uint8Array(bytes.subarray(range.from, range.to + 1))
      return c.body(part, 206, {
        ...headers,
        'content-length': String(part.length),
        'content-range': `bytes ${range.from}-${range.to}/${length}`,
      })
    },
  )
}
