/** E-mail addresses of people: checked, sealed for keeping, hashed for finding. */
import { fromUtf8, toUtf8 } from '../../../protocol/bytes.ts'
import { invariant, ProtocolError } from '../../../protocol/errors.ts'
import { labelled, type PrivateKeys } from '../identity.ts'
import type { Crypto } from '../ports.ts'

const EMAIL_CHARS = 254
const LOCAL_CHARS = 64
/** Plain addresses: no quotes, comments, lists or controls, which mail headers would take apart. */
const EMAIL =
  /^[\p{L}\p{N}!#$%&'*+/=?^_`{|}~.-]+@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+[\p{L}\p{N}-]{2,63}$/u

/**
 * Parses an e-mail address; spaces around it are cut off.
 *
 * @throws ProtocolError `malformed`
 */
export function parseEmail(text: string): string {
  const email = text.trim().normalize('NFC')
  const isOne = email.length <= EMAIL_CHARS && EMAIL.test(email)
  if (!isOne || email.indexOf('@') > LOCAL_CHARS)
    throw new ProtocolError('malformed', '', 'an e-mail address')
  return email
}

/** Seals and finds addresses by the keys of this node. */
export interface Addresses {
  seal: (email: string) => Uint8Array
  open: (sealed: Uint8Array) => string
  /** The same for each spelling in upper and lower case. */
  keyOf: (email: string) => Uint8Array
}

/** Creates the keeper of addresses. */
export function createAddresses(
  crypto: Pick<Crypto, 'seal' | 'open' | 'hmacSha256'>,
  keys: Pick<PrivateKeys, 'people' | 'peopleIndex'>,
): Addresses {
  return {
    seal: (email) => crypto.seal(keys.people, toUtf8(email)),
    open: (sealed) => {
      const email = crypto.open(keys.people, sealed)
      invariant(email !== null, 'an address is sealed under the storage key')
      return fromUtf8(email)
    },
    keyOf: (email) =>
      crypto.hmacSha256(keys.peopleIndex, labelled('email', toUtf8(email.toLowerCase()))),
  }
}
