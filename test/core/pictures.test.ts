/**
 * Pictures between cores: who gets them, what a holder checks, what is left after an end. The world
 * re-encodes nothing: an upload stands in both files, so that its bytes can be looked for.
 */
import { describe, expect, it } from 'vitest'
import type { NetworkHandlers } from '../../node/core/ports.ts'
import { concatBytes, toUtf8 } from '../../protocol/bytes.ts'
import type { PictureId, RecordId } from '../../protocol/ids.ts'
import { chunksOf } from '../../protocol/picture.ts'
import type { PicturesReply, PicturesRequest } from '../../protocol/wire.ts'
import { aConsent, NOW } from '../fixtures/people.ts'
import { aPicture } from '../fixtures/pictures.ts'
import { keysOn } from './stored.ts'
import { A, aMember, aWorld, B, C, heldBy, put, type SiteMachine, type World } from './world.ts'

const HOUR = 3600
const scopes = ['discovery', 'pictures'] as const
const anUpload = (text: string, length = 200_000): Uint8Array => {
  const upload = new Uint8Array(length).fill(9)
  upload.set(toUtf8(text))
  return upload
}
const member = (id: string, profile = {}) =>
  aMember(id, { profile, consent: { scopes: [...scopes] } })

/** Pictures of a record that a node can show. */
async function hereAt({ site }: SiteMachine, record: RecordId): Promise<PictureId[]> {
  return (await site.pictures.of(A, [record])).get(record) ?? []
}

async function aPair() {
  const world = await aWorld()
  const a = await world.addSite(A)
  const b = await world.addSite(B)
  const record = await put(a, member('m1'))
  const { picture } = await a.site.ownPictures.add('m1', anUpload('face one'))
  await world.quiet()
  await world.tick()
  expect(await hereAt(b, record)).toEqual([picture])
  return { world, a, b, record, picture }
}

/** A node that nothing is left on: no key, no file, no row. */
async function isEmpty(machine: SiteMachine): Promise<boolean> {
  const { slots, doomed } = await machine.ports.store.read(async (tx) => ({
    slots: await tx.pictures.slots(),
    doomed: await tx.pictures.doomed(1),
  }))
  return keysOn(machine) === 0 && machine.files.size === 0 && slots.length + doomed.length === 0
}

async function complete(world: World, { site }: SiteMachine, index: number): Promise<boolean> {
  await world.tick()
  return (await site.node.evidence.progress(A, index)).isComplete
}

/** Changes what a node answers about pictures. */
const altered =
  (alter: (replies: AsyncIterable<PicturesReply>) => AsyncIterable<PicturesReply>) =>
  (handlers: NetworkHandlers): NetworkHandlers => ({
    ...handlers,
    pictures: (from, request) => alter(handlers.pictures(from, request)),
  })

