/** The words by which contact details are spelled out or announced, folded as contact.ts folds. */

/** Numbers as words, to the digits they stand for. Accents are folded away before the look-up. */
const NUMBERS: Readonly<Record<string, string>> = {
  // English, with the oh of people who dictate numbers
  zero: '0',
  oh: '0',
  nil: '0',
  one: '1',
  two: '2',
  three: '3',
  four: '4',
  five: '5',
  six: '6',
  seven: '7',
  eight: '8',
  nine: '9',
  ten: '10',
  eleven: '11',
  twelve: '12',
  thirteen: '13',
  fourteen: '14',
  fifteen: '15',
  sixteen: '16',
  seventeen: '17',
  eighteen: '18',
  nineteen: '19',
  twenty: '20',
  thirty: '30',
  forty: '40',
  fifty: '50',
  sixty: '60',
  seventy: '70',
  eighty: '80',
  ninety: '90',
  // German
  null: '0',
  eins: '1',
  zwei: '2',
  zwo: '2',
  drei: '3',
  vier: '4',
  funf: '5',
  fuenf: '5',
  sechs: '6',
  sieben: '7',
  acht: '8',
  neun: '9',
  zehn: '10',
  elf: '11',
  zwolf: '12',
  dreizehn: '13',
  vierzehn: '14',
  funfzehn: '15',
  sechzehn: '16',
  siebzehn: '17',
  achtzehn: '18',
  neunzehn: '19',
  zwanzig: '20',
  dreissig: '30',
  vierzig: '40',
  funfzig: '50',
  sechzig: '60',
  siebzig: '70',
  achtzig: '80',
  neunzig: '90',
  // French
  un: '1',
  deux: '2',
  trois: '3',
  quatre: '4',
  cinq: '5',
  sept: '7',
  huit: '8',
  neuf: '9',
  dix: '10',
  onze: '11',
  douze: '12',
  treize: '13',
  quatorze: '14',
  quinze: '15',
  seize: '16',
  vingt: '20',
  trente: '30',
  quarante: '40',
  cinquante: '50',
  soixante: '60',
  // Spanish, Portuguese
  cero: '0',
  uno: '1',
  dos: '2',
  tres: '3',
  cuatro: '4',
  cinco: '5',
  seis: '6',
  siete: '7',
  ocho: '8',
  nueve: '9',
  diez: '10',
  once: '11',
  doce: '12',
  trece: '13',
  catorce: '14',
  veinte: '20',
  treinta: '30',
  cuarenta: '40',
  cincuenta: '50',
  sesenta: '60',
  setenta: '70',
  ochenta: '80',
  noventa: '90',
  um: '1',
  dois: '2',
  quatro: '4',
  sete: '7',
  oito: '8',
  nove: '9',
  // Italian
  due: '2',
  tre: '3',
  quattro: '4',
  cinque: '5',
  sei: '6',
  sette: '7',
  otto: '8',
  // Russian
  ноль: '0',
  нуль: '0',
  один: '1',
  два: '2',
  три: '3',
  четыре: '4',
  пять: '5',
  шесть: '6',
  семь: '7',
  восемь: '8',
  девять: '9',
  десять: '10',
  одиннадцать: '11',
  двенадцать: '12',
  тринадцать: '13',
  пятнадцать: '15',
  двадцать: '20',
  тридцать: '30',
  сорок: '40',
  пятьдесят: '50',
  шестьдесят: '60',
  семьдесят: '70',
  восемьдесят: '80',
  девяносто: '90',
  двести: '200',
  триста: '300',
  четыреста: '400',
  пятьсот: '500',
  шестьсот: '600',
  семьсот: '700',
  восемьсот: '800',
  девятьсот: '900',
  сто: '100',
  // Polish, Dutch, Turkish
  jeden: '1',
  dwa: '2',
  trzy: '3',
  cztery: '4',
  piec: '5',
  szesc: '6',
  siedem: '7',
  osiem: '8',
  dziewiec: '9',
  nul: '0',
  een: '1',
  twee: '2',
  drie: '3',
  vijf: '5',
  zes: '6',
  zeven: '7',
  negen: '9',
  sifir: '0',
  bir: '1',
  iki: '2',
  uc: '3',
  dort: '4',
  bes: '5',
  alti: '6',
  yedi: '7',
  sekiz: '8',
  dokuz: '9',
}

