import { beforeEach, describe, expect, it } from 'vitest'
import { createIdentity, type Identity } from '../../node/core/identity.ts'
import { encodeCbor } from '../../protocol/cbor.ts'
import { decodeEntry, encodeEntry, type Entry } from '../../protocol/entry.ts'
import type { SyncReply } from '../../protocol/wire.ts'
import { NOW } from '../fixtures/people.ts'
import { announce, aPublished, noteOf, recordNumber, silent, syncOf } from './puppet.ts'
import { stateOf } from './stored.ts'
import { A, aMember, aWorld, B, C, NETWORK, put, type SiteMachine, type World } from './world.ts'

const entries = [1, 2, 3, 4, 5].map((n) => aPublished(n).entry)
function entryAt(index: number): Uint8Array {
  const entry = entries[index]
  if (entry === undefined) throw new Error('no such entry')
  return entry
}
const anOrder: Entry = {
  type: 'order',
  site: A,
  record: recordNumber(1),
  size: 0,
  time: NOW,
  notice: '',
}

let world: World
/** A site that the test plays; `b` follows its log and has three entries of it. */
let a: Identity
let b: SiteMachine

beforeEach(async () => {
  world = await aWorld()
  a = await world.admit(A)
  b = await world.addSite(B)
  const time = world.clock.now()
  await b.site.node.handlers.announcement(A, announce(a, entries.slice(0, 3), { time }))
  await world.quiet()
})

async function sizeAt(machine: SiteMachine): Promise<number> {
  return (await machine.ports.store.read((tx) => tx.logs.get(A)))?.size ?? 0
}

const good = (): Parameters<typeof announce> => [a, entries]

const now = (): number => world.clock.now()

