/** Accounts, links, sessions and mail of the coordinator's people, on a real store in memory. */
import { beforeEach, describe, expect, it } from 'vitest'
import { createIdentity, derivePrivateKeys } from '../../node/core/identity.ts'
import type { Mailer, OutgoingMail } from '../../node/core/mail.ts'
import { loadView } from '../../node/core/node.ts'
import { NODE_ACTOR, OPERATOR_ACTOR, type Actor } from '../../node/core/people/actor.ts'
import { parseEmail } from '../../node/core/people/address.ts'
import { createPeople, type People } from '../../node/core/people/people.ts'
import type { Store } from '../../node/core/store.ts'
import { systemCrypto, systemRandom } from '../../node/roles/system.ts'
import { parseSiteId } from '../../protocol/ids.ts'
import { aStore } from '../store/builders.ts'

const NETWORK = parseSiteId('network.example')
const STAFF: Actor = { kind: 'key', id: '00000000000000aa', role: 'staff' }
const MINUTE = 60
const HOUR = 3600

interface Office {
  people: People
  store: Store
  /** What the mail server took. */
  inbox: OutgoingMail[]
  pass: (seconds: number) => void
}

async function anOffice(mailer?: Mailer | null): Promise<Office> {
  let time = 1_800_000_000
  const store = await aStore()
  const inbox: OutgoingMail[] = []
  const takesAll: Mailer = {
    send: async (mail) => {
      inbox.push(mail)
      return { kind: 'accepted', answer: '250' }
    },
  }
  const ports = {
    store,
    clock: { now: () => time, every: () => () => undefined },
    random: systemRandom,
    crypto: systemCrypto,
    events: { emit: () => undefined },
    mailer: mailer === undefined ? takesAll : mailer,
  }
  const view = await loadView(ports, createIdentity(NETWORK, NETWORK, new Uint8Array(32).fill(1)))
  const keys = derivePrivateKeys(new Uint8Array(32).fill(2))
  const url = 'https://network.example'
  const people = createPeople({ ...ports, view }, { network: NETWORK, keys, url })
  return { people, store, inbox, pass: (seconds) => void (time += seconds) }
}

let office: Office
beforeEach(async () => {
  office = await anOffice()
})

const make = (email: string, role: 'staff' | 'dpo' | 'auditor' | 'owner' = 'staff') =>
  office.people.accounts.create(OPERATOR_ACTOR, { email, role, sites: [] })

/** Asks for a link and gives what it carries. */
async function linkFor(email: string): Promise<string> {
  await office.people.signIn.ask(email)
  await office.people.mail.run()
  const links = office.inbox.flatMap(
    ({ text }) => /\/sign-in\/([0-9a-f]{64})/.exec(text)?.[1] ?? [],
  )
  const token = links.at(-1)
  if (token === undefined) throw new Error('no link came')
  return token
}

async function signedIn(email: string): Promise<string> {
  const session = await office.people.signIn.open(await linkFor(email))
  if (session === null) throw new Error('the link opened nothing')
  return session
}

describe('parseEmail', () => {
  it.each(['a@b.example', 'first.last+tag@sub.b.example', 'имя@пример.рф', "o'neil@b.example"])(
    'takes %s',
    (email) => expect(parseEmail(` ${email} `)).toBe(email),
  )
  it.each([
    '',
    'a',
    'a@b',
    '@b.example',
    'a@@b.example',
    'a b@c.example',
    'a@b.example, c@d.example',
    'a@b.example\r\nBcc: c@d.example',
    '"a"@b.example',
    'A <a@b.example>',
    `${'a'.repeat(65)}@b.example`,
    `a@${'b'.repeat(250)}.example`,
  ])('refuses %j', (email) => expect(() => parseEmail(email)).toThrow('an e-mail address'))
})

