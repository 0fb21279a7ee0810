/** `dpn withdrawals`: how far withdrawals have come, and the evidence files. */
import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { parseLimit } from './member.ts'
import { FailureError, table, timeText, type Outcome } from './outcome.ts'

interface Withdrawal {
  record: string | null
  index: number | null
  state: string
  reason: string
  time: number
  deadline: number
  overdue: boolean
  receipts: { site: string; receivedAt: number | null }[]
}
interface Page {
  withdrawals: Withdrawal[]
  next: number | null
}
interface ListOptions extends ApiOptions {
  limit: string
  cursor?: string
  site?: string
}

function stateOf({ state, overdue, receipts }: Withdrawal): string {
  const received = receipts.filter(({ receivedAt }) => receivedAt !== null).length
  return `${overdue ? 'OVERDUE' : state} ${received}/${receipts.length}`
}

async function list(client: Client, options: ListOptions): Promise<Outcome> {
  const { cursor, site } = options
  const query = new URLSearchParams({
    limit: String(parseLimit(options.limit)),
    ...(cursor !== undefined && { cursor }),
    ...(site !== undefined && { site }),
  })
  const page = await client.get<Page>(`/v1/withdrawals?${query.toString()}`)
  const rows = page.withdrawals.map((one) => [
    one.record ?? '-',
    String(one.index ?? '-'),
    timeText(one.time),
    one.reason,
    stateOf(one),
    one.receipts
      .filter(({ receivedAt }) => receivedAt === null)
      .map((receipt) => receipt.site)
      .join(' ') || '-',
  ])
  const more = page.next === null ? [] : [`More: --cursor ${page.next}`]
  const header = ['RECORD', 'ENTRY', 'TIME', 'REASON', 'RECEIPTS', 'AWAITED FROM']
  return { json: { ...page }, lines: [...table([header, ...rows]), ...more] }
}

async function show(client: Client, record: string): Promise<Outcome> {
  const json = await client.get<Withdrawal>(`/v1/withdrawals/${encodeURIComponent(record)}`)
  return {
    json: { ...json },
    lines: [
      `record ${record}: ${stateOf(json)}, ${json.reason}, ${timeText(json.time)}`,
      `receipts are due by ${timeText(json.deadline)}`,
      ...table(json.receipts.map(({ site, receivedAt }) => [`  ${site}`, timeText(receivedAt)])),
    ],
  }
}

async function evidence(client: Client, record: string, file: string): Promise<Outcome> {
  const text = await client.text(`/v1/withdrawals/${encodeURIComponent(record)}/evidence`)
  try {
    writeFileSync(file, text, { flag: 'wx' })
  } catch (cause) {
    throw new FailureError(`${file} cannot be made, or is there already`, { cause })
  }
  return {
    json: { record, file },
    lines: [`Wrote ${file}. Anybody can check it: dpn verify ${file} --key <coordinator's key>`],
  }
}

/** Adds the commands. */
export function addWithdrawals(program: Command, shell: Shell): void {
  const withdrawals = program
    .command('withdrawals')
    .description('how far withdrawals have come, partner by partner')
  withExamples(
    withApi(withdrawals.command('list'))
      .description('withdrawals in the order of their entries')
      .option('--site <site>', 'of this site; for the staff and auditors of a coordinator')
      .option('--limit <rows>', 'rows of a page, at most 200', '50')
      .option('--cursor <cursor>', 'where the page before has ended'),
    'dpn withdrawals list',
  ).action((options: ListOptions) => performWith(shell, options, (client) => list(client, options)))
  withExamples(
    withApi(withdrawals.command('show <record>')).description('one withdrawal, with its receipts'),
    'dpn withdrawals show 0f3c…',
  ).action((record: string, options: ApiOptions) =>
    performWith(shell, options, (client) => show(client, record)),
  )
  withExamples(
    withApi(withdrawals.command('evidence <record> <file>')).description(
      'save the evidence file of a complete withdrawal',
    ),
    'dpn withdrawals evidence 0f3c… evidence.json',
  ).action((record: string, file: string, options: ApiOptions) =>
    performWith(shell, options, (client) => evidence(client, record, file)),
  )
}
