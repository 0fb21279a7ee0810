/** Sites that do on purpose what the audit is there to find; as in `plants.ts`, no core is changed. */
import { concatBytes } from '../../protocol/bytes.ts'
import type { BodyAnswer } from '../../protocol/wire.ts'
import { NETWORK, SITES, type Plant } from './world.ts'

/** The site that does it. */
export const [CULPRIT = NETWORK] = SITES.slice(2)

/** Publishes, and commits to a consent that it cannot show. */
export function publishesWithoutConsent(): Plant {
  return {
    name: 'a site publishes without consent',
    crypto: (crypto, { site }) => ({
      ...crypto,
      sha256: (bytes) =>
        site === CULPRIT && Buffer.from(bytes).includes('givenAt')
          ? crypto.sha256(concatBytes(bytes, Uint8Array.of(0)))
          : crypto.sha256(bytes),
    }),
  }
}

/** Keeps what it was given, and gives it to whoever asks, also after the end. */
export function servesWhatWasWithdrawn(): Plant {
  const kept = new Map<string, Uint8Array>()
  const revived = (home: string, answer: BodyAnswer): BodyAnswer => {
    const body = kept.get(`${home} ${answer.index}`)
    return answer.kind === 'gone' && body ? { kind: 'body', index: answer.index, body } : answer
  }
  return {
    name: 'a site serves withdrawn records',
    network: (network, { site }) => ({
      ...network,
      async *bodies(from, request) {
        for await (const reply of network.bodies(from, request)) {
          if (site === CULPRIT)
            for (const answer of reply.answers)
              if (answer.kind === 'body')
                kept.set(`${request.home} ${answer.index}`, answer.body.slice())
          yield reply
        }
      },
    }),
    handlers: (handlers, { site }) => ({
      ...handlers,
      async *bodies(from, request) {
        for await (const { answers } of handlers.bodies(from, request))
          yield {
            answers:
              site === CULPRIT ? answers.map((answer) => revived(request.home, answer)) : answers,
          }
      },
    }),
  }
}

/** Does not open what it is asked to. */
export function refusesToOpen(): Plant {
  return {
    name: 'a site refuses to open',
    handlers: (handlers, { site }) => ({
      ...handlers,
      audit: async (from, request) =>
        site === CULPRIT ? { kind: 'refused' } : handlers.audit(from, request),
    }),
  }
}