describe('accounts', () => {
  it('keep no address that can be read in the database', async () => {
    const { account } = await make('Anna@Desk.example')
    expect(account).toMatchObject({ email: 'Anna@Desk.example', source: 'invitation' })
    const row = await office.store.read((tx) => tx.people.account(account.id))
    expect(Buffer.from(row?.email ?? []).toString('latin1')).not.toMatch(/anna/i)
  })

  it('are one for each address, in whatever case', async () => {
    await make('anna@desk.example')
    await expect(make('ANNA@desk.example')).rejects.toMatchObject({
      code: 'conflict',
      path: '/email',
    })
  })

  it('are made by staff for all but the data protection officer', async () => {
    const { accounts } = office.people
    const dpo = { email: 'dpo@desk.example', role: 'dpo', sites: [] } as const
    await expect(accounts.create(STAFF, dpo)).rejects.toMatchObject({ path: '/role' })
    const { account } = await make('dpo@desk.example', 'dpo')
    await expect(accounts.change(STAFF, account.id, { role: 'auditor' })).rejects.toMatchObject({
      path: '/role',
    })
    await expect(accounts.remove(STAFF, account.id)).rejects.toMatchObject({ path: '/role' })
    const auditor = { email: 'look@desk.example', role: 'auditor', sites: [] } as const
    const made = await accounts.create(STAFF, auditor)
    await expect(accounts.change(STAFF, made.account.id, { role: 'dpo' })).rejects.toMatchObject({
      path: '/role',
    })
  })

  it('invite by mail, without a link that anybody else could use', async () => {
    const { link } = await make('anna@desk.example')
    await office.people.mail.run()
    expect(link).toBeNull()
    expect(office.inbox).toMatchObject([{ to: 'anna@desk.example' }])
    expect(office.inbox[0]?.text).not.toMatch(/[0-9a-f]{64}/)
  })

  it('give a link where there is no mail, which signs in once', async () => {
    office = await anOffice(null)
    const { link } = await make('anna@desk.example')
    const token = /[0-9a-f]{64}$/.exec(link ?? '')?.[0] ?? ''
    expect(await office.people.signIn.open(token)).not.toBeNull()
    expect(await office.people.signIn.open(token)).toBeNull()
  })

  it('leave nothing when they are removed, but what was done', async () => {
    const { account } = await make('anna@desk.example')
    const session = await signedIn('anna@desk.example')
    await office.people.accounts.remove(OPERATOR_ACTOR, account.id)
    expect(await office.people.signIn.verify(session)).toBeNull()
    expect(await office.people.accounts.get(account.id)).toBeNull()
    expect(await office.people.acts.list({ limit: 1 })).toMatchObject([
      { act: 'account.remove', subject: account.id },
    ])
    await make('anna@desk.example')
  })

  it('write every act into the access log', async () => {
    const { account } = await make('anna@desk.example')
    await signedIn('anna@desk.example')
    await office.people.accounts.change(OPERATOR_ACTOR, account.id, { role: 'auditor' })
    const acts = await office.people.acts.list({ limit: 10 })
    expect(acts.map(({ act, actor }) => `${actor.id} ${act}`)).toEqual([
      'operator account.change',
      `${account.id} session.begin`,
      'operator account.create',
    ])
    expect(await office.people.acts.verify()).toEqual({ count: 3, brokenAt: null })
  })

  it('register the owner of a site once, whoever that is already', async () => {
    const { accounts } = office.people
    const [amor, brio] = [parseSiteId('amor.example'), parseSiteId('brio.example')]
    await make('anna@desk.example')
    for (const [email, site] of [
      ['owner@amor.example', amor],
      ['owner@amor.example', brio],
      ['owner@amor.example', brio],
      ['anna@desk.example', amor],
    ] as const)
      await office.store.write((tx) => accounts.registerOwner(tx, NODE_ACTOR, email, site))
    const owners = await office.store.read((tx) => tx.people.ownersOf(amor))
    expect(owners.map(({ role }) => role).toSorted()).toEqual(['owner', 'staff'])
    expect(owners.find(({ role }) => role === 'owner')?.sites).toEqual([amor, brio])
    const part = await office.store.read((tx) => tx.people.ownersOf(parseSiteId('mor.example')))
    expect(part).toEqual([])
  })
})

