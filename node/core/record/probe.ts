/** Asks a site for a version of a record that has ended, just as a partner would. */
import { isCommittedBody } from '../../../protocol/body.ts'
import type { ProbeAnswer } from '../../../protocol/challenge.ts'
import { decodeEntry, type Publish } from '../../../protocol/entry.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import type { BodyAnswer } from '../../../protocol/wire.ts'
import type { Crypto, Network } from '../ports.ts'
import type { ReadTransaction, Store } from '../store.ts'
import type { View } from '../view.ts'

export interface ProbeQuestion {
  target: SiteId
  home: SiteId
  /** Index of the publish entry of the version. */
  index: number
}

/** The publish entry at that place, if its record has ended by the log as it is here; else null. */
export async function endedPublish(
  tx: ReadTransaction,
  { home, index }: Pick<ProbeQuestion, 'home' | 'index'>,
): Promise<Publish | null> {
  const bytes = (await tx.logs.entriesAt(home, [index])).get(index)
  const entry = bytes === undefined ? undefined : decodeEntry(bytes)
  if (entry?.type !== 'publish') return null
  const state = await tx.records.get(home, entry.record)
  return state !== null && !state.live ? entry : null
}

/**
 * Puts the question of `/dpn/bodies/1`, and tells what kind of answer came. A body that comes is
 * compared with the log, and is kept nowhere.
 *
 * @throws ProtocolError `not_ready` where the record lives by the log as it is here; or what the
 *   network throws
 */
export async function askForEnded(
  ports: {
    view: View
    store: Store
    crypto: Pick<Crypto, 'sha256'>
    network: Pick<Network, 'bodies'>
  },
  question: ProbeQuestion,
): Promise<ProbeAnswer> {
  const { view, store, crypto, network } = ports
  const { target, home, index } = question
  const entry = await store.read((tx) => endedPublish(tx, question))
  if (entry === null) throw new ProtocolError('not_ready', '', 'a record that has ended')
  const requirements = (view.requirements(view.self)?.index ?? -1) + 1
  const request = { home, indexes: [index], requirements, registry: view.registry().size }
  let answer: BodyAnswer | undefined
  for await (const reply of network.bodies(target, request)) answer ??= reply.answers[0]
  if (answer === undefined) throw new ProtocolError('malformed', '', 'an answer')
  if (answer.kind !== 'body') return answer.kind
  return isCommittedBody(answer.body, entry, crypto.sha256) ? 'body' : 'bytes'
}
