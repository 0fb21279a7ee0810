/** A record of another site as a profile of the old module: its words, its lengths, quoted text. */
import { addYears, dayOf, isoDateOfDay } from '../../../../protocol/dates.ts'
import type { SharedProfile } from '../../../../protocol/vocabulary.ts'
import type { VisibleRecord } from '../../record/discover.ts'
import { quoteText } from '../quoting.ts'
import type { NetId } from '../rows.ts'

/** A profile as the module reads it; every value is a fixed word, a number of ours, or quoted text. */
export type ModuleProfile = Readonly<
  Record<string, string | number | readonly string[] | Readonly<Record<string, string>>>
> & { readonly id: NetId }

type Profile = Partial<SharedProfile>

/** Pictures of one profile that the module takes, beside the main one. */
export const MODULE_PHOTOS = 5

/** Characters of the module's columns, which hold quoted text. */
const CHARS = { nickname: 20, name: 100, headline: 255, long: 1000, short: 100 } as const

/** Words of the vocabulary as an English site of the module shows them. */
const WORDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  bodyType: {
    slim: 'Slim',
    average: 'Average',
    athletic: 'Athletic',
    curvy: 'Curvy',
    large: 'Large',
    other: 'Other',
  },
  hairColour: {
    black: 'Black',
    brown: 'Brown',
    blond: 'Blond',
    red: 'Red',
    grey: 'Grey',
    white: 'White',
    bald: 'Bald',
    coloured: 'Coloured',
    other: 'Other',
  },
  eyeColour: {
    blue: 'Blue',
    green: 'Green',
    grey: 'Grey',
    brown: 'Brown',
    hazel: 'Hazel',
    black: 'Black',
    other: 'Other',
  },
  race: {
    asian: 'Asian',
    black: 'Black',
    indigenous: 'Indigenous',
    latin: 'Latin',
    'middle-eastern': 'Middle Eastern',
    mixed: 'Mixed',
    pacific: 'Pacific Islander',
    'south-asian': 'South Asian',
    white: 'White',
  },
  religion: {
    agnostic: 'Agnostic',
    atheist: 'Atheist',
    buddhist: 'Buddhist',
    christian: 'Christian',
    hindu: 'Hindu',
    jewish: 'Jewish',
    muslim: 'Muslim',
    none: 'None',
    sikh: 'Sikh',
    spiritual: 'Spiritual',
  },
  smoking: { never: 'Never', sometimes: 'Sometimes', daily: 'Daily', quitting: 'Trying to quit' },
  drinking: { never: 'Never', rarely: 'Rarely', socially: 'Socially', often: 'Often' },
  maritalStatus: {
    single: 'Single',
    'in-a-relationship': 'In a relationship',
    married: 'Married',
    separated: 'Separated',
    divorced: 'Divorced',
    widowed: 'Widowed',
  },
  purpose: {
    friendship: 'Friendship',
    dating: 'Dating',
    relationship: 'Relationship',
    marriage: 'Marriage',
    casual: 'Casual',
    chat: 'Chat',
  },
  wantsChildren: { yes: 'Yes', no: 'No', maybe: 'Maybe' },
  hasChildren: {
    none: 'No children',
    'living-with-me': 'Living with me',
    'living-elsewhere': 'Living elsewhere',
    'grown-up': 'Grown up',
  },
  education: {
    none: 'None',
    school: 'School',
    vocational: 'Vocational',
    college: 'College',
    bachelor: "Bachelor's degree",
    master: "Master's degree",
    doctorate: 'Doctorate',
  },
}

/** Fields of the vocabulary with a closed list, under the names of the module. */
const CHOICES = [
  ['marital_status', 'maritalStatus'],
  ['purpose', 'purpose'],
  ['body_type', 'bodyType'],
  ['eye_colour', 'eyeColour'],
  ['hair_colour', 'hairColour'],
  ['want_children', 'wantsChildren'],
  ['have_children', 'hasChildren'],
  ['education', 'education'],
  ['smoking_habits', 'smoking'],
  ['drinking_habits', 'drinking'],
  ['race', 'race'],
  ['religion', 'religion'],
] as const

