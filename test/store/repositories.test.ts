import { describe, expect, it } from 'vitest'
import { addYears, ageOnDay, dayNumber, parseIsoDate } from '../../protocol/dates.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Requirements } from '../../protocol/requirements.ts'
import type { BodyFilter, ConsentEvent, LedgerRow } from '../../node/core/store.ts'
import {
  aBody,
  aMember,
  aState,
  aStore,
  bytesOf,
  holdBodies,
  HOME,
  OTHER,
  OWN,
  range,
  recordOf,
  type Body,
} from './builders.ts'

const hashes = (size: number): Uint8Array[] =>
  range(size.toString(2).replaceAll('0', '').length).map((n) => bytesOf(`hash ${n}`))
const batch = (from: number, count: number) => ({
  from,
  entries: range(count).map((n) => bytesOf(`entry ${from + n}`)),
  range: { size: from + count, hashes: hashes(from + count) },
  tiles: [{ level: 0, index: 0, hashes: bytesOf(`tile ${from + count}`) }],
})

describe('logs', () => {
  it('appends entries and gives them back by range and by index', async () => {
    const store = await aStore()
    await store.write((tx) => tx.logs.append(HOME, batch(0, 700)))
    await store.write((tx) => tx.logs.append(HOME, batch(700, 3)))
    await store.read(async (tx) => {
      const log = await tx.logs.get(HOME)
      expect(log).toEqual({
        site: HOME,
        size: 703,
        range: { size: 703, hashes: hashes(703) },
        note: null,
        heartbeat: null,
        requirements: null,
      })
      const entries = await tx.logs.entries(HOME, 698, 900)
      expect(entries).toEqual([698, 699, 700, 701, 702].map((n) => bytesOf(`entry ${n}`)))
      expect(await tx.logs.entriesAt(HOME, [0, 702, 703])).toEqual(
        new Map([
          [0, bytesOf('entry 0')],
          [702, bytesOf('entry 702')],
        ]),
      )
      expect(await tx.logs.tile(HOME, 0, 0)).toEqual(bytesOf('tile 703'))
      expect(await tx.logs.tile(HOME, 1, 0)).toBeNull()
    })
  })

  it('knows nothing of a log that it has never seen', async () => {
    const store = await aStore()
    await store.read(async (tx) => {
      expect(await tx.logs.get(HOME)).toBeNull()
      expect(await tx.logs.all()).toEqual([])
      expect(await tx.logs.entries(HOME, 0, 9)).toEqual([])
      expect(await tx.logs.tile(HOME, 0, 0)).toBeNull()
    })
  })

  it('refuses to append at a size that the log has not, and changes nothing', async () => {
    const store = await aStore()
    await store.write((tx) => tx.logs.append(HOME, batch(0, 5)))
    for (const from of [0, 4, 6]) {
      const appending = store.write((tx) => tx.logs.append(HOME, batch(from, 2)))
      await expect(appending).rejects.toThrow(ProtocolError)
      await expect(appending).rejects.toMatchObject({ code: 'conflict' })
    }
    expect((await store.read((tx) => tx.logs.get(HOME)))?.size).toBe(5)
  })

  it('keeps the newest checkpoint, heartbeat and requirements of each log', async () => {
    const store = await aStore()
    const requirements: Requirements = { ageMin: 20, countries: ['DE'] }
    const published = { requirements, excludes: [OTHER], index: 3 }
    await store.write(async (tx) => {
      await tx.logs.saveCheckpoint(HOME, 'note', 7)
      await tx.logs.saveCheckpoint(HOME, 'newer note', 8)
      await tx.logs.saveRequirements(HOME, published)
      await tx.logs.saveRequirements(OTHER, { ...published, index: 9 })
    })
    const logs = await store.read((tx) => tx.logs.all())
    const rest = { size: 0, range: { size: 0, hashes: [] } }
    expect(logs).toEqual([
      { site: HOME, note: 'newer note', heartbeat: 8, requirements: published, ...rest },
      {
        site: OTHER,
        note: null,
        heartbeat: null,
        requirements: { ...published, index: 9 },
        ...rest,
      },
    ])
  })
})

