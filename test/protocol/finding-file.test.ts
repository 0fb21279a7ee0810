/** Files of findings made by real cores, then changed in every way that should make them worthless. */
import { beforeEach, describe, expect, it } from 'vitest'
import { verifyFile } from '../../node/cli/verify.ts'
import type { Identity } from '../../node/core/identity.ts'
import type { FindingKind } from '../../node/core/oversight/finding.ts'
import { systemCrypto } from '../../node/roles/system.ts'
import {
  isFindingFile,
  verifyFindingFile,
  type Claim,
  type FindingFile,
} from '../../protocol/finding-file.ts'
import { addCosignature, cosign } from '../../protocol/cosignature.ts'
import { formatNote, parseNote, type VerifierKey } from '../../protocol/note.ts'
import { formatLogProof, parseLogProof } from '../../protocol/proof.ts'
import { openStatement, signStatement } from '../../protocol/statement.ts'
import { announce, aPublished } from '../core/puppet.ts'
import { A, aMember, aWorld, B, C, NETWORK, put, type World } from '../core/world.ts'

const STEP = 86_400
const TERMS = {
  heartbeatSeconds: STEP,
  hideAfterSeconds: 3 * STEP,
  eraseAfterSeconds: 6 * STEP,
  erasureDeadlineSeconds: 3 * STEP,
  registryLeaseSeconds: 20 * STEP,
}
const made = new Map<FindingKind, string>()
let key: VerifierKey
let seed: Uint8Array
let silent: Identity

async function keep(world: World): Promise<void> {
  const { findings, findingFiles } = world.coordinator.coordinator
  const page = { filter: {}, order: 'since', isDescending: false, offset: 0, limit: 100 } as const
  for (const finding of (await findings.list(page)).findings)
    made.set(finding.kind, await findingFiles.file(finding))
}

beforeEach(async () => {
  // Once for all tests: what comes out is text.
  if (made.size > 0) return
  const world = await aWorld(TERMS)
  const a = await world.addSite(A)
  silent = (await world.addSite(B)).identity
  await world.addSite(C)
  world.cut(B)
  await put(a, aMember('m1'))
  await world.tick(60)
  await a.site.withdrawer.withdraw(['m1'], 'consent-withdrawn', '')
  for (let step = 0; step < 4; step += 1) await world.tick(STEP)
  await world.tick(60)
  const { handlers } = world.coordinator.coordinator.node
  const forged = [1, 2].map((n) => aPublished(n).entry)
  await handlers.announcement(A, announce(a.identity, forged, { time: world.clock.now() }))
  await world.tick(60)
  await keep(world)
  key = world.coordinator.identity.logKey
  seed = world.coordinator.identity.logSeed
})

const verify = (text: string) => verifyFindingFile(text, key, systemCrypto.verify)

/** Where a changed file fails: the text of the step. */
function failureOf(kind: FindingKind, change: (file: FindingFile) => void): string {
  const file = JSON.parse(made.get(kind) ?? '') as FindingFile
  change(file)
  const verdict = verify(JSON.stringify(file))
  expect(verdict.shown).toBeNull()
  return verdict.failure ?? 'nothing failed'
}
function claim<Kind extends Claim['kind']>(file: FindingFile, _kind: Kind): Claim & { kind: Kind } {
  return file.claim as Claim & { kind: Kind }
}

/** The statement of a file, signed anew with other words. */
function restate(statement: string, change: object): string {
  const words = { ...openStatement(statement, key), ...change }
  return signStatement(words, key, seed, systemCrypto.sign)
}

