/**
 * Evidence made by real cores, then changed in every way that should make it worthless.
 */
import { beforeEach, describe, expect, it } from 'vitest'
import { fromBase64, toBase64 } from '../../protocol/bytes.ts'
import {
  requiredCosigners,
  verifyEvidence,
  type Evidence,
  type EvidenceVerdict,
} from '../../protocol/evidence.ts'
import type { VerifierKey } from '../../protocol/note.ts'
import { witnessName } from '../../protocol/registry.ts'
import { A, aMember, aWorld, B, C, NETWORK, put } from '../core/world.ts'

interface Made {
  file: string
  evidence: Evidence
  key: VerifierKey
  /** Evidence of another entry of the same log, and of a log of another network. */
  other: Evidence
  foreign: { evidence: Evidence; key: VerifierKey }
}

async function aProof() {
  const world = await aWorld()
  const a = await world.addSite(A)
  await world.addSite(B)
  await world.addSite(C)
  for (const id of ['m1', 'm2', 'm3']) await put(a, aMember(id))
  await world.tick()
  const done = await a.site.withdrawer.withdraw(['m1', 'm2'], 'consent-withdrawn', 'n1')
  await world.tick(300)
  await world.tick(300)
  const indexes = [...done.values()].map(({ index }) => index ?? -1)
  const files = await Promise.all(indexes.map((index) => a.site.node.evidence.file(A, index)))
  return { world, indexes, files, key: world.coordinator.identity.logKey }
}

let made: Made
let index: number | undefined
beforeEach(async () => {
  // Once for all tests: what comes out is text.
  if (index !== undefined) return
  const { files, key, indexes } = await aProof()
  const [file = '', second = ''] = files
  index = indexes[0] ?? -1
  const elsewhere = await aProof()
  made = {
    file,
    evidence: JSON.parse(file) as Evidence,
    key,
    other: JSON.parse(second) as Evidence,
    foreign: {
      evidence: JSON.parse(elsewhere.files[0] ?? '') as Evidence,
      key: elsewhere.key,
    },
  }
})

const verify = (evidence: unknown, key = made.key): EvidenceVerdict =>
  verifyEvidence(JSON.stringify(evidence), key)

/** Where a changed file fails: the text of the step. */
function failureOf(change: (evidence: Evidence) => void, key = made.key): string {
  const evidence = structuredClone(made.evidence)
  change(evidence)
  const verdict = verify(evidence, key)
  expect(verdict.proven).toBeNull()
  return verdict.failure ?? 'nothing failed'
}

const REGISTRY = 'the registry is signed by the coordinator of network.example'
const POLICY = 'the policy in the file names exactly the members who had to cosign'

const cosignatures = (proof: string): string[] =>
  proof.split('\n').filter((line) => line.includes('/witness '))

function isBase64(text: string): boolean {
  return text.length > 40 && toBase64(Buffer.from(text, 'base64')) === text
}

