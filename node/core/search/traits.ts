/** What of a profile discovery filters by besides the facts that the gate compares. */
import type { SharedProfile } from '../../../protocol/vocabulary.ts'

/** Choices from a list, on disk in clear beside the facts. */
export const CHOICE_FIELDS = [
  'bodyType',
  'hairColour',
  'eyeColour',
  'smoking',
  'drinking',
  'maritalStatus',
  'purpose',
  'wantsChildren',
  'hasChildren',
  'education',
] as const
export type ChoiceField = (typeof CHOICE_FIELDS)[number]
/** Choices that are nobody's business on a disk (GDPR 9): read from the body into memory. */
export const SENSITIVE_FIELDS = ['race', 'religion'] as const
export type SensitiveField = (typeof SENSITIVE_FIELDS)[number]
/** Numbers, filtered by a range. */
export const RANGE_FIELDS = ['heightCm', 'weightKg'] as const
export type RangeField = (typeof RANGE_FIELDS)[number]
/** What a general search for words reads. */
export const TEXT_FIELDS = ['nickname', 'headline', 'description'] as const
/**
 * Texts that are filtered one by one, by words. Names are not among them: discovery finds people
 * who fit, and not a person who is looked for.
 */
export const WORD_FIELDS = [
  'genderDescription',
  'region',
  'city',
  'raceDescription',
  'religionDescription',
  'occupation',
  'hobbies',
] as const
export type WordField = (typeof WORD_FIELDS)[number]

/** The filtered fields that are columns of a body, on disk in clear under a random id. */
export interface Traits {
  hasPicture: boolean
  /** Languages that the member speaks, where given; not the hidden one of the site's pages. */
  languages: string[]
  heightCm: number | null
  weightKg: number | null
  choices: Partial<Record<ChoiceField, string>>
}

/** The traits of a profile. */
export function traitsOf(profile: SharedProfile): Traits {
  const choices: Traits['choices'] = {}
  for (const name of CHOICE_FIELDS) {
    const word = profile[name]
    if (word !== undefined) choices[name] = word
  }
  return {
    hasPicture: profile.picture !== undefined,
    languages: profile.languages ?? [],
    heightCm: profile.heightCm ?? null,
    weightKg: profile.weightKg ?? null,
    choices,
  }
}
