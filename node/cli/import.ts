/** `dpn member import`: many members from a file; refused rows are set aside, the others go on. */
import { setTimeout as delay } from 'node:timers/promises'
import { existsSync, statSync } from 'node:fs'
import type { Command } from 'commander'
import { openJournal, type Counts, type Journal } from './checkpoint.ts'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { readRows, type Row, type RowOptions } from './import-rows.ts'
import { FailureError, UsageError, type Outcome, type Surroundings } from './outcome.ts'
import { createProgress } from './progress.ts'
import { readInput } from './verify.ts'

interface Options extends ApiOptions {
  map?: string[]
  consent?: string
  format?: string
  batch?: string
}
interface Plan extends RowOptions {
  batchRows: number
}

const DEFAULT_BATCH_ROWS = 500
const MOST_BATCH_ROWS = 5000
/** Problems that pass by themselves. */
const PASSING = new Set(['not_ready', 'too_many_requests'])
const ATTEMPTS = 10
const PAUSE_MILLIS = 2000

interface Problem {
  code?: string
  pointer?: string
  expected?: string
}
interface Result {
  line?: number
  outcome?: keyof Counts
  problem?: Problem
}

function collect(value: string, earlier: string[] = []): string[] {
  return [...earlier, value]
}

function parseMapping(pairs: readonly string[]): Map<string, string> {
  return new Map(
    pairs.map((pair): [string, string] => {
      const at = pair.lastIndexOf('=')
      if (at < 1) throw new UsageError('--map: expected theirs=ours')
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}

function parseCommonConsent(path: string | undefined): Record<string, unknown> | null {
  if (path === undefined) return null
  try {
    const json: unknown = JSON.parse(readInput(path))
    if (typeof json === 'object' && json !== null && !Array.isArray(json))
      return json as Record<string, unknown>
  } catch (error) {
    if (error instanceof UsageError) throw error
  }
  throw new UsageError(`${path}: expected a consent as a JSON object`)
}

function planOf(path: string, options: Options): Plan {
  if (!existsSync(path) || !statSync(path).isFile())
    throw new UsageError(`There is no file ${path}`)
  const format = options.format ?? (/\.(?:csv|tsv|txt)$/i.test(path) ? 'csv' : 'ndjson')
  if (format !== 'csv' && format !== 'ndjson')
    throw new UsageError('--format: expected csv or ndjson')
  const batchRows = Number(options.batch ?? DEFAULT_BATCH_ROWS)
  if (!Number.isInteger(batchRows) || batchRows < 1 || batchRows > MOST_BATCH_ROWS)
    throw new UsageError(`--batch: expected a whole number from 1 to ${MOST_BATCH_ROWS}`)
  return {
    format,
    mapping: parseMapping(options.map ?? []),
    consent: parseCommonConsent(options.consent),
    batchRows,
  }
}

async function* batchesOf(rows: AsyncIterable<Row>, count: number): AsyncGenerator<Row[]> {
  let batch: Row[] = []
  for await (const row of rows) {
    batch.push(row)
    if (batch.length < count) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

const isPassing = ({ problem }: Result): boolean => PASSING.has(problem?.code ?? '')

/** Sends members until each has an answer; repeating them is harmless. */
async function send(client: Client, members: readonly object[]): Promise<Result[]> {
  const body = members.map((member) => `${JSON.stringify(member)}\n`).join('')
  for (let attempt = 1; ; attempt += 1) {
    try {
      const results = (await client.lines('/v1/members:bulk', body)) as Result[]
      const failed = results.find(({ problem }) => problem?.code === 'internal')
      if (failed !== undefined) throw new FailureError('The node failed: its log says why')
      if (results.length === members.length && !results.some(isPassing)) return results
    } catch (error) {
      const isBusy =
        error instanceof FailureError &&
        'status' in error &&
        (error.status === 503 || error.status === 429)
      if (!isBusy || attempt >= ATTEMPTS) throw error
    }
    if (attempt >= ATTEMPTS) throw new FailureError('The node does not take members now')
    await delay(PAUSE_MILLIS)
  }
}

/** A refused row as it is set aside: where and why, never what stood there. */
function rejectionOf(line: number, { pointer, expected, code }: Problem): object {
  const field = (pointer ?? '').replace(/^\//, '').replaceAll('/', '.')
  return { line, field, reason: `${code ?? 'refused'}: expected ${expected ?? 'another value'}` }
}

async function sendBatch(client: Client, batch: readonly Row[], counts: Counts) {
  const rejected: object[] = []
  const sent = batch.flatMap((row) => ('member' in row ? [row] : []))
  const results =
    sent.length === 0
      ? []
      : await send(
          client,
          sent.map(({ member }) => member),
        )
  const byLine = new Map(sent.map(({ line }, at) => [line, results[at]]))
  for (const row of batch) {
    const result = byLine.get(row.line)
    if ('refusal' in row) rejected.push({ line: row.line, ...row.refusal })
    else if (result?.problem !== undefined) rejected.push(rejectionOf(row.line, result.problem))
    else if (result?.outcome !== undefined) counts[result.outcome] += 1
  }
  counts.refused += rejected.length
  return rejected
}

async function importRows(
  around: Surroundings,
  client: Client,
  path: string,
  parts: { plan: Plan; journal: Journal },
): Promise<Counts> {
  const { plan, journal } = parts
  const counts = { ...journal.start.counts }
  async function* rest(): AsyncGenerator<Row> {
    for await (const row of readRows(path, plan)) if (row.line > journal.start.line) yield row
  }
  // About as many characters as the file has bytes: enough for a bar.
  const progress = createProgress(around, statSync(path).size)
  let bytes = 0
  try {
    for await (const batch of batchesOf(rest(), plan.batchRows)) {
      let rejected: object[]
      try {
        rejected = await sendBatch(client, batch, counts)
      } catch (error) {
        if (!(error instanceof FailureError)) throw error
        const line = (batch[0]?.line ?? 1) - 1
        throw new FailureError(
          `${error.message}. Stopped after line ${line}: run the same command again to go on`,
          { cause: error },
        )
      }
      const last = batch.at(-1)?.line ?? 0
      journal.save(last, counts, rejected)
      bytes += batch.reduce((sum, row) => sum + JSON.stringify(row).length, 0)
      progress.at(bytes, `line ${last}, ${counts.refused} refused`)
    }
  } finally {
    progress.end()
  }
  journal.finish()
  return counts
}

async function importFile(
  around: Surroundings,
  client: Client,
  path: string,
  options: Options,
): Promise<Outcome> {
  const plan = planOf(path, options)
  const journal = openJournal(path, [plan.format, [...plan.mapping], plan.consent])
  const resumed = journal.start.line
  const counts = await importRows(around, client, path, { plan, journal })
  const rows = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const rejected = counts.refused > 0 ? journal.rejectedPath : null
  const lines = [
    ...(resumed > 0 ? [`Went on after line ${resumed}.`] : []),
    `${rows} rows: ${counts.published} published, ${counts.updated} updated, ` +
      `${counts.unchanged} unchanged, ${counts.refused} refused.`,
    ...(rejected === null ? [] : [`The refused rows are in ${rejected}, with field and reason.`]),
  ]
  return {
    failed: counts.refused > 0,
    json: { file: path, rows, ...counts, rejected, resumedAfterLine: resumed },
    lines,
  }
}

/** Adds the command below `dpn member`. */
export function addImport(member: Command, shell: Shell): void {
  const command = withApi(member.command('import'))
    .description(
      'publish or update members from NDJSON or CSV; exit code 1 where rows were refused',
    )
    .argument('<file>', 'one member a line, or CSV with a line of column names')
    .option('--format <format>', 'csv or ndjson; by default by the name of the file')
    .option('--map <theirs=ours>', 'name of a column; theirs= leaves it out', collect)
    .option('--consent <file>', 'JSON with the consent that all rows have in common')
    .option('--batch <rows>', 'rows sent at once', String(DEFAULT_BATCH_ROWS))
  withExamples(
    command,
    'dpn member import members.ndjson',
    'dpn member import members.csv --map user_id=id --map born=profile.birthDate \\',
    '    --consent consent.json',
  ).addHelpText(
    'after',
    `
CSV columns are named as the API names the fields: id, email, profile.nickname,
consent.givenAt (unix seconds or ISO 8601), consent.notice.version; lists are
separated by |. Refused rows go to <file>.rejected.ndjson with line, field and
reason. An interrupted import goes on from <file>.progress.`,
  )
  command.action((file: string, options: Options) =>
    performWith(shell, options, (client) => importFile(shell.around, client, file, options)),
  )
}