describe('an announcement', () => {
  it('is applied where it continues the log, also when it repeats what is known', async () => {
    const { handlers } = b.site.node
    expect(await handlers.announcement(A, announce(a, entries.slice(0, 4), { from: 3 }))).toBe(
      'accept',
    )
    expect(await handlers.announcement(A, announce(a, entries, { from: 1 }))).toBe('accept')
    expect(await sizeAt(b)).toBe(5)
    expect(await handlers.announcement(A, announce(a, entries, { from: 1 }))).toBe('ignore')
  })

  // A follower that keeps entries whose checkpoint it cannot show is silent about them to a home
  // that was restored: the home writes others in their place, and is taken for one that forks.
  it('leaves its checkpoint beside the entries, wherever a crash comes', async () => {
    const { store } = b.ports
    const write = store.write.bind(store)
    store.write = async (work, purpose) => {
      if ((await sizeAt(b)) === entries.length) throw new Error('the node is dead')
      return write(work, purpose)
    }
    const { handlers } = b.site.node
    const made = announce(a, entries, { from: 3, time: now() + 1 })
    await expect(handlers.announcement(A, made)).rejects.toThrow('dead')
    await world.quiet()
    store.write = write
    await world.restart(b)
    const heads = { kind: 'heads' as const, heads: [], addresses: [] }
    for await (const reply of b.site.node.handlers.sync(A, heads))
      expect(reply.kind === 'heads' && reply.heads.find(({ log }) => log === A)?.size).toBe(5)
  })

  it.each<[what: string, made: () => ReturnType<typeof announce>, verdict: string]>([
    [
      'an entry that is not deterministic CBOR',
      () => announce(a, [...entries.slice(0, 3), Uint8Array.of(0x18, 0x01)], { from: 3 }),
      'reject',
    ],
    [
      'an entry with a field too many',
      () => {
        const entry = encodeCbor({ ...decodeEntry(entryAt(3)), name: 'Hazel' })
        return announce(a, [...entries.slice(0, 3), entry], { from: 3 })
      },
      'reject',
    ],
    [
      'an entry that only the coordinator may write',
      () => announce(a, [...entries.slice(0, 3), encodeEntry(anOrder)], { from: 3 }),
      'reject',
    ],
    ['a checkpoint that goes back', () => announce(a, entries.slice(0, 2)), 'ignore'],
    [
      'a signature by another key',
      () => {
        const { identity } = b
        const forged = { ...a, logSeed: identity.logSeed }
        return announce(forged, entries, { from: 3 })
      },
      'reject',
    ],
    [
      'a heartbeat by another key',
      () => {
        const forged = { ...a, witnessSeed: b.identity.witnessSeed }
        return announce(forged, entries.slice(0, 3), { time: now() + 1 })
      },
      'reject',
    ],
    [
      'a heartbeat of the future',
      () => announce(a, entries.slice(0, 3), { time: now() + 301 }),
      'ignore',
    ],
    ['an old heartbeat', () => announce(a, entries.slice(0, 3), { time: now() - 60 }), 'ignore'],
    [
      'entries that the checkpoint does not cover',
      () => ({ ...announce(...good()), from: 3, entries: [entryAt(4), entryAt(3)] }),
      'reject',
    ],
    [
      'the origin of another log',
      () => ({ ...announce(a, entries, { from: 3 }), note: noteOf(b.identity, entries, null) }),
      'reject',
    ],
    ['a text that is no note', () => ({ ...announce(a, entries), note: 'no note' }), 'reject'],
  ])('with %s changes nothing', async (_what, made, verdict) => {
    const before = stateOf(b)
    const heartbeat = b.site.node.view.heartbeat(A)
    expect(await b.site.node.handlers.announcement(A, made())).toBe(verdict)
    await world.quiet()
    expect(stateOf(b)).toBe(before)
    expect(b.site.node.view.heartbeat(A)).toBe(heartbeat)
  })

  it('with a gap has the missing entries fetched, and changes nothing by itself', async () => {
    const before = stateOf(b)
    const verdict = await b.site.node.handlers.announcement(A, announce(a, entries, { from: 4 }))
    expect(verdict).toBe('accept')
    await world.quiet()
    expect(stateOf(b)).toBe(before)
    world.join(A, {
      ...silent,
      async *sync(_from, request) {
        if (request.kind === 'entries') yield* syncOf(a, entries, { from: request.from })
      },
    })
    await b.site.node.handlers.announcement(A, announce(a, entries, { from: 4 }))
    await world.quiet()
    expect(await sizeAt(b)).toBe(5)
  })

  it('about the log of another site is rejected, whoever signed it', async () => {
    const { handlers } = b.site.node
    expect(await handlers.announcement(C, announce(a, entries, { from: 3 }))).toBe('reject')
    expect(await sizeAt(b)).toBe(3)
  })

  it('of a stranger is ignored', async () => {
    const stranger = { ...a, site: C, origin: `${NETWORK}/${C}` }
    const { handlers } = b.site.node
    expect(await handlers.announcement(C, announce(stranger, entries))).toBe('ignore')
  })

  it('gives the same state in any order and number', async () => {
    const c = await world.addSite(C)
    const pieces = [1, 2, 3, 4, 5].map((size) => announce(a, entries.slice(0, size)))
    for (const piece of [...pieces, ...pieces.toReversed(), ...pieces])
      for (const machine of [b, c]) await machine.site.node.handlers.announcement(A, piece)
    const states = await Promise.all(
      [b, c].map((machine) => machine.ports.store.read((tx) => tx.logs.get(A))),
    )
    expect(states[0]?.range).toEqual(states[1]?.range)
    expect(states[0]?.size).toBe(5)
  })
})

function serve(replies: (from: number) => Iterable<SyncReply>): void {
  world.join(A, {
    ...silent,
    async *sync(_from, request) {
      if (request.kind === 'entries') yield* replies(request.from)
    },
  })
}

