/** What the judge knows of pictures: which files were kept, and what a receipt promises of them. */
import type { Body } from '../../protocol/body.ts'
import { toHex } from '../../protocol/bytes.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { PICTURE_SIZES } from '../../protocol/picture.ts'
import type { LedgerRow } from '../../node/core/store.ts'
import type { PictureRow } from '../../node/core/store.ts'
import { SLOT_BYTES } from '../../node/store/vault.ts'
import { invariantOf, type Judged } from './judged.ts'
import { refusal } from './naive.ts'
import type { Kept } from './knowledge.ts'
import { durableKey } from './storage.ts'

const ZERO = toHex(new Uint8Array(SLOT_BYTES))

/** A disclosure as the knowledge holds it. */
export function ledgerLine(
  home: SiteId,
  index: number,
  partner: SiteId,
  what: LedgerRow['what'],
): string {
  return `${home} ${index} ${partner}${what === 'body' ? '' : ` ${what}`}`
}

/** Remembers the files of pictures that a node has committed to. */
export function keepPictures(node: Judged, rows: readonly PictureRow[]): void {
  for (const { home, record, index, picture, slots } of rows)
    for (const size of PICTURE_SIZES) {
      const slot = slots?.[size]
      if (slot === undefined) continue
      const key = durableKey(node.disk, slot)
      node.known.pictures.set(`${home} ${picture} ${size}`, { home, record, index, slot, key })
    }
}

/** Of pictures whose record has ended, neither key nor file may be there when a receipt is signed. */
export function checkPictures(
  node: Judged,
  ended: readonly Kept[],
  what: string,
  fail: (invariant: number, text: string) => void,
): void {
  for (const { home, record, slot, key } of ended) {
    const now = durableKey(node.disk, slot)
    if (now === key) fail(5, `${what}, and the key of a picture of ${home} ${record} is on disk`)
    // A slot that is used again has a file again.
    if (now === ZERO && node.files.has(slot))
      fail(5, `${what}, and a picture of ${home} ${record} is on disk`)
  }
}

/** A picture that leaves a node must be one that its partner may have, and be written down. */
export function checkServed(
  node: Judged,
  asked: { network: SiteId; home: SiteId; partner: SiteId; index: number; body: Body | null },
  fail: (invariant: number, text: string) => void,
): void {
  const { network, home, partner, index, body } = asked
  const { known, site: self } = node
  const what = `${node.name} to ${partner} pictures of ${home} ${index}`
  if (body === null) {
    fail(8, `${what}: of a body that nobody made`)
    return
  }
  const question = { known, network, self, home, partner, now: node.now() }
  const refused = refusal(question, index, body)
  if (refused !== null) fail(invariantOf(refused), `${what}: ${refused}`)
  if (!body.consent.scopes.includes('pictures')) fail(6, `${what}: no consent covers them`)
  if (partner !== home && !known.ledger.has(ledgerLine(home, index, partner, 'pictures')))
    fail(6, `${what}: no row in the ledger`)
}
