/** `/v1/members:bulk`: many members as NDJSON, in and out as streams. */
import { z } from '@hono/zod-openapi'
import { parseMemberId } from '../../core/record/member.ts'
import { BATCH_MEMBERS } from '../../core/record/publish.ts'
import type { Site } from '../../core/site.ts'
import type { Door } from '../app.ts'
import { assertNdjson, readLines, type JsonLine } from '../body.ts'
import { mount } from '../operation.ts'
import { problemOf } from '../problem.ts'
import { WRITE, type SitePorts } from './ports.ts'
import { MEMBER_EXAMPLE, memberInput, putOutcome } from './shapes.ts'

/** Bytes of lines that are collected for one durable batch, whatever their number. */
const BATCH_BYTES = 2 * 1024 * 1024
const NDJSON = 'application/x-ndjson'

interface LineResult {
  line: number
  id?: string
  [name: string]: unknown
}

/** The id of a line, repeated in its result only where it is one. */
function idIn({ json }: JsonLine): { id?: string } {
  if (!('value' in json)) return {}
  const { value } = json
  if (typeof value !== 'object' || value === null || !('id' in value)) return {}
  try {
    return { id: parseMemberId(value.id) }
  } catch {
    return {}
  }
}

async function writeBatch(site: Site, lines: readonly JsonLine[]): Promise<LineResult[]> {
  const parsed = lines.flatMap(({ json }) => ('value' in json ? [json.value] : []))
  const outcomes = (await site.publisher.put(parsed)).values()
  return lines.map((line) => {
    const start = { line: line.line, ...idIn(line) }
    if ('error' in line.json) return { ...start, problem: problemOf(line.json.error) }
    const outcome = outcomes.next().value
    if (outcome === undefined) throw new Error('The publisher gave too few outcomes')
    if (outcome.kind === 'refused') return { ...start, problem: problemOf(outcome.error) }
    const { kind, record, version, keptBack } = outcome
    return { ...start, outcome: kind, record, version, keptBack }
  })
}

async function* batches(lines: AsyncIterable<JsonLine>): AsyncGenerator<JsonLine[]> {
  let batch: JsonLine[] = []
  let bytes = 0
  for await (const line of lines) {
    batch.push(line)
    bytes += line.bytes
    if (batch.length < BATCH_MEMBERS && bytes < BATCH_BYTES) continue
    yield batch
    batch = []
    bytes = 0
  }
  if (batch.length > 0) yield batch
}

/** Result lines; a batch that fails as a whole says so on each of its lines, and ends the stream. */
async function* results(
  site: Site,
  lines: AsyncIterable<JsonLine>,
  onFault: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  const text = (done: readonly LineResult[]): Uint8Array =>
    encoder.encode(done.map((result) => `${JSON.stringify(result)}\n`).join(''))
  for await (const batch of batches(lines)) {
    let done: LineResult[]
    try {
      done = await writeBatch(site, batch)
    } catch (error) {
      const problem = problemOf(error)
      if (problem.code === 'internal') onFault(error)
      yield text(batch.map((line) => ({ line: line.line, ...idIn(line), problem })))
      return
    }
    yield text(done)
  }
}

/** Mounts the resource. */
export function mountBulk(door: Door, { site, onFault }: SitePorts): void {
  mount(
    door,
    {
      method: 'post',
      path: '/v1/members:bulk',
      roles: WRITE,
      tag: 'Members',
      summary: 'Publish or update many members',
      description:
        'One member a line as in PUT, with its id. Answers one line for each, in order: line ' +
        '(from 1), id, and outcome or problem. What was answered is durable. If the connection ' +
        'breaks, send it all again: what has not changed is left as it is. Send in one go: ' +
        `lines are written in batches of ${BATCH_MEMBERS}.`,
      shownBody: {
        schema: memberInput.extend({ id: z.string() }),
        type: NDJSON,
        example: { id: '42', ...MEMBER_EXAMPLE },
      },
      answers: {
        200: {
          description: 'One result a line',
          type: NDJSON,
          schema: putOutcome
            .partial()
            .extend({ line: z.int(), id: z.string().optional(), problem: z.unknown().optional() }),
        },
      },
    },
    (c) => {
      assertNdjson(c)
      site.node.writer.assertWritable()
      const requestId = c.get('requestId')
      const lines = results(site, readLines(c), (error) => onFault?.(error, requestId))
      return c.body(ReadableStream.from(lines), 200, {
        'content-type': NDJSON,
      })
    },
  )
}
