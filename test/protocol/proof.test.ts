import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toBase64, toUtf8 } from '../../protocol/bytes.ts'
import { signCheckpoint } from '../../protocol/checkpoint.ts'
import { addCosignature, cosign } from '../../protocol/cosignature.ts'
import { publicKeyOf } from '../../protocol/keys.ts'
import { EVIDENCE_BYTES } from '../../protocol/limits.ts'
import { inclusionProof, leafHash, nodeHash, rootAt } from '../../protocol/merkle.ts'
import {
  formatNote,
  formatVerifierKey,
  KEY_TYPE_COSIGNATURE,
  KEY_TYPE_ED25519,
  makeVerifierKey,
  type Note,
} from '../../protocol/note.ts'
import {
  formatLogProof,
  formatPolicy,
  parseLogProof,
  parsePolicy,
  type Policy,
  satisfiesPolicy,
  unanimousPolicy,
  verifyLogProof,
} from '../../protocol/proof.ts'

const ORIGIN = 'net/amor.example'
const seedOf = (number: number): Uint8Array => new Uint8Array(32).fill(number)
const logKey = makeVerifierKey(ORIGIN, KEY_TYPE_ED25519, publicKeyOf(seedOf(1)))
const witnesses = [2, 3, 4, 5].map((number) => ({
  seed: seedOf(number),
  key: makeVerifierKey(`site${number}.example`, KEY_TYPE_COSIGNATURE, publicKeyOf(seedOf(number))),
}))
const witnessKeys = witnesses.map(({ key }) => key)
const [W2 = '', W3 = '', W4 = '', W5 = ''] = witnessKeys.map(formatVerifierKey)
const LOG = formatVerifierKey(logKey)

const entries = Array.from({ length: 13 }, (_, index) => toUtf8(`entry ${index}`))
const leaves = entries.map((entry) => leafHash(entry))
function nodes(level: number, index: number): Uint8Array {
  if (level === 0) return leaves[index] ?? leafHash(toUtf8(''))
  return nodeHash(nodes(level - 1, index * 2), nodes(level - 1, index * 2 + 1))
}

const { note: bareNote } = signCheckpoint(
  { origin: ORIGIN, size: 13, root: rootAt(13, nodes) },
  seedOf(1),
)

/** The checkpoint, cosigned by the witnesses at these positions. */
function cosignedBy(...positions: number[]): string {
  let note: Note = bareNote
  for (const position of positions) {
    const witness = witnesses[position]
    if (witness === undefined) throw new Error('no such witness')
    const time = 1_700_000_000 + position
    note = addCosignature(note, cosign({ checkpointText: note.text, time, ...witness }))
  }
  return formatNote(note)
}

const ALL = cosignedBy(0, 1, 2, 3)
const policy = unanimousPolicy([logKey], witnessKeys)

function aProof(index: number, checkpoint = ALL) {
  return { index, hashes: inclusionProof(index, 13, nodes), checkpoint }
}

/** Stands for the signatures in tests of everything else. */
const always = (): boolean => true

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = Uint8Array.from(bytes)
  const at = (bit >> 3) % changed.length
  changed[at] = (changed[at] ?? 0) ^ (1 << (bit & 7))
  return changed
}

function canParse(text: string): boolean {
  try {
    parseLogProof(text)
    return true
  } catch {
    return false
  }
}

