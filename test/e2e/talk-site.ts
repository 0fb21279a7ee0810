/** A site node whose website is the process that has started it: all that it hears goes there. */
import { loadConfig } from '../../node/roles/config.ts'
import { runUntilSignal } from '../../node/roles/lifetime.ts'
import { startSite } from '../../node/roles/site.ts'
import type { WebsitePorts } from '../../node/core/talk/talk.ts'

const folder = process.argv[process.argv.indexOf('--data') + 1] ?? ''
const config = loadConfig(process.env, folder, 'site')
if (config.role !== 'site') throw new Error('not a site')

const waiting = new Map<number, (answer: 'taken' | 'absent') => void>()
let last = 0
process.on('message', ({ n, answer }: { n: number; answer: 'taken' | 'absent' }) => {
  waiting.get(n)?.(answer)
  waiting.delete(n)
})
const website: WebsitePorts = {
  website: {
    deliver: (message) =>
      new Promise((resolve) => {
        last += 1
        waiting.set(last, resolve)
        process.send?.({ n: last, message })
      }),
    show: (presence) => void process.send?.({ presence }),
  },
  notify: async (_tx, notices) => void process.send?.({ notices }),
}
await runUntilSignal(() => startSite(config, website))
process.disconnect()