describe('records', () => {
  it('saves, replaces, and finds by record and by index', async () => {
    const store = await aStore()
    const states = range(600).map((n) => aState(n))
    const newer = aState(3, { index: 600, version: 2 })
    const ended = aState(4, { live: false, endIndex: 601, firstIndex: -1 })
    await store.write(async (tx) => {
      await tx.records.save(HOME, states, true)
      await tx.records.save(HOME, [newer, ended], true)
    })
    await store.read(async (tx) => {
      expect(await tx.records.get(HOME, recordOf(3))).toEqual(newer)
      expect(await tx.records.get(HOME, recordOf(900))).toBeNull()
      expect(await tx.records.get(OTHER, recordOf(3))).toBeNull()
      const many = await tx.records.getMany(HOME, range(700).map(recordOf))
      expect(many).toHaveLength(600)
      expect(many).toContainEqual(ended)
      expect(await tx.records.atIndexes(HOME, [3, 5, 600])).toEqual([states[5], newer])
      expect(await tx.records.ended(HOME, -1, 10)).toEqual([ended])
      expect(await tx.records.ended(HOME, 601, 10)).toEqual([])
      expect(await tx.records.counts(HOME)).toEqual({ live: 599, withdrawn: 1, held: 0 })
    })
  })

  it('wants the bodies of live records, by index, until asked for', async () => {
    const store = await aStore()
    await store.write(async (tx) => {
      await tx.records.save(HOME, [aState(1), aState(2), aState(3, { live: false })], true)
      await tx.records.save(HOME, [aState(4)], false)
      await tx.records.save(HOME, [aState(5)], true)
    })
    const wanted = (above: number, limit = 10): Promise<number[]> =>
      store.read(async (tx) => (await tx.records.wanted(HOME, above, limit)).map((s) => s.index))
    expect(await wanted(-1)).toEqual([1, 2, 5])
    expect(await wanted(1, 1)).toEqual([2])
    await store.write((tx) => tx.records.setAsked(HOME, [2]))
    expect(await wanted(-1)).toEqual([1, 5])
    await store.write(async (tx) => {
      await tx.bodies.insert(HOME, [aBody(5)])
      await tx.records.wantAll(HOME)
    })
    expect(await wanted(-1)).toEqual([1, 2, 4])
    await store.write((tx) => tx.bodies.doom(HOME, [5]))
    await store.write((tx) => tx.records.wantAll(HOME))
    expect(await wanted(-1)).toEqual([1, 2, 4, 5])
  })

  it('finds expired live records and ends those below a size', async () => {
    const store = await aStore()
    await store.write((tx) =>
      tx.records.save(HOME, [aState(1), aState(2), aState(3), aState(4, { live: false })], true),
    )
    const expired = await store.read((tx) => tx.records.expired(HOME, 2_002, 10))
    expect(expired.map((state) => state.index)).toEqual([1, 2])
    await store.write((tx) => tx.records.endBelow(HOME, 3))
    await store.read(async (tx) => {
      expect(await tx.records.counts(HOME)).toEqual({ live: 1, withdrawn: 3, held: 0 })
      expect(await tx.records.wanted(HOME, -1, 10)).toEqual([aState(3)])
      expect(await tx.records.expired(HOME, 9_000, 10)).toEqual([aState(3)])
    })
  })

  it('keeps the first of two pending withdrawals of a record', async () => {
    const store = await aStore()
    const first = { record: recordOf(1), reason: 'erased' as const, time: 5, notice: 'a' }
    const second = { record: recordOf(2), reason: 'expired' as const, time: 4, notice: 'b' }
    await store.write(async (tx) => {
      await tx.records.addPending(first)
      await tx.records.addPending({ ...first, time: 9 })
      await tx.records.addPending(second)
    })
    expect(await store.read((tx) => tx.records.pendingWithdrawals())).toEqual([second, first])
    await store.write((tx) => tx.records.removePending(recordOf(1)))
    expect(await store.read((tx) => tx.records.pendingWithdrawals())).toEqual([second])
  })
})

