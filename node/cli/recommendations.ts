/** `dpn member recommendations`: people of other sites who fit a member, and why. */
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { table, UsageError, type Outcome } from './outcome.ts'

interface Options extends ApiOptions {
  limit: string
  radius?: string
  wish?: string[]
}
interface Answer {
  recommendations: {
    record: string
    home: string
    age: number
    score: number
    profile: Record<string, unknown>
    reasons: { text: string }[]
  }[]
}

function numberOf(name: string, text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new UsageError(`--${name}: expected a whole number`)
  return Number(text)
}

/** `field=value` pairs as lists by field; the interface knows which there are. */
function wishesOf(pairs: readonly string[]): Record<string, string[]> {
  const wishes: Record<string, string[]> = {}
  for (const pair of pairs) {
    const [, field, value] = /^(\w+)=([\w-]+)$/.exec(pair) ?? []
    if (field === undefined || value === undefined)
      throw new UsageError('--wish: expected field=value, e.g. smoking=never')
    wishes[field] = [...(wishes[field] ?? []), value]
  }
  return wishes
}

async function recommend(client: Client, id: string, options: Options): Promise<Outcome> {
  const path = `/v1/members/${encodeURIComponent(id)}/recommendations`
  const { recommendations } = await client.send<Answer & Record<string, unknown>>('POST', path, {
    limit: numberOf('limit', options.limit),
    ...(options.radius !== undefined && { radiusKm: numberOf('radius', options.radius) }),
    ...(options.wish && { wishes: wishesOf(options.wish) }),
  })
  const rows = recommendations.map(({ home, record, age, score, profile, reasons }) => [
    home,
    record,
    String(age),
    typeof profile['nickname'] === 'string' ? profile['nickname'] : '',
    score.toFixed(2),
    reasons.map(({ text }) => text).join('; '),
  ])
  const header = ['HOME', 'RECORD', 'AGE', 'NICKNAME', 'SCORE', 'WHY']
  return { json: { recommendations }, lines: table([header, ...rows]) }
}

/** Adds the command below `dpn member`. */
export function addRecommendations(member: Command, shell: Shell): void {
  const command = withApi(member.command('recommendations <id>'))
    .description('people of other sites who fit a member, the best first, and why')
    .option('--limit <rows>', 'how many, at most 100', '20')
    .option('--radius <km>', 'not farther away')
    .option('--wish <field=value...>', 'what the member wishes for beyond the profile')
  withExamples(
    command,
    'dpn member recommendations 42 --limit 10 --wish smoking=never smoking=quitting',
  ).action((id: string, options: Options) =>
    performWith(shell, options, (client) => recommend(client, id, options)),
  )
}
