import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Admit, CoordinatorEntry, Entry, Measure, Rotate } from '../../protocol/entry.ts'
import { parseRecordId, parseSiteId, type SiteId } from '../../protocol/ids.ts'
import { formatVerifierKey } from '../../protocol/note.ts'
import { publicKeyOf } from '../../protocol/keys.ts'
import {
  DEFAULT_TERMS,
  emptyRegistry,
  foldRegistry,
  isActive,
  logKeyAt,
  mayConnect,
  memberOf,
  originOf,
  siteOfOrigin,
  witnessKeysOf,
  witnessName,
  type Member,
  termsAt,
  wasAdmitted,
  type Registry,
} from '../../protocol/registry.ts'

const NETWORK = parseSiteId('network.example')
const A = parseSiteId('amor.example')
const B = parseSiteId('beau.example')
const keys = [1, 2, 3, 4, 5, 6].map((n) => publicKeyOf(new Uint8Array(32).fill(n)))
const key = (n: number): Uint8Array => {
  const found = keys[n]
  if (found === undefined) throw new Error('no such key')
  return found
}

function admit(site: SiteId, changes: Partial<Admit> = {}): Admit {
  return {
    type: 'admit',
    site,
    logKey: key(0),
    witnessKey: key(1),
    siteType: site === NETWORK ? 'coordinator' : 'general',
    jurisdiction: 'DE',
    time: 100,
    expires: 1000,
    ...changes,
  }
}
function rotate(site: SiteId, size: number, from = 0, to = 2): Rotate {
  return {
    type: 'rotate',
    site,
    oldLogKey: key(from),
    oldWitnessKey: key(from + 1),
    logKey: key(to),
    witnessKey: key(to + 1),
    size,
    time: 200,
  }
}
function measure(type: Measure['type'], site: SiteId): Measure {
  return { type, site, reason: 'terms', time: 300 }
}
function fold(...entries: Entry[]): Registry {
  return entries.reduce(foldRegistry, emptyRegistry(NETWORK))
}
function member(registry: Registry, site: SiteId = A): Member {
  const found = memberOf(registry, site)
  if (found === undefined) throw new Error('no such member')
  return found
}
/** A registry without its count of entries. */
function content({ size: _size, ...rest }: Registry): unknown {
  return rest
}

describe('foldRegistry', () => {
  it('begins with no members and the default terms', () => {
    expect(emptyRegistry(NETWORK)).toMatchObject({
      size: 0,
      terms: DEFAULT_TERMS,
      coordinator: null,
    })
    expect(memberOf(emptyRegistry(NETWORK), NETWORK)).toBeUndefined()
  })

  it('takes the coordinator from its first admission, and its keys from no later one', () => {
    const first = fold(admit(NETWORK))
    expect(member(first, NETWORK).keys).toEqual([{ above: -1, logKey: key(0), witnessKey: key(1) }])
    const second = fold(admit(NETWORK), admit(NETWORK, { logKey: key(4) }))
    expect(content(second)).toEqual(content(first))
    expect(first.members.size).toBe(0)
  })

  it('prolongs by a second admission, and never changes keys by it', () => {
    const again = admit(A, {
      logKey: key(4),
      witnessKey: key(5),
      expires: 5000,
      time: 400,
      siteType: 'senior',
      jurisdiction: 'FR',
    })
    expect(member(fold(admit(A), again))).toEqual({
      ...member(fold(admit(A))),
      expires: 5000,
      admissions: [{ from: 100, until: 5000 }],
      siteType: 'senior',
      jurisdiction: 'FR',
    })
  })

  it('knows when a site was admitted, also where it came back after the end', () => {
    const again = admit(A, { time: 2000, expires: 3000 })
    const back = member(fold(admit(A), again))
    expect(back.admissions).toEqual([
      { from: 100, until: 1000 },
      { from: 2000, until: 3000 },
    ])
    const times = [99, 100, 999, 1000, 1999, 2000, 2999, 3000]
    expect(times.filter((time) => wasAdmitted(back, time))).toEqual([100, 999, 2000, 2999])
  })

  it('knows the terms of any time', () => {
    const terms = { ...DEFAULT_TERMS, erasureDeadlineSeconds: 60 }
    const registry = fold({ type: 'terms', terms, time: 500 })
    expect([0, 499, 500, 9000].map((time) => termsAt(registry, time))).toEqual([
      DEFAULT_TERMS,
      DEFAULT_TERMS,
      terms,
      terms,
    ])
  })

  it('leaves a suspended site suspended when it is prolonged', () => {
    const registry = fold(admit(A), measure('suspend', A), admit(A, { expires: 5000 }))
    expect(member(registry)).toMatchObject({ status: 'suspended', expires: 5000 })
  })

  it('suspends and reinstates', () => {
    expect(member(fold(admit(A), measure('suspend', A))).status).toBe('suspended')
    const back = fold(admit(A), measure('suspend', A), measure('reinstate', A))
    expect(member(back).status).toBe('admitted')
  })

  it('lets nothing bring back or change an expelled site', () => {
    const expelled = fold(admit(A), measure('expel', A))
    expect(member(expelled)).toMatchObject({ status: 'expelled', expelledAt: 300 })
    const attempts: CoordinatorEntry[] = [
      admit(A, { expires: 9000 }),
      measure('reinstate', A),
      measure('suspend', A),
      { ...measure('expel', A), time: 999 },
      rotate(A, 10),
    ]
    for (const attempt of attempts)
      expect(content(foldRegistry(expelled, attempt))).toEqual(content(expelled))
  })

  it('rotates from the current keys only, and never to a smaller size', () => {
    const rotated = fold(admit(A), rotate(A, 10))
    expect(member(rotated).keys).toHaveLength(2)
    for (const attempt of [rotate(A, 20), rotate(A, 20, 1), rotate(A, 9, 2, 4)])
      expect(content(foldRegistry(rotated, attempt))).toEqual(content(rotated))
    expect(member(foldRegistry(rotated, rotate(A, 11, 2, 4))).keys).toHaveLength(3)
  })

  it('rotates twice at one size, where keys are lost again before anything is written', () => {
    const registry = fold(admit(A), rotate(A, 0), rotate(A, 0, 2, 4))
    expect(logKeyAt(NETWORK, member(registry), 1).publicKey).toEqual(key(4))
  })

  it('changes nothing by what does not apply', () => {
    const base = fold(admit(NETWORK), admit(A))
    const record = parseRecordId('0'.repeat(32))
    const attempts: Entry[] = [
      measure('suspend', B),
      measure('expel', B),
      rotate(B, 3),
      { type: 'withdraw', record, reason: 'erased', time: 1, notice: '' },
      { type: 'requirements', requirements: {}, excludes: [], time: 1 },
    ]
    for (const attempt of attempts) {
      const next = foldRegistry(base, attempt)
      expect(content(next)).toEqual(content(base))
      expect(next.size).toBe(base.size + 1)
    }
  })

  it('keeps terms, orders and breaches', () => {
    const terms = { ...DEFAULT_TERMS, minimumAge: 21 }
    const order = { type: 'order', site: A, record: null, size: 3, time: 1, notice: 'n' } as const
    const breach = {
      type: 'breach',
      site: A,
      known: 1,
      what: 'w',
      action: 'a',
      contact: 'c',
      time: 2,
    } as const
    expect(fold({ type: 'terms', terms, time: 1 }, order, breach)).toMatchObject({
      terms,
      orders: [order],
      breaches: [breach],
      size: 3,
    })
  })

  it('gives the same registry for the same log, and never changes one it has given', () => {
    const entry = fc.constantFrom<Entry>(
      admit(NETWORK),
      admit(A),
      admit(B, { logKey: key(2), witnessKey: key(3) }),
      admit(A, { expires: 7777 }),
      measure('suspend', A),
      measure('reinstate', A),
      measure('expel', B),
      measure('suspend', NETWORK),
      rotate(A, 5),
      rotate(A, 9, 2, 4),
      rotate(B, 9, 2, 4),
    )
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), (log) => {
        const steps: Registry[] = [emptyRegistry(NETWORK)]
        const copies: Registry[] = []
        for (const one of log) {
          const last = steps.at(-1) ?? emptyRegistry(NETWORK)
          copies.push(structuredClone(last))
          steps.push(foldRegistry(last, one))
        }
        expect(steps.slice(0, -1)).toEqual(copies)
        expect(fold(...log)).toEqual(steps.at(-1))
        for (const { status, expelledAt, keys: spans } of fold(...log).members.values()) {
          expect(status === 'expelled').toBe(expelledAt !== null)
          expect(spans.length).toBeGreaterThan(0)
        }
      }),
    )
  })
})

