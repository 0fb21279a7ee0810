/**
 * Passkeys: a key in the person's device opens the door, with nothing to remember or to be tricked
 * out of. Checking what devices say is the affair of a port; which challenge is open is decided here.
 *
 * @see W3C Web Authentication Level 3
 */
import { toHex } from '../../../protocol/bytes.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Clock, Random } from '../ports.ts'
import type { Store } from '../store.ts'
import type { Acts } from './acts.ts'
import type { Addresses } from './address.ts'
import type { AccountRow, PasskeyRow } from './rows.ts'
import { actorOf, type SignIn } from './sign-in.ts'

/** What browsers are given, and send: JSON that only the port looks into. */
export type WebAuthnJson = object

/** Whether a challenge is one that is open; it is not any more afterwards. */
export type TakeChallenge = (challenge: Uint8Array) => boolean

/** Checks what authenticators say. */
export interface WebAuthn {
  /** What the browser needs to make a passkey. */
  creationOptions: (given: {
    account: string
    /** Shown by the device, so that the person knows which account it is. */
    name: string
    challenge: Uint8Array
    exclude: readonly Pick<PasskeyRow, 'id' | 'transports'>[]
  }) => Promise<WebAuthnJson>
  /** What the browser needs to use one. */
  requestOptions: (challenge: Uint8Array) => Promise<WebAuthnJson>
  /** The new passkey, or null where anything is wrong with the answer. */
  verifyCreation: (
    answer: WebAuthnJson,
    take: TakeChallenge,
  ) => Promise<Pick<PasskeyRow, 'id' | 'publicKey' | 'counter' | 'transports'> | null>
  /** Which passkey an answer claims to be from; null where it claims none. */
  passkeyOf: (answer: WebAuthnJson) => Uint8Array | null
  /** The new counter, or null where anything is wrong with the answer. */
  verifyRequest: (
    answer: WebAuthnJson,
    passkey: PasskeyRow,
    take: TakeChallenge,
  ) => Promise<number | null>
}

/** A passkey as lists show it. */
export interface ShownPasskey {
  id: string
  createdAt: number
  usedAt: number | null
}

export interface Passkeys {
  /** @throws ProtocolError `conflict` where the account has as many as it can */
  beginCreation: (account: AccountRow) => Promise<WebAuthnJson>
  /** @throws ProtocolError `bad_signature` where the answer is not as it should be */
  finishCreation: (account: AccountRow, answer: WebAuthnJson) => Promise<ShownPasskey>
  beginSignIn: () => Promise<WebAuthnJson>
  /** What the cookie of the new session carries; null where the answer opens nothing. */
  finishSignIn: (answer: WebAuthnJson) => Promise<string | null>
  list: (account: string) => Promise<ShownPasskey[]>
  /** @throws ProtocolError `not_found` */
  remove: (account: AccountRow, id: string) => Promise<void>
}

const CHALLENGE_BYTES = 32
/** Seconds in which a device has to answer. */
const CHALLENGE_SECONDS = 5 * 60
/** Challenges open at once; the oldest are forgotten, and their people begin anew. */
const CHALLENGES = 2000
const MOST_PASSKEYS = 10

interface Challenge {
  /** Whose passkey is to be made; null where somebody wants to sign in. */
  account: string | null
  expiresAt: number
}

/** Open challenges, in memory: a restart costs people a second click. */
function createChallenges({ clock, random }: { clock: Clock; random: Random }) {
  const open = new Map<string, Challenge>()

  return {
    make: (account: string | null): Uint8Array => {
      const now = clock.now()
      for (const [key, { expiresAt }] of open) {
        if (now < expiresAt && open.size < CHALLENGES) break
        open.delete(key)
      }
      const challenge = random.bytes(CHALLENGE_BYTES)
      open.set(toHex(challenge), { account, expiresAt: now + CHALLENGE_SECONDS })
      return challenge
    },
    taker:
      (account: string | null): TakeChallenge =>
      (challenge) => {
        const key = toHex(challenge)
        const known = open.get(key)
        if (known === undefined || known.account !== account) return false
        open.delete(key)
        return clock.now() < known.expiresAt
      },
  }
}

const shownOf = ({ id, createdAt, usedAt }: PasskeyRow): ShownPasskey => ({
  id: toHex(id),
  createdAt,
  usedAt,
})

/** Creates the keeper of passkeys. */
export function createPasskeys(ports: {
  store: Store
  clock: Clock
  random: Random
  addresses: Addresses
  acts: Pick<Acts, 'add'>
  signIn: Pick<SignIn, 'begin'>
  webAuthn: WebAuthn
}): Passkeys {
  const { store, clock, addresses, acts, signIn, webAuthn } = ports
  const challenges = createChallenges(ports)

  return {
    beginCreation: async (account) => {
      const exclude = await store.read((tx) => tx.people.passkeysOf(account.id))
      if (exclude.length >= MOST_PASSKEYS)
        throw new ProtocolError('conflict', '', `fewer than ${MOST_PASSKEYS} passkeys`)
      const name = addresses.open(account.email)
      const challenge = challenges.make(account.id)
      return webAuthn.creationOptions({ account: account.id, name, challenge, exclude })
    },
    finishCreation: async (account, answer) => {
      const made = await webAuthn.verifyCreation(answer, challenges.taker(account.id))
      if (made === null)
        throw new ProtocolError('bad_signature', '', 'the answer to an open challenge')
      const row: PasskeyRow = {
        ...made,
        account: account.id,
        createdAt: clock.now(),
        usedAt: null,
      }
      await store.write(async (tx) => {
        const own = await tx.people.passkeysOf(account.id)
        if (own.length >= MOST_PASSKEYS || (await tx.people.passkey(row.id)) !== null)
          throw new ProtocolError('conflict', '', 'a passkey that is not kept yet, and room for it')
        await tx.people.savePasskey(row)
        await acts.add(tx, { actor: actorOf(account), act: 'passkey.add', subject: account.id })
      })
      return shownOf(row)
    },
    beginSignIn: () => webAuthn.requestOptions(challenges.make(null)),
    finishSignIn: async (answer) => {
      const id = webAuthn.passkeyOf(answer)
      const passkey = id && (await store.read((tx) => tx.people.passkey(id)))
      if (passkey === null) return null
      const counter = await webAuthn.verifyRequest(answer, passkey, challenges.taker(null))
      if (counter === null) return null
      return store.write(async (tx) => {
        const account = await tx.people.account(passkey.account)
        // Both may have been taken away while the device was asked.
        const isKept = (await tx.people.passkey(passkey.id)) !== null
        if (!isKept || account === null || account.disabledAt !== null) return null
        await tx.people.savePasskey({ ...passkey, counter, usedAt: clock.now() })
        return signIn.begin(tx, account, 'passkey')
      })
    },
    list: async (account) => (await store.read((tx) => tx.people.passkeysOf(account))).map(shownOf),
    remove: (account, id) =>
      store.write(async (tx) => {
        const own = await tx.people.passkeysOf(account.id)
        const found = own.find((passkey) => toHex(passkey.id) === id)
        if (found === undefined)
          throw new ProtocolError('not_found', '/passkey', 'a passkey of this account')
        await tx.people.removePasskey(found.id)
        await acts.add(tx, { actor: actorOf(account), act: 'passkey.remove', subject: account.id })
      }),
  }
}