describe('links', () => {
  beforeEach(() => make('anna@desk.example'))

  it('open once', async () => {
    const token = await linkFor('Anna@desk.example')
    expect(await office.people.signIn.open(token)).toMatch(/^[0-9a-f]{64}$/)
    expect(await office.people.signIn.open(token)).toBeNull()
  })

  it('open for a quarter of an hour', async () => {
    const token = await linkFor('anna@desk.example')
    office.pass(15 * MINUTE)
    expect(await office.people.signIn.open(token)).toBeNull()
    const fresh = await linkFor('anna@desk.example')
    office.pass(15 * MINUTE - 1)
    expect(await office.people.signIn.open(fresh)).not.toBeNull()
  })

  it('are kept as a hash alone', async () => {
    const token = await linkFor('anna@desk.example')
    const hash = systemCrypto.sha256(Buffer.from(token, 'hex'))
    expect(await office.store.read((tx) => tx.people.link(hash))).toMatchObject({ hash })
    const raw = Uint8Array.from(Buffer.from(token, 'hex'))
    expect(await office.store.read((tx) => tx.people.link(raw))).toBeNull()
  })

  it('do not flood a mailbox, and do not tell who has an account', async () => {
    for (let at = 0; at < 9; at += 1) await office.people.signIn.ask('anna@desk.example')
    await office.people.signIn.ask('nobody@desk.example')
    await office.people.mail.run()
    const links = office.inbox.filter(({ text }) => text.includes('/sign-in/'))
    expect(links).toHaveLength(3)
    office.pass(15 * MINUTE)
    await linkFor('anna@desk.example')
  })

  it.each(['', 'x', '0'.repeat(64), 'A'.repeat(64), "' or 1=1 --"])('are not %j', async (token) =>
    expect(await office.people.signIn.open(token)).toBeNull(),
  )

  it('open nothing for an account that was disabled meanwhile', async () => {
    const token = await linkFor('anna@desk.example')
    const { accounts } = await office.people.accounts.list('', 10)
    const change = { isDisabled: true }
    await office.people.accounts.change(OPERATOR_ACTOR, accounts[0]?.id ?? '', change)
    expect(await office.people.signIn.open(token)).toBeNull()
  })
})