describe('parseLogProof', () => {
  it('has the known form', () => {
    const proof = { extra: toUtf8('x'), index: 12, hashes: [new Uint8Array(32)], checkpoint: ALL }
    const zeroes = toBase64(new Uint8Array(32))
    const text = `c2sp.org/tlog-proof@v1\nextra eA==\nindex 12\n${zeroes}\n\n${ALL}`
    expect(formatLogProof(proof)).toBe(text)
    expect(parseLogProof(text)).toEqual(proof)
  })

  it('reads back any proof', () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
    const proof = fc.record(
      {
        extra: fc.uint8Array({ minLength: 1 }),
        index: fc.maxSafeNat(),
        hashes: fc.array(hash, { maxLength: 63 }),
        checkpoint: fc.constant(ALL),
      },
      { requiredKeys: ['index', 'hashes', 'checkpoint'], noNullPrototype: true },
    )
    fc.assert(
      fc.property(proof, (each) => {
        expect(parseLogProof(formatLogProof(each))).toEqual(each)
      }),
    )
  })

  const text = formatLogProof(aProof(3))

  it.each([
    ['nothing', ''],
    ['another header', text.replace('@v1', '@v2')],
    ['no index', text.replace('index 3\n', '')],
    ['an index with a leading zero', text.replace('index 3', 'index 03')],
    ['an index that is no number', text.replace('index 3', 'index x')],
    ['extra after the index', text.replace('index 3\n', 'index 3\nextra eA==\n')],
    ['empty extra', text.replace('index 3\n', 'extra \nindex 3\n')],
    ['extra in broken base64', text.replace('index 3\n', 'extra eA\nindex 3\n')],
    ['a hash of 31 bytes', text.replace('index 3\n', `index 3\n${toBase64(new Uint8Array(31))}\n`)],
    ['no blank line', text.replace('\n\n', '\n')],
    ['a checkpoint that is none', text.replace('\n13\n', '\nx\n')],
    ['carriage returns', text.replaceAll('\n', '\r\n')],
  ])('refuses %s', (_name, broken) => {
    expect(() => parseLogProof(broken)).toThrow('malformed')
  })

  it('refuses a truncation at each character but the ends of cosignature lines', () => {
    for (let end = 0; end < text.length; end += 1) {
      const cut = text.slice(0, end)
      expect(canParse(cut)).toBe(/\n— [^\n]+\n$/.test(cut))
    }
  })

  it('refuses more than 63 hashes', () => {
    const hashes = Array.from({ length: 64 }, () => new Uint8Array(32))
    expect(() => formatLogProof({ ...aProof(3), hashes })).toThrow('bad_proof')
    const lines = hashes.map((hash) => `${toBase64(hash)}\n`).join('')
    const long = `c2sp.org/tlog-proof@v1\nindex 3\n${lines}\n${ALL}`
    expect(() => parseLogProof(long)).toThrow('bad_proof')
  })

  it('refuses empty extra bytes, a bad index and too large a file', () => {
    expect(() => formatLogProof({ ...aProof(3), extra: new Uint8Array(0) })).toThrow('malformed')
    expect(() => formatLogProof({ ...aProof(3), index: -1 })).toThrow('malformed')
    expect(() => formatLogProof({ ...aProof(3), index: 2 ** 53 })).toThrow('out_of_range')
    const extra = new Uint8Array(EVIDENCE_BYTES)
    expect(() => formatLogProof({ ...aProof(3), extra })).toThrow('too_large')
  })
})

const GROUPS = `
# two of three, and the fourth
log\t${LOG}  https://log.example/
witness w2 ${W2}
  witness w3 ${W3} https://w3.example/
witness w4 ${W4}
witness w5 ${W5}
group some 2 w2 w3 w4
group both all some w5
quorum both
`

