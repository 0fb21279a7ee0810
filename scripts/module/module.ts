/** The stand-in as a whole: a website with the old module, paired with the bridge of a node. */
import { setTimeout as delay } from 'node:timers/promises'
import { runCron } from './cron.ts'
import { startFast, type FastLine } from './fast.ts'
import { createSlowLoop, pair, type ModuleOptions, type SlowLoop } from './slow-loop.ts'
import { foreigners, type User, type Website } from './website.ts'

/** Milliseconds between two looks; a node answers its module some twenty times a second. */
const PAUSE_MILLIS = 1000
const PATIENCE_SECONDS = 40
/** Milliseconds before the daemon for events tries again; its own are seconds. */
const RETRY_MILLIS = 200

export interface Module {
  website: Website
  options: ModuleOptions
  loop: SlowLoop
  /** One round of the slow loop, a run of the job, and one more round, which confirms it. */
  sync: () => Promise<void>
  /**
   * Goes on as a site does, only faster, until `probe` gives something.
   *
   * @throws Error where it does not
   */
  until: <T>(what: string, probe: () => T | null | false | undefined) => Promise<T>
  /** Starts the daemon for events. */
  connect: () => FastLine
  /** The user made from a profile with this nickname; null where there is none. */
  foreigner: (nickname: string) => User | null
  close: () => Promise<void>
}

/**
 * Sets the two addresses, and asks for a key, for which the owner of the node has opened the window.
 *
 * @param bridge where the bridge listens, without a slash at its end
 * @throws Error where no key is given
 */
export async function installModule(
  website: Website,
  { bridge, domain, ...more }: { bridge: string; domain: string } & Pick<ModuleOptions, 'settings'>,
): Promise<Module> {
  const slow = `${bridge}/`
  const key = await pair({ slow, domain })
  if (key === null) throw new Error(`The module of ${domain} is given no key`)
  const options: ModuleOptions = { slow, key, domain, ids: 'integers', ...more }
  const loop = createSlowLoop(website, options)
  const lines: FastLine[] = []

  async function sync(): Promise<void> {
    await loop.round()
    await runCron(website, options)
    await loop.round()
  }
  return {
    website,
    options,
    loop,
    sync,
    until: async (what, probe) => {
      const end = performance.now() + PATIENCE_SECONDS * 1000
      for (;;) {
        await sync()
        const found = probe()
        if (found !== null && found !== undefined && found !== false) return found
        if (performance.now() > end) throw new Error(`Not within ${PATIENCE_SECONDS} s: ${what}`)
        await delay(PAUSE_MILLIS)
      }
    },
    connect: () => {
      const fast = `${bridge}/dpn`
      const line = startFast(website, { fast, key, domain, retryMillis: RETRY_MILLIS })
      lines.push(line)
      return line
    },
    foreigner: (nickname) =>
      foreigners(website).find(({ fields }) => fields.nickname === nickname) ?? null,
    close: async () => {
      await Promise.all(lines.map((line) => line.stop()))
      await website.close()
    },
  }
}
