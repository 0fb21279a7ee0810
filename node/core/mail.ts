/**
 * Mail to people: a port that hands one mail to a server, and a queue in the database that tries for
 * days. What waits is sealed; what was sent leaves a record without content.
 */
import { decodeCbor, encodeCbor } from '../../protocol/cbor.ts'
import { toHex } from '../../protocol/bytes.ts'
import { invariant, ProtocolError } from '../../protocol/errors.ts'
import type { PrivateKeys } from './identity.ts'
import type { Addresses } from './people/address.ts'
import type { AccountRow, MailFilter, MailKind, MailRow } from './people/rows.ts'
import type { Clock, Crypto, Events, Random } from './ports.ts'
import type { Store, WriteTransaction } from './store.ts'

/** A mail as it is written: plain text. */
export interface Letter {
  subject: string
  text: string
}
/** A mail as the server gets it. */
export interface OutgoingMail extends Letter {
  /** The same at each attempt, so that a mail that came twice can be known as one. */
  id: string
  to: string
}
/**
 * What the mail server said: its three digits, or a word for why there was none. `deferred` may go
 * well later; `refused` never will.
 */
export interface MailAnswer {
  kind: 'accepted' | 'deferred' | 'refused'
  answer: string
}
/** Hands one mail to a server. Bounded in time; never rejects for what the server says. */
export interface Mailer {
  send: (mail: OutgoingMail) => Promise<MailAnswer>
}

export interface MailQueue {
  /** Whether a mail server is configured: without one what is queued waits. */
  isOn: boolean
  /**
   * Queues a mail in the transaction that makes it true.
   *
   * @throws ProtocolError `not_ready` where too much waits; never for breaches and alarms
   */
  add: (
    tx: WriteTransaction,
    mail: { kind: MailKind; about?: string; account: AccountRow; letter: Letter },
  ) => Promise<void>
  list: (filter: MailFilter) => Promise<Omit<MailRow, 'sealed'>[]>
  /** Sends what is due. */
  run: () => Promise<void>
}

const ID_BYTES = 16
const MINUTE = 60
const HOUR = 3600
const DAY = 86_400
/** Seconds before each further attempt; the last one repeats. */
const BACKOFF = [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR]
/** Seconds for which each kind is tried. A breach must arrive; a link to sign in is soon void. */
const TRIED_SECONDS: Record<MailKind, number> = {
  'sign-in': 15 * MINUTE,
  invitation: 4 * DAY,
  breach: 7 * DAY,
  alarm: DAY,
}
/** Mails that wait at most, but for those that the law asks for. */
const MOST_WAITING = 5000
/** Mails handed over before others of the node's work get their turn. */
const BATCH = 25
/** Seconds between two looks while there is no mail server. */
const OFF_SECONDS = 5 * MINUTE
/** Seconds for which records of deliveries are kept. */
const KEPT_SECONDS = 90 * DAY
const KEPT_BREACH_SECONDS = 5 * 366 * DAY
const SHORT_KINDS: readonly MailKind[] = ['sign-in', 'invitation', 'alarm']

/** Headers are lines: whoever could put one into a subject could send mail in our name. */
const ONE_LINE = /^\P{Cc}{1,200}$/u

/** Creates the queue. */
export function createMailQueue(ports: {
  store: Store
  clock: Clock
  random: Random
  crypto: Pick<Crypto, 'seal' | 'open'>
  keys: Pick<PrivateKeys, 'people'>
  addresses: Addresses
  events: Events
  /** Null where no mail server is configured. */
  mailer: Mailer | null
}): MailQueue {
  const { store, clock, random, crypto, keys, addresses, events, mailer } = ports
  let prunedAt: number | null = null

  function openMail({ id, sealed }: MailRow): OutgoingMail {
    const bytes = sealed && crypto.open(keys.people, sealed)
    invariant(bytes !== null, 'what waits has its content, sealed under the storage key')
    const { to, subject, text } = decodeCbor(bytes) as Omit<OutgoingMail, 'id'>
    return { id, to, subject, text }
  }

  const closed = (row: MailRow, state: MailRow['state'], answer: string | null): MailRow => ({
    ...row,
    sealed: null,
    state,
    dueAt: null,
    closedAt: clock.now(),
    answer,
  })

  async function attempt(row: MailRow): Promise<MailRow> {
    const now = clock.now()
    if (now >= row.expiresAt) return closed(row, 'expired', row.answer)
    if (mailer === null) return { ...row, dueAt: Math.min(now + OFF_SECONDS, row.expiresAt) }
    const { kind, answer } = await mailer.send(openMail(row))
    const attempts = row.attempts + 1
    if (kind === 'accepted') return closed({ ...row, attempts }, 'sent', answer)
    events.emit({ type: 'mail.failed', kind: row.kind, reason: answer })
    if (kind === 'refused') return closed({ ...row, attempts }, 'refused', answer)
    const pause = BACKOFF[Math.min(row.attempts, BACKOFF.length - 1)] ?? HOUR
    return { ...row, attempts, answer, dueAt: Math.min(clock.now() + pause, row.expiresAt) }
  }

  async function prune(): Promise<void> {
    const now = clock.now()
    if (prunedAt !== null && Math.abs(now - prunedAt) < DAY) return
    prunedAt = now
    await store.write(async (tx) => {
      await tx.mail.prune(SHORT_KINDS, now - KEPT_SECONDS)
      await tx.mail.prune(['breach'], now - KEPT_BREACH_SECONDS)
    })
  }

  return {
    isOn: mailer !== null,
    add: async (tx, { kind, about = '', account, letter }) => {
      if (!ONE_LINE.test(letter.subject))
        throw new ProtocolError('malformed', '/subject', 'a subject on one line')
      const isLaw = kind === 'breach' || kind === 'alarm'
      if (!isLaw && (await tx.mail.countWaiting()) >= MOST_WAITING)
        throw new ProtocolError('not_ready', '', 'a queue of mail with room')
      const now = clock.now()
      const to = addresses.open(account.email)
      await tx.mail.save({
        id: toHex(random.bytes(ID_BYTES)),
        kind,
        about,
        account: account.id,
        sealed: crypto.seal(keys.people, encodeCbor({ to, ...letter })),
        state: 'waiting',
        attempts: 0,
        createdAt: now,
        expiresAt: now + TRIED_SECONDS[kind],
        dueAt: now,
        closedAt: null,
        answer: null,
      })
    },
    list: async (filter) =>
      (await store.read((tx) => tx.mail.list(filter))).map(({ sealed: _sealed, ...row }) => row),
    run: async () => {
      for (;;) {
        const due = await store.read((tx) => tx.mail.due(clock.now(), BATCH))
        for (const row of due) {
          const next = await attempt(row)
          // The account may have been removed meanwhile, and its mail with it.
          await store.write(async (tx) => {
            const known = await tx.mail.get(row.id)
            if (known?.state === 'waiting') await tx.mail.save(next)
          })
        }
        if (due.length < BATCH) break
      }
      await prune()
    },
  }
}