describe('verifyEvidence', () => {
  it('lists what it has checked in order, and says what is proven', () => {
    const verdict = verifyEvidence(made.file, made.key)
    expect(verdict.failure).toBeNull()
    expect(verdict.checks).toEqual([
      'the file is an evidence file',
      REGISTRY,
      'the entry is a well-formed log entry',
      'the checkpoint is of the log of a member',
      POLICY,
      `the checkpoint is signed by ${A}`,
      expect.stringMatching(/^entry \d+ is in the log of amor\.example at size \d+$/),
      ...[NETWORK, A, B, C]
        .map((site) => `receipt by ${witnessName(NETWORK, site)}`)
        .map((line) => expect.stringContaining(line.slice('receipt by '.length))),
      'the registry is not older than the receipt of the coordinator',
    ])
    expect(verdict.proven).toMatchObject({
      log: A,
      index,
      entry: { type: 'withdraw', reason: 'consent-withdrawn', notice: 'n1' },
    })
    expect(verdict.proven?.cosigned).toHaveLength(4)
  })

  it('refuses what is no evidence file', () => {
    for (const text of ['', 'null', '{}', '[]', made.file.slice(0, -3), `${made.file}x`])
      expect(verifyEvidence(text, made.key)).toMatchObject({ checks: [], proven: null })
    expect(failureOf((evidence) => Object.assign(evidence, { more: 1 }))).toContain('unknown_field')
    expect(
      failureOf((evidence) => Object.assign(evidence, { format: 'dpn-evidence/2' })),
    ).toContain('the file is an evidence file')
  })

  it('refuses another entry', () => {
    expect(failureOf((evidence) => Object.assign(evidence, { entry: made.other.entry }))).toMatch(
      /^entry \d+ is in the log/,
    )
  })

  it('refuses another index', () => {
    const right = index ?? -1
    for (const wrong of [right + 1, right - 1, 0])
      expect(
        failureOf((evidence) => {
          evidence.proof = evidence.proof.replace(`index ${right}\n`, `index ${wrong}\n`)
        }),
      ).toMatch(/^entry \d+ is in the log|^the checkpoint is of the log/)
  })

  it('refuses a file that lacks any one cosigner, and names it', () => {
    for (const site of [NETWORK, A, B, C]) {
      const name = witnessName(NETWORK, site)
      const failure = failureOf((evidence) => {
        const lines = evidence.proof.split('\n')
        evidence.proof = lines.filter((line) => !line.startsWith(`— ${name} `)).join('\n')
      })
      // Without the coordinator's own it cannot even be said who else had to sign.
      expect(failure).toContain(
        site === NETWORK ? "expected the coordinator's cosignature" : `receipt by ${name}`,
      )
    }
  })

  it('refuses a policy with a member left out, with or without its cosignature', () => {
    for (const isSilent of [true, false]) {
      const failure = failureOf((evidence) => {
        const name = witnessName(NETWORK, B)
        const lines = evidence.policy.split('\n')
        const [, alias = name] =
          /^witness (\S+) /.exec(lines.find((line) => line.includes(`${name}+`)) ?? '') ?? []
        evidence.policy = lines
          .filter((line) => !line.includes(`${name}+`))
          .map((line) => line.replace(` ${alias}`, ''))
          .join('\n')
        if (!isSilent) return
        evidence.proof = evidence.proof
          .split('\n')
          .filter((line) => !line.startsWith(`— ${name} `))
          .join('\n')
      })
      expect(failure).toContain(POLICY)
    }
  })

  it('refuses a registry cut short, lengthened, or out of order', () => {
    const changes: ((entries: string[]) => unknown)[] = [
      (entries) => entries.pop(),
      (entries) => entries.shift(),
      (entries) => entries.push(entries.at(-1) ?? ''),
      (entries) => entries.splice(3, 1),
      (entries) => entries.splice(2, 2, ...entries.slice(2, 4).toReversed()),
      (entries) => entries.splice(0, entries.length),
    ]
    for (const change of changes)
      expect(failureOf(({ registry }) => change(registry.entries))).toContain(REGISTRY)
  })

  it('refuses the registry of another coordinator, and another coordinator key', () => {
    const { foreign } = made
    expect(verify(foreign.evidence, foreign.key).failure).toBeNull()
    expect(
      failureOf((evidence) => Object.assign(evidence, { registry: foreign.evidence.registry })),
    ).toContain(REGISTRY)
    expect(failureOf(() => undefined, foreign.key)).toContain(REGISTRY)
    expect(
      failureOf((evidence) => Object.assign(evidence, { proof: foreign.evidence.proof })),
    ).not.toBe('nothing failed')
  })

  it('refuses cosignatures of another checkpoint', () => {
    const failure = failureOf((evidence) => {
      const [wrong = ''] = cosignatures(made.foreign.evidence.proof)
      const [right = ''] = cosignatures(evidence.proof)
      evidence.proof = evidence.proof.replace(right, wrong)
    })
    expect(failure).not.toBe('nothing failed')
  })

  it('refuses any byte of any base64 part that is flipped', () => {
    // Method: every byte of the entry and of the checkpoint's root; of the rest a sample.
    const { entry, proof, policy, registry } = made.evidence
    const words = [proof, policy, registry.checkpoint].join('\n').split(/[\s]/)
    const keys = words.map((word) => /^[^+]+\+[0-9a-f]{8}\+(.+)$/.exec(word)?.[1] ?? word)
    const parts = [entry, ...registry.entries, ...keys.filter(isBase64)]
    expect(parts.length).toBeGreaterThan(10)
    let tried = 0
    for (const part of parts) {
      const bytes = fromBase64(part)
      const step = part === made.evidence.entry ? 1 : Math.ceil(bytes.length / 6)
      for (let at = 0; at < bytes.length; at += step) {
        const flipped = Uint8Array.from(bytes)
        flipped[at] = (flipped[at] ?? 0) ^ 0x10
        const text = made.file.replaceAll(part, toBase64(flipped))
        expect(verifyEvidence(text, made.key)).toMatchObject({ proven: null })
        tried += 1
      }
    }
    expect(tried).toBeGreaterThan(80)
  })

  it('refuses any line of the proof, the policy or the registry checkpoint that is left out', () => {
    const parts: [(evidence: Evidence) => string, (evidence: Evidence, text: string) => void][] = [
      [(e) => e.proof, (e, text) => void (e.proof = text)],
      [(e) => e.policy, (e, text) => void (e.policy = text)],
    ]
    for (const [get, set] of parts) {
      const lines = get(made.evidence).split('\n')
      for (let at = 0; at < lines.length - 1; at += 1) {
        const text = lines.toSpliced(at, 1).join('\n')
        expect(failureOf((evidence) => set(evidence, text))).not.toBe('nothing failed')
      }
    }
  })
})

describe('requiredCosigners', () => {
  it('are the coordinator and all who were admitted by then and have not been expelled', async () => {
    const { world } = await aProof()
    const { admission, node } = world.coordinator.coordinator
    const before = node.view.registry()
    const admittedAt = before.members.get(C)?.admittedAt ?? 0
    const names = (registry: typeof before, time: number): string[] =>
      requiredCosigners(registry, time).map(({ site }) => site)
    expect(names(before, admittedAt)).toEqual([NETWORK, A, B, C])
    expect(names(before, admittedAt - 1)).toEqual([NETWORK, A, B])
    await admission.measure('suspend', A, 'terms')
    expect(names(node.view.registry(), admittedAt)).toEqual([NETWORK, A, B, C])
    await admission.measure('expel', A, 'terms')
    expect(names(node.view.registry(), admittedAt)).toEqual([NETWORK, B, C])
  })
})
