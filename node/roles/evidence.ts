/** Checks evidence files, archives and files of findings; needs no node, folder or network. */
import { createReadStream } from 'node:fs'
import { createArchiveCheck, type ArchiveVerdict } from '../../protocol/archive/check.ts'
import { verifyEvidence, type EvidenceVerdict } from '../../protocol/evidence.ts'
import {
  isFindingFile,
  verifyFindingFile,
  type FindingVerdict,
} from '../../protocol/finding-file.ts'
import { KEY_TYPE_ED25519, parseVerifierKey, type VerifierKey } from '../../protocol/note.ts'
import { verifyOpening, type OpeningVerdict } from '../../protocol/opening.ts'
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

/** Checks the opening of a consent with nothing but the coordinator's key. */
export function checkOpening(text: string, coordinatorKey: VerifierKey): OpeningVerdict {
  const now = Math.floor(Date.now() / 1000)
  return verifyOpening(text, { coordinatorKey, now, verify: systemCrypto.verify })
}

/** Bytes read at once: large enough that reading costs nothing beside hashing. */
const READ_BYTES = 1024 * 1024

/**
 * Checks an archive as it is read, whatever its size.
 *
 * @param progress told how far the check is, some times a second at the most
 * @throws an error of the system where the file cannot be read
 */
export async function checkArchive(
  path: string,
  coordinatorKey: VerifierKey,
  progress: (verdict: ArchiveVerdict) => void,
): Promise<ArchiveVerdict> {
  const { verify, sha256: hash } = systemCrypto
  const check = createArchiveCheck({ coordinatorKey, verify, hash })
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) {
    check.push(chunk as Buffer)
    if (check.hasFailed()) break
    progress(check.verdict())
  }
  return check.end()
}
