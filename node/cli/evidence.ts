/** `dpn evidence`: fetches archives of evidence from a coordinator. */
import { createWriteStream, renameSync, rmSync, statSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { FailureError, UsageError, type Outcome } from './outcome.ts'

interface EvidenceOptions extends ApiOptions {
  site?: string
  from?: string
  to?: string
  entries?: string
}

/** Unix seconds of a day (UTC), a time with its zone, or unix seconds. */
function parseTime(name: string, text: string): string {
  if (/^\d{1,12}$/.test(text)) return text
  const isTime = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d))?$/.test(text)
  const millis = isTime ? Date.parse(text) : Number.NaN
  if (Number.isNaN(millis))
    throw new UsageError(`--${name}: expected a day such as 2027-01-31, or a time with its zone`)
  return String(Math.floor(millis / 1000))
}

async function fetchArchive(
  client: Client,
  file: string,
  options: EvidenceOptions,
): Promise<Outcome> {
  const { site, from, to, entries } = options
  const query = new URLSearchParams({
    ...(site !== undefined && { site }),
    ...(from !== undefined && { from: parseTime('from', from) }),
    ...(to !== undefined && { to: parseTime('to', to) }),
    ...(entries !== undefined && { entries }),
  })
  const part = `${file}.part`
  let isOurs = false
  try {
    if (statSync(file, { throwIfNoEntry: false }) !== undefined)
      throw new FailureError(`${file} is there already`)
    const stream = await client.stream(`/v1/evidence?${query.toString()}`)
    const target = createWriteStream(part, { flags: 'wx', flush: true })
    target.once('open', () => (isOurs = true))
    await pipeline(Readable.fromWeb(stream), target)
    renameSync(part, file)
  } catch (error) {
    if (isOurs) rmSync(part, { force: true })
    if (error instanceof FailureError || error instanceof UsageError) throw error
    throw new FailureError(`${file} was not made: the connection broke, or it cannot be written`, {
      cause: error,
    })
  }
  const { size: bytes } = statSync(file)
  return {
    json: { file, bytes },
    lines: [
      `Wrote ${file}, ${bytes.toLocaleString('en')} bytes.`,
      `Anybody can check it: dpn verify ${file} --key <coordinator's key>`,
    ],
  }
}

/** Adds the command. */
export function addEvidence(program: Command, shell: Shell): void {
  withExamples(
    withApi(program.command('evidence <file>'))
      .description('fetch the evidence of all withdrawals in a period from a coordinator')
      .option('--site <site>', 'of this site; the whole Network without it')
      .option('--from <time>', 'entries from this day or time on (UTC)')
      .option('--to <time>', 'entries before this day or time (UTC); until now without it')
      .option('--entries <which>', 'withdrawals, or all: then no withdrawal can be left out'),
    'dpn evidence january.tar --site amor.example --from 2027-01-01 --to 2027-02-01',
    'dpn verify january.tar --key "dpn.example+1a2b3c4d+AbCd…"',
  ).action((file: string, options: EvidenceOptions) =>
    performWith(shell, options, (client) => fetchArchive(client, file, options)),
  )
}