describe('a picture', () => {
  it('comes to a partner with the version that names it, and is opened by its keys only', async () => {
    const { a, b, record, picture } = await aPair()
    const target = { home: A, record, picture, size: 'large' } as const
    const [own, theirs] = [await a.site.pictures.open(target), await b.site.pictures.open(target)]
    expect(theirs?.bytes).toEqual(own?.bytes)
    // One key for the body, two for the files.
    expect([keysOn(a), keysOn(b)]).toEqual([3, 3])
    const needle = Buffer.from('face one')
    for (const bytes of [...a.files.values(), ...b.files.values()])
      expect(Buffer.from(bytes).includes(needle)).toBe(false)
  })

  it('is in the ledger of its home, and a relay reports it', async () => {
    const { world, a, b, record } = await aPair()
    world.cut(A)
    await world.addSite(C)
    await world.tick()
    await world.heal(A)
    await world.tick()
    await world.tick()
    const rows = await a.site.members.disclosures(record)
    const pictures = rows.filter(({ what }) => what === 'pictures')
    expect(new Set(pictures.map(({ partner }) => partner))).toEqual(new Set([B, C]))
    expect(await hereAt(b, record)).toHaveLength(1)
  })

  it('is served by any holder while its home is away', async () => {
    const { world, b, record, picture } = await aPair()
    world.cut(A, C)
    const c = await world.addSite(C)
    await world.tick()
    await world.tick()
    expect(await hereAt(c, record)).toEqual([picture])
    expect(await b.site.members.disclosures(record)).toEqual([])
  })

  it('is not fetched again when a text of the profile changes', async () => {
    const { world, a, b, record, picture } = await aPair()
    const asked: PicturesRequest[] = []
    world.wrap(A, (handlers) => ({
      ...handlers,
      pictures: (from, request) => {
        asked.push(request)
        return handlers.pictures(from, request)
      },
    }))
    await put(a, member('m1', { nickname: 'Ivy Moss' }))
    await world.quiet()
    await world.tick()
    expect((await b.site.discovery.get(A, record))?.profile.nickname).toBe('Ivy Moss')
    expect(await hereAt(b, record)).toEqual([picture])
    expect(asked).toEqual([])
    expect([keysOn(a), keysOn(b)]).toEqual([3, 3])
  })

  it('that a newer version does not name is erased before the receipt', async () => {
    const { world, a, b, record, picture } = await aPair()
    const second = await a.site.ownPictures.add('m1', anUpload('face two'))
    await world.quiet()
    await world.tick()
    expect(await hereAt(b, record)).toEqual([picture, second.picture])
    await a.site.ownPictures.remove('m1', picture)
    await world.quiet()
    for (const machine of [a, b]) {
      expect(await hereAt(machine, record)).toEqual([second.picture])
      expect([keysOn(machine), machine.files.size]).toEqual([3, 2])
    }
  })

  it('waits for the body of the newer version, and no receipt is signed meanwhile', async () => {
    const { world, a, b, picture } = await aPair()
    const { promise: gate, resolve: release } = Promise.withResolvers<void>()
    world.wrap(A, (handlers) => ({
      ...handlers,
      bodies: async function* late(from, request) {
        await gate
        yield* handlers.bodies(from, request)
      },
    }))
    const other = await put(a, member('m2'))
    await a.site.ownPictures.remove('m1', picture)
    const { size = 0 } = (await a.ports.store.read((tx) => tx.logs.get(A))) ?? {}
    await a.site.withdrawer.withdraw(['m2'], 'erased', '')
    await world.quiet()
    const receipts = () => b.ports.store.read((tx) => tx.receipts.largest(A, B))
    expect(await receipts()).toBeLessThan(size)
    expect(b.files.size).toBe(2)
    release()
    await world.quiet()
    expect(await receipts()).toBeGreaterThan(size)
    expect(b.files.size).toBe(0)
    expect(await heldBy(b, A)).toBe(1)
    expect(other).not.toBe('')
  })

  it('is erased where the body of the newer version cannot be had', async () => {
    const { world, a, b } = await aPair()
    world.wrap(A, (handlers) => ({
      ...handlers,
      bodies: () => {
        throw new Error('no bodies today')
      },
    }))
    await put(a, member('m1', { nickname: 'Ivy Moss' }))
    await world.quiet()
    expect([keysOn(b), b.files.size]).toEqual([0, 0])
  })

  it.each([
    ['a withdrawal', (a: SiteMachine) => a.site.withdrawer.withdraw(['m1'], 'erased', '')],
    [
      'an order',
      (_a: SiteMachine, world: World, record: RecordId) =>
        world.coordinator.coordinator.admission.order(A, record, 'case-1'),
    ],
  ])('goes with its record by %s: keys, files and rows', async (_name, end) => {
    const { world, a, b, record } = await aPair()
    await end(a, world, record)
    await world.tick()
    for (const machine of [a, b]) expect(await isEmpty(machine)).toBe(true)
  })

  it('goes by a withdrawn scope, narrowed requirements, a lapse', async () => {
    const { world, a, b, record } = await aPair()
    await b.site.demands.put({ ageMin: 60 }, [])
    await world.quiet()
    expect(await isEmpty(b)).toBe(true)
    await b.site.demands.put({}, [])
    await world.quiet()
    await world.tick(2)
    await world.tick(2)
    expect(await hereAt(b, record)).toHaveLength(1)
    await a.site.members.changeConsent('m1', aConsent({ givenAt: NOW + HOUR }))
    await world.quiet()
    for (const machine of [a, b]) expect([keysOn(machine), machine.files.size]).toEqual([1, 0])
    await a.site.members.changeConsent('m1', aConsent({ givenAt: NOW + HOUR, scopes: [...scopes] }))
    await a.site.ownPictures.add('m1', anUpload('face three'))
    await world.quiet()
    await world.tick()
    expect(b.files.size).toBe(2)
    world.cut(A)
    await world.pass(80 * HOUR)
    expect(await isEmpty(b)).toBe(true)
  })

  it('is withheld from whom the member excludes, and closed with the lease', async () => {
    const { world, a, b, record, picture } = await aPair()
    const target = { home: A, record, picture, size: 'small' } as const
    world.cut(A)
    await world.pass(7 * HOUR)
    expect(await b.site.pictures.open(target)).toBeNull()
    expect(b.files.size).toBe(2)
    await world.heal(A)
    await world.tick()
    expect(await b.site.pictures.open(target)).not.toBeNull()
    const excluding = aConsent({ excludes: [B], givenAt: NOW + HOUR, scopes: [...scopes] })
    await a.site.members.changeConsent('m1', excluding)
    await world.quiet()
    expect(await isEmpty(b)).toBe(true)
    const index = (await a.ports.store.read((tx) => tx.records.get(A, record)))?.index ?? -1
    const requirements = (b.site.node.view.requirements(B)?.index ?? -1) + 1
    const wishes = [{ index, picture, from: 0 }]
    const replies: string[] = []
    const request = { home: A, requirements, registry: 0, wishes }
    for await (const { kind } of a.site.node.handlers.pictures(B, request)) replies.push(kind)
    expect(replies).toEqual(['withheld'])
  })

  it('is withheld from a partner that is suspended while it is read', async () => {
    const { world, a, b, record, picture } = await aPair()
    const index = (await a.ports.store.read((tx) => tx.records.get(A, record)))?.index ?? -1
    const requirements = (b.site.node.view.requirements(B)?.index ?? -1) + 1
    const { blobs } = a.ports
    const { get } = blobs
    blobs.get = async (slot) => {
      blobs.get = get
      await world.coordinator.coordinator.admission.measure('suspend', B, 'terms')
      await world.quiet()
      return get(slot)
    }
    const request = { home: A, requirements, registry: 0, wishes: [{ index, picture, from: 0 }] }
    const replies: string[] = []
    for await (const { kind } of a.site.node.handlers.pictures(B, request)) replies.push(kind)
    expect(a.site.node.view.registry().members.get(B)?.status).toBe('suspended')
    expect(replies).toEqual(['withheld'])
  })

  it('of two records is kept once for each', async () => {
    const { world, a, b, picture } = await aPair()
    await put(a, member('m2'))
    const other = await a.site.ownPictures.add('m2', anUpload('face one'))
    await world.quiet()
    await world.tick()
    expect(other.picture).not.toBe(picture)
    expect(b.files.size).toBe(4)
    await a.site.withdrawer.withdraw(['m1'], 'erased', '')
    await world.quiet()
    expect(b.files.size).toBe(2)
    const target = { home: A, record: other.member.record, picture: other.picture, size: 'small' }
    expect(await b.site.pictures.open({ ...target, size: 'small' })).not.toBeNull()
  })
})