const GENDERS: Readonly<Record<string, string>> = {
  man: 'male',
  woman: 'female',
  'trans-man': 'transgender',
  'trans-woman': 'transgender',
}
/** The order in which the module lists them. */
/** ISO 639-2 for a language that is not known: no website has it. */
const UNDETERMINED = 'und'
const TYPES = ['male', 'female', 'transgender'] as const

/** Type of user; null where the module has no word for the gender. */
function userType({ gender = 'undisclosed', genderDescription = '' }: Profile): string | null {
  const isDescribed = genderDescription.trim().toLowerCase() === 'transgender'
  return gender === 'self-described' && isDescribed ? 'transgender' : (GENDERS[gender] ?? null)
}

/** Whom the record seeks; null where the module has a word for none of them. */
function lookingFor({ seeks = [] }: Profile): string | null {
  if (seeks.includes('any')) return 'all'
  const sought = new Set(seeks.map((one) => GENDERS[one]))
  const types = TYPES.filter((type) => sought.has(type))
  return types.length === 0 ? null : types.join(',')
}

/**
 * The birth date, or the 1st of January by which the age comes out right, where the record has no
 * more than an age.
 */
function birthDate({ profile, age }: VisibleRecord, now: number): string {
  if (profile.birthDate !== undefined) return profile.birthDate
  return `${addYears(isoDateOfDay(dayOf(now)), -age).slice(0, 4)}-01-01`
}

/**
 * A language as websites call theirs: ISO 639-1, in small letters, unlike what the module sends. A
 * website takes its default for one that it does not have, and none at all for an empty text.
 */
function languageOf({ languages = [] }: Profile): string {
  return languages.find((language) => language.length === 2) ?? UNDETERMINED
}

function texts(profile: Profile): Record<string, string> {
  const { headline, description, hobbies, occupation, heightCm, weightKg } = profile
  const described: Record<string, string | undefined> = {
    race: profile.raceDescription,
    religion: profile.religionDescription,
  }
  const found: [string, string | undefined, number][] = [
    ['headline', headline, CHARS.headline],
    ['description', description, CHARS.long],
    ['hobby', hobbies, CHARS.long],
    ['occupation', occupation, CHARS.short],
    ['height', heightCm === undefined ? undefined : `${heightCm} cm`, CHARS.short],
    ['weight', weightKg === undefined ? undefined : `${weightKg} kg`, CHARS.short],
    ...CHOICES.map(([key, field]): [string, string | undefined, number] => {
      const word = profile[field]
      const text = word === 'self-described' ? described[key] : WORDS[field]?.[word ?? '']
      return [key, text, CHARS.short]
    }),
  ]
  return Object.fromEntries(
    found.flatMap(([key, text, most]) =>
      text === undefined ? [] : [[key, quoteText(text, most)]],
    ),
  )
}

/** Whether the module has words for the gender of a record, and for whom it seeks. */
export function isSayable(profile: Profile): boolean {
  return userType(profile) !== null && lookingFor(profile) !== null
}

/**
 * What a record is to the module; null where the module has no words for its gender or for whom it
 * seeks. Every field is always there, since one that is left out of an update stays as it was.
 *
 * @param given.icon address of the main picture; empty where there is none
 * @param given.token stands where the module expects an e-mail address
 */
export function moduleProfile(
  visible: VisibleRecord,
  given: { netId: NetId; token: string; icon: string; photos: readonly string[]; now: number },
): ModuleProfile | null {
  const { profile } = visible
  const type = userType(profile)
  const looking = lookingFor(profile)
  if (type === null || looking === null) return null
  const about = texts(profile)
  return {
    id: given.netId,
    email: given.token,
    nickname: quoteText(profile.nickname ?? '', CHARS.nickname),
    fname: quoteText(profile.firstName ?? '', CHARS.name),
    sname: quoteText(profile.lastName ?? '', CHARS.name),
    postal_code: '',
    user_type: type,
    looking_user_type: looking,
    age_max: profile.seeksAgeMax ?? 0,
    birth_date: birthDate(visible, given.now),
    lang: languageOf(profile),
    country_code: profile.country ?? '',
    region: quoteText(profile.region ?? '', CHARS.name),
    city: quoteText(profile.city ?? '', CHARS.name),
    icon: given.icon,
    photos: given.photos.slice(0, MODULE_PHOTOS),
    profile_data: Object.keys(about).length === 0 ? [] : about,
  }
}