describe('sessions', () => {
  beforeEach(() => make('anna@desk.example'))

  it('last twelve hours, used or not', async () => {
    const token = await signedIn('anna@desk.example')
    office.pass(12 * HOUR - 1)
    expect(await office.people.signIn.verify(token)).toMatchObject({ actor: { role: 'staff' } })
    office.pass(1)
    expect(await office.people.signIn.verify(token)).toBeNull()
  })

  it('end when their person says so, and no others with them', async () => {
    const [one, other] = [await signedIn('anna@desk.example'), await signedIn('anna@desk.example')]
    const who = await office.people.signIn.verify(one)
    if (who === null) throw new Error('not signed in')
    await office.people.signIn.end(who)
    expect(await office.people.signIn.verify(one)).toBeNull()
    expect(await office.people.signIn.verify(other)).not.toBeNull()
    const [listed] = await office.people.signIn.sessions(who.account.id)
    await office.people.signIn.endOne(who.account.id, listed?.id ?? '')
    expect(await office.people.signIn.verify(other)).toBeNull()
    await expect(office.people.signIn.endOne(who.account.id, 'x')).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  it.each([
    ['the role changes', { role: 'auditor' }],
    ['the account is disabled', { isDisabled: true }],
    ['the sites change', { sites: [] }],
  ] as const)('end when %s', async (_when, change) => {
    const token = await signedIn('anna@desk.example')
    const who = await office.people.signIn.verify(token)
    await office.people.accounts.change(OPERATOR_ACTOR, who?.account.id ?? '', change)
    expect(await office.people.signIn.verify(token)).toBeNull()
  })

  it('are at most twenty of one account', async () => {
    const tokens: string[] = []
    for (let at = 0; at < 22; at += 1) {
      office.pass(1)
      tokens.push(await signedIn('anna@desk.example'))
    }
    expect(await office.people.signIn.verify(tokens[1] ?? '')).toBeNull()
    expect(await office.people.signIn.verify(tokens[2] ?? '')).not.toBeNull()
    const who = await office.people.signIn.verify(tokens[21] ?? '')
    expect(await office.people.signIn.sessions(who?.account.id ?? '')).toHaveLength(20)
  })

  it('have form tokens of their own', async () => {
    const one = await office.people.signIn.verify(await signedIn('anna@desk.example'))
    const other = await office.people.signIn.verify(await signedIn('anna@desk.example'))
    expect(one?.formToken).toMatch(/^[0-9a-f]{64}$/)
    expect(one?.formToken).not.toBe(other?.formToken)
  })
})

/** A mail server that answers what it is told to. */
function aServer(...answers: ('accepted' | 'deferred' | 'refused')[]): Mailer & { ids: string[] } {
  const ids: string[] = []
  return {
    ids,
    send: async ({ id }) => {
      ids.push(id)
      return { kind: answers.shift() ?? 'accepted', answer: '4xx' }
    },
  }
}
const states = async (): Promise<string[]> =>
  (await office.people.mail.list({ limit: 10 })).map(({ state }) => state)

describe('mail', () => {
  it('is tried again after a pause, as the same mail, and leaves no content', async () => {
    const server = aServer('deferred', 'deferred')
    office = await anOffice(server)
    await make('anna@desk.example')
    await office.people.mail.run()
    await office.people.mail.run()
    expect(server.ids).toHaveLength(1)
    office.pass(MINUTE)
    await office.people.mail.run()
    office.pass(5 * MINUTE)
    await office.people.mail.run()
    expect(new Set(server.ids).size).toBe(1)
    expect(server.ids).toHaveLength(3)
    expect(await states()).toEqual(['sent'])
    const [row] = await office.store.read((tx) => tx.mail.list({ limit: 1 }))
    expect(row).toMatchObject({ sealed: null, attempts: 3, dueAt: null })
  })

  it('waits sealed', async () => {
    office = await anOffice(aServer('deferred'))
    await make('anna@desk.example')
    const [row] = await office.store.read((tx) => tx.mail.list({ limit: 1 }))
    expect(Buffer.from(row?.sealed ?? []).toString('latin1')).not.toMatch(/anna|account/i)
    expect(row?.sealed?.length).toBeGreaterThan(100)
  })

  it('is not tried again where the server refuses it for good', async () => {
    const server = aServer('refused')
    office = await anOffice(server)
    await make('anna@desk.example')
    await office.people.mail.run()
    office.pass(24 * HOUR)
    await office.people.mail.run()
    expect(server.ids).toHaveLength(1)
    expect(await states()).toEqual(['refused'])
  })

  it('is given up after days, a link after a quarter of an hour', async () => {
    const server = aServer(...Array.from({ length: 100 }, () => 'deferred' as const))
    office = await anOffice(server)
    await make('anna@desk.example')
    await office.people.signIn.ask('anna@desk.example')
    await office.people.mail.run()
    office.pass(15 * MINUTE)
    await office.people.mail.run()
    expect((await states()).toSorted()).toEqual(['expired', 'waiting'])
    for (let hours = 0; hours < 97; hours += 1) {
      office.pass(HOUR)
      await office.people.mail.run()
    }
    expect(await states()).toEqual(['expired', 'expired'])
    expect(server.ids.length).toBeLessThan(30)
  })

  it('waits while there is no server, and goes out when there is one', async () => {
    office = await anOffice(null)
    await office.people.signIn.ask('anna@desk.example')
    await make('anna@desk.example')
    expect(office.people.mail.isOn).toBe(false)
    await office.people.mail.run()
    expect(await states()).toEqual([])
    await office.people.signIn.ask('anna@desk.example')
    await office.people.mail.run()
    expect(await states()).toEqual(['waiting'])
  })

  it('to somebody who is removed is not sent', async () => {
    const server = aServer('deferred')
    office = await anOffice(server)
    const { account } = await make('anna@desk.example')
    await office.people.mail.run()
    await office.people.accounts.remove(OPERATOR_ACTOR, account.id)
    office.pass(HOUR)
    await office.people.mail.run()
    expect(server.ids).toHaveLength(1)
    const [row] = await office.store.read((tx) => tx.mail.list({ limit: 1 }))
    expect(row).toMatchObject({ sealed: null, state: 'expired' })
  })
})
