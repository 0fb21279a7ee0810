/** Consent by another way than the module: the page behind a link, or the owner's signed list. */
import { CONSENT_SECONDS, sorted, type Scope } from '../../../../protocol/consent.ts'
import { toHex, toUtf8 } from '../../../../protocol/bytes.ts'
import { ProtocolError } from '../../../../protocol/errors.ts'
import { formatVerifierKey } from '../../../../protocol/note.ts'
import { FIELDS, type FieldName } from '../../../../protocol/vocabulary.ts'
import { createLock } from '../../lock.ts'
import type { Actor } from '../../people/actor.ts'
import { createActs } from '../../people/acts.ts'
import type { Clock, Crypto, Random } from '../../ports.ts'
import type { OwnMember } from '../../record/own.ts'
import type { Site } from '../../site.ts'
import type { Store } from '../../store.ts'
import { openList, parseListKey, parseListLine } from './consent-list.ts'
import type { BridgedMember, GivenConsent, HeldProfile, Holds } from '../members/holds.ts'
import { isToken, makeLink, memberOfLink, tokenHash } from './links.ts'
import { NOTICE_VERSION, noticeLanguage, noticeOf } from './notice.ts'
import type { BridgedState, LinkKind, LinkRow } from '../rows.ts'

/** What the page shows. */
export interface ConsentVisit {
  localId: number
  kind: LinkKind
  state: BridgedState
  nickname: string
  /** Of the member's pages; the words fall back to English. */
  language: string
  /** Fields that each scope would share, as far as they are held. */
  fields: Readonly<Partial<Record<Scope, readonly FieldName[]>>>
  /** Scopes of the consent in force; null where there is none. */
  scopes: readonly Scope[] | null
  /** Whether an address is kept for withdrawals by mail. */
  hasEmail: boolean
  /** Whether the Network accepts this node's notice; if not, nobody can consent now. */
  isOpen: boolean
}
/** A link to the consent page. */
export interface ConsentLink {
  token: string
  /** The whole address. */
  url: string
}
export type Decided =
  /** The link opens the member's own page, again and again. */
  ({ kind: 'agreed' } & ConsentLink) | { kind: 'refused'; error: ProtocolError } | { kind: 'gone' }

/** One line of the owner's list, and what came of it. */
export type ImportedLine =
  | { line: number; outcome: 'published'; localId: number }
  | { line: number; outcome: 'unknown'; localId: number }
  | { line: number; outcome: 'refused'; error: ProtocolError }

export interface ConsentDesk {
  /** New links for these members, to be handed out by the owner; earlier ones are void. */
  links: (localIds: readonly number[]) => Promise<({ localId: number } & ConsentLink)[]>
  /** What a link opens; null where it has run out or was used. Looking uses nothing up. */
  visit: (token: string) => Promise<ConsentVisit | null>
  /**
   * The member agrees to exactly these scopes, having read the notice in that language. Without an
   * e-mail address the one that is kept stays.
   *
   * @throws ProtocolError `not_ready` while the log may not be written; the link stays as it is
   */
  agree: (
    token: string,
    decision: { scopes: readonly Scope[]; language: string; email: string | null },
  ) => Promise<Decided>
  /** The member says no, or withdraws: the hold is wiped, the record ends. False where gone. */
  decline: (token: string) => Promise<boolean>
  /** A hidden member says that it did not mean to leave. False where there is nothing to keep. */
  keep: (token: string) => Promise<boolean>
  /**
   * Registers the key by which lists of consents are signed, named after the site. The key of the
   * API, which lies beside the website, is not enough to say that somebody has consented.
   *
   * @throws ProtocolError `malformed`
   */
  setOwnerKey: (verifierKey: string, actor: Actor) => Promise<void>
  ownerKey: () => Promise<string | null>
  /**
   * Takes a signed list.
   *
   * @param note a C2SP signed note whose text has one JSON object a line
   * @throws ProtocolError `bad_signature`, `malformed`, `too_large`, `conflict` where no key is
   *   registered, `not_ready`
   */
  importSigned: (note: string, actor: Actor) => Promise<ImportedLine[]>
}

export interface ConsentDeskPorts {
  store: Store
  clock: Clock
  random: Random
  crypto: Crypto
  site: Pick<Site, 'members' | 'memberKeyOf'> & { node: Pick<Site['node'], 'view'> }
  holds: Pick<Holds, 'get' | 'profileOf' | 'consent' | 'withdraw' | 'keep'>
  /** Where the pages are reached from outside. */
  publicUrl: string
}

const OWNER_KEY = 'bridge-owner-key'
/** What stands in the log of withdrawals for one that came by the page. */
const PAGE_NOTICE = 'bridge-page'

