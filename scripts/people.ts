/** Invented members for tests, the demo and benchmarks: the same for the same seed. */
import { createHash } from 'node:crypto'

/** One member as a site hands it to its node. */
export interface Person {
  id: string
  email: string
  profile: Record<string, unknown> & { birthDate: string }
  consent: Record<string, unknown>
}

interface Land {
  country: string
  language: string
  cities: readonly (readonly [name: string, latitude: number, longitude: number])[]
  women: readonly string[]
  men: readonly string[]
  surnames: readonly string[]
  jobs: readonly string[]
  sentences: readonly string[]
}

const LANDS: readonly Land[] = [
  {
    country: 'DE',
    language: 'de',
    cities: [
      ['Leipzig', 51.34, 12.37],
      ['Köln', 50.94, 6.96],
      ['Freiburg', 48, 7.85],
    ],
    women: ['Heike', 'Jana', 'Svenja', 'Lotte'],
    men: ['Uwe', 'Jonas', 'Malte', 'Anton'],
    surnames: ['Amselfeld', 'Birkholz', 'Dornbusch', 'Eichgrund'],
    jobs: ['Tischlerin', 'Lehrer', 'Köchin', 'Buchhändler'],
    sentences: [
      'Am liebsten bin ich draußen, bei jedem Wetter.',
      'Sonntags backe ich Brot und höre Radio.',
      'Ich lache gern, auch über mich selbst.',
      'Meine Fahrräder haben Namen, meine Pflanzen auch.',
      'Ein guter Abend: zwei Stühle, ein Tisch, ein langes Gespräch.',
      'Im Sommer schwimme ich im See, im Winter lese ich.',
    ],
  },
  {
    country: 'FR',
    language: 'fr',
    cities: [
      ['Lyon', 45.76, 4.84],
      ['Nantes', 47.22, -1.55],
      ['Toulouse', 43.6, 1.44],
    ],
    women: ['Camille', 'Élise', 'Manon', 'Solène'],
    men: ['Bastien', 'Luc', 'Rémi', 'Théo'],
    surnames: ['Aubépine', 'Boisclair', 'Chantemerle', 'Fontvive'],
    jobs: ['infirmière', 'menuisier', 'professeure', 'boulanger'],
    sentences: [
      'J’aime les marchés du matin et les trains lents.',
      'Je cuisine mieux que je ne chante.',
      'Le dimanche, je marche sans but précis.',
      'Je cherche quelqu’un de curieux et de patient.',
      'Mon chat décide de presque tout à la maison.',
      'Un bon livre, la mer, et le reste peut attendre.',
    ],
  },
  {
    country: 'ES',
    language: 'es',
    cities: [
      ['Valencia', 39.47, -0.38],
      ['Bilbao', 43.26, -2.93],
      ['Granada', 37.18, -3.6],
    ],
    women: ['Alba', 'Inés', 'Lucía', 'Nerea'],
    men: ['Álvaro', 'Diego', 'Iker', 'Pablo'],
    surnames: ['Arroyo', 'Camposol', 'Robledal', 'Vallehermoso'],
    jobs: ['arquitecta', 'cocinero', 'enfermera', 'músico'],
    sentences: [
      'Me gusta caminar por la montaña al amanecer.',
      'Toco la guitarra, bastante mal pero con ganas.',
      'Busco una persona tranquila con sentido del humor.',
      'Los domingos hago paella para los amigos.',
      'Viajo poco, pero siempre vuelvo con historias.',
      'Prefiero los planes sencillos y las charlas largas.',
    ],
  },
  {
    country: 'RU',
    language: 'ru',
    cities: [
      ['Казань', 55.79, 49.12],
      ['Пермь', 58.01, 56.25],
      ['Томск', 56.5, 84.97],
    ],
    women: ['Алина', 'Вера', 'Дарья', 'Ольга'],
    men: ['Антон', 'Глеб', 'Павел', 'Тимур'],
    surnames: ['Берёзкин', 'Ветров', 'Лугов', 'Морошкин'],
    jobs: ['врач', 'инженер', 'учитель', 'пекарь'],
    sentences: [
      'Люблю лес, грибы и долгие разговоры на кухне.',
      'По выходным катаюсь на лыжах или читаю.',
      'Ищу человека доброго и с чувством юмора.',
      'У меня есть собака, она главная в доме.',
      'Пеку пироги и угощаю соседей.',
      'Мечтаю увидеть северное сияние ещё раз.',
    ],
  },
  {
    country: 'GB',
    language: 'en',
    cities: [
      ['Leeds', 53.8, -1.55],
      ['Cardiff', 51.48, -3.18],
      ['Norwich', 52.63, 1.3],
    ],
    women: ['Erin', 'Hazel', 'Maeve', 'Tess'],
    men: ['Callum', 'Ewan', 'Jasper', 'Rhys'],
    surnames: ['Applegarth', 'Brookfell', 'Larkhill', 'Thornaby'],
    jobs: ['nurse', 'gardener', 'teacher', 'carpenter'],
    sentences: [
      'I am happiest outdoors, whatever the weather does.',
      'My bread is good, my singing is not.',
      'I would rather talk for hours than text for weeks.',
      'Sundays are for long walks and slow food.',
      'Two cats share my flat and most of my chairs.',
      'I am looking for somebody kind, curious and a bit silly.',
    ],
  },
]