describe('parsePolicy', () => {
  it('reads logs, witnesses, groups and the quorum', () => {
    const parsed = parsePolicy(GROUPS)
    expect(parsed.logs).toEqual([{ key: logKey, url: 'https://log.example/' }])
    expect(parsed.witnesses.map(({ name }) => name)).toEqual(['w2', 'w3', 'w4', 'w5'])
    expect(parsed.witnesses[1]?.url).toBe('https://w3.example/')
    expect(parsed.groups).toEqual([
      { name: 'some', threshold: 2, members: ['w2', 'w3', 'w4'] },
      { name: 'both', threshold: 'all', members: ['some', 'w5'] },
    ])
    expect(parsed.quorum).toBe('both')
    expect(parsePolicy(formatPolicy(parsed))).toEqual(parsed)
  })

  it('reads back the policy of all members, and that of none', () => {
    expect(parsePolicy(formatPolicy(policy))).toEqual(policy)
    const alone = unanimousPolicy([logKey], [])
    expect(formatPolicy(alone)).toBe(`log ${LOG}\nquorum none\n`)
    expect(parsePolicy(formatPolicy(alone))).toEqual(alone)
  })

  it.each([
    ['nothing', ''],
    ['no quorum', `log ${LOG}\n`],
    ['two quorums', 'quorum none\nquorum none\n'],
    ['an undefined quorum', 'quorum a\n'],
    ['a quorum of two names', `witness a ${W2}\nwitness b ${W3}\nquorum a b\n`],
    ['no last line feed', 'quorum none'],
    ['a carriage return', 'quorum none\r\n'],
    ['a delete character', '# \u007f\nquorum none\n'],
    ['an unknown keyword', 'Quorum none\n'],
    ['a log twice', `log ${LOG}\nlog ${LOG}\nquorum none\n`],
    ['a log without key', 'log\nquorum none\n'],
    ['a third item for a log', `log ${LOG} a b\nquorum none\n`],
    ['a witness key for a log', `log ${W2}\nquorum none\n`],
    ['a log key for a witness', `witness a ${LOG}\nquorum none\n`],
    ['a witness key twice', `witness a ${W2}\nwitness b ${W2}\nquorum none\n`],
    ['a name twice', `witness a ${W2}\nwitness a ${W3}\nquorum none\n`],
    ['a witness called none', `witness none ${W2}\nquorum none\n`],
    ['a group called as a witness', `witness a ${W2}\ngroup a all a\nquorum a\n`],
    ['a group without members', 'group g all\nquorum g\n'],
    ['a group of itself', 'group g all g\nquorum g\n'],
    ['a member defined later', `group g all a\nwitness a ${W2}\nquorum g\n`],
    ['a member called none', 'group g all none\nquorum g\n'],
    ['a member twice', `witness a ${W2}\ngroup g all a a\nquorum g\n`],
    ['a member of two groups', `witness a ${W2}\ngroup g all a\ngroup h all a\nquorum g\n`],
    ['a threshold of 0', `witness a ${W2}\ngroup g 0 a\nquorum g\n`],
    ['a threshold above the members', `witness a ${W2}\ngroup g 2 a\nquorum g\n`],
    ['a threshold with a leading zero', `witness a ${W2}\ngroup g 01 a\nquorum g\n`],
    ['a threshold in words', `witness a ${W2}\ngroup g most a\nquorum g\n`],
  ])('refuses %s', (_name, text) => {
    expect(() => parsePolicy(text)).toThrow(/malformed|wrong_type/)
  })

  it('refuses too large a file', () => {
    const text = `#${'a'.repeat(EVIDENCE_BYTES)}\nquorum none\n`
    expect(() => parsePolicy(text)).toThrow('too_large')
  })
})

describe('formatPolicy', () => {
  it('refuses names and addresses that would be read as something else', () => {
    const [key] = witnessKeys
    if (key === undefined) throw new Error('no witness')
    const of = (name: string, url?: string): Policy => ({
      logs: [],
      witnesses: [url === undefined ? { name, key } : { name, key, url }],
      groups: [],
      quorum: 'none',
    })
    for (const name of ['', 'a b', 'a\nquorum none', 'a\tb', 'none', '\ud800'])
      expect(() => formatPolicy(of(name))).toThrow('malformed')
    expect(() => formatPolicy(of('a', 'https://a.example/ x'))).toThrow('malformed')
    expect(parsePolicy(formatPolicy(of('ü')))).toEqual(of('ü'))
  })
})

