/** What is still to be done for published members: a change to publish, a record to hide, pictures. */
import { toHex } from '../../../../protocol/bytes.ts'
import type { Lock } from '../../lock.ts'
import type { Clock } from '../../ports.ts'
import { isNotReady } from '../../log/writer.ts'
import type { OwnMembers } from '../../record/own.ts'
import type { Store } from '../../store.ts'
import type { PhotoPuller } from './photos.ts'
import { AGAIN_SECONDS, type Publishing } from './publishing.ts'
import type { Entry, Register } from './register.ts'
import type { BridgedRow } from '../rows.ts'

/** Members looked after at a time. */
const PAGE = 100
/** Members whose pictures are fetched side by side. */
const ABREAST = 4
/** Seconds until a record whose body is not here, as after a restore, is looked for again. */
const BODY_SECONDS = 600
/** Seconds that one round may take: the next one goes on. */
const ROUND_SECONDS = 30

/** Runs work that needs the log; false where it may not be written now. */
async function ready(work: () => Promise<void>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    if (!isNotReady(error)) throw error
    return false
  }
}

/** Creates the task that looks after whoever is due. */
export function createUpkeep(ports: {
  store: Store
  clock: Clock
  /** Serialises whatever changes the register. */
  lock: Lock
  register: Register
  publishing: Publishing
  puller: PhotoPuller
  members: Pick<OwnMembers, 'republish'>
}): () => Promise<void> {
  const { store, clock, lock, register, publishing, puller, members } = ports
  const again = async (rows: readonly BridgedRow[]): Promise<BridgedRow[]> =>
    register.byKeys(rows.map(({ memberKey }) => memberKey))

  async function dueAt(rows: readonly BridgedRow[], picturesAt: number | null): Promise<void> {
    await register.save(rows.map((row) => ({ before: row, row: { ...row, picturesAt } })))
  }

  /** Records that are shown and should not be, or the other way round, are written anew. */
  async function show(entries: readonly Entry[]): Promise<void> {
    const keys = entries.map(({ row }) => row.memberKey)
    const restricted = new Set((await store.read((tx) => tx.requests.restricted(keys))).map(toHex))
    const wrong = keys.filter((key, at) => {
      const source = entries[at]?.source ?? null
      return source !== null && source.isHidden !== restricted.has(toHex(key))
    })
    if (wrong.length > 0) await members.republish(wrong)
  }

  /** Whose pictures are to be fetched, all else being done; null where nobody is due. */
  async function look(): Promise<Entry[] | null> {
    const now = clock.now()
    const due = await store.read((tx) => tx.bridge.picturesDue(now, PAGE))
    if (due.length === 0) return null
    const isDone = await ready(async () => {
      await publishing.apply(due)
      await show([...(await register.entries(await again(due))).values()])
    })
    const rows = await again(due)
    if (!isDone) {
      await dueAt(rows, now + AGAIN_SECONDS)
      return []
    }
    const entries = [...(await register.entries(rows)).values()]
    const pulling = entries.filter(puller.isDue)
    const rest = entries.filter((entry) => !pulling.includes(entry))
    await dueAt(
      rest.filter(({ source }) => source !== null).map(({ row }) => row),
      null,
    )
    await dueAt(
      rest.filter(({ source }) => source === null).map(({ row }) => row),
      now + BODY_SECONDS,
    )
    return pulling
  }

  async function pull(entry: Entry): Promise<void> {
    let pulled: Awaited<ReturnType<PhotoPuller['pull']>> = null
    const isReady = await ready(async () => {
      pulled = await puller.pull(entry)
    })
    await lock(async () => {
      const rows = await again([entry.row])
      if (!isReady || pulled === null)
        return dueAt(rows, isReady ? null : clock.now() + AGAIN_SECONDS)
      for (const row of rows) await puller.note(row, pulled)
    })
  }

  return async () => {
    const began = clock.now()
    for (;;) {
      const pulling = await lock(look)
      if (pulling === null) return
      for (let at = 0; at < pulling.length; at += ABREAST)
        await Promise.all(pulling.slice(at, at + ABREAST).map(pull))
      if (clock.now() - began > ROUND_SECONDS) return
    }
  }
}
