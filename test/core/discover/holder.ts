/** A site that holds invented records of others, put into its store as its follower and fetcher do. */
import { encodeBody } from '../../../protocol/body.ts'
import { factsOf } from '../../../protocol/requirements.ts'
import { createBodyReader } from '../../../node/core/search/reader.ts'
import { traitsOf } from '../../../node/core/search/traits.ts'
import type { HeldBody, RecordState } from '../../../node/core/store.ts'
import { aConsent } from '../../fixtures/people.ts'
import type { SiteMachine } from '../world.ts'
import type { Person } from './crowd.ts'

const stateOf = (person: Person, live: boolean): RecordState => ({
  record: person.record,
  firstIndex: 0,
  index: person.index,
  version: person.version,
  live,
  endIndex: null,
  publishedAt: person.publishedAt,
  joinedAt: person.joinedAt,
  expires: person.expires,
})

/** Publishes and withdraws at the holder, as its follower and fetcher do. */
export function createHolder({ ports: { store, vault } }: SiteMachine) {
  async function bodiesOf(people: readonly Person[]): Promise<Omit<HeldBody, 'home'>[]> {
    const plain = people.map(({ profile, scopes, purposes, expires }) => {
      const salt = new Uint8Array(32)
      const consent = aConsent({ scopes, purposes, expiresAt: expires })
      return encodeBody({ profile, consent, profileSalt: salt, consentSalt: salt }).bytes
    })
    const sealed = await vault.seal(plain)
    return people.map((person, at) => ({
      record: person.record,
      index: person.index,
      expires: person.expires,
      scopes: person.scopes,
      excludes: [],
      facts: factsOf(person.profile, person.publishedAt),
      traits: traitsOf(person.profile),
      sealed: sealed[at] ?? { slot: -1, ciphertext: new Uint8Array(0) },
    }))
  }
  return {
    reader: createBodyReader({ store, vault, pause: () => Promise.resolve() }),
    apply: async (
      news: readonly Person[],
      gone: readonly Person[],
      replaced: readonly Person[],
    ) => {
      const homes = new Set([...news, ...gone].map(({ home }) => home))
      const batches = await Promise.all(
        [...homes].map(async (home) => {
          const own = news.filter((person) => person.home === home)
          return { home, own, bodies: await bodiesOf(own) }
        }),
      )
      await store.write(async (tx) => {
        for (const { home, own, bodies } of batches) {
          const ended = gone.filter((person) => person.home === home)
          const old = replaced.filter((person) => person.home === home)
          const states = [
            ...own.map((one) => stateOf(one, true)),
            ...ended.map((one) => stateOf(one, false)),
          ]
          await tx.records.save(home, states, false)
          await tx.bodies.doom(
            home,
            [...ended, ...old].map(({ index }) => index),
          )
          await tx.bodies.insert(home, bodies)
        }
      })
    },
  }
}
