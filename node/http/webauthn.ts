/** What authenticators say, made and checked by @simplewebauthn/server. */
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type AuthenticationResponseJSON,
  type RegistrationResponseJSON,
} from '@simplewebauthn/server'
import { z } from 'zod'
import { fromHex } from '../../protocol/bytes.ts'
import type { TakeChallenge, WebAuthn } from '../core/people/passkeys.ts'

const TEXT_CHARS = 16 * 1024
/** COSE algorithms: EdDSA, ES256, RS256, which every device has one of. */
const ALGORITHMS = [-8, -7, -257]
const ID_BYTES = 1023
const text = z.string().max(TEXT_CHARS)
const base64url = text.regex(/^[\w-]+$/)
const base = {
  id: base64url,
  rawId: base64url,
  type: z.literal('public-key'),
  authenticatorAttachment: z.string().max(64).optional(),
  clientExtensionResults: z.record(z.string(), z.unknown()),
}
/** The shape that {@link AuthenticationResponseJSON} promises; what it says is checked after. */
const requestAnswer = z.object({
  ...base,
  response: z.object({
    clientDataJSON: base64url,
    authenticatorData: base64url,
    signature: base64url,
    userHandle: base64url.optional(),
  }),
})
const creationAnswer = z.object({
  ...base,
  response: z.object({
    clientDataJSON: base64url,
    attestationObject: base64url,
    transports: z
      .array(z.string().regex(/^[a-z-]{1,20}$/))
      .max(10)
      .optional(),
  }),
})

const bytesOf = (encoded: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(Buffer.from(encoded, 'base64url'))
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')

const taker = (take: TakeChallenge) => (challenge: string) => take(bytesOf(challenge))

/** The library says by exceptions what is wrong with an answer; here it is wrong, and that is all. */
async function orNull<T>(check: () => Promise<T | null>): Promise<T | null> {
  try {
    return await check()
  } catch {
    return null
  }
}

/**
 * Creates the checks for the pages at `url`, whose host name passkeys are bound to.
 *
 * @returns null where browsers make no passkeys for that address: without TLS, or without a name
 */
export function createWebAuthn(url: string, name: string): WebAuthn | null {
  const { origin, hostname, protocol } = new URL(url)
  const isNamed = !/^[\d.]+$|^\[/.test(hostname)
  if (!isNamed || (protocol !== 'https:' && hostname !== 'localhost')) return null
  const expected = { expectedOrigin: origin, expectedRPID: hostname }
  return {
    creationOptions: ({ account, name: userName, challenge, exclude }) =>
      generateRegistrationOptions({
        rpName: name,
        rpID: hostname,
        userName,
        userID: Uint8Array.from(fromHex(account)),
        challenge: Uint8Array.from(challenge),
        attestationType: 'none',
        supportedAlgorithmIDs: ALGORITHMS,
        excludeCredentials: exclude.map(({ id }) => ({ id: textOf(id) })),
        // The device asks who it is: it is the only thing that stands between a thief and the desk.
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      }),
    requestOptions: (challenge) =>
      generateAuthenticationOptions({
        rpID: hostname,
        challenge: Uint8Array.from(challenge),
        userVerification: 'required',
      }),
    verifyCreation: (answer, take) =>
      orNull(async () => {
        const response = creationAnswer.parse(answer) as RegistrationResponseJSON
        const { verified, registrationInfo } = await verifyRegistrationResponse({
          response,
          expectedChallenge: taker(take),
          ...expected,
          supportedAlgorithmIDs: ALGORITHMS,
          requireUserVerification: true,
        })
        if (!verified) return null
        const { id, publicKey, counter } = registrationInfo.credential
        const bytes = bytesOf(id)
        if (bytes.length > ID_BYTES) return null
        return { id: bytes, publicKey, counter, transports: response.response.transports ?? [] }
      }),
    passkeyOf: (answer) => {
      const parsed = requestAnswer.safeParse(answer)
      return parsed.success ? bytesOf(parsed.data.id) : null
    },
    verifyRequest: (answer, { id, account, publicKey, counter, transports }, take) =>
      orNull(async () => {
        const response = requestAnswer.parse(answer) as AuthenticationResponseJSON
        const handle = response.response.userHandle
        if (handle !== undefined && handle !== textOf(fromHex(account))) return null
        const { verified, authenticationInfo } = await verifyAuthenticationResponse({
          response,
          expectedChallenge: taker(take),
          ...expected,
          credential: {
            id: textOf(id),
            publicKey: Uint8Array.from(publicKey),
            counter,
            transports,
          },
          requireUserVerification: true,
        })
        return verified ? authenticationInfo.newCounter : null
      }),
  }
}