describe('verifyFindingFile', () => {
  it('says in words what the coordinator states, and never that something was erased', () => {
    const { failure, shown, checks } = verify(made.get('overdue-erasure') ?? '')
    expect(failure).toBeNull()
    expect(shown).toMatchObject({ kind: 'no-receipt', site: B })
    const words = [...checks, ...(shown?.words ?? [])].join('\n')
    expect(words).toContain(`no receipt received from ${B} by`)
    expect(words).toContain('still awaited')
    expect(words).not.toMatch(/erased|deleted/)
  })

  it('shows a silence and a fork', () => {
    expect(verify(made.get('lapsed-heartbeat') ?? '').shown).toMatchObject({
      kind: 'no-heartbeat',
      site: B,
    })
    expect(verify(made.get('fork') ?? '').shown).toMatchObject({ kind: 'fork', site: A })
  })

  it.each([
    ['fork', 'PROVEN: amor.example has signed two histories'],
    ['overdue-erasure', 'STATED: withdraw, entry'],
    ['lapsed-heartbeat', 'STATED: the coordinator states: due by'],
  ] as const)('is what dpn verify says of a file of %s', (kind, words) => {
    const text = made.get(kind) ?? ''
    const { lines, failed } = verifyFile('finding.json', text, key)
    expect(failed).toBeUndefined()
    expect(lines.join('\n')).toContain(words)
    const forged = text.replace('network.example/', 'network.example/x')
    expect(verifyFile('finding.json', forged, key)).toMatchObject({ failed: true })
  })

  it('refuses what is no such file', () => {
    const file = made.get('fork') ?? ''
    expect(isFindingFile(file)).toBe(true)
    expect(isFindingFile('{"format": "dpn-evidence/1"}')).toBe(false)
    for (const text of ['', '{}', 'null', file.slice(0, -9), file.replace('"claim"', '"clam"')])
      expect(verify(text)).toMatchObject({ checks: [], shown: null })
  })

  it('refuses another coordinator', () => {
    const other = { ...key, publicKey: new Uint8Array(32).fill(9) }
    const verdict = verifyFindingFile(made.get('fork') ?? '', other, systemCrypto.verify)
    expect(verdict.failure).toContain('the registry is signed')
  })

  it('refuses two checkpoints that can both be true', () => {
    const same = failureOf('fork', (file) => {
      const fork = claim(file, 'fork')
      fork.notes[1] = fork.notes[0]
    })
    expect(same).toContain('they cannot both be true')
    const bare = failureOf('fork', (file) => {
      const fork = claim(file, 'fork')
      fork.branch = fork.branch === null ? { range: [], leaves: [], proof: [] } : null
      fork.notes[1] = fork.notes[0]
    })
    expect(bare).toContain('they cannot both be true')
  })

  it('refuses a checkpoint that the site has not signed', () => {
    const changed = failureOf('fork', (file) => {
      const fork = claim(file, 'fork')
      fork.notes[1] = fork.notes[1].replace(/^\d+$/m, '1')
    })
    expect(changed).toContain('both checkpoints are signed')
  })

  it('refuses a statement that nobody has signed', () => {
    const changed = failureOf('overdue-erasure', (file) => {
      const missing = claim(file, 'no-receipt')
      missing.statement = missing.statement.replace(B, C)
    })
    expect(changed).toContain('the statement is signed by the coordinator')
  })

  it.each([
    ['about another entry', { index: 0 }, 'it is about this entry'],
    ['about another log', { log: `${NETWORK}/${B}` }, 'it is about this entry'],
    ['with another begin', { since: 5 }, 'since the coordinator cosigned it'],
    ['about a stranger', { from: 'other.example' }, 'was a member at that time'],
    ['with a deadline before the terms', { due: 1_000_000 }, 'by the terms of that time'],
    ['from before the deadline', { until: { time: 1, state: 'awaited' } }, 'by the terms'],
  ])('refuses a statement %s, signed or not', (_what, change, step) => {
    const changed = failureOf('overdue-erasure', (file) => {
      const missing = claim(file, 'no-receipt')
      missing.statement = restate(missing.statement, change)
    })
    expect(changed).toContain(step)
  })

  it('refuses a statement about a receipt that is in the file', () => {
    const changed = failureOf('overdue-erasure', (file) => {
      const missing = claim(file, 'no-receipt')
      const proof = parseLogProof(missing.proof)
      const note = parseNote(proof.checkpoint)
      const cosignature = cosign({
        checkpointText: note.text,
        time: 1_800_000_000,
        key: silent.witnessKey,
        seed: silent.witnessSeed,
      })
      const checkpoint = formatNote(addCosignature(note, cosignature))
      missing.proof = formatLogProof({ ...proof, checkpoint })
    })
    expect(changed).toContain('has not cosigned this checkpoint')
  })

  it('refuses a heartbeat that is not the one of the statement', () => {
    const changed = failureOf('lapsed-heartbeat', (file) => {
      const missing = claim(file, 'no-heartbeat')
      missing.statement = restate(missing.statement, { since: 7 })
    })
    expect(changed).toContain('the last heartbeat is signed')
  })
})
