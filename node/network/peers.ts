/** Which site a peer is: the Ed25519 key inside its peer id is the site's log key. */
import type { PeerId } from '@libp2p/interface'
import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import type { SiteId } from '../../protocol/ids.ts'

/** The site whose key this is by the registry, or null. */
export type SiteOfKey = (publicKey: Uint8Array) => SiteId | null

/** The site of a peer, or null for a stranger or another type of key. */
export function siteOfPeer(peer: PeerId, siteOfKey: SiteOfKey): SiteId | null {
  return peer.type === 'Ed25519' ? siteOfKey(peer.publicKey.raw) : null
}

/** The peer id of a site with this log key. */
export function peerOfKey(publicKey: Uint8Array): PeerId {
  return peerIdFromPublicKey(publicKeyFromRaw(publicKey))
}
