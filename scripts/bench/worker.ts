/** The measured process: does what it is asked over IPC, one call at a time or several at once. */
import { auditCalls } from './audit-calls.ts'
import { bridgeCalls } from './bridge-calls.ts'
import { discoverCalls } from './discover-calls.ts'
import { evidenceCalls } from './evidence-calls.ts'
import { floorCalls } from './floors.ts'
import type { Answer, Question } from './child.ts'
import { httpCalls } from './http-calls.ts'
import { nodeCalls } from './node-calls.ts'
import { recommendCalls } from './recommend-calls.ts'
import { talkCalls } from './talk-calls.ts'

const calls: Record<string, (argument: never) => Promise<unknown>> = {
  ...nodeCalls,
  ...httpCalls,
  ...floorCalls,
  ...discoverCalls,
  ...recommendCalls,
  ...talkCalls,
  ...auditCalls,
  ...evidenceCalls,
  ...bridgeCalls,
}

async function answer({ id, name, argument }: Question): Promise<Answer> {
  try {
    const call = calls[name]
    if (call === undefined) throw new Error(`no call ${name}`)
    return { id, value: (await call(argument as never)) ?? null }
  } catch (error) {
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

process.on('message', (question: Question) => {
  // A normal exit, so that a profile is written; whatever is open dies with the process.
  if (question.name === 'end') process.exit(0)
  void answer(question).then((reply) => process.send?.(reply))
})
process.on('disconnect', () => process.exit(0))
