/** The demo, played once: what `npm run demo -- --once --json` promises. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

interface Played {
  ok: boolean
  members: number
  sites: { site: string; members: number }[]
  published: Record<string, number>
  disclosed: Record<string, Record<string, number>>
  withheld: Record<string, Record<string, { count: number; reasons: Record<string, number> }>>
  withdrawals: { home: string; whileDown: string }[]
  receipts: { site: string; receivedAt: number | null }[]
  evidence: string
  verdicts: Record<string, string>
  bridged: {
    sites: { site: string }[]
    held: number
    published: { page: number; list: number }
    shownAt: string[]
    shownWithoutConsent: number
    renamed: boolean
    messages: number
    receipts: number
    pictureAfter: number
  }
  seconds: number
}

it('plays its whole story and prints one JSON object', { timeout: 180_000 }, async () => {
  const child = spawn(process.execPath, ['scripts/demo.ts', '--once', '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const [code] = (await once(child, 'close')) as [number | null]
  expect([code, code === 0 ? '' : err]).toEqual([0, ''])
  const played = JSON.parse(out) as Played
  expect(played).toMatchObject({ ok: true, members: 400 })
  expect(played.sites).toHaveLength(4)
  for (const { site, members } of played.sites) {
    expect(played.published[site]).toBe(members)
    // Everybody is accounted for with every partner, and for each who is withheld there is a reason.
    for (const [partner, disclosed] of Object.entries(played.disclosed[site] ?? {})) {
      const withheld = played.withheld[site]?.[partner]
      expect(disclosed + (withheld?.count ?? 0)).toBe(members)
      const reasons = Object.values(withheld?.reasons ?? {}).reduce((sum, count) => sum + count, 0)
      expect(reasons).toBe(withheld?.count)
    }
  }
  const [withdrawal] = played.withdrawals
  expect(withdrawal?.whileDown).toBe('lune.example')
  expect(played.receipts).toHaveLength(5)
  expect(played.receipts.every(({ receivedAt }) => receivedAt !== null)).toBe(true)
  expect(played.verdicts).toEqual({ evidence: 'proven', forged: 'refused' })
  expect(played.bridged).toMatchObject({
    sites: [{ site: 'rosa.example' }, { site: 'milo.example' }],
    held: 3,
    published: { page: 1, list: 1 },
    shownAt: ['amor.example', 'milo.example'],
    shownWithoutConsent: 0,
    renamed: true,
    messages: 2,
    receipts: 7,
    pictureAfter: 404,
  })
  expect(existsSync(played.evidence)).toBe(true)
  expect(JSON.parse(readFileSync(played.evidence, 'utf8'))).toMatchObject({
    format: 'dpn-evidence/1',
  })
})
