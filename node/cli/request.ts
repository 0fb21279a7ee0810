/** `dpn request` and `dpn authority`: what people ask for, and authorities; at both roles. */
import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { parseLimit } from './member.ts'
import { addressOf } from './notice.ts'
import { FailureError, table, timeText, UsageError, type Outcome } from './outcome.ts'

interface Row {
  id: string
  subject: string
  site: string | null
  right: string
  receivedAt: number
  dueAt: number
  state: string
  identity: string
  reason: string | null
  isOverdue: boolean
  complaint?: string
}
interface Disclosure {
  id: string
  authority: string
  state: string
  approvals: { actor: string }[]
  proposedAt: number
}

const part = (text: string): string => encodeURIComponent(text)

function outcomeOf(row: Row): Outcome {
  const late = row.isOverdue ? ', OVERDUE' : ''
  const why = row.reason === null ? '' : ` (${row.reason})`
  return {
    json: { ...row },
    lines: [
      `request ${row.id}: ${row.right}, ${row.state}${why}, due ${timeText(row.dueAt)}${late}`,
      ...(row.complaint === undefined ? [] : [`Tell the person: ${row.complaint}`]),
    ],
  }
}

async function list(
  client: Client,
  options: { limit: string; cursor?: string; state?: string },
): Promise<Outcome> {
  const query = new URLSearchParams({ limit: String(parseLimit(options.limit)) })
  for (const [name, value] of Object.entries({ cursor: options.cursor, state: options.state }))
    if (value !== undefined) query.set(name, value)
  const page = await client.get<{ requests: Row[]; next: string | null }>(
    `/v1/requests?${query.toString()}`,
  )
  const header = ['ID', 'RIGHT', 'OF', 'STATE', 'IDENTITY', 'RECEIVED', 'DUE']
  const rows = page.requests.map((row) => [
    row.id,
    row.right,
    row.site === null ? row.subject : `member of ${row.site}`,
    row.isOverdue ? `${row.state}, OVERDUE` : row.state,
    row.identity,
    timeText(row.receivedAt),
    timeText(row.dueAt),
  ])
  const more = page.next === null ? [] : [`More: --cursor ${page.next}`]
  return { json: { ...page }, lines: [...table([header, ...rows]), ...more] }
}

interface OpenOptions extends ApiOptions {
  channel: string
  member?: string
  site?: string
  address?: string
}

function addOpen(request: Command, shell: Shell): void {
  withExamples(
    withApi(request.command('open <right>'))
      .description('open a request: copy, correction, deletion, restriction or objection')
      .option('--channel <channel>', 'email, post, form or website', 'email')
      .option('--member <id>', "at a site: the site's own id of the member")
      .option('--address <address>', 'at the coordinator: the e-mail address; - reads stdin')
      .option('--site <site>', 'at the coordinator: the site, where it is one of its members'),
    'dpn request open copy --member 42 --channel website',
    'dpn request open deletion --address - < address.txt',
  ).action((right: string, options: OpenOptions) =>
    performWith(shell, options, async (client) => {
      const { channel, member, site } = options
      const { address: email } = addressOf(options.address)
      if ((member === undefined) === (email === undefined))
        throw new UsageError('Expected either --member <id> or --address <address>')
      const who = member === undefined ? { email, ...(site !== undefined && { site }) } : { member }
      return outcomeOf(await client.send<Row>('POST', '/v1/requests', { right, channel, ...who }))
    }),
  )
}

interface StepOptions extends ApiOptions {
  result?: string
  method?: string
  reason?: string
  keep?: string
}

/** The body of a step, from its options. */
const STEPS: readonly {
  name: string
  description: string
  example: string
  options: readonly (readonly [string, string])[]
  body: (options: StepOptions) => object | undefined
}[] = [
  {
    name: 'identity',
    description: 'note what came of the identity step; what was shown is kept nowhere',
    example: '--result proven --method registered-address',
    options: [
      ['--result <result>', 'asked, proven or not-proven'],
      ['--method <method>', 'signed-in, registered-address, known-details or document-seen'],
    ],
    body: ({ result, method }) => ({ result, ...(method !== undefined && { method }) }),
  },
  {
    name: 'extend',
    description: 'take two months more, once, within the first',
    example: '--reason complex',
    options: [['--reason <reason>', 'complex or numerous']],
    body: ({ reason }) => ({ reason }),
  },
  {
    name: 'fulfil',
    description: 'do what was asked',
    example: '--reason order-records --keep email,orders',
    options: [
      ['--reason <reason>', 'of a deletion that leaves something'],
      ['--keep <fields>', 'what it leaves, separated by commas'],
    ],
    body: ({ reason, keep }) =>
      reason === undefined ? {} : { partial: { reason, kept: (keep ?? '').split(',') } },
  },
  {
    name: 'refuse',
    description: 'refuse, with one of the named reasons; says how to complain',
    example: '--reason privacy-of-another',
    options: [
      [
        '--reason <reason>',
        'unlawful, trade-secrets, intellectual-property, privacy-of-another, identity-not-proven',
      ],
    ],
    body: ({ reason }) => ({ reason }),
  },
  {
    name: 'withdraw',
    description: 'the person asks no more; a restriction that lasts ends',
    example: '',
    options: [],
    body: () => undefined,
  },
]

