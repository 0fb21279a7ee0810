/** `/v1/evidence`: archives of evidence, streamed as they are made. */
import { z } from '@hono/zod-openapi'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseSiteId } from '../../../protocol/ids.ts'
import type { Door } from '../app.ts'
import { mount } from '../operation.ts'
import { problemResponse } from '../problem.ts'
import { seconds } from '../v1/shapes.ts'
import { LOOK, type CoordinatorPorts } from './ports.ts'

/** Mounts the resource. */
export function mountArchives(door: Door, { coordinator, clock, onFault }: CoordinatorPorts): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/evidence',
      roles: LOOK,
      tag: 'Audit',
      summary: 'Evidence of all withdrawals of a site, or of the Network, in a period',
      description:
        'A tar file in which the registry, the logs as far as needed, and checkpoints with their ' +
        "receipts are proven with the coordinator's verifier key alone: `dpn verify`. It holds no " +
        'personal data. It is made while it is read; if the connection breaks, fetch it again.',
      query: z.strictObject({
        site: z.string().max(253).optional().describe('the whole Network without it'),
        from: seconds.min(0).default(0).describe('unix seconds: entries from this time on'),
        to: seconds.min(0).optional().describe('unix seconds: entries before this time; now'),
        entries: z
          .enum(['withdrawals', 'all'])
          .default('withdrawals')
          .describe('all: every entry is there, which shows that no withdrawal is left out'),
      }),
      answers: {
        200: { description: 'An archive', type: 'application/x-tar' },
        409: { description: 'not_ready: the coordinator has no heartbeat of its own log yet' },
      },
    },
    async (c, { query }) => {
      const { from, to = clock.now() + 1, entries } = query
      const named = query.site
      const site = named === undefined ? null : at('/site', () => parseSiteId(named))
      try {
        const archive = await coordinator.archives.write({ site, from, to, entries })
        const requestId = c.get('requestId')
        return c.body(
          ReadableStream.from(reported(archive, (error) => onFault?.(error, requestId))),
          200,
          {
            'content-type': 'application/x-tar',
            'content-disposition': `attachment; filename="${site ?? 'network'}-${from}-${to}.evidence.tar"`,
          },
        )
      } catch (error) {
        if (error instanceof ProtocolError && error.code === 'not_ready')
          return problemResponse(error, 409)
        throw error
      }
    },
  )
}

/** The pieces of a stream whose answer has begun: what fails now is told, and cuts it short. */
async function* reported(
  pieces: AsyncIterable<Uint8Array>,
  onFault: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces
  } catch (error) {
    onFault(error)
    throw error
  }
}