describe('a stream of pictures', () => {
  it('that breaks goes on where it broke', async () => {
    const world = await aWorld()
    const a = await world.addSite(A)
    const b = await world.addSite(B)
    const record = await put(a, member('m1'))
    await world.quiet()
    const asked: number[] = []
    let frames = 3
    world.wrap(A, (handlers) => ({
      ...handlers,
      pictures: async function* broken(from, request) {
        asked.push(...request.wishes.map((wish) => wish.from))
        for await (const reply of handlers.pictures(from, request)) {
          if (frames === 0) throw new Error('the line is dead')
          frames -= 1
          yield reply
        }
      },
    }))
    await a.site.ownPictures.add('m1', anUpload('face one', 300_000))
    await world.quiet()
    expect(await hereAt(b, record)).toEqual([])
    frames = Infinity
    await world.tick(2)
    expect(await hereAt(b, record)).toHaveLength(1)
    // A manifest and two chunks came the first time.
    expect(asked).toEqual([0, 2])
  })

  it.each([
    [
      'a spoilt chunk',
      (reply: PicturesReply): PicturesReply =>
        reply.kind === 'chunk' ? { ...reply, bytes: reply.bytes.map((byte) => byte ^ 1) } : reply,
    ],
    [
      'the manifest of another picture',
      (reply: PicturesReply): PicturesReply =>
        reply.kind === 'manifest'
          ? { ...reply, manifest: aPicture(toUtf8('other')).manifest }
          : reply,
    ],
    [
      'a chunk too many',
      (reply: PicturesReply): PicturesReply =>
        reply.kind === 'chunk'
          ? { ...reply, bytes: concatBytes(reply.bytes, Uint8Array.of(1)) }
          : reply,
    ],
  ])('with %s is given up, and the picture comes from another holder', async (_name, spoil) => {
    const { world, b, record, picture } = await aPair()
    world.wrap(
      A,
      altered(async function* spoilt(replies) {
        for await (const reply of replies) yield spoil(reply)
      }),
    )
    const c = await world.addSite(C)
    await world.tick()
    await world.tick()
    expect(await hereAt(c, record)).toEqual([picture])
    expect(world.events).toContainEqual(
      expect.objectContaining({ type: 'pictures.refused', from: A }),
    )
    expect(await hereAt(b, record)).toEqual([picture])
  })

  it('does not bring what a record that has ended meanwhile has named', async () => {
    const world = await aWorld()
    const a = await world.addSite(A)
    const b = await world.addSite(B)
    await put(a, member('m1'))
    world.wrap(
      A,
      altered(async function* slow(replies) {
        for await (const reply of replies) {
          if (reply.kind === 'chunk') await a.site.withdrawer.withdraw(['m1'], 'erased', '')
          await world.quiet()
          yield reply
        }
      }),
    )
    const { member: added } = await a.site.ownPictures.add('m1', anUpload('face one', 100))
    await world.quiet()
    await world.tick()
    expect(added.version).toBe(2)
    for (const machine of [a, b]) expect(await isEmpty(machine)).toBe(true)
  })
})

