/** A site replaces its signing keys while its records live on at partners. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyEvidence } from '../../protocol/evidence.ts'
import { people } from '../../scripts/people.ts'
import { completed, startNetwork, writable, type TestNetwork, type TestSite } from './network.ts'
import { dpn, until } from './process.ts'

const today = new Date().toISOString().slice(0, 10)
const members = people(71, 30, today).map((person) => ({ ...person }))

let network: TestNetwork
let amor: TestSite
let brio: TestSite

beforeAll(async () => {
  network = await startNetwork()
  amor = await network.startSite('amor.example')
  brio = await network.startSite('brio.example')
  await brio.api.require({})
  await amor.api.bulk(members)
  await until('brio shows the members', async () => (await brio.api.records()).length > 0)
})
afterAll(() => network.stop())

describe('a rotation of keys', () => {
  it('changes nothing before the coordinator has bound the new keys', async () => {
    const made = await dpn(['rotate', 'prepare', '--data', amor.folder, '--json'])
    expect(made.code).toBe(0)
    expect(existsSync(join(amor.folder, 'node.key.next'))).toBe(true)
    const again = await dpn(['rotate', 'prepare', '--data', amor.folder, '--json'])
    expect(again.out).toBe(made.out)
    expect((await amor.api.status()).writable).toBe(true)
  })

  it('takes the new keys into use by itself, and the log goes on', async () => {
    const made = await dpn(['rotate', 'prepare', '--data', amor.folder, '--json'])
    const { logKey, witnessKey } = JSON.parse(made.out) as { logKey: string; witnessKey: string }
    const shown = (await brio.api.records()).length
    await network.coordinator.api.send('POST', '/v1/members/amor.example/rotate', {
      logKey,
      witnessKey,
    })
    await until('the key file is replaced', () => !existsSync(join(amor.folder, 'node.key.next')))
    await writable(amor)
    const [one] = members
    const withdrawn = await amor.api.withdraw([one?.id ?? ''])
    const record = withdrawn[0]?.record ?? ''
    await completed(amor, [record])
    expect((await brio.api.records()).some((row) => row.record === record)).toBe(false)
    expect((await brio.api.records()).length).toBeGreaterThanOrEqual(shown - 1)
    const { failure } = verifyEvidence(await amor.api.evidence(record), network.coordinatorKey)
    expect(failure).toBeNull()
  })

  it('leaves the old keys without a voice', async () => {
    const { logs } = await network.coordinator.api.status()
    expect(logs.find(({ site }) => site === 'amor.example')?.forked).toBe(false)
    expect(brio.log()).not.toContain('log.forked')
  })
})
