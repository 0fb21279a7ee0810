/** `/bridge/p/…`: pictures for the pages of a site that runs the old module, under lasting addresses. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Door } from './app.ts'
import { mount, type OperationContext } from './operation.ts'
import { createLimiter } from './rate.ts'

/** Pictures fetched from one address: each is made into a JPEG when it is asked for. */
const RATE = { perSecond: 20, burst: 200 }
/** Seconds for which a browser may go on showing it without asking. */
const FRESH_SECONDS = 300
const MOST_NET_ID = 0x7f_ff_ff_ff

export interface BridgePicturePorts {
  /** The file behind an address that was given to the module; null where it may not be seen. */
  picture: (netId: number, name: string) => Promise<{ bytes: Uint8Array; until: number } | null>
  clock: { now: () => number }
}

/** One answer for all: who made an address up, or kept one, learns nothing. */
const noPicture = (): ProtocolError =>
  new ProtocolError('not_found', '', 'the address of a picture that may be shown now')

function nameOf(c: OperationContext): { netId: number; name: string } {
  const { netId = '', name = '' } = c.req.param() as Record<string, string | undefined>
  const hasForm = /^[1-9]\d{0,9}$/.test(netId) && /^[0-9a-f]{32}\.jpg$/.test(name)
  if (!hasForm || Number(netId) > MOST_NET_ID || new URL(c.req.url).search !== '') throw noPicture()
  return { netId: Number(netId), name }
}

/**
 * Mounts the addresses. Unlike those of the interface they do not run out by themselves, since the
 * module keeps them: each time it is asked anew whether the picture may be shown.
 */
export function mountBridgePictures(door: Door, { picture, clock }: BridgePicturePorts): void {
  const perAddress = createLimiter(RATE)
  mount(
    door,
    {
      method: 'get',
      path: '/bridge/p/{netId}/{name}',
      roles: null,
      guard: (c) => {
        perAddress.take(door.addressOf(c))
        nameOf(c)
      },
      tag: 'Bridge',
      summary: 'A picture for the pages of a site that runs the old module',
      description:
        'Under an address that the module was given with a record: JPEG without metadata, as long as ' +
        'the record may be shown and names the picture.',
      answers: {
        200: { description: 'The picture', type: 'image/jpeg' },
        404: { description: 'No such address, or a picture that may not be shown now' },
      },
    },
    async (c) => {
      const { netId, name } = nameOf(c)
      const shown = await picture(netId, name)
      if (shown === null) throw noPicture()
      const seconds = Math.max(0, Math.min(FRESH_SECONDS, shown.until - clock.now()))
      return c.body(new Uint8Array(shown.bytes), 200, {
        'content-type': 'image/jpeg',
        'content-length': String(shown.bytes.length),
        'content-disposition': 'inline',
        'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
        'cross-origin-resource-policy': 'cross-origin',
        'cache-control': `private, max-age=${seconds}`,
        'x-robots-tag': 'noindex',
      })
    },
  )
}