describe('bodies', () => {
  it('keeps bodies of live records at exactly their index, and they are wanted no more', async () => {
    const store = await aStore()
    const states = [aState(1), aState(2, { live: false }), aState(3, { index: 30 }), aState(5)]
    await store.write((tx) => tx.records.save(HOME, states, true))
    const otherRecord = aBody(5, { record: recordOf(55) })
    const offered = [aBody(1), aBody(2), aBody(3), aBody(4), otherRecord]
    expect(await store.write((tx) => tx.bodies.insert(HOME, offered))).toEqual([1])
    expect(await store.write((tx) => tx.bodies.insert(OTHER, [aBody(1)]))).toEqual([])
    await store.read(async (tx) => {
      const found = await tx.bodies.atIndexes(HOME, range(40))
      expect(found).toEqual([{ ...aBody(1), home: HOME }])
      expect((await tx.records.wanted(HOME, -1, 10)).map((s) => s.index)).toEqual([5, 30])
      expect(await tx.bodies.ofRecord(HOME, recordOf(1))).toEqual({ ...aBody(1), home: HOME })
      expect(await tx.bodies.ofRecord(HOME, recordOf(2))).toBeNull()
    })
  })

  it('does not let a body slip in after its withdrawal', async () => {
    const store = await aStore()
    await store.write((tx) => tx.records.save(HOME, [aState(1)], true))
    await store.write((tx) => tx.records.save(HOME, [aState(1, { live: false })], true))
    expect(await store.write((tx) => tx.bodies.insert(HOME, [aBody(1)]))).toEqual([])
    expect(await store.read((tx) => tx.bodies.slots())).toEqual([])
  })

  it('keeps the body it has where the same one is offered again', async () => {
    const store = await aStore()
    await holdBodies(store, [1])
    const again = aBody(1, { sealed: { slot: 77, ciphertext: bytesOf('again') } })
    expect(await store.write((tx) => tx.bodies.insert(HOME, [again]))).toEqual([])
    expect(await store.read((tx) => tx.bodies.slots())).toEqual([1])
  })

  it('keeps more bodies than fit one statement', async () => {
    const store = await aStore()
    await holdBodies(store, range(1_234))
    const found = await store.read((tx) => tx.bodies.atIndexes(HOME, range(2_000)))
    expect(new Set(found.map((body) => body.index)).size).toBe(1_234)
    for (const body of found) expect(body).toEqual({ ...aBody(body.index), home: HOME })
  })

  it('gives columns by index in pages', async () => {
    const store = await aStore()
    await holdBodies(store, [1, 2, 3])
    const { sealed: _, ...columns } = aBody(2)
    expect(await store.read((tx) => tx.bodies.columns(HOME, 1, 1))).toEqual([columns])
  })

  it('hides doomed bodies at once and removes only those', async () => {
    const store = await aStore()
    await holdBodies(store, [1, 2, 3, 4])
    await store.write(async (tx) => {
      await tx.bodies.doom(HOME, [1])
      await tx.records.save(HOME, [aState(2, { live: false })], true)
      await tx.bodies.doomStale(HOME)
    })
    const doomed = [1, 2].map((n) => ({ home: HOME, index: n, slot: n }))
    await store.read(async (tx) => {
      expect(await tx.bodies.doomed(10)).toEqual(doomed)
      expect((await tx.bodies.atIndexes(HOME, range(9))).map((b) => b.index)).toEqual([3, 4])
      expect((await tx.bodies.columns(HOME, -1, 9)).map((b) => b.index)).toEqual([3, 4])
      expect(await tx.bodies.ofRecord(HOME, recordOf(1))).toBeNull()
      expect(await tx.bodies.slots()).toEqual([1, 2, 3, 4])
      expect((await tx.records.counts(HOME)).held).toBe(2)
    })
    await store.write((tx) => tx.bodies.remove([...doomed, { home: HOME, index: 3 }]))
    await store.write((tx) => tx.bodies.doom(HOME, 'all'))
    await store.read(async (tx) => {
      expect(await tx.bodies.slots()).toEqual([3, 4])
      expect(await tx.bodies.doomed(1)).toEqual([{ home: HOME, index: 3, slot: 3 }])
    })
  })
})

