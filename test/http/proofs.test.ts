/** What the coordinator's interface proves: an erasure that all confirmed, a log with two histories. */
import { describe, expect, it } from 'vitest'
import { signCheckpoint } from '../../protocol/checkpoint.ts'
import { verifyEvidence } from '../../protocol/evidence.ts'
import { check } from '../fixtures/archives.ts'
import { createWorld, NETWORK } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aCoordinatorApp, aSiteApp, refused, send } from './apps.ts'

describe('evidence at the coordinator', () => {
  it('verifies offline once every member has cosigned', async () => {
    const small = await createWorld()
    try {
      const home = await small.addSite('home.example')
      const homeApi = await aSiteApp(home)
      const desk = await aCoordinatorApp(small)
      const body = { profile: aProfile(), consent: aConsent() }
      await send(homeApi, homeApi.keys.write, 'PUT /v1/members/m-1', body)
      const opening = 'POST /v1/members/m-1/openings'
      const wish = { auditor: 'dpa.example' }
      const { admin } = homeApi.keys
      await small.until(async () => (await send(homeApi, admin, opening, wish)).status === 200)
      const { json: opened } = await send(homeApi, admin, opening, wish)
      expect(opened).toMatchObject({ format: 'dpn-opening/1' })
      expect(await refused(homeApi, homeApi.keys.write, opening, wish)).toMatchObject({
        status: 403,
      })
      for (const [bad, pointer] of [
        [{ auditor: 'Nobody' }, '/auditor'],
        [{ ...wish, days: 91 }, '/days'],
        [{ ...wish, more: 1 }, '/more'],
      ] as const)
        expect(await refused(homeApi, admin, opening, bad)).toMatchObject({ pointer })
      expect((await send(homeApi, admin, 'POST /v1/members/m-2/openings', wish)).status).toBe(404)
      const given = await send(homeApi, admin, 'GET /v1/members/m-1/disclosures')
      expect(given.json).toMatchObject({
        disclosures: [
          { partner: 'dpa.example', what: 'consent' },
          { partner: 'dpa.example', what: 'consent' },
        ],
      })
      await send(homeApi, homeApi.keys.write, 'DELETE /v1/members/m-1')
      const request = 'GET /v1/withdrawals/home.example/1/evidence'
      await small.until(async () => (await send(desk, desk.keys.auditor, request)).status === 200)
      const { json } = await send(desk, desk.keys.auditor, request)
      const key = small.coordinator.identity.logKey
      const verdict = verifyEvidence(JSON.stringify(json), key)
      expect(verdict.failure).toBeNull()

      const get = (query: string, secret: string | undefined = desk.keys.auditor) =>
        desk.app.request(`/v1/evidence${query}`, { headers: { authorization: `Bearer ${secret}` } })
      const answer = await get('?site=home.example')
      expect(answer.headers.get('content-type')).toBe('application/x-tar')
      expect(answer.headers.get('content-disposition')).toContain('home.example-0-')
      expect(check(new Uint8Array(await answer.arrayBuffer()), key)).toMatchObject({
        failure: null,
        missingCount: 0,
        counts: { withdrawals: 1 },
      })
      expect((await get('', 'dpn_auditor_wrong')).status).toBe(401)
      for (const query of ['?from=9&to=9', '?entries=some', '?more=1', '?site=..'])
        expect((await get(query)).status).toBeGreaterThanOrEqual(400)
      expect((await get('?site=other.example')).status).toBe(404)
    } finally {
      await small.close()
    }
  })
})

describe('the archive of evidence', () => {
  it('is made no faster than it is read', async () => {
    const small = await createWorld()
    try {
      const home = await small.addSite('home.example')
      const homeApi = await aSiteApp(home)
      const body = { profile: aProfile(), consent: aConsent() }
      await send(homeApi, homeApi.keys.write, 'PUT /v1/members/m-1', body)
      const desk = await aCoordinatorApp(small)
      const { archives } = small.coordinator.coordinator
      let made = 0
      const { write } = archives
      archives.write = async (scope) => {
        const pieces = await write(scope)
        return (async function* () {
          for await (const piece of pieces) {
            made += 1
            yield piece
          }
        })()
      }
      const headers = { authorization: `Bearer ${desk.keys.auditor}` }
      const answer = await desk.app.request('/v1/evidence', { headers })
      const reader = answer.body?.getReader()
      for (let read = 1; read <= 4; read += 1) {
        await reader?.read()
        expect(made).toBeLessThanOrEqual(read + 2)
      }
      await reader?.cancel()
      const after = made
      await small.until(() => true)
      expect(made).toBe(after)
      // Readers that stand still keep others from beginning, until they go.
      const begun = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const one = (await desk.app.request('/v1/evidence', { headers })).body?.getReader()
          await one?.read()
          return one
        }),
      )
      const over = await desk.app.request('/v1/evidence', { headers })
      expect([over.status, over.headers.get('retry-after')]).toEqual([429, '60'])
      await begun[0]?.cancel()
      expect((await desk.app.request('/v1/evidence', { headers })).status).toBe(200)
      for (const one of begun) await one?.cancel()
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