/** By scope, the fields that are there; the age follows from the birth date. */
function fieldsOf({ profile, icon, photos }: HeldProfile): ConsentVisit['fields'] {
  const names = Object.keys(profile).filter((name): name is FieldName =>
    Object.hasOwn(FIELDS, name),
  )
  if (profile.birthDate !== undefined) names.push('ageYears')
  if (icon !== null) names.push('picture')
  if (photos.length > 0) names.push('gallery')
  const fields: Partial<Record<Scope, FieldName[]>> = {}
  for (const name of Object.keys(FIELDS) as FieldName[])
    if (names.includes(name)) (fields[FIELDS[name].scope] ??= []).push(name)
  return fields
}

/** What a published member shares, where nothing more is held of it. */
function sharedOf(own: OwnMember | null): HeldProfile | null {
  if (own === null) return null
  const { ageYears: _age, latitudeTenths: _lat, longitudeTenths: _long, ...profile } = own.profile
  return { profile, icon: null, photos: [] }
}

/** Each line as a consent, or why it is none. */
function parseLines(lines: readonly string[]): (GivenConsent | ProtocolError)[] {
  const seen = new Set<number>()
  return lines.map((line) => {
    try {
      const given = parseListLine(line)
      if (seen.has(given.localId))
        throw new ProtocolError('conflict', '/localId', 'each member once in a list')
      seen.add(given.localId)
      return given
    } catch (error) {
      if (error instanceof ProtocolError) return error
      throw error
    }
  })
}