describe('bodies.list', () => {
  const today = dayNumber(parseIsoDate('2026-03-01'))
  const born = (iso: string): Body['facts'] => ({
    ...aBody(0).facts,
    birthDay: dayNumber(parseIsoDate(iso)),
  })
  async function listed(bodies: Body[], filter: Partial<BodyFilter>): Promise<number[]> {
    const store = await aStore()
    await store.write(async (tx) => {
      const states = bodies.map((body) => aState(body.index))
      await tx.records.save(HOME, states, true)
      await tx.bodies.insert(HOME, bodies)
      await tx.records.save(OTHER, [aState(2)], true)
      await tx.bodies.insert(OTHER, [aBody(2)])
    })
    const found = await store.read((tx) =>
      tx.bodies.list({ homes: [HOME], today, limit: 10, ...filter }),
    )
    return found.map((body) => body.index)
  }
  const facts = (changes: Partial<Body['facts']>): Pick<Body, 'facts'> => ({
    facts: { ...aBody(0).facts, ...changes },
  })

  it('goes through the homes in the order of RecordId, in pages', async () => {
    const bodies = [aBody(3), aBody(1), aBody(5)]
    expect(await listed(bodies, {})).toEqual([1, 3, 5])
    expect(await listed(bodies, { homes: [HOME, OTHER], limit: 3 })).toEqual([1, 2, 3])
    expect(await listed(bodies, { after: recordOf(1) })).toEqual([3, 5])
    expect(await listed(bodies, { homes: [] })).toEqual([])
    expect(await listed(bodies, { homes: [OWN] })).toEqual([])
  })

  it('filters by gender, country and language; an empty list accepts nothing', async () => {
    const bodies = [
      aBody(1, facts({ gender: 'man' })),
      aBody(3, facts({ country: 'FR' })),
      aBody(4, facts({ language: 'fr' })),
    ]
    expect(await listed(bodies, { genders: ['man'] })).toEqual([1])
    expect(await listed(bodies, { countries: ['FR', 'IT'] })).toEqual([3])
    expect(await listed(bodies, { languages: ['fr'], genders: ['woman'] })).toEqual([4])
    expect(await listed(bodies, { countries: [] })).toEqual([])
  })

  it('filters by age as the gate counts it, to the day and in leap years', async () => {
    const dates = ['1996-02-28', '1996-02-29', '1996-03-01', '1996-03-02', '1965-03-01']
    const bodies = dates.map((date, place) => aBody(place + 10, { facts: born(date) }))
    for (const [ageMin, ageMax] of [
      [30, 30],
      [29, 29],
      [61, 61],
      [18, 120],
    ] as const) {
      const expected = bodies.filter((body) => {
        const years = ageOnDay(body.facts.birthDay ?? 0, today)
        return years >= ageMin && years <= ageMax
      })
      expect(await listed(bodies, { ageMin, ageMax })).toEqual(expected.map((b) => b.index))
    }
    expect(addYears(parseIsoDate('1996-03-01'), 30)).toBe('2026-03-01')
  })

  it('filters by the age as of publishing where the birth date is not known', async () => {
    const bodies = [30, 31].map((ageYears) =>
      aBody(ageYears, facts({ birthDay: null, ageYears, agedOn: 1 })),
    )
    expect(await listed(bodies, { ageMin: 31 })).toEqual([31])
    expect(await listed(bodies, { ageMax: 30 })).toEqual([30])
  })
})