describe('satisfiesPolicy', () => {
  it.each([
    [[], false],
    [[0, 1, 2], false],
    [[0, 3], false],
    [[0, 1, 3], true],
    [[1, 2, 3], true],
    [[0, 1, 2, 3], true],
  ])('judges cosignatures by the witnesses %j with nested groups as %s', (positions, satisfied) => {
    const verdict = satisfiesPolicy(cosignedBy(...positions), parsePolicy(GROUPS))
    expect(verdict.satisfied).toBe(satisfied)
    expect(verdict.log).toEqual(logKey)
    expect(verdict.cosigned).toEqual(
      positions.map((position) => ({ name: `w${position + 2}`, time: 1_700_000_000 + position })),
    )
  })

  it('takes any, all, one witness, or none as the quorum says', () => {
    const start = `log ${LOG}\nwitness a ${W2}\nwitness b ${W3}\n`
    const is = (end: string, ...positions: number[]): boolean =>
      satisfiesPolicy(cosignedBy(...positions), parsePolicy(start + end)).satisfied
    expect(is('group g any a b\nquorum g\n')).toBe(false)
    expect(is('group g any a b\nquorum g\n', 1)).toBe(true)
    expect(is('group g all a b\nquorum g\n', 1)).toBe(false)
    expect(is('group g all a b\nquorum g\n', 0, 1)).toBe(true)
    expect(is('quorum a\n', 1)).toBe(false)
    expect(is('quorum a\n', 0)).toBe(true)
    expect(is('quorum none\n')).toBe(true)
  })

  it('ignores cosignatures that the policy does not know', () => {
    const two = unanimousPolicy([logKey], witnessKeys.slice(0, 2))
    expect(satisfiesPolicy(ALL, two).cosigned).toHaveLength(2)
  })

  it('refuses a log that the policy does not know, and a checkpoint without its signature', () => {
    const other = makeVerifierKey('net/other.example', KEY_TYPE_ED25519, logKey.publicKey)
    expect(() => satisfiesPolicy(ALL, unanimousPolicy([other], []))).toThrow('unknown_origin')
    const signatures = bareNote.signatures.map((each) => ({ ...each, name: 'other' }))
    const unsigned = formatNote({ ...bareNote, signatures })
    expect(() => satisfiesPolicy(unsigned, policy)).toThrow('bad_signature')
  })

  it("refuses a known witness's bad cosignature", () => {
    const [witness] = witnesses
    if (witness === undefined) throw new Error('no witness')
    const elsewhere = cosign({ checkpointText: 'a\n1\n', time: 1, ...witness })
    const forged = formatNote(addCosignature(bareNote, elsewhere))
    expect(() => satisfiesPolicy(forged, policy)).toThrow('bad_signature')
  })
})

describe('verifyLogProof', () => {
  it('accepts every entry under all cosignatures, read back from files', () => {
    const rules = parsePolicy(formatPolicy(policy))
    for (const [index, entry] of entries.entries()) {
      const proof = parseLogProof(formatLogProof(aProof(index)))
      const verdict = verifyLogProof({ entry, proof, policy: rules })
      expect(verdict.cosigned.map(({ name }) => name)).toEqual(witnessKeys.map(({ name }) => name))
      expect(verdict.checkpoint.size).toBe(13)
    }
  })

  it('refuses a quorum that is not reached', () => {
    const entry = entries[3] ?? toUtf8('')
    const proof = aProof(3, cosignedBy(0, 1, 2))
    expect(() => verifyLogProof({ entry, proof, policy })).toThrow('bad_signature')
  })

  it('refuses one flipped bit in the entry or a hash, and any other index', () => {
    fc.assert(
      fc.property(fc.nat(12), fc.nat(12), fc.nat(), (index, other, bit) => {
        const [proof, entry] = [aProof(index), entries[index] ?? toUtf8('')]
        const changed = flip(entry, bit)
        expect(() => verifyLogProof({ entry: changed, proof, policy, verify: always })).toThrow(
          'bad_proof',
        )
        const hashes = proof.hashes.map((hash, at) =>
          at === bit % proof.hashes.length ? flip(hash, bit) : hash,
        )
        const wrong = { ...proof, hashes }
        expect(() => verifyLogProof({ entry, proof: wrong, policy, verify: always })).toThrow(
          'bad_proof',
        )
        if (index === other) return
        const moved = { ...proof, index: other }
        expect(() => verifyLogProof({ entry, proof: moved, policy, verify: always })).toThrow(
          'bad_proof',
        )
      }),
    )
  })
})
