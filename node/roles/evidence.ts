/** Checks evidence files and files of findings; needs no node, no folder and no network. */
import { verifyEvidence, type EvidenceVerdict } from '../../protocol/evidence.ts'
import {
  isFindingFile,
  verifyFindingFile,
  type FindingVerdict,
} from '../../protocol/finding-file.ts'
import { KEY_TYPE_ED25519, parseVerifierKey, type VerifierKey } from '../../protocol/note.ts'
import { systemCrypto } from './system.ts'

/** The verifier key of a coordinator's log, or null for one of another type. @throws ProtocolError */
export function parseLogKey(vkey: string): VerifierKey | null {
  const key = parseVerifierKey(vkey.trim())
  return key.type === KEY_TYPE_ED25519 ? key : null
}

/** Checks a file of a finding with nothing but the coordinator's key; null where it is none. */
export function checkFindingFile(text: string, coordinatorKey: VerifierKey): FindingVerdict | null {
  return isFindingFile(text) ? verifyFindingFile(text, coordinatorKey, systemCrypto.verify) : null
}

/** Checks an evidence file with nothing but the coordinator's key. */
export function checkEvidence(text: string, coordinatorKey: VerifierKey): EvidenceVerdict {
  return verifyEvidence(text, coordinatorKey, systemCrypto.verify)
}
