/**
 * The breach desk: the clock runs from when somebody became aware; what is known is told to all
 * sites by a signed entry and to their owners by mail, in phases; who is late is found out.
 *
 * @see GDPR Art. 33 and 34
 */
import { toHex } from '../../../protocol/bytes.ts'
import {
  parseBreachText,
  type BreachId,
  type BreachPhase,
  type BreachText,
} from '../../../protocol/breach.ts'
import { encodeEntry, type Breach } from '../../../protocol/entry.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { memberOf, type BreachNotice, type Member } from '../../../protocol/registry.ts'
import type { Appended, LogWriter } from '../log/writer.ts'
import type { MailQueue } from '../mail.ts'
import type { Actor } from '../people/actor.ts'
import type { Acts } from '../people/acts.ts'
import type { Letters } from '../people/letters.ts'
import type { AccountRow, MailState } from '../people/rows.ts'
import type { Clock, Random } from '../ports.ts'
import type { ReadTransaction, Store, WriteTransaction } from '../store.ts'
import type { View } from '../view.ts'
import type { AuthorityStep, BreachRow, ToldRow } from './breach-rows.ts'
import type { NewFinding } from './finding.ts'

const HOUR = 3600
/** Seconds from becoming aware to the last moment for the authority and the sites (Art. 33(1)). */
export const BREACH_SECONDS = 72 * HOUR
/** Seconds from the first notice to when every site has said that it has told its members. */
export const TOLD_SECONDS = 72 * HOUR
/** Hours after which staff are reminded. */
export const ALARM_HOURS = [24, 48, 60] as const

/** What the coordinator itself has to do about a breach. */
export type BreachStep = 'notice' | 'authority'
export interface StepState {
  step: BreachStep
  dueAt: number
  /** Unix seconds; null while it is open. */
  doneAt: number | null
}
/** What one site has said, and by when it has to. */
export interface SiteWord {
  site: SiteId
  dueAt: number
  told: ToldRow | null
}
/** Everything about one breach. */
export interface BreachFile {
  breach: BreachRow
  /** Its entries in the coordinator's log. */
  notices: BreachNotice[]
  steps: StepState[]
  /** Hours whose alarm has gone out. */
  alarms: number[]
  /** How the mails to owners went. */
  mails: Record<MailState, number>
  /** Members without an owner who could be written to. */
  unreached: SiteId[]
  words: SiteWord[]
}

export interface BreachDesk {
  /** @throws ProtocolError `out_of_range` for a stranger, or a time that has not come */
  open: (by: Actor, given: { site: SiteId; knownAt: number }) => Promise<BreachFile>
  /**
   * Writes what the next notice says.
   *
   * @throws ProtocolError `not_found`, `too_large`, or what {@link parseBreachText} refuses
   */
  write: (by: Actor, id: BreachId, text: unknown) => Promise<BreachFile>
  /**
   * Tells everybody: an entry in the log, and a mail to each owner, in one transaction.
   *
   * @throws ProtocolError `not_found`, `not_ready`; `conflict` without a text, or out of order
   */
  declare: (by: Actor, id: BreachId, phase: BreachPhase) => Promise<BreachFile>
  /** Records that the authority was told, or why it need not be. @throws ProtocolError `not_found` */
  recordAuthority: (by: Actor, id: BreachId, step: AuthorityStep) => Promise<BreachFile>
  /** The newest first. */
  list: () => Promise<BreachFile[]>
  /** @throws ProtocolError `not_found` */
  get: (id: BreachId) => Promise<BreachFile>
  /** Sends alarms and raises findings that are due. */
  tick: () => Promise<void>
}

const ID_BYTES = 16
/** Accounts looked through at once for those who are reminded. */
const PAGE = 500

/** What the clock asks for. */
interface Due {
  alarms: number[]
  findings: NewFinding[]
}

const markOf = ({ site, subject }: NewFinding): string => `overdue:${site}:${subject}`

function findingOf(
  id: BreachId,
  site: SiteId,
  step: BreachStep | 'told',
  dueAt: number,
): NewFinding {
  return {
    kind: 'overdue-breach-step',
    site,
    subject: `${id}/${step}`,
    severity: step === 'told' ? 'serious' : 'critical',
    since: dueAt,
    evidence: { breach: id, step, due: dueAt },
  }
}

async function mailsOf(tx: ReadTransaction, id: BreachId): Promise<BreachFile['mails']> {
  const mails = { waiting: 0, sent: 0, refused: 0, expired: 0 }
  let before: { createdAt: number; id: string } | undefined
  for (;;) {
    const filter = { kind: 'breach' as const, about: id, limit: PAGE }
    const rows = await tx.mail.list({ ...filter, ...(before && { before }) })
    for (const { state } of rows) mails[state] += 1
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE) return mails
    before = { createdAt: last.createdAt, id: last.id }
  }
}