describe('isActive and mayConnect', () => {
  const admitted = fold(admit(NETWORK), admit(A))
  it('end with the admission, to the second', () => {
    expect(isActive(admitted, A, 999)).toBe(true)
    expect(isActive(admitted, A, 1000)).toBe(false)
    expect(isActive(admitted, B, 1)).toBe(false)
    expect(isActive(admitted, NETWORK, 999)).toBe(true)
  })
  it('let a suspended site connect, for its withdrawals, and an expelled one not', () => {
    const suspended = foldRegistry(admitted, measure('suspend', A))
    expect([isActive(suspended, A, 1), mayConnect(suspended, A)]).toEqual([false, true])
    const expelled = foldRegistry(admitted, measure('expel', A))
    expect([isActive(expelled, A, 1), mayConnect(expelled, A)]).toEqual([false, false])
    expect(mayConnect(admitted, B)).toBe(false)
  })
})

describe('keys and origins', () => {
  it('change above the size of a rotation', () => {
    const rotated = member(fold(admit(A), rotate(A, 10), rotate(A, 12, 2, 4)))
    const at = (size: number): Uint8Array => logKeyAt(NETWORK, rotated, size).publicKey
    expect([0, 10, 11, 12, 13, 10_000].map(at)).toEqual([0, 0, 2, 2, 4, 4].map((n) => key(n)))
  })

  it('have the origin as name, and the witness its own', () => {
    const registry = fold(admit(NETWORK), admit(A), rotate(A, 10))
    expect(formatVerifierKey(logKeyAt(NETWORK, member(registry), 1))).toMatch(
      /^network\.example\/amor\.example\+/,
    )
    expect(logKeyAt(NETWORK, member(registry, NETWORK), 1).name).toBe('network.example')
    const witnesses = witnessKeysOf(NETWORK, member(registry))
    expect(witnesses.map(({ publicKey }) => publicKey)).toEqual([key(1), key(3)])
    expect(witnesses[0]?.name).toBe(witnessName(NETWORK, A))
    expect(witnessName(NETWORK, NETWORK)).toBe('network.example/witness')
  })

  it('lead from an origin back to its site, and from nothing else', () => {
    const registry = fold(admit(NETWORK), admit(A))
    for (const site of [NETWORK, A])
      expect(siteOfOrigin(registry, originOf(NETWORK, site))).toBe(site)
    for (const origin of [
      '',
      'amor.example',
      'network.example/',
      'network.example/beau.example',
      'network.example/network.example',
      'network.example/amor.example/',
      'network.example/amor.example/witness',
      'other.example/amor.example',
    ])
      expect(() => siteOfOrigin(registry, origin)).toThrow(
        expect.objectContaining({ code: 'unknown_origin' }),
      )
  })
})