const SCOPE_SETS: readonly (readonly string[])[] = [
  ['appearance', 'discovery', 'habits', 'messaging', 'pictures', 'presence', 'recommendations'],
  ['birth-date', 'discovery', 'messaging', 'names', 'recommendations'],
  ['appearance', 'discovery', 'habits', 'race', 'recommendations', 'religion'],
  ['discovery', 'recommendations'],
]
const CONSENT_AGE_DAYS = 30
const DAY_MS = 86_400_000
const TEXT_CHARS = 330

/** A generator of numbers in [0, 1): mulberry32, by Tommy Ettinger (public domain). */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface Dice {
  below: (bound: number) => number
  pick: <T>(list: readonly T[]) => T
}

function diceOf(seed: number): Dice {
  const next = mulberry32(seed)
  const below = (bound: number): number => Math.floor(next() * bound)
  return {
    below,
    pick: (list) => {
      const [item] = list.slice(below(list.length))
      if (item === undefined) throw new Error('an empty list has nothing to pick')
      return item
    },
  }
}

function seeksOf(gender: string, roll: number): string[] {
  const other = gender === 'woman' ? 'man' : 'woman'
  if (roll < 82) return [other]
  if (roll < 90) return [gender]
  return roll < 96 ? ['man', 'woman'] : ['any']
}

function prose(dice: Dice, sentences: readonly string[]): string {
  let text = dice.pick(sentences)
  while (text.length < TEXT_CHARS) text += ` ${dice.pick(sentences)}`
  return text
}

function profileOf(dice: Dice, today: string): Person['profile'] {
  const land = dice.pick(LANDS)
  const [city, latitude, longitude] = dice.pick(land.cities)
  const gender = dice.pick(['woman', 'man'])
  const firstName = dice.pick(gender === 'woman' ? land.women : land.men)
  // Whole days before the 18th birthday's date, so that everybody is of age on `today`.
  const ageDays = Math.ceil(18 * 365.25) + 1 + dice.below(50 * 365)
  const birthDate = new Date(Date.parse(today) - ageDays * DAY_MS).toISOString().slice(0, 10)
  const years = Math.floor(ageDays / 365.25)
  return {
    nickname: `${firstName} ${dice.pick(['Sonne', 'Lune', 'Río', 'Ветер', 'Moss', 'Fox'])}`,
    birthDate,
    gender,
    seeks: seeksOf(gender, dice.below(100)),
    seeksAgeMin: Math.max(18, years - 8),
    seeksAgeMax: Math.min(120, years + 8),
    country: land.country,
    latitude,
    longitude,
    city,
    language: land.language,
    languages: land.language === 'en' ? ['en'] : ['en', land.language].toSorted(),
    firstName,
    lastName: dice.pick(land.surnames),
    bodyType: dice.pick(['slim', 'average', 'athletic', 'curvy']),
    hairColour: dice.pick(['black', 'brown', 'blond', 'grey']),
    eyeColour: dice.pick(['blue', 'green', 'brown', 'grey']),
    heightCm: 152 + dice.below(45),
    weightKg: 48 + dice.below(60),
    religion: dice.pick(['none', 'christian', 'undisclosed', 'spiritual']),
    smoking: dice.pick(['never', 'sometimes', 'quitting']),
    drinking: dice.pick(['never', 'rarely', 'socially']),
    headline: dice.pick(land.sentences),
    description: prose(dice, land.sentences),
    maritalStatus: dice.pick(['single', 'divorced', 'widowed']),
    occupation: dice.pick(land.jobs),
    purpose: dice.pick(['dating', 'relationship', 'friendship']),
    wantsChildren: dice.pick(['yes', 'no', 'maybe', 'undisclosed']),
    hasChildren: dice.pick(['none', 'grown-up', 'living-with-me']),
    education: dice.pick(['school', 'vocational', 'bachelor', 'master']),
    hobbies: dice.pick(land.sentences),
  }
}

/** The notice to which the invented consents are bound. */
export const NOTICE = {
  url: 'https://amor.example/privacy',
  version: '2018-06-19',
  language: 'en',
  hash: createHash('sha256').update('An invented notice.').digest('hex'),
} as const

function consentOf(dice: Dice, today: string): Person['consent'] {
  const day = Date.parse(today) / 1000
  return {
    notice: { ...NOTICE },
    scopes: [...dice.pick(SCOPE_SETS)],
    purposes: ['account', 'recommend', 'viewable'],
    givenAt: day - dice.below(CONSENT_AGE_DAYS * 86_400),
    channel: dice.pick(['web', 'app', 'email']),
  }
}

/**
 * Invents `count` members, all of age on `today` and with a live consent: about 1 KB of JSON each,
 * in several languages and countries. The same arguments give the same members.
 *
 * @param today as YYYY-MM-DD
 */
export function people(seed: number, count: number, today: string): Person[] {
  const dice = diceOf(seed)
  return Array.from({ length: count }, (_, index) => {
    const id = `member-${seed}-${index}`
    return {
      id,
      email: `${id}@mail.example`,
      profile: profileOf(dice, today),
      consent: consentOf(dice, today),
    }
  })
}
