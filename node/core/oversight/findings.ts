/**
 * Findings: raised by the audit from facts, looked after by people. A finding is never removed, and
 * its history only grows. Nobody but a person says that one is confirmed; what the node itself says
 * is that something was missing at a time, and that it came at another.
 */
import { toHex, toUtf8 } from '../../../protocol/bytes.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import type { FindingPage } from '../finding-rows.ts'
import { NODE_ACTOR, type Actor } from '../people/actor.ts'
import type { Acts } from '../people/acts.ts'
import type { Clock, Crypto } from '../ports.ts'
import type { ReadTransaction, Store, WriteTransaction } from '../store.ts'
import type { Finding, FindingChange, FindingKind, FindingState, NewFinding } from './finding.ts'

/** What a person changes; the parts that are absent stay as they are. */
export interface ChangeRequest {
  state?: FindingState
  owner?: string | null
  note: string
}

/** Which finding is meant, by what makes it one. */
export type FindingName = Pick<NewFinding, 'kind' | 'site' | 'subject'>

export interface Findings {
  /** Writes a finding down, in the transaction that notices it. Repeating it changes nothing. */
  raise: (tx: WriteTransaction, finding: NewFinding) => Promise<void>
  /**
   * Says that what was missing has come. The finding is closed by that, unless a person has
   * confirmed it: then it stays confirmed, with a line in its history. Where there is no such
   * finding nothing happens.
   *
   * @param time unix seconds at which it came
   * @param note in words: `receipt received at …`
   */
  cure: (tx: WriteTransaction, name: FindingName, time: number, note: string) => Promise<void>
  list: (page: FindingPage) => Promise<{ findings: Finding[]; total: number }>
  /** How many there are by kind, severity and state; of one site, or (null) of all. */
  totals: (site: SiteId | null) => ReturnType<ReadTransaction['findings']['totals']>
  /** @throws ProtocolError `not_found` */
  get: (id: string) => Promise<{ finding: Finding; history: FindingChange[] }>
  /**
   * What a person does to a finding; the act is in the access log.
   *
   * @throws ProtocolError `not_found`; `conflict` where it changes nothing, or the role of the actor
   *   may not; `contact_details` or `out_of_range` for the note
   */
  change: (actor: Actor, id: string, request: ChangeRequest) => Promise<Finding>
}

const NOTE_CHARS = 1000
const ID_HEX = 32

/** Explaining is for all staff; what a finding is held to be in the end, for the officer. */
const MAY: Record<FindingState, readonly string[]> = {
  open: ['dpo'],
  explained: ['staff', 'dpo'],
  confirmed: ['dpo'],
  closed: ['dpo'],
}
const MAY_OWN: readonly string[] = ['staff', 'dpo']
const VERBS: Record<FindingState, string> = {
  open: 'finding.reopen',
  explained: 'finding.explain',
  confirmed: 'finding.confirm',
  closed: 'finding.close',
}

/** The id of a finding: whoever finds the same, from the same logs, gives it the same name. */
export function findingId(
  sha256: Crypto['sha256'],
  kind: FindingKind,
  site: SiteId,
  subject: string,
): string {
  return toHex(sha256(toUtf8(`dpn-finding\n${kind}\n${site}\n${subject}`))).slice(0, ID_HEX)
}

function checkNote(note: string): void {
  if (note.length < 1 || note.length > NOTE_CHARS || /\p{Cc}/u.test(note.replaceAll('\n', ' ')))
    throw new ProtocolError('out_of_range', '/note', `1 to ${NOTE_CHARS} characters`)
  // Names of sites are wanted here; the address of a person would stay for good.
  if (note.includes('@'))
    throw new ProtocolError('contact_details', '/note', 'a text without e-mail addresses')
}

function assertMay(actor: Actor, roles: readonly string[], path: string): void {
  if (roles.includes(actor.role)) return
  throw new ProtocolError('conflict', path, `the role ${roles.join(' or ')} for this change`)
}

async function existing(tx: ReadTransaction, id: string): Promise<Finding> {
  const finding = await tx.findings.get(id)
  if (finding === null) throw new ProtocolError('not_found', '/id', 'the id of a finding')
  return finding
}

/** Creates the book of findings. */
export function createFindings(ports: {
  store: Store
  clock: Clock
  crypto: Pick<Crypto, 'sha256'>
  acts: Pick<Acts, 'add'>
}): Findings {
  const { store, clock, crypto, acts } = ports
  const idOf = ({ kind, site, subject }: FindingName): string =>
    findingId(crypto.sha256, kind, site, subject)

  return {
    raise: async (tx, finding) => {
      const id = idOf(finding)
      const kept = { owner: null, curedAt: null, foundAt: clock.now(), state: 'open' as const }
      if (!(await tx.findings.add({ ...finding, ...kept, id }))) return
      const change = { time: finding.since, actor: NODE_ACTOR, state: kept.state, note: 'found' }
      await tx.findings.addChange(id, change)
    },
    cure: async (tx, name, time, note) => {
      const id = idOf(name)
      const finding = await tx.findings.get(id)
      if (finding === null || finding.curedAt !== null) return
      const state = finding.state === 'confirmed' ? 'confirmed' : 'closed'
      await tx.findings.setState(id, { state, curedAt: time })
      await tx.findings.addChange(id, { time, actor: NODE_ACTOR, state, note })
    },
    list: (page) =>
      store.read(async (tx) => ({
        findings: await tx.findings.list(page),
        total: await tx.findings.count(page.filter),
      })),
    totals: (site) => store.read((tx) => tx.findings.totals(site)),
    get: (id) =>
      store.read(async (tx) => ({
        finding: await existing(tx, id),
        history: await tx.findings.history(id),
      })),
    change: async (actor, id, request) => {
      const { note } = request
      checkNote(note)
      return store.write(async (tx) => {
        const finding = await existing(tx, id)
        const state = request.state ?? finding.state
        const owner = request.owner === undefined ? finding.owner : request.owner
        if (state !== finding.state) assertMay(actor, MAY[state], '/state')
        else assertMay(actor, MAY_OWN, '/owner')
        await tx.findings.setState(id, { state, owner })
        await tx.findings.addChange(id, { time: clock.now(), actor, state, note })
        const verb = state === finding.state ? 'finding.note' : VERBS[state]
        await acts.add(tx, { actor, act: verb, subject: id })
        return { ...finding, state, owner }
      })
    },
  }
}