describe('members', () => {
  const event = (n: number, changes: Partial<ConsentEvent> = {}): ConsentEvent => ({
    record: recordOf(n),
    memberKey: aMember(n).memberKey,
    kind: 'given',
    time: 5,
    notice: { url: 'https://own.example/notice', version: '1', language: 'en', hash: 'ab' },
    scopes: ['discovery'],
    channel: 'web',
    expires: 99,
    ...changes,
  })

  it('saves, replaces, lists and removes members', async () => {
    const store = await aStore()
    const moved = { ...aMember(1), record: recordOf(9) }
    await store.write(async (tx) => {
      await tx.members.save(range(300).map(aMember))
      await tx.members.save([{ ...aMember(1), record: recordOf(999) }])
    })
    await store.read(async (tx) => {
      expect(await tx.members.count()).toBe(300)
      expect((await tx.members.byKeys([moved.memberKey]))[0]?.record).toBe(recordOf(999))
      expect(await tx.members.byKeys([bytesOf('nobody')])).toEqual([])
      expect(await tx.members.byRecord(recordOf(2))).toEqual(aMember(2))
      expect(await tx.members.byRecord(recordOf(1))).toBeNull()
      expect(await tx.members.list(recordOf(4), 2)).toEqual([aMember(5), aMember(6)])
      expect((await tx.members.list(null, 1))[0]).toEqual(aMember(0))
    })
    await store.write((tx) => tx.members.remove([recordOf(2), recordOf(3)]))
    expect(await store.read((tx) => tx.members.count())).toBe(298)
  })

  it('keeps the history of consents in order, also of members that are gone', async () => {
    const store = await aStore()
    const withdrawn = event(1, { kind: 'withdrawn', time: 4, scopes: [] })
    await store.write(async (tx) => {
      await tx.members.addConsents([event(1), event(2), event(3, { channel: 'app' })])
      await tx.members.addConsents([withdrawn])
    })
    await store.read(async (tx) => {
      expect(await tx.members.consents(aMember(1).memberKey)).toEqual([event(1), withdrawn])
      const keys = [1, 2, 7].map((n) => aMember(n).memberKey)
      const lasts = await tx.members.lastConsents(keys)
      expect(lasts).toHaveLength(2)
      expect(lasts).toEqual(expect.arrayContaining([withdrawn, event(2)]))
    })
  })
})

describe('ledger', () => {
  const row = (changes: Partial<LedgerRow> = {}): LedgerRow => ({
    home: HOME,
    partner: OTHER,
    time: 7,
    versions: [1, 2].map((n) => ({ record: recordOf(n), index: n })),
    via: null,
    ...changes,
  })

  it('tells who has a record, naming its versions only', async () => {
    const store = await aStore()
    await store.write(async (tx) => {
      await tx.ledger.add(row())
      await tx.ledger.add(row({ partner: OWN, via: OTHER, time: 6 }))
      await tx.ledger.add(row({ home: OWN }))
    })
    const versions = [{ record: recordOf(2), index: 2 }]
    expect(await store.read((tx) => tx.ledger.ofRecord(HOME, recordOf(2)))).toEqual([
      row({ partner: OWN, via: OTHER, time: 6, versions }),
      row({ versions }),
    ])
  })

  it('is not misled by bytes that straddle two versions', async () => {
    const store = await aStore()
    await store.write((tx) => tx.ledger.add(row()))
    // The last 12 bytes of record 1, its index and nothing else make up record 0x1_00000001.
    const straddling = recordOf(2 ** 32 + 1)
    expect(await store.read((tx) => tx.ledger.ofRecord(HOME, straddling))).toEqual([])
  })

  it('reports what this node served of others, until the home has taken it', async () => {
    const store = await aStore()
    await store.write(async (tx) => {
      await tx.ledger.add(row({ home: OWN }))
      await tx.ledger.add(row({ via: OWN }))
      await tx.ledger.add(row())
      await tx.ledger.add(row({ time: 8 }))
    })
    const [first, second] = await store.read((tx) => tx.ledger.unreported(10))
    expect(first).toMatchObject(row())
    expect(second).toMatchObject(row({ time: 8 }))
    await store.write((tx) => tx.ledger.setReported([first?.id ?? 0]))
    expect(await store.read((tx) => tx.ledger.unreported(10))).toEqual([second])
  })

  it('sums the versions handed out, by home and partner', async () => {
    const store = await aStore()
    await store.write(async (tx) => {
      await tx.ledger.add(row())
      await tx.ledger.add(row({ time: 9 }))
      await tx.ledger.add(row({ home: OWN }))
    })
    const totals = await store.read((tx) => tx.ledger.totals())
    expect(totals).toHaveLength(2)
    expect(totals).toContainEqual({ home: HOME, partner: OTHER, versions: 4 })
    expect(totals).toContainEqual({ home: OWN, partner: OTHER, versions: 2 })
  })

  it('keeps an index of four bytes and refuses a larger one', async () => {
    const store = await aStore()
    const at = (index: number): LedgerRow => row({ versions: [{ record: recordOf(1), index }] })
    await store.write((tx) => tx.ledger.add(at(2 ** 32 - 1)))
    expect(await store.read((tx) => tx.ledger.ofRecord(HOME, recordOf(1)))).toEqual([
      at(2 ** 32 - 1),
    ])
    await expect(store.write((tx) => tx.ledger.add(at(2 ** 32)))).rejects.toThrow('four bytes')
  })
})

