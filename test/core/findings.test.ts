/** Findings on a real store: raised once, looked after by people, closed by a cure. */
import { describe, expect, it } from 'vitest'
import type { NewFinding } from '../../node/core/oversight/finding.ts'
import { createFindings } from '../../node/core/oversight/findings.ts'
import { createActs } from '../../node/core/people/acts.ts'
import { systemCrypto } from '../../node/roles/system.ts'
import { aStore } from '../store/builders.ts'
import { HOME, OTHER } from '../store/rows.ts'

const staff = { kind: 'key', id: '00000000000000aa', role: 'staff' } as const
const officer = { kind: 'key', id: '00000000000000bb', role: 'dpo' } as const
const NOW = 1_800_000_000
const late: NewFinding = {
  kind: 'overdue-erasure',
  site: OTHER,
  subject: `${HOME}/7`,
  severity: 'serious',
  since: NOW - 60,
  evidence: { log: HOME, index: 7 },
}
const page = { filter: {}, order: 'since', isDescending: true, offset: 0, limit: 10 } as const

async function aBook(...raised: NewFinding[]) {
  const store = await aStore()
  const clock = { now: () => NOW, every: () => () => undefined }
  const acts = createActs({ store, clock, crypto: systemCrypto })
  const findings = createFindings({ store, clock, crypto: systemCrypto, acts })
  for (const one of raised) await store.write((tx) => findings.raise(tx, one))
  const [first] = (await findings.list(page)).findings
  return { store, acts, findings, id: first?.id ?? '' }
}

describe('createFindings', () => {
  it('keeps one finding for each kind, site and subject', async () => {
    const { findings } = await aBook(late, late, { ...late, subject: `${HOME}/8` })
    expect(await findings.list(page)).toMatchObject({ total: 2 })
  })
  it('names the same finding alike wherever it is found', async () => {
    const [one, other] = [await aBook(late), await aBook({ ...late, since: NOW })]
    expect(one.id).toBe(other.id)
  })
  it('filters, sorts and pages at the store', async () => {
    const { findings } = await aBook(
      late,
      { ...late, site: HOME, severity: 'critical', since: NOW - 90 },
      { ...late, kind: 'fork', severity: 'minor', since: NOW - 30 },
    )
    const worst = { ...page, order: 'severity' } as const
    const rows = (await findings.list(worst)).findings.map(({ severity }) => severity)
    expect(rows).toEqual(['critical', 'serious', 'minor'])
    const forks = { ...page, filter: { kind: 'fork' } } as const
    expect(await findings.list(forks)).toMatchObject({ total: 1, findings: [{ kind: 'fork' }] })
    const second = { ...page, offset: 1, limit: 1 }
    expect(await findings.list(second)).toMatchObject({ total: 3, findings: [{ kind: late.kind }] })
  })
  it('closes what was cured, and says when', async () => {
    const { store, findings, id } = await aBook(late)
    const note = 'receipt received at 2027-01-15T08:00:00Z'
    await store.write((tx) => findings.cure(tx, late, NOW, note))
    await store.write((tx) => findings.cure(tx, late, NOW + 9, 'again'))
    const { finding, history } = await findings.get(id)
    expect(finding).toMatchObject({ state: 'closed', curedAt: NOW })
    expect(history.map((line) => [line.time, line.state, line.note])).toEqual([
      [late.since, 'open', 'found'],
      [NOW, 'closed', note],
    ])
  })
  it('keeps a confirmed finding confirmed when the receipt comes', async () => {
    const { store, findings, id } = await aBook(late)
    await findings.change(officer, id, { state: 'confirmed', note: 'the site admits it' })
    await store.write((tx) => findings.cure(tx, late, NOW, 'receipt received'))
    const { finding, history } = await findings.get(id)
    expect(finding).toMatchObject({ state: 'confirmed', curedAt: NOW })
    expect(history.at(-1)).toMatchObject({ note: 'receipt received', state: 'confirmed' })
  })
  it('has staff explain, and the officer alone confirm, close and open again', async () => {
    const { findings, id, acts } = await aBook(late)
    const note = 'a disk was replaced'
    await findings.change(staff, id, { state: 'explained', owner: staff.id, note })
    for (const state of ['confirmed', 'closed', 'open'] as const) {
      const change = findings.change(staff, id, { state, note })
      await expect(change).rejects.toThrow('/state')
      await findings.change(officer, id, { state, note })
    }
    expect((await findings.get(id)).finding).toMatchObject({ state: 'open', owner: staff.id })
    const lines = (await acts.list({ limit: 9 })).map(({ act, subject }) => [act, subject])
    expect(lines).toEqual([
      ['finding.reopen', id],
      ['finding.close', id],
      ['finding.confirm', id],
      ['finding.explain', id],
    ])
  })
  it.each([
    ['no text', ''],
    ['a text without end', 'x'.repeat(1001)],
    ['the address of a person', 'ask anna@mail.example'],
  ])('takes no note with %s', async (_what, note) => {
    const { findings, id } = await aBook(late)
    await expect(findings.change(staff, id, { note })).rejects.toThrow('/note')
  })
  it('says so where there is no such finding', async () => {
    const { findings } = await aBook()
    await expect(findings.get('00')).rejects.toThrow('not_found')
    await expect(findings.change(staff, '00', { note: 'x' })).rejects.toThrow('not_found')
  })
})
