/** Members with words in every text of theirs that stand nowhere else in the world. */
import { createHash } from 'node:crypto'
import { NOTICE, type Person } from '../../scripts/people.ts'
import { SCOPES, type Scope } from '../../protocol/consent.ts'

const CONSONANTS = 'bdfgklmnprstvz'
const VOWELS = 'aeiou'

/** With this begins every canary, so that one search finds them all. */
export const MARK = 'zuvokilamope'

/** A word of 32 letters that can be said, the same for the same name. */
export function canary(name: string): string {
  const bytes = createHash('sha256').update(name).digest()
  let word = MARK
  for (const byte of bytes.subarray(0, 10))
    word += `${CONSONANTS[byte % CONSONANTS.length]}${VOWELS[(byte >> 4) % VOWELS.length]}`
  return word
}

/** The scope that each canary needs to leave the node; null for what never does. */
const TEXTS: Readonly<Record<string, Scope | null>> = {
  id: null,
  email: null,
  nickname: 'discovery',
  genderDescription: 'discovery',
  region: 'discovery',
  city: 'discovery',
  headline: 'discovery',
  description: 'discovery',
  occupation: 'discovery',
  hobbies: 'discovery',
  firstName: 'names',
  lastName: 'names',
  raceDescription: 'race',
  religionDescription: 'religion',
}

export interface Marked {
  person: Person
  /** By field. */
  words: Readonly<Record<string, string>>
}

/** The words of a member that these scopes, or their absence, cover. */
export function wordsWithin({ words }: Marked, scopes: readonly string[]): string[] {
  return Object.entries(TEXTS).flatMap(([field, scope]) =>
    scope !== null && scopes.includes(scope) ? [words[field] ?? ''] : [],
  )
}
/** All other words of a member. */
export function wordsOutside(marked: Marked, scopes: readonly string[]): string[] {
  const within = new Set(wordsWithin(marked, scopes))
  return Object.values(marked.words).filter((word) => !within.has(word))
}

/** A woman in Germany who gives every text there is. */
export function aMarkedMember(name: string, scopes: readonly Scope[] = SCOPES): Marked {
  const words = Object.fromEntries(
    Object.keys(TEXTS).map((field) => [field, canary(`${name} ${field}`)]),
  )
  const { id = '', email = '', ...texts } = words
  const profile = {
    ...texts,
    birthDate: '1990-05-12',
    gender: 'self-described',
    seeks: ['any'],
    seeksAgeMin: 25,
    seeksAgeMax: 60,
    country: 'DE',
    language: 'de',
    race: 'self-described',
    religion: 'self-described',
  }
  const consent = {
    notice: { ...NOTICE },
    scopes: [...scopes],
    givenAt: Math.floor(Date.now() / 1000) - 3600,
    channel: 'web',
  }
  return { person: { id, email: `${email}@mail.example`, profile, consent }, words }
}
