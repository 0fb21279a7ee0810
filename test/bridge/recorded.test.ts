/**
 * What the module really sends, recorded, against the slow channel. The recordings lie beside the
 * repository; where they are not, there is nothing to replay. Method: the recorded bytes go over a
 * socket, with the key that this node has made in place of the recorded one; the parts behind the
 * channel answer what the recorded server did, as far as it answered what this node would.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ModuleProfile } from '../../node/core/bridge/delivery/deliveries.ts'
import { field, type PhpInput } from '../fixtures/php.ts'
import { aServedBridge, request, send, type Served } from './served.ts'

const FOLDER = '../shared/legacy-examples'
const KEY = 'KEY-abc-123'

interface Recorded {
  name: string
  request: string
  answer: string
}

function recordings(): Recorded[] {
  return globSync('http-*.txt', { cwd: FOLDER })
    .toSorted()
    .map((name) => {
      const text = readFileSync(join(FOLDER, name), 'latin1')
      const [sent = '', answered = ''] = text.split('\n\n<<< response (from my fake server)\n')
      return {
        name,
        request: sent.slice(sent.indexOf('\n') + 1),
        answer: answered.slice(answered.indexOf('\r\n\r\n') + 4).replace(/\n$/, ''),
      }
    })
    .filter(({ name }) => !/socket-io|ws-upgrade|img/.test(name))
}

/** Has the parts answer what the recorded server did. */
function rehearse({ script }: Served, answer: unknown): void {
  const { profiles, status, removed } = answer as {
    profiles?: unknown
    status?: unknown
    removed?: number[]
  }
  if (Array.isArray(profiles)) {
    script.offers = profiles as ModuleProfile[]
    script.updates = profiles as ModuleProfile[]
  }
  if (typeof status === 'object' && status !== null)
    script.numbers = new Map(Object.entries(status).map(([id, netId]) => [Number(id), netId]))
  if (removed !== undefined) script.removals = removed
}

/** Answers of this node, where the recorded server gave others. */
const OWN: Record<string, string> = {
  'http-put_profiles-1.txt': '{"profiles":{"1":"processed","2":"processed","3":"processed"}}',
  'http-put_profiles-2.txt': '{"profiles":{"1":"processed","2":"processed","3":"processed"}}',
}

describe.skipIf(!existsSync(FOLDER))('the slow channel, on what was recorded', () => {
  const all = existsSync(FOLDER) ? recordings() : []

  it.each(all.filter(({ name }) => !name.includes('get_key')))(
    'answers $name byte for byte',
    async ({ name, request: bytes, answer }) => {
      const served = await aServedBridge()
      rehearse(served, JSON.parse(answer))
      const got = await send(served.port, Buffer.from(bytes.replace(KEY, served.key), 'latin1'))
      expect(got?.status).toBe(200)
      expect(got?.headers.get('content-type')).toBe('application/json')
      expect(got?.body).toBe(OWN[name] ?? answer)
      expect(served.faults).toEqual([])
    },
  )

  it('gives a key that then opens the channel', async () => {
    const { port, bridge } = await aServedBridge()
    await bridge.contact.openWindow()
    const asking = all.find(({ name }) => name.includes('get_key'))?.request ?? ''
    const got = await send(port, asking)
    const { code } = JSON.parse(got?.body ?? '{}') as { code?: string }
    expect(got?.body).toBe(`{"code":"${code}"}`)
    const test = all.find(({ name }) => name.includes('http-test'))?.request ?? ''
    expect((await send(port, test.replace(KEY, code ?? '')))?.body).toBe('{"test":1}')
  })

  it('hands on all of a recorded session, value by value', async () => {
    const lines = readFileSync(join(FOLDER, 'decoded-requests.jsonl'), 'utf8').trim().split('\n')
    const served = await aServedBridge()
    const { script, key, port } = served
    const expected: { part: string; handed: unknown }[] = []
    const answers: { action: string; got: unknown; due: unknown }[] = []
    for (const line of lines) {
      const { method, url, decoded, answer } = JSON.parse(line) as {
        method: 'GET' | 'POST'
        url: string
        decoded: Record<string, string | { php: PhpInput }>
        answer: unknown
      }
      const action = url.slice(url.lastIndexOf('/') + 1)
      if (action.startsWith('get_key')) continue
      rehearse(served, answer)
      const body = Object.entries(decoded).map(([name, value]) =>
        typeof value === 'string'
          ? new URLSearchParams([[name, value]]).toString()
          : field(name, value.php),
      )
      const got = await send(
        port,
        request(method, action, { key }, method === 'POST' ? body.join('&') : ''),
      )
      const php = (decoded['profiles'] ?? decoded['id']) as { php: { id: string }[] } | undefined
      const words = php?.php.map(({ id }) => [id, 'processed']) ?? []
      const due = action === 'put_profiles' ? { profiles: Object.fromEntries(words) } : answer
      answers.push({ action, got: JSON.parse(got?.body ?? ''), due })
      if (action === 'put_profiles' && php?.php.length)
        expected.push({ part: 'put', handed: php.php })
      if (action === 'put_updated' && php?.php.length)
        expected.push({ part: 'update', handed: php.php })
      if (action === 'put_removed' && php?.php.length)
        expected.push({ part: 'own removed', handed: php.php.map(Number) })
      if (action === 'put_profiles_status')
        expected.push({ part: 'added', handed: Object.values(decoded).map(Number) })
    }
    expect(answers.map(({ action, got }) => [action, got])).toEqual(
      answers.map(({ action, due }) => [action, due]),
    )
    const parts = new Set(['put', 'update', 'own removed', 'added'])
    expect(script.calls.filter(({ part }) => parts.has(part))).toEqual(expected)
    expect(served.bridge.contact.view().requirements).toMatchObject({ countries: ['FR', 'US'] })
  })
})