/** Words between the digits of one number that do not end it. */
const FILLERS =
  'and then double triple und dann doppel et puis y luego e и потом затем dash minus strich ' +
  'plus плюс минус hyphen'

/** Names of messengers and networks; each may be followed by a handle. */
const NAMES =
  'insta instagram instagramm inst ig telegram telega tg whatsapp whatsap watsapp watsap whats ' +
  'wa viber skype snapchat snap wechat weixin kik discord facebook fb messenger onlyfans tiktok ' +
  'twitter signal line icq vk threema вк инста инстаграм инстаграмм телеграм телеграмм телега тг ' +
  'вотсап ватсап вацап вотсапп ватсапп вайбер скайп аська фейсбук дискорд live'
const AT_WORDS = 'at arroba arobase arobas chiocciola klammeraffe собака собачка malpa'
const DOT_WORDS = 'dot punkt point punto ponto точка тчк kropka nokta'
const PROVIDERS =
  'gmail hotmail yahoo outlook protonmail proton gmx icloud yandex mail googlemail web inbox ' +
  'rambler мейл майл мэйл гмейл гмаил яндекс рамблер почта'
const ENDS = 'com net org ru de fr es info biz eu uk ру рф ком орг укр pl ua it io'
const WEB = 'http https hxxp hxxps www'

/** What the quick pass may see, as bits. */
export const SIGN = {
  atSign: 1,
  atWord: 2,
  dotWord: 4,
  domainEnd: 8,
  provider: 16,
  messenger: 32,
  web: 64,
  tightDot: 128,
  bracketed: 256,
} as const

/** What a word means to the scan: the digits it spells, a filler, or one of the signs. */
export type Meaning = { digits: string } | 'filler' | number

const withSign = (words: string, sign: number): [string, Meaning][] =>
  words.split(' ').map((word) => [word, sign])

/** Every word of note, lower case and without accents. */
export const MEANINGS: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ...FILLERS.split(' ').map((word): [string, Meaning] => [word, 'filler']),
  ...withSign(NAMES, SIGN.messenger),
  ...withSign(AT_WORDS, SIGN.atWord),
  ...withSign(DOT_WORDS, SIGN.dotWord),
  ...withSign(PROVIDERS, SIGN.provider),
  ...withSign(ENDS, SIGN.domainEnd),
  ...withSign(WEB, SIGN.web),
  ...Object.entries(NUMBERS).map(([word, digits]): [string, Meaning] => [word, { digits }]),
])

/** Digit words run together, as in nullsiebeneinsdrei. */
export const GLUED_NUMBERS = new RegExp(
  `^(?:${Object.entries(NUMBERS)
    .filter(([word, digits]) => digits.length === 1 && word.length > 2)
    .map(([word]) => word)
    .join('|')}){4,}$`,
  'u',
)

/** Letters that stand in for digits inside a number. */
export const DIGIT_LOOKALIKES: Readonly<Record<string, string>> = {
  o: '0',
  о: '0',
  l: '1',
  i: '1',
  з: '3',
  s: '5',
  b: '8',
}

/** Cyrillic and Greek letters that look like Latin ones. */
export const LATIN_LOOKALIKES: Readonly<Record<string, string>> = {
  а: 'a',
  в: 'b',
  с: 'c',
  е: 'e',
  н: 'h',
  і: 'i',
  ј: 'j',
  к: 'k',
  м: 'm',
  о: 'o',
  р: 'p',
  ѕ: 's',
  т: 't',
  у: 'y',
  х: 'x',
  ԁ: 'd',
  ԛ: 'q',
  ԝ: 'w',
  α: 'a',
  β: 'b',
  ε: 'e',
  ι: 'i',
  κ: 'k',
  ν: 'v',
  ο: 'o',
  ρ: 'p',
  τ: 't',
  υ: 'u',
  χ: 'x',
}
