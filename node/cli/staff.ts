/** The commands of the coordinator's staff: admission, measures, terms, orders. */
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { readJsonFile } from './member.ts'
import { table, timeText, UsageError, type Outcome } from './outcome.ts'

interface MemberRow {
  site: string
  status: string
  siteType: string
  jurisdiction: string
  expires: number
  heartbeat: number | null
  lease: string
  forked: boolean
}
interface ApplicationRow {
  site: string
  siteType: string
  jurisdiction: string
  contact: string
  appliedAt: number
  state: string
  logKey: string
  witnessKey: string
}

const part = (text: string): string => encodeURIComponent(text)

function memberOutcome(member: MemberRow): Outcome {
  const { site, status, expires } = member
  return { json: { ...member }, lines: [`${site} is ${status}, until ${timeText(expires)}.`] }
}

function addAdmission(program: Command, shell: Shell): void {
  withExamples(
    withApi(program.command('applications')).description('sites that have asked to be admitted'),
    'dpn applications',
  ).action((options: ApiOptions) =>
    performWith(shell, options, async (client) => {
      const json = await client.get<{ applications: ApplicationRow[] }>('/v1/applications')
      const lines = json.applications.flatMap((row) => [
        `${row.site}: ${row.state}, ${row.siteType}, ${row.jurisdiction}, ${row.contact}, ` +
          `applied ${timeText(row.appliedAt)}`,
        `  ${row.logKey}`,
        `  ${row.witnessKey}`,
      ])
      return { json: { ...json }, lines: lines.length === 0 ? ['Nobody has applied.'] : lines }
    }),
  )
  withExamples(
    withApi(program.command('admit <site>')).description(
      'admit an applicant, or prolong a membership, for a year',
    ),
    'dpn admit amor.example',
  ).action((site: string, options: ApiOptions) =>
    performWith(shell, options, async (client) =>
      memberOutcome(await client.send('POST', `/v1/applications/${part(site)}/admit`)),
    ),
  )
  withExamples(
    withApi(program.command('refuse <site>')).description('refuse an applicant'),
    'dpn refuse amor.example',
  ).action((site: string, options: ApiOptions) =>
    performWith(shell, options, async (client) => {
      await client.send('POST', `/v1/applications/${part(site)}/refuse`)
      return { json: { site, state: 'refused' }, lines: [`${site} is refused.`] }
    }),
  )
}

function addMeasures(program: Command, shell: Shell): void {
  const kinds = [
    ['suspend', 'suspend a site: it gets nothing, but its withdrawals count', 'overdue-erasure'],
    ['reinstate', 'reinstate a suspended site', 'resolved'],
    ['expel', 'expel a site for good: what others hold of it is erased', 'terms'],
  ] as const
  for (const [kind, description, reason] of kinds)
    withExamples(
      withApi(program.command(`${kind} <site>`))
        .description(description)
        .requiredOption(
          '--reason <reason>',
          'request-of-the-site, overdue-erasure, fork, consent, security, terms or resolved',
        ),
      `dpn ${kind} amor.example --reason ${reason}`,
    ).action((site: string, options: ApiOptions & { reason: string }) =>
      performWith(shell, options, async (client) => {
        const body = { reason: options.reason }
        return memberOutcome(await client.send('POST', `/v1/members/${part(site)}/${kind}`, body))
      }),
    )
}

async function order(
  client: Client,
  site: string,
  options: { record?: string; all?: boolean; notice: string },
): Promise<Outcome> {
  const { record, all, notice } = options
  if ((record === undefined) === (all !== true))
    throw new UsageError('Expected either --record <record> or --all')
  const what = record === undefined ? { all: true } : { record }
  const json = await client.send('POST', '/v1/orders', { site, ...what, notice })
  const said = record === undefined ? 'all that it has published so far' : `record ${record}`
  return {
    json: { ...json, site, ...what },
    lines: [`Ordered the end of ${said} of ${site}: entry ${String(json['index'])}.`],
  }
}

function addOrder(program: Command, shell: Shell): void {
  withExamples(
    withApi(program.command('order <site>'))
      .description('order the end of one record, or of all that a site has published so far')
      .option('--record <record>', 'this record')
      .option('--all', 'all of them')
      .option('--notice <id>', 'id of the notice that asked for it; no personal data', ''),
    'dpn order amor.example --record 0f3c… --notice mail-2026-17',
  ).action(
    (site: string, options: ApiOptions & { record?: string; all?: boolean; notice: string }) =>
      performWith(shell, options, (client) => order(client, site, options)),
  )
}

function addTerms(program: Command, shell: Shell): void {
  withExamples(
    withApi(program.command('terms [file]')).description(
      "the Network's terms; with a JSON file, set them",
    ),
    'dpn terms --json > terms.json',
    'dpn terms terms.json',
  ).action((file: string | undefined, options: ApiOptions) =>
    performWith(shell, options, async (client) => {
      const json =
        file === undefined
          ? await client.get('/v1/terms')
          : await client.send('PUT', '/v1/terms', readJsonFile(file))
      const rows = Object.entries(json).map(([name, value]) => [name, String(value)])
      return { json, lines: table(rows) }
    }),
  )
}

function addMembers(program: Command, shell: Shell): void {
  withExamples(
    withApi(program.command('members')).description('the sites that take part, or did'),
    'dpn members --url https://dpn.example',
  ).action((options: ApiOptions) =>
    performWith(shell, options, async (client) => {
      const json = await client.get<{ members: MemberRow[] }>('/v1/members')
      const rows = json.members.map((row) => [
        row.site,
        row.forked ? `${row.status}, FORKED` : row.status,
        row.siteType,
        row.jurisdiction,
        timeText(row.heartbeat),
        row.lease,
      ])
      const header = ['SITE', 'STATUS', 'TYPE', 'COUNTRY', 'HEARTBEAT', 'LEASE']
      return { json: { ...json }, lines: table([header, ...rows]) }
    }),
  )
}

/** Adds the commands. */
export function addStaff(program: Command, shell: Shell): void {
  addAdmission(program, shell)
  addMeasures(program, shell)
  addOrder(program, shell)
  addTerms(program, shell)
  addMembers(program, shell)
}
