/**
 * Words of the old product as they stand in profiles, in English, and what they are in the
 * vocabulary. Compared in lower case, without accents of spelling: letters and digits alone count.
 */
import type { ProfileInput } from '../../../../protocol/vocabulary.ts'

type Words<Name extends keyof ProfileInput> = Readonly<
  Record<string, NonNullable<ProfileInput[Name]>>
>

/** What two spellings of a word have in common: `Don't smoke!` and `dont smoke`. */
export function plainWord(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/['’]/g, '')
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}

/** One word of the vocabulary with the spellings that mean it. */
function table<const Word extends string>(
  spellings: Readonly<Partial<Record<Word, string>>>,
): Readonly<Record<string, Word>> {
  const words: Record<string, Word> = Object.create(null)
  for (const [word, list] of Object.entries(spellings) as [Word, string][])
    for (const spelling of [word.replaceAll('-', ' '), ...list.split(', ')].filter(Boolean))
      words[spelling] = word
  return words
}
const SILENT =
  'prefer not to say, rather not say, i would rather not say, ill tell you later, ask me'

export const BODY_TYPES: Words<'bodyType'> = table({
  slim: 'slender, thin, skinny, petite, lean',
  average: 'normal, medium, regular, medium build, average build',
  athletic: 'fit, toned, sporty, muscular, athletic and toned, athletic toned, well built',
  curvy: 'curvaceous, voluptuous, a few extra pounds, few extra pounds',
  large:
    'big, heavy, heavyset, full figured, full, stocky, plump, overweight, big and beautiful, bbw',
  other: '',
  undisclosed: SILENT,
})
export const HAIR_COLOURS: Words<'hairColour'> = table({
  black: '',
  brown: 'light brown, dark brown, brunette, chestnut, auburn brown',
  blond: 'blonde, fair, light blond, light blonde, dark blond, dark blonde, golden',
  red: 'auburn, ginger, redhead',
  grey: 'gray, silver, salt and pepper',
  white: '',
  bald: 'shaved, bald shaved, no hair',
  coloured: 'colored, dyed, multicolored, multicoloured',
  other: 'changes frequently',
  undisclosed: SILENT,
})
export const EYE_COLOURS: Words<'eyeColour'> = table({
  blue: 'light blue, dark blue',
  green: '',
  grey: 'gray',
  brown: 'dark brown, light brown',
  hazel: 'amber',
  black: '',
  other: '',
  undisclosed: SILENT,
})
export const MARITAL_STATUSES: Words<'maritalStatus'> = table({
  single: 'never married, never been married, not married, unmarried',
  'in-a-relationship': 'in relationship, attached, in an open relationship, living together',
  married: '',
  separated: '',
  divorced: '',
  widowed: 'widow, widower',
  undisclosed: SILENT,
})
export const PURPOSES_SOUGHT: Words<'purpose'> = table({
  friendship: 'friends, friend, pen pal, penpal, activity partner',
  dating: 'date, dates, romance, flirt',
  relationship:
    'serious relationship, long term relationship, love, love relationship, a relationship',
  marriage: 'family, to get married',
  casual: 'casual dating, short term relationship, fun, intimate, casual relationship',
  chat: 'chatting, talk, correspondence, talk email',
  undisclosed: SILENT,
})
export const SMOKING_HABITS: Words<'smoking'> = table({
  never: 'no, non smoker, dont smoke, i dont smoke, do not smoke, no way',
  sometimes: 'occasionally, socially, rarely, social smoker, occasional smoker, seldom',
  daily: 'yes, regularly, smoker, often, i smoke, frequently, heavy smoker',
  quitting: 'trying to quit, trying to give up, giving up',
  undisclosed: SILENT,
})
export const DRINKING_HABITS: Words<'drinking'> = table({
  never: 'no, non drinker, dont drink, i dont drink, do not drink, no way',
  rarely: 'occasionally, sometimes, seldom, very rarely',
  socially: 'social drinker, social, moderately, yes socially, on occasion',
  often: 'yes, regularly, frequently, daily, drinker, i drink',
  undisclosed: SILENT,
})
export const WANTS_CHILDREN: Words<'wantsChildren'> = table({
  yes: 'want children, i want children, want kids, definitely, someday, yes someday',
  no: 'dont want children, i dont want children, dont want kids, never',
  maybe: 'not sure, undecided, perhaps, possibly, not decided',
  undisclosed: SILENT,
})
export const HAS_CHILDREN: Words<'hasChildren'> = table({
  none: 'no, no children, i have no children, no kids, dont have children',
  'living-with-me':
    'yes living with me, yes at home, yes they live with me, at home, yes live at home',
  'living-elsewhere':
    'yes not living with me, yes away from home, yes they dont live with me, yes live away from home',
  'grown-up': 'grown, yes grown up, adult children, yes adult',
  undisclosed: SILENT,
})
export const EDUCATIONS: Words<'education'> = table({
  none: 'no education',
  school: 'high school, secondary, secondary school, some high school, elementary, primary school',
  vocational: 'trade school, technical, vocational school, professional school',
  college: 'some college, college degree, associate degree, associates degree, 2 year college',
  bachelor: 'bachelors, bachelors degree, bachelor degree, university, undergraduate, graduate',
  master: 'masters, masters degree, master degree, postgraduate, post graduate, graduate degree',
  doctorate: 'phd, doctoral, doctor, phd doctorate, doctoral degree',
  undisclosed: SILENT,
})
export const RACES: Words<'race'> = table({
  asian: 'east asian, chinese, japanese, korean, oriental',
  black: 'african, african american, black african descent, african descent',
  indigenous: 'native american, aboriginal, american indian, first nations',
  latin: 'latino, latina, hispanic, hispanic latino, latino hispanic, latin american',
  'middle-eastern': 'arab, arabic, persian, arabian',
  mixed: 'mixed race, multiracial, biracial, multi ethnic',
  pacific: 'pacific islander, polynesian, maori',
  'south-asian': 'indian, east indian, pakistani',
  white: 'caucasian, european, white caucasian, caucasian white',
  undisclosed: SILENT,
})
export const RELIGIONS: Words<'religion'> = table({
  agnostic: '',
  atheist: 'atheism',
  buddhist: 'buddhism',
  christian:
    'christianity, catholic, protestant, orthodox, baptist, lutheran, christian catholic, christian protestant, christian orthodox, christian other, methodist, anglican, evangelical',
  hindu: 'hinduism',
  jewish: 'judaism, jew',
  muslim: 'islam, islamic, moslem',
  none: 'no religion, not religious, non religious',
  sikh: 'sikhism',
  spiritual: 'spiritual but not religious',
  undisclosed: SILENT,
})
