/** The coordinator's people: their accounts, how they sign in, the mail to them, what they did. */
import type { SiteId } from '../../../protocol/ids.ts'
import type { PrivateKeys } from '../identity.ts'
import { createMailQueue, type Mailer, type MailQueue } from '../mail.ts'
import type { NodePorts } from '../node.ts'
import type { View } from '../view.ts'
import { createAccounts, type Accounts } from './accounts.ts'
import { createActs, type Acts } from './acts.ts'
import { createAddresses, type Addresses } from './address.ts'
import { createLetters, type Letters } from './letters.ts'
import { createPasskeys, type Passkeys, type WebAuthn } from './passkeys.ts'
import { createSignIn, type SignIn } from './sign-in.ts'

export interface People {
  acts: Acts
  addresses: Addresses
  letters: Letters
  mail: MailQueue
  signIn: SignIn
  accounts: Accounts
  /** Null where no address is configured that passkeys could be bound to. */
  passkeys: Passkeys | null
}
/** What people need from the world beside what every node does. */
export interface PeoplePorts {
  mailer?: Mailer | null
  webAuthn?: WebAuthn | null
}
export interface PeopleSettings {
  network: SiteId
  keys: PrivateKeys
  /** Where the coordinator's pages are reached from outside. */
  url: string | null
}

/** Puts the parts together. */
export function createPeople(
  ports: Pick<NodePorts, 'store' | 'clock' | 'random' | 'crypto' | 'events'> &
    PeoplePorts & { view: View },
  { network, keys, url }: PeopleSettings,
): People {
  const { mailer = null, webAuthn = null, crypto } = ports
  const acts = createActs(ports)
  const addresses = createAddresses(crypto, keys)
  const letters = createLetters({ network, url })
  const mail = createMailQueue({ ...ports, keys, addresses, mailer })
  const common = { ...ports, keys, addresses, acts, mail, letters }
  const signIn = createSignIn(common)
  return {
    acts,
    addresses,
    letters,
    mail,
    signIn,
    accounts: createAccounts({ ...common, signIn }),
    passkeys: webAuthn === null ? null : createPasskeys({ ...common, signIn, webAuthn }),
  }
}
