/** What the coordinator's interface proves: an erasure that all confirmed, a log with two histories. */
import { describe, expect, it } from 'vitest'
import { signCheckpoint } from '../../protocol/checkpoint.ts'
import { verifyEvidence } from '../../protocol/evidence.ts'
import { createWorld, NETWORK } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aCoordinatorApp, aSiteApp, send } from './apps.ts'

describe('evidence at the coordinator', () => {
  it('verifies offline once every member has cosigned', async () => {
    const small = await createWorld()
    try {
      const home = await small.addSite('home.example')
      const homeApi = await aSiteApp(home)
      const desk = await aCoordinatorApp(small)
      const body = { profile: aProfile(), consent: aConsent() }
      await send(homeApi, homeApi.keys.write, 'PUT /v1/members/m-1', body)
      await send(homeApi, homeApi.keys.write, 'DELETE /v1/members/m-1')
      const request = 'GET /v1/withdrawals/home.example/1/evidence'
      await small.until(async () => (await send(desk, desk.keys.auditor, request)).status === 200)
      const { json } = await send(desk, desk.keys.auditor, request)
      const verdict = verifyEvidence(JSON.stringify(json), small.coordinator.identity.logKey)
      expect(verdict.failure).toBeNull()
    } finally {
      await small.close()
    }
  })
})

describe('a checkpoint of another history', () => {
  it('is not cosigned, is kept as proof, and suspends the site', async () => {
    const small = await createWorld()
    try {
      const home = await small.addSite('home.example')
      const homeApi = await aSiteApp(home)
      const desk = await aCoordinatorApp(small)
      const body = { profile: aProfile(), consent: aConsent() }
      await send(homeApi, homeApi.keys.write, 'PUT /v1/members/m-1', body)
      const { store } = small.coordinator.ports
      const cosigned = (): Promise<number> =>
        store.read((tx) => tx.receipts.largest(home.identity.site, NETWORK))
      await small.until(async () => (await cosigned()) === 1)
      const { origin, logSeed } = home.identity
      const other = signCheckpoint({ origin, size: 1, root: new Uint8Array(32) }, logSeed).text
      const request = { method: 'POST', body: `old 1\n\n${other}` }
      expect((await desk.app.request('/witness/add-checkpoint', request)).status).toBe(409)
      const forks = await send(desk, desk.keys.auditor, 'GET /v1/forks')
      expect(forks.json).toMatchObject({ forks: [{ log: 'home.example' }] })
      const members = await send(desk, desk.keys.auditor, 'GET /v1/members')
      expect(members.json).toMatchObject({ members: [{ status: 'suspended', forked: true }] })
      expect((await desk.app.request('/witness/add-checkpoint', request)).status).toBe(403)
    } finally {
      await small.close()
    }
  })
})