/** Creates the desk. */
export function createConsentDesk(ports: ConsentDeskPorts): ConsentDesk {
  const { store, clock, crypto, holds } = ports
  const { members, memberKeyOf, node } = ports.site
  const { view } = node
  const publicUrl = ports.publicUrl.replace(/\/+$/, '')
  const acts = createActs(ports)
  /** One decision at a time: a link that is sent twice decides once. */
  const lock = createLock()
  const parties = { site: view.self, network: view.network, publicUrl }
  const linkOf = (token: string): ConsentLink => ({
    token,
    url: `${publicUrl}/bridge/consent/${token}`,
  })
  const keyOf = (localId: number): Uint8Array => memberKeyOf(String(localId))

  interface Opened {
    row: LinkRow
    localId: number
    member: BridgedMember
  }
  async function open(token: string): Promise<Opened | null> {
    if (!isToken(token)) return null
    const row = await store.read((tx) => tx.bridge.link(tokenHash(token, crypto)))
    if (row === null || row.expiresAt <= clock.now()) return null
    const localId = memberOfLink(token, row, crypto)
    const member = localId === null ? null : await holds.get(localId)
    if (localId === null || member === null || member.state === 'refused') return null
    // Who has come to be published, by a list perhaps, decides no more: its own link changes it.
    if (row.kind === 'decide' && member.state !== 'held') return null
    return { row, localId, member }
  }

  /** How long a link would hold, and for what; null for who has nothing to decide. */
  async function termOf(localId: number): Promise<{ kind: LinkKind; expiresAt: number } | null> {
    const member = await holds.get(localId)
    switch (member?.state) {
      case 'held':
        return member.expiresAt === null ? null : { kind: 'decide', expiresAt: member.expiresAt }
      case 'published':
      case 'suspended': {
        const own = await members.get(String(localId))
        return own === null ? null : { kind: 'own', expiresAt: own.consent.expiresAt }
      }
      default:
        return null
    }
  }

  async function forgetLinks(localId: number): Promise<void> {
    await store.write((tx) => tx.bridge.removeLinksOf([keyOf(localId)]))
  }

  /** After agreeing: the link for one decision gives way to the member's own. */
  async function ownLink(token: string, { row, localId }: Opened, expiresAt: number) {
    const { memberKey } = row
    const own =
      row.kind === 'own'
        ? { token, row: { ...row, expiresAt } }
        : makeLink(ports, { localId, memberKey, kind: 'own', expiresAt })
    await store.write(async (tx) => {
      await tx.bridge.removeLinksOf([memberKey])
      await tx.bridge.saveLinks([own.row])
      await tx.bridge.tidyLinks(clock.now())
    })
    // The record may have ended meanwhile, and its links with it: this one came after that.
    if ((await holds.get(localId)) === null) await forgetLinks(localId)
    return own.token
  }

  async function agree(
    token: string,
    { scopes, language, email }: Parameters<ConsentDesk['agree']>[1],
  ): Promise<Decided> {
    const opened = await open(token)
    if (opened === null) return { kind: 'gone' }
    const { localId } = opened
    if (!scopes.includes('discovery')) return { kind: 'refused', error: withoutDiscovery() }
    const own = opened.row.kind === 'own' ? await members.get(String(localId)) : null
    const kept = own === null || email !== null ? email : ((await exported(localId))?.email ?? null)
    const givenAt = clock.now()
    const { excludes } = own?.consent ?? {}
    const [outcome] = await holds.consent([
      {
        localId,
        email: kept,
        consent: {
          notice: noticeOf(parties, noticeLanguage(language), crypto),
          scopes: sorted([...new Set(scopes)].toSorted()),
          givenAt,
          channel: 'web',
          ...(excludes !== undefined && { excludes }),
        },
      },
    ])
    switch (outcome?.kind) {
      case 'published':
        return {
          kind: 'agreed',
          ...linkOf(await ownLink(token, opened, givenAt + CONSENT_SECONDS)),
        }
      case 'refused':
        return outcome
      default:
        return { kind: 'gone' }
    }
  }

  async function exported(localId: number) {
    return (await members.export(String(localId))).member
  }

  async function decline(token: string): Promise<boolean> {
    const opened = await open(token)
    if (opened === null) return false
    const { localId } = opened
    const known = await holds.withdraw([localId], PAGE_NOTICE)
    await forgetLinks(localId)
    return known.length > 0
  }

  async function keep(token: string): Promise<boolean> {
    const opened = await open(token)
    if (opened?.member.state !== 'suspended') return false
    return (await holds.keep([opened.localId])).length > 0
  }

  async function ownerKey(): Promise<string | null> {
    return store.read((tx) => tx.desk.setting(OWNER_KEY))
  }

  async function importLines(lines: readonly string[]): Promise<ImportedLine[]> {
    const parsed = parseLines(lines)
    const given = parsed.filter((one): one is GivenConsent => !(one instanceof ProtocolError))
    const outcomes = (await holds.consent(given)).values()
    return parsed.map((one, offset): ImportedLine => {
      const line = offset + 1
      if (one instanceof ProtocolError) return { line, outcome: 'refused', error: one }
      const outcome = outcomes.next().value
      if (outcome?.kind === 'refused') return { line, outcome: 'refused', error: outcome.error }
      return { line, outcome: outcome?.kind ?? 'unknown', localId: one.localId }
    })
  }

  return {
    links: (localIds) =>
      lock(async () => {
        const made: ({ localId: number } & ReturnType<typeof makeLink>)[] = []
        for (const localId of new Set(localIds)) {
          const term = await termOf(localId)
          if (term === null) continue
          const link = makeLink(ports, { localId, memberKey: keyOf(localId), ...term })
          made.push({ localId, ...link })
        }
        await store.write(async (tx) => {
          await tx.bridge.removeLinksOf(made.map(({ row }) => row.memberKey))
          await tx.bridge.saveLinks(made.map(({ row }) => row))
          await tx.bridge.tidyLinks(clock.now())
        })
        return made.map(({ localId, token }) => ({ localId, ...linkOf(token) }))
      }),
    visit: async (token) => {
      const opened = await open(token)
      if (opened === null) return null
      const { localId, row, member } = opened
      const own = row.kind === 'own' ? await exported(localId) : null
      const held = (await holds.profileOf(localId)) ?? sharedOf(own)
      if (held === null) return null
      return {
        localId,
        kind: row.kind,
        state: member.state,
        nickname: held.profile.nickname ?? '',
        language: held.profile.language ?? '',
        fields: fieldsOf(held),
        scopes: own?.consent.scopes ?? null,
        hasEmail: own !== null && own.email !== null,
        isOpen: view.registry().terms.noticeVersions.includes(NOTICE_VERSION),
      }
    },
    agree: (token, decision) => lock(() => agree(token, decision)),
    decline: (token) => lock(() => decline(token)),
    keep: (token) => lock(() => keep(token)),
    ownerKey,
    setOwnerKey: async (verifierKey, actor) => {
      const key = parseListKey(verifierKey, view.self)
      await store.write(async (tx) => {
        await tx.desk.setSetting(OWNER_KEY, formatVerifierKey(key))
        await acts.add(tx, { actor, act: 'consent-key.register', subject: toHex(key.keyId) })
      })
    },
    importSigned: async (note, actor) => {
      const registered = await ownerKey()
      if (registered === null)
        throw new ProtocolError('conflict', '', 'a list by a key that was registered before')
      const lines = openList(note, parseListKey(registered, view.self), crypto.verify)
      const digest = toHex(crypto.sha256(toUtf8(note)))
      const log = (act: string, counts: string): Promise<void> =>
        store.write((tx) => acts.add(tx, { actor, act, subject: `sha256:${digest}/${counts}` }))
      // Before and after: if this node stops in between, the log still says that it was taken.
      await log('consent-list.take', `lines:${lines.length}`)
      const imported = await importLines(lines)
      const count = (word: string): string =>
        `${word}:${imported.filter(({ outcome }) => outcome === word).length}`
      await log('consent-list.end', ['published', 'unknown', 'refused'].map(count).join('/'))
      return imported
    },
  }
}

function withoutDiscovery(): ProtocolError {
  return new ProtocolError('no_consent', '/scopes', 'the scope discovery among them')
}
