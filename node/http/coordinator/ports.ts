/** What the routes of the coordinator's interface are handed. */
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseSiteId, type SiteId } from '../../../protocol/ids.ts'
import {
  formatVerifierKey,
  KEY_TYPE_COSIGNATURE,
  KEY_TYPE_ED25519,
  parseVerifierKey,
} from '../../../protocol/note.ts'
import { originOf, witnessName } from '../../../protocol/registry.ts'
import type { Access, CoordinatorRole } from '../../core/access.ts'
import type { Coordinator } from '../../core/coordinator.ts'
import type { MailReader } from '../../core/oversight/mail.ts'
import type { Clock, Crypto, Network } from '../../core/ports.ts'
import type { Store } from '../../core/store.ts'
import type { BasePorts, Door } from '../app.ts'
import type { Sessions } from '../session.ts'
import type { LinkLimits } from './link-limits.ts'

/** Who runs the coordinator, from its configuration; shown to everybody. */
export interface Controller {
  name: string
  address: string
  email: string
  dpoName: string
  dpoEmail: string
}

export interface CoordinatorPorts extends BasePorts {
  coordinator: Coordinator
  store: Store
  clock: Clock
  crypto: Crypto
  network: Pick<Network, 'connected'>
  access: Access<CoordinatorRole>
  controller: Controller
  /** Where its pages are reached from outside; null where nobody has said. */
  url?: string | null
  /** Reads mail that is pasted or uploaded. */
  mail: MailReader
  /** Where the coordinator itself is reached, as libp2p multiaddrs: a node needs one to begin. */
  addresses?: () => readonly string[]
  /** Version of the software. */
  version: string
  /** Mounts the pages for people. */
  pages?: (door: Door, gate: { sessions: Sessions; limits: LinkLimits }) => void
}

/** Roles by what they may do. */
export const LOOK: readonly CoordinatorRole[] = ['staff', 'dpo', 'auditor']
export const ACT: readonly CoordinatorRole[] = ['staff', 'dpo']

/** The site named in the path. */
export function siteIn(param: string | undefined): SiteId {
  return at('/site', () => parseSiteId(param ?? ''))
}

/** The verifier keys of a site as text: of its log, and of its cosignatures. */
export function keyTexts(
  network: SiteId,
  site: SiteId,
  keys: { logKey: Uint8Array; witnessKey: Uint8Array },
): { logKey: string; witnessKey: string } {
  const log = { name: originOf(network, site), type: KEY_TYPE_ED25519, publicKey: keys.logKey }
  return {
    logKey: formatVerifierKey(log),
    witnessKey: formatVerifierKey({
      name: witnessName(network, site),
      type: KEY_TYPE_COSIGNATURE,
      publicKey: keys.witnessKey,
    }),
  }
}

function keyOf(text: string, name: string, type: number): Uint8Array {
  const key = parseVerifierKey(text)
  if (key.name !== name) throw new ProtocolError('out_of_range', '', `the name ${name}`)
  if (key.type !== type)
    throw new ProtocolError('wrong_type', '', `a key of type ${type} (C2SP signed-note)`)
  return key.publicKey
}

/**
 * The public keys in two verifier keys, which must be named after the site.
 *
 * @throws ProtocolError at `/logKey` or `/witnessKey`
 */
export function parseKeyTexts(
  network: SiteId,
  site: SiteId,
  texts: { logKey: string; witnessKey: string },
): { logKey: Uint8Array; witnessKey: Uint8Array } {
  const logKey = at('/logKey', () => keyOf(texts.logKey, originOf(network, site), KEY_TYPE_ED25519))
  const witnessKey = at('/witnessKey', () =>
    keyOf(texts.witnessKey, witnessName(network, site), KEY_TYPE_COSIGNATURE),
  )
  return { logKey, witnessKey }
}
