/** Everything between living members: messages, presence, blocks, reports; wired for a site. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import type { PrivateKeys } from '../identity.ts'
import type { Applied } from '../log/apply.ts'
import type { Appended } from '../log/writer.ts'
import type { NodePorts } from '../node.ts'
import type { NetworkHandlers } from '../ports.ts'
import type { WriteTransaction } from '../store.ts'
import type { Tasks } from '../tasks.ts'
import type { View } from '../view.ts'
import type { Notice, Website } from '../website.ts'
import { createBlocks, type Blocks } from './block.ts'
import type { TalkRates } from './limits.ts'
import { createMessages, type Messages } from './message.ts'
import { createPresence, type Presence } from './presence.ts'
import { createReports, type Reports } from './report.ts'
import { createWatch, type Watch } from './watch.ts'

/** Seconds between two signs of life on a presence stream; well below the bound on one frame. */
const BEAT_SECONDS = 5
/** Seconds between two looks for blocks that are about nobody any more. */
const PRUNE_SECONDS = 3600

/** What a site's talk needs of its website. */
export interface WebsitePorts {
  website?: Website
  /** Tells the website something durably, in the transaction that makes it true. */
  notify?: (tx: WriteTransaction, notices: readonly Notice[]) => Promise<void>
  talkRates?: TalkRates
}

export interface Talk {
  messages: Messages
  presence: Presence
  watch: Watch
  blocks: Blocks
  reports: Reports
  handlers: Pick<NetworkHandlers, 'talk' | 'presence'>
  connected: (site: SiteId) => void
  /** Entries of another's log were applied. */
  progressed: (log: SiteId, applied: Applied) => void
  /** Entries of the own log were written. */
  published: (appended: Appended) => void
  /** Own records have ended, whether or not their entries are written. */
  ended: (records: readonly RecordId[]) => void
  tick: () => Promise<void>
  start: () => void
  stop: () => void
}

/** Nobody listens. */
const NO_WEBSITE: Website = { deliver: async () => 'absent', show: () => undefined }

/** Creates the parts. */
export function createTalk(
  ports: NodePorts &
    WebsitePorts & {
      view: View
      beatSeconds?: number
      keys: PrivateKeys
      tasks: Tasks
      writer: { isWritable: () => boolean; assertWritable: () => void }
    },
): Talk {
  const { view, clock, tasks, writer, talkRates } = ports
  const website = ports.website ?? NO_WEBSITE
  const notify = ports.notify ?? (async () => undefined)
  const { background, coalesced } = tasks
  const { isWritable, assertWritable } = writer
  const messages = createMessages({
    ...ports,
    website,
    notify,
    isWritable,
    assertWritable,
    ...(talkRates && { rates: talkRates }),
  })
  const presence = createPresence({ ...ports, isWritable, coalesced })
  const watch = createWatch({ ...ports, website, background, coalesced })
  const blocks = createBlocks({ ...ports, onChange: (record) => presence.lookAgain([record]) })
  const reports = createReports({ ...ports, notify, soon: () => runReports() })
  const runReports = coalesced('reports', () => reports.run())
  let stopBeat: (() => void) | null = null
  let prunedAt: number | null = null

  return {
    messages,
    presence,
    watch,
    blocks,
    reports,
    handlers: {
      talk: (from, request) =>
        request.kind === 'message' ? messages.take(from, request) : reports.take(from, request),
      presence: presence.watch,
    },
    connected: watch.connected,
    progressed: (log, { changed, requirements }) => {
      if (log === view.network) {
        presence.lookAgain()
        watch.lookAgain()
        return
      }
      if (log === view.self) presence.lookAgain(changed)
      else watch.changed(log, changed)
      if (requirements !== null) {
        presence.lookAgain()
        watch.lookAgain()
      }
    },
    published: ({ applied }) => {
      if (applied.requirements === null) presence.lookAgain(applied.changed)
      else {
        presence.lookAgain()
        watch.lookAgain()
      }
    },
    ended: presence.end,
    tick: async () => {
      presence.tick()
      watch.tick()
      runReports()
      const now = clock.now()
      if (prunedAt !== null && Math.abs(now - prunedAt) < PRUNE_SECONDS) return
      prunedAt = now
      await blocks.prune()
    },
    start: () => {
      stopBeat = clock.every(ports.beatSeconds ?? BEAT_SECONDS, async () => presence.beat())
    },
    stop: () => {
      stopBeat?.()
      presence.stop()
      watch.stop()
    },
  }
}

/** What a node without members answers to a watcher. */
export async function* nobodyOnline(): AsyncGenerator<never> {
  // Ended at once: there is nothing to wait for.
}

/** What a node without members answers to a message. */
export function refuseMessage(): never {
  throw new ProtocolError('malformed', '/request/kind', 'a report')
}
