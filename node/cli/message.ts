/** `dpn message`: from a member of this site to a record of another. */
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import type { Outcome } from './outcome.ts'

interface Options extends ApiOptions {
  id?: string
  replyTo?: string
}
interface Sent {
  id: string
  outcome: 'delivered' | 'refused' | 'unreachable'
  reason?: string
}

async function send(
  client: Client,
  [from, home, record, text]: [string, string, string, string],
  { id, replyTo }: Options,
): Promise<Outcome> {
  const sent = await client.send<Sent>('POST', '/v1/messages', {
    from,
    to: { home, record },
    text,
    ...(id !== undefined && { id }),
    ...(replyTo !== undefined && { replyTo }),
  })
  const why = sent.reason === undefined ? '' : `: ${sent.reason}`
  return {
    failed: sent.outcome !== 'delivered',
    json: { ...sent },
    lines: [`${sent.outcome}${why} (message ${sent.id})`],
  }
}

/** Adds the commands. */
export function addMessage(program: Command, shell: Shell): void {
  const message = program.command('message').description('messages to members of other sites')
  withExamples(
    withApi(message.command('send <member> <home> <record> <text>'))
      .description('send a text; exit code 1 where it is not delivered')
      .option('--id <id>', 'the id under which it was tried before: then it arrives once')
      .option('--reply-to <id>', 'the id of the message that it answers'),
    'dpn message send 42 brio.example 0f1e2d3c4b5a69788796a5b4c3d2e1f0 "Guten Tag"',
  ).action((from: string, home: string, record: string, text: string, options: Options) =>
    performWith(shell, options, (client) => send(client, [from, home, record, text], options)),
  )
}
