/** `/v1/evidence`: archives of evidence, streamed as they are made. */
import { z } from '@hono/zod-openapi'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseSiteId } from '../../../protocol/ids.ts'
import type { Door } from '../app.ts'
import { mount } from '../operation.ts'
import { HttpProblem, problemResponse } from '../problem.ts'
import { seconds } from '../v1/shapes.ts'
import { LOOK, type CoordinatorPorts } from './ports.ts'

/** Archives that are made at once: each reads whole logs. */
const AT_ONCE = 4
const RETRY_SECONDS = 60

/** Mounts the resource. */
export function mountArchives(door: Door, { coordinator, clock, onFault }: CoordinatorPorts): void {
  let open = 0

  /** The pieces of an answer that has begun: what fails now is told, and cuts it short. */
  async function* counted(
    pieces: AsyncIterable<Uint8Array>,
    requestId: string,
  ): AsyncGenerator<Uint8Array> {
    open += 1
    try {
      yield* pieces
    } catch (error) {
      onFault?.(error, requestId)
      throw error
    } finally {
      open -= 1
    }
  }
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
      if (open >= AT_ONCE)
        throw new HttpProblem('too_many_requests', `at most ${AT_ONCE} archives at once`, {
          'retry-after': String(RETRY_SECONDS),
        })
      const { from, to = clock.now() + 1, entries } = query
      const named = query.site
      const site = named === undefined ? null : at('/site', () => parseSiteId(named))
      try {
        const archive = await coordinator.archives.write({ site, from, to, entries })
        return c.body(ReadableStream.from(counted(archive, c.get('requestId'))), 200, {
          'content-type': 'application/x-tar',
          'content-disposition': `attachment; filename="${site ?? 'network'}-${from}-${to}.evidence.tar"`,
        })
      } catch (error) {
        if (error instanceof ProtocolError && error.code === 'not_ready')
          return problemResponse(error, 409)
        throw error
      }
    },
  )
}
