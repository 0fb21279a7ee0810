/** The opening of a consent, made by a real home and checked as its auditor does. */
import { describe, expect, it } from 'vitest'
import { systemCrypto } from '../../node/roles/system.ts'
import { fromBase64, toBase64 } from '../../protocol/bytes.ts'
import { parseSiteId } from '../../protocol/ids.ts'
import { parseNote, signNote, formatNote } from '../../protocol/note.ts'
import { isOpening, verifyOpening, type OpeningVerdict } from '../../protocol/opening.ts'
import { archiveOf } from '../fixtures/archives.ts'
import { A, aMember, aWorld, B, put } from './world.ts'

const AUDITOR = parseSiteId('dpa.example')
const DAY = 86_400

async function anOpening() {
  const world = await aWorld()
  const a = await world.addSite(A)
  await world.addSite(B)
  const record = await put(a, aMember('m1'))
  await put(a, aMember('m2'))
  await world.tick(300)
  await world.tick(300)
  const file = await a.site.openings.make('m1', { auditor: AUDITOR, seconds: 7 * DAY })
  const check = (text: string, now = world.clock.now()): OpeningVerdict =>
    verifyOpening(text, {
      coordinatorKey: world.coordinator.identity.logKey,
      now,
      verify: systemCrypto.verify,
    })
  /** The file with its signed text changed; signed again by the home where it plays along. */
  const changed = (change: (text: string) => string, seed?: Uint8Array): string => {
    const json = JSON.parse(file) as { opening: string }
    const note = parseNote(json.opening)
    const text = change(note.text)
    const key = a.identity.logKey
    const signatures = seed === undefined ? note.signatures : [signNote(text, key, seed)]
    return JSON.stringify({ ...json, opening: formatNote({ text, signatures }) })
  }
  return { world, a, record, file, check, changed }
}

describe('createOpenings', () => {
  it('proves to one auditor that a consent stands behind a publish entry', async () => {
    const { world, a, record, file, check } = await anOpening()
    expect(isOpening(file)).toBe(true)
    const { failure, proven } = check(file)
    expect(failure).toBeNull()
    expect(proven).toMatchObject({
      auditor: AUDITOR,
      log: A,
      record,
      expiresAt: world.clock.now() + 7 * DAY,
      consent: { state: 'given', notice: { version: expect.any(String) as string } },
    })
    // Nothing of the profile is in it, and the member can see who got it.
    expect(file).not.toMatch(/Lotte|1990|nickname|mail\.example/)
    const { disclosures } = await a.site.members.export('m1')
    expect(disclosures).toContainEqual(
      expect.objectContaining({ partner: AUDITOR, what: 'consent', via: null }),
    )
  })

  it('is refused when it has expired, and by whom it was changed', async () => {
    const { a, world, file, check, changed } = await anOpening()
    const now = world.clock.now()
    expect(check(file, now + 7 * DAY - 1).failure).toBeNull()
    expect(check(file, now + 7 * DAY).failure).toContain('has not expired')
    expect(check(file, now - DAY).failure).toContain('a time that a home may set')
    const { logSeed } = a.identity
    for (const [change, fromHome] of [
      [(text: string) => text.replace(/expires (\d+)/, `expires ${now + 8 * DAY}`), false],
      [(text: string) => text.replace(AUDITOR, 'spy.example'), false],
      [(text: string) => text.replace(/expires (\d+)/, `expires ${now + 91 * DAY}`), true],
      [(text: string) => text.replace(/index \d+/, 'index 0'), true],
      [(text: string) => text.replace(/salt (\S+)/, `salt ${toBase64(new Uint8Array(32))}`), true],
      [
        (text: string) =>
          text.replace(/consent (\S+)/, (_all, consent: string) => {
            const bytes = fromBase64(consent)
            bytes[20] = (bytes[20] ?? 0) ^ 1
            return `consent ${toBase64(bytes)}`
          }),
        true,
      ],
    ] as const)
      expect(check(changed(change, fromHome ? logSeed : undefined)).proven).toBeNull()
    for (const text of [
      '',
      '{}',
      file.slice(0, -9),
      file.replace('dpn-opening/1', 'dpn-opening/2'),
    ])
      expect(check(text).proven).toBeNull()
  })

  it('is not made of a record that has ended, nor for longer than is allowed', async () => {
    const { a, world } = await anOpening()
    await expect(
      a.site.openings.make('m1', { auditor: AUDITOR, seconds: 91 * DAY }),
    ).rejects.toMatchObject({ code: 'out_of_range', path: '/seconds' })
    await a.site.withdrawer.withdraw(['m1'], 'consent-withdrawn', '')
    await world.tick(300)
    await expect(
      a.site.openings.make('m1', { auditor: AUDITOR, seconds: DAY }),
    ).rejects.toMatchObject({ code: 'not_found' })
  })

  it('never is in an archive of evidence', async () => {
    const { a, world, file } = await anOpening()
    const [, consent = '', salt = ''] =
      /consent (\S+)\nsalt (\S+)\n/.exec((JSON.parse(file) as { opening: string }).opening) ?? []
    await a.site.withdrawer.withdraw(['m2'], 'consent-withdrawn', '')
    await world.tick(300)
    await world.tick(300)
    const archive = Buffer.from(await archiveOf(world, { entries: 'all' }))
    const whole = Buffer.from(await archiveOf(world, { site: A, entries: 'all' }))
    for (const bytes of [archive, whole])
      for (const secret of [consent, salt]) {
        expect(bytes.includes(Buffer.from(secret, 'base64'))).toBe(false)
        expect(bytes.includes(secret)).toBe(false)
      }
  })
})