async function existing(tx: ReadTransaction, id: BreachId): Promise<BreachRow> {
  const row = await tx.breaches.get(id)
  if (row === null) throw new ProtocolError('not_found', '/breach', 'a breach at this desk')
  return row
}

/** Everybody at the coordinator who can take a step. */
async function staffOf(tx: ReadTransaction): Promise<AccountRow[]> {
  const staff: AccountRow[] = []
  for (let after = ''; ;) {
    const rows = await tx.people.accounts(after, PAGE)
    for (const row of rows)
      if (['staff', 'dpo'].includes(row.role) && row.disabledAt === null) staff.push(row)
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE) return staff
    after = last.id
  }
}

/** Creates the desk. */
export function createBreachDesk(ports: {
  view: View
  store: Store
  clock: Clock
  random: Random
  writer: LogWriter
  onPublished: (appended: Appended) => Promise<void>
  acts: Pick<Acts, 'add'>
  mail: Pick<MailQueue, 'add'>
  letters: Letters
  raise: (tx: WriteTransaction, finding: NewFinding) => Promise<void>
}): BreachDesk {
  const { view, store, clock, random, writer, acts, mail, letters, raise } = ports

  const noticesOf = (id: BreachId): BreachNotice[] =>
    view.registry().breaches.filter((notice) => notice.id === id)
  const members = (): Member[] =>
    [...view.registry().members.values()].filter(({ status }) => status !== 'expelled')

  function stepsOf({ id, knownAt, authority }: BreachRow): StepState[] {
    const dueAt = knownAt + BREACH_SECONDS
    return [
      { step: 'notice', dueAt, doneAt: noticesOf(id)[0]?.time ?? null },
      { step: 'authority', dueAt, doneAt: authority?.time ?? null },
    ]
  }

  /** Sites that were members when the first notice came have to answer. */
  function wordsOf(id: BreachId, told: readonly ToldRow[]): SiteWord[] {
    const [first] = noticesOf(id)
    if (first === undefined) return []
    return members()
      .filter(({ admittedAt }) => admittedAt <= first.time)
      .map(({ site }) => ({
        site,
        dueAt: first.time + TOLD_SECONDS,
        told: told.find((row) => row.site === site) ?? null,
      }))
  }

  async function ownersOf(tx: ReadTransaction): Promise<{
    owners: AccountRow[]
    unreached: SiteId[]
  }> {
    const owners = new Map<string, AccountRow>()
    const unreached: SiteId[] = []
    for (const { site } of members()) {
      const found = await tx.people.ownersOf(site)
      for (const owner of found) owners.set(owner.id, owner)
      if (found.length === 0) unreached.push(site)
    }
    return { owners: [...owners.values()], unreached }
  }

  async function fileOf(tx: ReadTransaction, breach: BreachRow): Promise<BreachFile> {
    const { id } = breach
    const marks = await tx.breaches.marks(id)
    const { unreached } = await ownersOf(tx)
    return {
      breach,
      notices: noticesOf(id),
      steps: stepsOf(breach),
      alarms: ALARM_HOURS.filter((hours) => marks.has(`alarm-${hours}`)),
      mails: await mailsOf(tx, id),
      unreached,
      words: wordsOf(id, await tx.breaches.told(id)),
    }
  }

  const get = (id: BreachId): Promise<BreachFile> =>
    store.read(async (tx) => fileOf(tx, await existing(tx, id)))

  function entryOf(row: BreachRow, text: BreachText, phase: BreachPhase): Breach {
    const { id, site, knownAt } = row
    return { type: 'breach', id, phase, site, known: knownAt, ...text, time: clock.now() }
  }

  /** The first notice comes once and first, the last one once and last. */
  function assertInOrder(id: BreachId, phase: BreachPhase): void {
    const phases = noticesOf(id).map((notice) => notice.phase)
    if (phases.includes('final'))
      throw new ProtocolError('conflict', '/phase', 'a breach without a final notice')
    if ((phase === 'initial') !== (phases.length === 0))
      throw new ProtocolError('conflict', '/phase', 'initial for the first notice, and only for it')
  }

  async function change(
    by: Actor,
    id: BreachId,
    act: string,
    next: (row: BreachRow) => BreachRow,
  ): Promise<BreachFile> {
    await store.write(async (tx) => {
      await tx.breaches.save(next(await existing(tx, id)))
      await acts.add(tx, { actor: by, act, subject: id })
    })
    return get(id)
  }

  /** What the clock asks for and has not been done. */
  async function dueOf(tx: ReadTransaction, row: BreachRow): Promise<Due> {
    const now = clock.now()
    const { id, knownAt } = row
    const marks = await tx.breaches.marks(id)
    const steps = stepsOf(row)
    const isOpen = steps.some(({ doneAt }) => doneAt === null)
    const late = [
      ...steps
        .filter(({ dueAt, doneAt }) => (doneAt ?? now) > dueAt)
        .map(({ step, dueAt }) => findingOf(id, view.network, step, dueAt)),
      ...wordsOf(id, await tx.breaches.told(id))
        .filter(({ dueAt, told }) => (told?.time ?? now) > dueAt)
        .map(({ site, dueAt }) => findingOf(id, site, 'told', dueAt)),
    ]
    return {
      alarms: ALARM_HOURS.filter(
        (hours) => isOpen && now >= knownAt + hours * HOUR && !marks.has(`alarm-${hours}`),
      ),
      findings: late.filter((finding) => !marks.has(markOf(finding))),
    }
  }

  async function takeSteps(tx: WriteTransaction, row: BreachRow): Promise<void> {
    const { alarms, findings } = await dueOf(tx, row)
    for (const hours of alarms) await tx.breaches.mark(row.id, `alarm-${hours}`, clock.now())
    // Of several that are due, after a time without power perhaps, one is enough.
    const latest = alarms.at(-1)
    if (latest !== undefined)
      for (const account of await staffOf(tx))
        await mail.add(tx, {
          kind: 'alarm',
          about: row.id,
          account,
          letter: letters.alarm(row, latest),
        })
    for (const finding of findings) {
      await raise(tx, finding)
      await tx.breaches.mark(row.id, markOf(finding), clock.now())
    }
  }

  return {
    open: async (by, { site, knownAt }) => {
      if (memberOf(view.registry(), site) === undefined)
        throw new ProtocolError('out_of_range', '/site', 'a member, or the network itself')
      if (knownAt > clock.now())
        throw new ProtocolError('out_of_range', '/knownAt', 'a time that has come')
      const id = toHex(random.bytes(ID_BYTES)) as BreachId
      const row: BreachRow = {
        id,
        site,
        knownAt,
        openedAt: clock.now(),
        draft: null,
        authority: null,
      }
      await store.write(async (tx) => {
        await tx.breaches.save(row)
        await acts.add(tx, { actor: by, act: 'breach.open', subject: id })
      })
      return get(id)
    },
    write: async (by, id, value) => {
      const text = parseBreachText(value)
      return change(by, id, 'breach.write', (row) => {
        // Whether it fits is better known now than in the hour in which it has to go out.
        encodeEntry(entryOf(row, text, 'initial'))
        return { ...row, draft: text }
      })
    },
    declare: async (by, id, phase) => {
      const appended = await store.write(async (tx) => {
        const row = await existing(tx, id)
        assertInOrder(id, phase)
        if (row.draft === null)
          throw new ProtocolError('conflict', '/phase', 'a breach whose notice is written')
        const entry = entryOf(row, row.draft, phase)
        const made = await writer.append(tx, [entry])
        const { owners } = await ownersOf(tx)
        const letter = letters.breach(entry, made.from)
        for (const account of owners)
          await mail.add(tx, { kind: 'breach', about: id, account, letter })
        await acts.add(tx, { actor: by, act: 'breach.declare', subject: `${id}/${phase}` })
        return made
      })
      await ports.onPublished(appended)
      return get(id)
    },
    recordAuthority: async (by, id, step) => {
      if (step.time > clock.now())
        throw new ProtocolError('out_of_range', '/time', 'a time that has come')
      if (step.reference === null && step.reason === null)
        throw new ProtocolError('malformed', '/reference', 'a reference, or the reason for none')
      return change(by, id, 'breach.authority', (row) => ({ ...row, authority: step }))
    },
    list: () =>
      store.read(async (tx) => {
        const files: BreachFile[] = []
        for (const row of await tx.breaches.all()) files.push(await fileOf(tx, row))
        return files
      }),
    get,
    tick: async () => {
      const due = await store.read(async (tx) => {
        const rows: BreachRow[] = []
        for (const row of await tx.breaches.all()) {
          const { alarms, findings } = await dueOf(tx, row)
          if (alarms.length + findings.length > 0) rows.push(row)
        }
        return rows
      })
      for (const row of due) await store.write((tx) => takeSteps(tx, row))
    },
  }
}