describe('a start', () => {
  it('finishes what a crash has left before anything is served', async () => {
    const { world, a, b, record, picture } = await aPair()
    // Files sealed for a picture whose row never came, and a file without a key.
    const [lost] = await b.ports.vault.seal([toUtf8('never referred to')])
    if (lost === undefined) throw new Error('no slot')
    await b.ports.blobs.put([lost, { slot: 999, ciphertext: toUtf8('no key') }])
    // An erasure that was decided, and not finished.
    await b.ports.store.write((tx) => tx.bodies.doom(A, 'all'))
    await world.restart(b)
    expect([keysOn(b), b.files.size]).toEqual([0, 0])
    await world.tick(2)
    expect(await complete(world, a, 0)).toBe(true)
    expect(await a.site.pictures.of(A, [record])).toEqual(new Map([[record, [picture]]]))
  })

  it('brings own pictures back from a partner after the database was lost', async () => {
    const { world, a, record, picture } = await aPair()
    const target = { home: A, record, picture, size: 'large' } as const
    const before = await a.site.pictures.open(target)
    await a.ports.store.write((tx) => tx.bodies.doom(A, 'all'))
    await a.site.node.eraser.flush()
    expect(a.files.size).toBe(0)
    await a.ports.store.write((tx) => tx.records.wantAll(A))
    await world.tick(2)
    await world.tick(2)
    expect(await a.site.pictures.open(target)).toEqual(before)
  })
})

describe('files of a picture', () => {
  it('are named chunk by chunk', () => {
    const { files } = aPicture(anUpload('x'))
    expect(chunksOf(files.large.bytes)).toHaveLength(4)
  })
})
