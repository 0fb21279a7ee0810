import { describe, expect, it } from 'vitest'
import { aStore } from './builders.ts'
import { bytesOf, HOME, OTHER } from './rows.ts'

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
