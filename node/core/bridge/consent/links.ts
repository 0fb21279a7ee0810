/**
 * Links to the consent page. The database has a hash of the token, and the member's id sealed under
 * a key that follows from the token: who has the database alone learns neither link nor member.
 */
import { fromUtf8, toBase64, toUtf8 } from '../../../../protocol/bytes.ts'
import type { Crypto, Random } from '../../ports.ts'
import type { LinkKind, LinkRow } from '../rows.ts'

const TOKEN_BYTES = 32
const TOKEN = /^[A-Za-z0-9_-]{43}$/

/** Whether a text has the form of a token. */
export function isToken(text: string): boolean {
  return TOKEN.test(text)
}

/** What a token is stored under. */
export function tokenHash(token: string, { sha256 }: Pick<Crypto, 'sha256'>): Uint8Array {
  return sha256(toUtf8(token))
}

function keyOf(token: string, { hmacSha256 }: Pick<Crypto, 'hmacSha256'>): Uint8Array {
  return hmacSha256(toUtf8(token), toUtf8('dpn/bridge-link'))
}

/** Draws a token, and makes its row. */
export function makeLink(
  { random, crypto }: { random: Random; crypto: Crypto },
  of: { localId: number; memberKey: Uint8Array; kind: LinkKind; expiresAt: number },
): { token: string; row: LinkRow } {
  const token = toBase64(random.bytes(TOKEN_BYTES))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
  const { localId, memberKey, kind, expiresAt } = of
  const sealedId = crypto.seal(keyOf(token, crypto), toUtf8(String(localId)))
  return { token, row: { hash: tokenHash(token, crypto), memberKey, sealedId, kind, expiresAt } }
}

/** The member that a link is for; null where the row is none of this token's. */
export function memberOfLink(token: string, row: LinkRow, crypto: Crypto): number | null {
  const opened = crypto.open(keyOf(token, crypto), row.sealedId)
  return opened === null ? null : Number(fromUtf8(opened))
}