function addSteps(request: Command, shell: Shell): void {
  for (const { name, description, example, options, body } of STEPS) {
    const command = withApi(request.command(`${name} <id>`)).description(description)
    for (const [flags, help] of options) command.option(flags, help)
    withExamples(command, `dpn request ${name} r-0f3c… ${example}`.trimEnd()).action(
      (id: string, given: StepOptions) =>
        performWith(shell, given, async (client) => {
          const path = `/v1/requests/${part(id)}/${name}`
          return outcomeOf(await client.send<Row>('POST', path, body(given)))
        }),
    )
  }
}

/** Adds `dpn request`. */
export function addRequest(program: Command, shell: Shell): void {
  const request = program.command('request').description('what people ask for by their rights')
  withExamples(
    withApi(request.command('list'))
      .description('requests, the newest first')
      .option('--limit <rows>', 'rows of a page, at most 200', '50')
      .option('--cursor <cursor>', 'where the page before has ended')
      .option(
        '--state <state>',
        'open, fulfilled, partly-fulfilled, refused, withdrawn, forwarded',
      ),
    'dpn request list --state open',
  ).action((options: ApiOptions & { limit: string; cursor?: string; state?: string }) =>
    performWith(shell, options, (client) => list(client, options)),
  )
  withExamples(
    withApi(request.command('show <id>')).description('a request, with who asks for what'),
    'dpn request show r-0f3c…',
  ).action((id: string, options: ApiOptions) =>
    performWith(shell, options, async (client) => {
      const json = await client.get<Row & { person: Record<string, string> | null }>(
        `/v1/requests/${part(id)}`,
      )
      const person = Object.entries(json.person ?? {}).filter(([, value]) => value !== '')
      const { lines } = outcomeOf(json)
      return {
        json: { ...json },
        lines: [...lines, ...table(person.map(([name, value]) => [`  ${name}`, value]))],
      }
    }),
  )
  addOpen(request, shell)
  addSteps(request, shell)
}

function disclosureOutcome(row: Disclosure): Outcome {
  const by = row.approvals.map(({ actor }) => actor).join(', ')
  return {
    json: { ...row },
    lines: [
      `disclosure ${row.id} to ${row.authority}: ${row.state}, approved by ${by || 'nobody'}`,
    ],
  }
}

/** Adds `dpn authority`. */
export function addAuthority(program: Command, shell: Shell): void {
  const path = '/v1/authority-disclosures'
  const authority = program
    .command('authority')
    .description('disclosures to authorities: two people have to approve')
  withExamples(
    withApi(authority.command('list')).description('disclosures, the newest first'),
    'dpn authority list',
  ).action((options: ApiOptions) =>
    performWith(shell, options, async (client) => {
      const json = await client.get<{ disclosures: Disclosure[] }>(`${path}?limit=200`)
      const lines = json.disclosures.flatMap((row) => disclosureOutcome(row).lines)
      return { json: { ...json }, lines: lines.length === 0 ? ['There is none.'] : lines }
    }),
  )
  withExamples(
    withApi(authority.command('propose'))
      .description('propose one; nothing leaves yet')
      .requiredOption('--authority <name>', 'the authority')
      .requiredOption('--basis <text>', 'the law and the file number')
      .option('--member <id>', "at a site: the site's own id of the member")
      .option('--owner <id>', 'at the coordinator: the id of the site owner'),
    'dpn authority propose --member 42 --authority "Court of Example" --basis "§ 1, file 7/26"',
  ).action(
    (options: ApiOptions & { authority: string; basis: string; member?: string; owner?: string }) =>
      performWith(shell, options, async (client) => {
        const { authority: name, basis, member, owner } = options
        if ((member === undefined) === (owner === undefined))
          throw new UsageError('Expected either --member <id> or --owner <id>')
        const whose = member === undefined ? { customer: owner } : { member }
        const body = { authority: name, basis, ...whose }
        return disclosureOutcome(await client.send<Disclosure>('POST', path, body))
      }),
  )
  for (const [step, description] of [
    ['approve', 'approve one; two different keys or accounts have to'],
    ['decline', 'decline one: nothing leaves'],
  ] as const)
    withExamples(
      withApi(authority.command(`${step} <id>`)).description(description),
      `dpn authority ${step} d-0f3c…`,
    ).action((id: string, options: ApiOptions) =>
      performWith(shell, options, async (client) =>
        disclosureOutcome(await client.send<Disclosure>('POST', `${path}/${part(id)}/${step}`)),
      ),
    )
  withExamples(
    withApi(authority.command('export <id> <file>')).description('hand it out into a file, once'),
    'dpn authority export d-0f3c… disclosure.json',
  ).action((id: string, file: string, options: ApiOptions) =>
    performWith(shell, options, async (client) => {
      const json = await client.send('POST', `${path}/${part(id)}/export`)
      try {
        writeFileSync(file, JSON.stringify(json), { flag: 'wx', mode: 0o600 })
      } catch (cause) {
        throw new FailureError(`${file} cannot be made, or is there already`, { cause })
      }
      return {
        json: { id, file },
        lines: [`Wrote ${file}. The ledger says that it was handed out.`],
      }
    }),
  )
}