describe('a pull', () => {
  it.each<[what: string, replies: (from: number) => Iterable<SyncReply>, code: string]>([
    [
      'a proof that does not verify',
      (from) =>
        [...syncOf(a, entries, { from })].map((reply) =>
          reply.kind === 'entries'
            ? { ...reply, entries: reply.entries.toReversed(), proof: [] }
            : reply,
        ),
      'bad_proof',
    ],
    [
      'a proof of another length',
      (from) =>
        [...syncOf(a, entries, { from })].map((reply) =>
          reply.kind === 'entries' ? { ...reply, proof: [new Uint8Array(32)] } : reply,
        ),
      'bad_proof',
    ],
    [
      'a gap',
      (from) =>
        [...syncOf(a, entries, { from })].map((reply) =>
          reply.kind === 'entries'
            ? { ...reply, from: from + 1, entries: reply.entries.slice(1) }
            : reply,
        ),
      'malformed',
    ],
    [
      'entries before the checkpoint',
      (from) => [...syncOf(a, entries, { from })].toReversed(),
      'malformed',
    ],
    ['no entries', (from) => [...syncOf(a, entries, { from })].slice(0, 1), 'malformed'],
    [
      'a chunk without entries',
      (from) =>
        [...syncOf(a, entries, { from })].map((reply) =>
          reply.kind === 'entries' ? { ...reply, entries: [] } : reply,
        ),
      'malformed',
    ],
    [
      'more entries than the checkpoint covers',
      (from) =>
        [...syncOf(a, entries, { from })].map((reply) =>
          reply.kind === 'entries' ? { ...reply, entries: [...reply.entries, entryAt(0)] } : reply,
        ),
      'malformed',
    ],
    [
      'the wrong signature',
      (from) => syncOf({ ...a, logSeed: b.identity.logSeed }, entries, { from }),
      'bad_signature',
    ],
    [
      'an entry that is no CBOR',
      (from) => syncOf(a, [...entries.slice(0, 3), Uint8Array.of(0xff)], { from }),
      'malformed',
    ],
  ])('that brings %s fails and changes nothing', async (_what, replies, code) => {
    serve(replies)
    const before = stateOf(b)
    await expect(b.site.node.follower.pull(A, A)).rejects.toMatchObject({ code })
    await world.quiet()
    expect(stateOf(b)).toBe(before)
    expect(b.site.node.view.frozen.has(A)).toBe(false)
  })

  it('works from any relay, since the log speaks for itself', async () => {
    world.join(C, {
      ...silent,
      async *sync(_from, request) {
        if (request.kind === 'entries') yield* syncOf(a, entries, { from: request.from })
      },
    })
    await b.site.node.follower.pull(A, C)
    expect(await sizeAt(b)).toBe(5)
  })
})

describe('a rotation', () => {
  it('ends what the old key signs above its size', async () => {
    const { admission, node } = world.coordinator.coordinator
    const time = world.clock.now()
    await node.handlers.announcement(A, announce(a, entries.slice(0, 3), { time }))
    const next = createIdentity(NETWORK, A, new Uint8Array(32).fill(7))
    await admission.rotate(A, {
      logKey: next.logKey.publicKey,
      witnessKey: next.witnessKey.publicKey,
    })
    await world.quiet()
    const { handlers } = b.site.node
    expect(await handlers.announcement(A, announce(a, entries, { from: 3 }))).toBe('reject')
    expect(await handlers.announcement(A, announce(next, entries, { from: 3 }))).toBe('accept')
    expect(await sizeAt(b)).toBe(5)
  })

  it('stops a node that still has the old keys', async () => {
    const c = await world.addSite(C)
    const { admission } = world.coordinator.coordinator
    const keys = { logKey: a.logKey.publicKey, witnessKey: a.witnessKey.publicKey }
    await admission.rotate(C, keys)
    await world.quiet()
    expect(c.site.node.writer.isWritable()).toBe(false)
    await expect(put(c, aMember('m1'))).rejects.toMatchObject({ code: 'not_ready' })
  })
})
