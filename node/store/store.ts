/** Assembles the store port on a database. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { SiteId } from '../../protocol/ids.ts'
import type { Store, WriteTransaction } from '../core/store.ts'
import { isDiskFull, NO_BALLAST, type Ballast } from './ballast.ts'
import { actsIn } from './acts.ts'
import { auditIn } from './audit.ts'
import { blocksIn } from './blocks.ts'
import { bodiesIn } from './bodies.ts'
import { bridgeIn } from './bridge.ts'
import { customersIn, reviewsIn } from './customers.ts'
import { challengesIn } from './challenges.ts'
import { breachesIn } from './breaches.ts'
import type { Database } from './database.ts'
import { deskIn } from './desk.ts'
import { feedIn } from './feed.ts'
import { findingsIn } from './findings.ts'
import { ledgerIn } from './ledger.ts'
import { logsIn } from './logs.ts'
import { mailIn } from './mail.ts'
import { membersIn } from './members.ts'
import { peopleIn } from './people.ts'
import { noticesIn } from './notices.ts'
import { picturesIn } from './pictures.ts'
import { probesIn } from './probes.ts'
import { receiptsIn } from './receipts.ts'
import { recordsIn } from './records.ts'
import { reportsIn } from './reports.ts'
import { requestsIn } from './requests.ts'
import type { Schema } from './schema.ts'
import { applyChanges, createSearchMemory, searchIn, type SearchMemory } from './search.ts'
import { clearNames, createNames, type SearchChange, type Tx } from './transaction.ts'
import { createTurns } from './turns.ts'
import { webhooksIn } from './webhooks.ts'

const SETTLE_ATTEMPTS = 60
const SETTLE_PAUSE_MILLISECONDS = 500

export interface StoreOptions {
  database: Database
  /** The site whose node this is. */
  site: SiteId
  /** Defaults to none. */
  ballast?: Ballast
  /** Waits between attempts to settle; a parameter for tests. */
  pause?: () => Promise<void>
}

function transactionOn(tx: Tx, memory: SearchMemory): WriteTransaction {
  return {
    search: searchIn(tx, memory),
    logs: logsIn(tx),
    records: recordsIn(tx),
    bodies: bodiesIn(tx),
    pictures: picturesIn(tx),
    members: membersIn(tx),
    ledger: ledgerIn(tx),
    receipts: receiptsIn(tx),
    desk: deskIn(tx),
    acts: actsIn(tx),
    people: peopleIn(tx),
    mail: mailIn(tx),
    breaches: breachesIn(tx),
    audit: auditIn(tx),
    challenges: challengesIn(tx),
    probes: probesIn(tx),
    findings: findingsIn(tx),
    feed: feedIn(tx),
    webhooks: webhooksIn(tx),
    blocks: blocksIn(tx),
    reports: reportsIn(tx),
    notices: noticesIn(tx),
    requests: requestsIn(tx),
    customers: customersIn(tx),
    reviews: reviewsIn(tx),
    bridge: bridgeIn(tx),
  }
}

/**
 * The store on one connection. Reads need no transaction of their own: nobody else writes to the
 * database, and a read has the connection to itself.
 */
export function createStore(options: StoreOptions): Store {
  const { database, site, ballast = NO_BALLAST } = options
  const pause = options.pause ?? (() => delay(SETTLE_PAUSE_MILLISECONDS))
  const turns = createTurns()
  const names = createNames()
  const memory = createSearchMemory()
  const { query } = database
  const txOn = (db: Kysely<Schema>, changes: SearchChange[]): Tx => ({
    db,
    query,
    own: site,
    names,
    changes,
  })
  const reader = transactionOn(txOn(database.db, []), memory)

  async function attempt<T>(work: (tx: WriteTransaction) => Promise<T>): Promise<T> {
    const changes: SearchChange[] = []
    try {
      const result = await database.transact((db) => work(transactionOn(txOn(db, changes), memory)))
      applyChanges(memory, changes)
      return result
    } catch (error) {
      clearNames(names)
      throw error
    }
  }
  /** Erasing must succeed on a full disk, so that it may use up what was kept back for it. */
  async function withBallast<T>(act: () => T | Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      if (!isDiskFull(error) || !ballast.release()) throw error
      return act()
    }
  }
  async function settle(): Promise<void> {
    for (let attempts = 0; attempts < SETTLE_ATTEMPTS; attempts += 1) {
      if (attempts > 0) await pause()
      const done = await turns.run('write', () => withBallast(database.checkpoint))
      if (!done) continue
      ballast.restore()
      return
    }
    throw new Error('The database stays in use by another process, a backup perhaps: not settled')
  }

  return {
    read: (work) => turns.run('read', () => work(reader)),
    write: (work, purpose) =>
      turns.run('write', () =>
        purpose === 'erase' ? withBallast(() => attempt(work)) : attempt(work),
      ),
    settle,
    async compact() {
      await turns.run('write', async () => database.vacuum())
      await settle()
    },
  }
}
