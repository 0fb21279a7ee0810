/** A website in memory: takes what it is handed, and remembers it for the test. */
import type { WebsitePorts } from '../../node/core/talk/talk.ts'
import type { MessageEvent, Notice, PresenceEvent } from '../../node/core/website.ts'

export interface TestWebsite {
  ports: WebsitePorts
  taken: MessageEvent[]
  shown: PresenceEvent[]
  notices: Notice[]
  /** What it says to a message; a promise makes the node wait. */
  answer: (message: MessageEvent) => Promise<'taken' | 'absent'>
}

export function aWebsite(): TestWebsite {
  const website: TestWebsite = {
    taken: [],
    shown: [],
    notices: [],
    answer: async () => 'taken',
    ports: {
      website: {
        deliver: async (message) => {
          const answer = await website.answer(message)
          if (answer === 'taken') website.taken.push(message)
          return answer
        },
        show: (presence) => void website.shown.push(presence),
      },
      notify: async (_tx, notices) => void website.notices.push(...notices),
    },
  }
  return website
}

/** What the website of a message has of it, without ids and times. */
export function textsOf({ taken }: TestWebsite): string[] {
  return taken.map(({ content }) => (content.kind === 'text' ? content.text : content.kind))
}
