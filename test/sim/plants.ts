/**
 * Faults on purpose. Each wraps what the core is given, so that the shipped code needs no hooks, and
 * each stands for a mistake that the core might make. The invariants must see every one of them.
 */
import { decodeEntry, encodeEntry } from '../../protocol/entry.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Store, WriteTransaction } from '../../node/core/store.ts'
import { SITES, type Plant, type SimNode } from './world.ts'

type Change = (tx: WriteTransaction, node: SimNode) => Partial<WriteTransaction>

/** A store whose transactions, also the reading ones, have some parts replaced. */
function altered(change: Change): NonNullable<Plant['store']> {
  return (store, node): Store => ({
    ...store,
    read: (work) => store.read((tx) => work({ ...tx, ...change(tx as WriteTransaction, node) })),
    write: (work, purpose) => store.write((tx) => work({ ...tx, ...change(tx, node) }), purpose),
  })
}

const ZERO_SLOT_BYTES = 32

/** A planted fault, with the invariants of which one has to break. */
export interface Planted extends Plant {
  breaks: number[]
  /**
   * The first seed to try, where the fault shows in few of them. It is one that is known to show it;
   * the seeds after it are tried when it no longer does.
   */
  from?: number
}

export const PLANTS: readonly Planted[] = [
  {
    name: 'a body is kept without a look at whether its record lives',
    often: ['regret', 'weather'],
    breaks: [1, 2, 8, 9],
    store: altered((tx) => ({
      bodies: {
        ...tx.bodies,
        insert: async (home, bodies) => {
          const states = await tx.records.getMany(
            home,
            bodies.map(({ record }) => record),
          )
          const ended = states.filter(({ live }) => !live)
          const alive = ended.map((state) => ({ ...state, live: true }))
          if (ended.length > 0) await tx.records.save(home, alive, true)
          const kept = await tx.bodies.insert(home, bodies)
          if (ended.length > 0) await tx.records.save(home, ended, false)
          return kept
        },
      },
    })),
  },
  {
    name: 'withdrawals end nothing',
    breaks: [1, 2],
    store: altered((tx) => ({
      records: {
        ...tx.records,
        save: (home, states, wanted) =>
          tx.records.save(
            home,
            states.map((state) => ({ ...state, live: state.firstIndex >= 0 })),
            wanted,
          ),
      },
    })),
  },
  {
    name: 'nothing is ever doomed',
    breaks: [1],
    store: altered((tx) => ({
      bodies: { ...tx.bodies, doom: async () => [], doomStale: async () => [] },
    })),
  },
  {
    name: 'the website is not told what vanishes',
    breaks: [15],
    store: altered((tx) => ({
      feed: {
        ...tx.feed,
        add: (notices, time) =>
          tx.feed.add(
            notices.filter(({ type }) => type !== 'record.vanished'),
            time,
          ),
      },
    })),
  },
  {
    name: 'a receipt does not wait for what is doomed',
    breaks: [5],
    store: altered((tx) => ({
      bodies: {
        ...tx.bodies,
        doomed: async () => [],
      },
    })),
  },
  {
    name: 'keys are not destroyed',
    breaks: [1, 5],
    vault: (vault) => ({ ...vault, destroy: async () => undefined }),
  },
  {
    name: 'the zeros over a key are not synced',
    breaks: [1, 5],
    slotFile: (file) => {
      let isZeros = false
      return {
        ...file,
        write: (offset, bytes) => {
          isZeros = bytes.length >= ZERO_SLOT_BYTES && bytes.every((byte) => byte === 0)
          file.write(offset, bytes)
        },
        sync: () => {
          if (!isZeros) file.sync()
        },
      }
    },
  },
  {
    name: 'the write-ahead log is not emptied',
    breaks: [5],
    store: (store) => ({ ...store, settle: async () => undefined }),
  },
  {
    name: 'leases never end',
    from: 60,
    often: ['publish', 'silence'],
    breaks: [3],
    // One site reads other terms in the coordinator's log than those that were written.
    store: altered((tx, node) => ({
      logs: {
        ...tx.logs,
        entries: async (site, from, to) => {
          const entries = await tx.logs.entries(site, from, to)
          return node.site === SITES[0] ? entries.map(withoutLeases) : entries
        },
      },
    })),
  },
  {
    name: 'the heartbeat of an old note is taken for a new one',
    from: 5,
    often: ['publish', 'silence'],
    breaks: [3],
    // Every signature verifies, and whatever comes in by sync carries the time of its arrival.
    crypto: (crypto) => ({ ...crypto, verify: () => true }),
    network: (network, node) => ({
      ...network,
      sync: async function* restamped(site, request) {
        for await (const reply of network.sync(site, request))
          yield reply.kind === 'checkpoint'
            ? { ...reply, note: restamp(reply.note, node.now()) }
            : reply
      },
    }),
  },
  {
    name: 'a restored node writes at once',
    from: 34,
    often: ['publish', 'back up', 'restore'],
    breaks: [10, 11],
    store: altered((tx, node) => ({
      desk: {
        ...tx.desk,
        setting: async (name) => (name === 'restored' ? null : tx.desk.setting(name)),
      },
      receipts: {
        ...tx.receipts,
        ofLog: async (log, size) => (log === node.site ? [] : tx.receipts.ofLog(log, size)),
      },
    })),
    network: (network, node) => ({
      ...network,
      sync: async function* forgetful(site, request) {
        for await (const reply of network.sync(site, request))
          yield reply.kind === 'heads'
            ? { ...reply, heads: reply.heads.filter(({ log }) => log !== node.site) }
            : reply
      },
    }),
  },
  {
    name: 'the gate is open to everybody',
    breaks: [1, 3, 6, 7],
    handlers: (handlers) => ({
      ...handlers,
      bodies: (_from, request) => handlers.bodies(request.home, request),
    }),
  },
  {
    name: 'the gate does not see whom members exclude',
    breaks: [6, 7],
    store: altered((tx) => ({
      bodies: {
        ...tx.bodies,
        atIndexes: async (home, indexes) =>
          (await tx.bodies.atIndexes(home, indexes)).map((one) => ({ ...one, excludes: [] })),
      },
    })),
  },
  {
    name: 'the gate compares the wrong gender',
    from: 8,
    breaks: [7],
    store: altered((tx) => ({
      bodies: {
        ...tx.bodies,
        atIndexes: async (home, indexes) =>
          (await tx.bodies.atIndexes(home, indexes)).map((one) => ({
            ...one,
            facts: { ...one.facts, gender: one.facts.gender === 'man' ? 'woman' : 'man' },
          })),
      },
    })),
  },
  {
    name: 'the ledger gets no row',
    breaks: [6],
    store: altered((tx) => ({ ledger: { ...tx.ledger, add: async () => undefined } })),
  },
  {
    name: 'relays keep to themselves what they handed out',
    from: 11,
    breaks: [6],
    network: (network) => ({
      ...network,
      report: async (site, report) =>
        report.kind === 'disclosures' ? { kind: 'taken' } : network.report(site, report),
    }),
  },
  {
    name: 'the scopes of a consent are widened',
    breaks: [6],
    scopes: () => ['appearance', 'birth-date', 'discovery', 'habits', 'names', 'religion'],
  },
  {
    name: 'a restore forgets who has withdrawn',
    from: 8,
    often: ['back up', 'restore', 'withdraw'],
    breaks: [1, 2],
    restored: async (database) => {
      await database.transact(async (db) => {
        await db
          .updateTable('records')
          .set({ live: 1, wanted: 1 })
          .where('live', '=', 0)
          .where('first_idx', '>=', 0)
          .execute()
      })
    },
  },
  {
    name: 'a list leaves out its last row',
    breaks: [15],
    store: altered((tx) => ({
      search: {
        ...tx.search,
        find: async (query) => {
          const answer = await tx.search.find(query)
          return { ...answer, rows: answer.rows.slice(0, -1) }
        },
      },
    })),
  },
  {
    name: 'a withdrawal that has to wait is forgotten',
    from: 54,
    often: ['crash', 'back up', 'restore'],
    breaks: [3, 4, 9],
    store: altered((tx) => ({
      records: { ...tx.records, addPending: async () => undefined },
    })),
  },
  {
    name: 'nobody is suspended for a fork',
    often: ['turn'],
    breaks: [10],
    store: altered((tx) => ({
      logs: {
        ...tx.logs,
        append: async (site, batch) => {
          const isSuspension = batch.entries.some((bytes) => {
            const entry = decodeEntry(bytes)
            return entry.type === 'suspend' && entry.reason === 'fork'
          })
          if (isSuspension) throw new ProtocolError('not_ready', '', 'no fork')
          await tx.logs.append(site, batch)
        },
      },
    })),
  },
]

const YEARS = 9 * 366 * 86_400

function withoutLeases(bytes: Uint8Array): Uint8Array {
  const entry = decodeEntry(bytes)
  if (entry.type !== 'terms') return bytes
  const forever = { hideAfterSeconds: YEARS, eraseAfterSeconds: YEARS }
  return encodeEntry({ ...entry, terms: { ...entry.terms, ...forever } })
}

/** A note whose heartbeat has another time; its signature no longer fits. */
function restamp(note: string, time: number): string {
  return note
    .split('\n')
    .map((line) => {
      const [dash, name = '', signature = ''] = line.split(' ')
      if (dash !== '—' || !name.endsWith('/witness')) return line
      const bytes = Buffer.from(signature, 'base64')
      bytes.writeBigUInt64BE(BigInt(time), 4)
      return `— ${name} ${bytes.toString('base64')}`
    })
    .join('\n')
}