describe('receipts', () => {
  it('keeps cosignatures by size, and the checkpoints they are on', async () => {
    const store = await aStore()
    const receipt = (size: number, cosigner = OTHER) => ({
      log: HOME,
      cosigner,
      size,
      time: 3,
      line: `line ${size}`,
    })
    await store.write(async (tx) => {
      for (const size of [9, 5, 7]) await tx.receipts.save(receipt(size))
      await tx.receipts.save(receipt(7, OWN))
      await tx.receipts.save({ ...receipt(9), time: 4 })
      await tx.receipts.saveCheckpoint(HOME, 9, 'note')
    })
    await store.read(async (tx) => {
      const sizes = (await tx.receipts.ofLog(HOME, 7)).map((row) => [row.size, row.time])
      expect(sizes).toEqual([
        [7, 3],
        [7, 3],
        [9, 4],
      ])
      expect(await tx.receipts.largest(HOME, OTHER)).toBe(9)
      expect(await tx.receipts.largest(HOME, OWN)).toBe(7)
      expect(await tx.receipts.largest(OTHER, OWN)).toBe(0)
      expect(await tx.receipts.checkpoint(HOME, 9)).toBe('note')
      expect(await tx.receipts.checkpoint(HOME, 7)).toBeNull()
    })
  })
})

describe('desk', () => {
  it('keeps settings, API keys, applications and forks', async () => {
    const store = await aStore()
    const key = { id: 'k1', name: 'site', role: 'admin', hash: bytesOf('key'), createdAt: 1 }
    const application = {
      site: HOME,
      logKey: bytesOf('log'),
      witnessKey: bytesOf('witness'),
      siteType: 'general',
      jurisdiction: 'DE',
      contact: 'mail@home.example',
      appliedAt: 4,
      state: 'open' as const,
    }
    const fork = { log: HOME, size: 8, notes: ['one', 'two'] as [string, string], foundAt: 5 }
    await store.write(async (tx) => {
      await tx.desk.setSetting('a', '1')
      await tx.desk.setSetting('a', '2')
      await tx.desk.addApiKey({ ...key, revokedAt: null })
      await tx.desk.saveApplication(application)
      await tx.desk.saveApplication({ ...application, state: 'admitted' })
      await tx.desk.addFork(fork)
      await tx.desk.revokeApiKey('k1', 10)
      await tx.desk.revokeApiKey('k1', 20)
    })
    await store.read(async (tx) => {
      expect(await tx.desk.setting('a')).toBe('2')
      expect(await tx.desk.setting('b')).toBeNull()
      expect(await tx.desk.apiKeyByHash(key.hash)).toEqual({ ...key, revokedAt: 10 })
      expect(await tx.desk.apiKeyByHash(bytesOf('none'))).toBeNull()
      expect(await tx.desk.apiKeys()).toHaveLength(1)
      expect(await tx.desk.application(HOME)).toEqual({ ...application, state: 'admitted' })
      expect(await tx.desk.application(OTHER)).toBeNull()
      expect(await tx.desk.applications()).toHaveLength(1)
      expect(await tx.desk.forks()).toEqual([fork])
    })
  })
})
