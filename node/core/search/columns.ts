/**
 * The columns of the held records in memory, one array of numbers each: a million records are looked
 * through in milliseconds, whatever is asked. A row is a place in the arrays, used again when its
 * record is gone.
 */
import { SCOPES, type Scope } from '../../../protocol/consent.ts'
import { ageOnDay } from '../../../protocol/dates.ts'
import { recordIdBytes, recordIdOf, type RecordId, type SiteId } from '../../../protocol/ids.ts'
import type { Facts } from '../../../protocol/requirements.ts'
import { GENDERS, SOUGHT } from '../../../protocol/vocabulary.ts'
import { createCodes, createPlaces, type Codes, type Places } from './codes.ts'
import type { ReadBody, RecordName } from './query.ts'
import {
  CHOICE_FIELDS,
  SENSITIVE_FIELDS,
  type ChoiceField,
  type SensitiveField,
  type Traits,
} from './traits.ts'

/** What is known of a held record without opening its body. */
export interface IndexedBody extends RecordName {
  index: number
  expires: number
  scopes: Scope[]
  facts: Facts
  traits: Traits | null
  joinedAt: number
  publishedAt: number
}

/** Of a row without a record: no query accepts this pair of a gender and genders sought. */
export const NOBODY = 1023
/** Pairs of a gender and genders sought. */
export const PAIRS = 1024
const SOUGHT_BITS = 7

const HAS_PICTURE = 1
const HAS_TRAITS = 2
const IS_READ = 4
const NO_DAY = -0x8000_0000
const ID_WORDS = 4
const FIRST_CAPACITY = 64

type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array

/** Makes the arrays for so many rows. */
function arraysOf(capacity: number) {
  const choices = {} as Record<ChoiceField | SensitiveField, Uint8Array>
  for (const name of [...CHOICE_FIELDS, ...SENSITIVE_FIELDS])
    choices[name] = new Uint8Array(capacity)
  return {
    /** Each record's id, big-endian, in four words. */
    ids: new Uint32Array(capacity * ID_WORDS),
    numbers: {
      pair: new Uint16Array(capacity).fill(NOBODY),
      /** Whole years on the day of {@link Columns.day}. */
      age: new Uint8Array(capacity),
      seeksAgeMin: new Uint8Array(capacity),
      seeksAgeMax: new Uint8Array(capacity),
      home: new Uint16Array(capacity),
      index: new Float64Array(capacity),
      expires: new Float64Array(capacity),
      joinedAt: new Float64Array(capacity),
      publishedAt: new Float64Array(capacity),
      birthDay: new Int32Array(capacity),
      ageYears: new Uint8Array(capacity),
      agedOn: new Int32Array(capacity),
      scopes: new Uint16Array(capacity),
      country: new Uint16Array(capacity),
      language: new Uint16Array(capacity),
      languages: new Uint32Array(capacity),
      place: new Uint32Array(capacity),
      heightCm: new Uint8Array(capacity),
      weightKg: new Uint16Array(capacity),
      flags: new Uint8Array(capacity),
    },
    choices,
  }
}
type Arrays = ReturnType<typeof arraysOf>

/** All columns, and what their numbers stand for. */
export interface Columns {
  ids: Uint32Array
  numbers: Arrays['numbers']
  choices: Arrays['choices']
  /** Rows in use or once used: the others are above. */
  size: number
  capacity: number
  /** Rows below `size` without a record. */
  free: number[]
  /** Rows by a hash of their record; below 0 where there is none. */
  buckets: Int32Array
  /** Buckets that have been used, by rows that are gone too. */
  usedBuckets: number
  /** Makes hashes that nobody who chooses record ids can foresee. */
  seed: number
  /** Day number of the ages. */
  day: number
  /** Rows whose body has not been read. */
  unread: number
  homes: Codes
  countries: Codes
  siteLanguages: Codes
  /** Lists of languages, joined by commas. */
  languageLists: Codes
  options: Record<ChoiceField | SensitiveField, Codes>
  places: Places
}

const EMPTY = -1
const GONE = -2

/**
 * Creates columns without rows.
 *
 * @param seed an integer of 32 bits that nobody can guess
 */
export function createColumns(seed: number): Columns {
  const options = {} as Columns['options']
  for (const name of [...CHOICE_FIELDS, ...SENSITIVE_FIELDS]) options[name] = createCodes()
  return {
    ...arraysOf(FIRST_CAPACITY),
    size: 0,
    capacity: FIRST_CAPACITY,
    free: [],
    buckets: new Int32Array(FIRST_CAPACITY * 2).fill(EMPTY),
    usedBuckets: 0,
    seed,
    day: Number.NaN,
    unread: 0,
    homes: createCodes(),
    countries: createCodes(),
    siteLanguages: createCodes(),
    languageLists: createCodes(),
    options,
    places: createPlaces(),
  }
}

function copyInto(to: Record<string, Column>, from: Record<string, Column>): void {
  for (const [name, column] of Object.entries(from)) to[name]?.set(column)
}

function grow(columns: Columns): void {
  const capacity = columns.capacity * 2
  const { ids, numbers, choices } = arraysOf(capacity)
  ids.set(columns.ids)
  copyInto(numbers, columns.numbers)
  copyInto(choices, columns.choices)
  Object.assign(columns, { ids, numbers, choices, capacity })
}

type Words = readonly [number, number, number, number]

/** The 16 bytes of a record's id as four numbers. */
export function idWords(record: RecordId): Words {
  const bytes = recordIdBytes(record)
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return [view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)]
}

/** Spreads 32 bits over 32 bits: the last step of MurmurHash3, by Austin Appleby (public domain). */
export function mix32(value: number): number {
  let mixed = value ^ (value >>> 16)
  mixed = Math.imul(mixed, 0x85eb_ca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2_ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

function bucketOf(columns: Columns, [a, b, c, d]: Words): number {
  const { seed, buckets } = columns
  return mix32(mix32(mix32(mix32(a ^ seed) ^ b) ^ c) ^ d) & (buckets.length - 1)
}

function wordsOfRow({ ids }: Columns, row: number): Words {
  const at = row * ID_WORDS
  return [ids[at] ?? 0, ids[at + 1] ?? 0, ids[at + 2] ?? 0, ids[at + 3] ?? 0]
}

function rebuildBuckets(columns: Columns): void {
  columns.buckets = new Int32Array(columns.capacity * 2).fill(EMPTY)
  columns.usedBuckets = 0
  for (let row = 0; row < columns.size; row += 1)
    if (columns.numbers.pair[row] !== NOBODY) enterBucket(columns, row)
}

function enterBucket(columns: Columns, row: number): void {
  const { buckets } = columns
  let at = bucketOf(columns, wordsOfRow(columns, row))
  while ((buckets[at] ?? EMPTY) >= 0) at = (at + 1) & (buckets.length - 1)
  if (buckets[at] === EMPTY) columns.usedBuckets += 1
  buckets[at] = row
}

/** Calls back with each row of a record id, and its bucket; two homes may have the same id. */
function eachRow(
  columns: Columns,
  record: RecordId,
  visit: (row: number, bucket: number) => void,
): void {
  const words = idWords(record)
  const { buckets } = columns
  let at = bucketOf(columns, words)
  for (; buckets[at] !== EMPTY; at = (at + 1) & (buckets.length - 1)) {
    const row = buckets[at] ?? EMPTY
    if (row >= 0 && wordsOfRow(columns, row).every((word, i) => word === words[i])) visit(row, at)
  }
}

/** Rows of a record id, of whatever home. */
export function rowsOf(columns: Columns, record: RecordId): number[] {
  const rows: number[] = []
  eachRow(columns, record, (row) => void rows.push(row))
  return rows
}

/** The row of a record; null where there is none. */
export function rowOf(columns: Columns, { home, record }: RecordName): number | null {
  const code = columns.homes.find(home)
  return rowsOf(columns, record).find((row) => columns.numbers.home[row] === code) ?? null
}

function pairOf({ gender, seeks }: Facts): number | null {
  const own = (GENDERS as readonly string[]).indexOf(gender)
  if (own < 0) return null
  let bits = 0
  for (const [bit, word] of SOUGHT.entries()) if (seeks.includes(word)) bits |= 1 << bit
  return (own << SOUGHT_BITS) | bits
}

/** What one number of a column stands for, made once for all rows that share it. */
function createMeanings<T>(make: (code: number) => T): (code: number) => T {
  const known = new Map<number, T>()
  return (code) => {
    let meaning = known.get(code)
    if (meaning === undefined) {
      meaning = make(code)
      known.set(code, meaning)
    }
    return meaning
  }
}

/** Gender and genders sought of a pair. */
export const factsOfPair = createMeanings((pair): Pick<Facts, 'gender' | 'seeks'> => ({
  gender: GENDERS[pair >> SOUGHT_BITS] ?? '',
  seeks: SOUGHT.filter((_, bit) => ((pair >> bit) & 1) === 1),
}))

const scopesOf = createMeanings((bits) => SCOPES.filter((_, bit) => ((bits >> bit) & 1) === 1))

function freeRow(columns: Columns): number {
  const free = columns.free.pop()
  if (free !== undefined) return free
  if (columns.size === columns.capacity) {
    grow(columns)
    rebuildBuckets(columns)
  }
  columns.size += 1
  return columns.size - 1
}

function setTraits(columns: Columns, row: number, traits: Traits | null): void {
  const { numbers, choices, options, languageLists } = columns
  numbers.flags[row] = traits === null ? 0 : HAS_TRAITS | (traits.hasPicture ? HAS_PICTURE : 0)
  numbers.languages[row] = languageLists.code((traits?.languages ?? []).join(','))
  numbers.heightCm[row] = traits?.heightCm ?? 0
  numbers.weightKg[row] = traits?.weightKg ?? 0
  for (const name of CHOICE_FIELDS) {
    const word = traits?.choices[name]
    choices[name][row] = word === undefined ? 0 : options[name].code(word)
  }
}

/** Adds a record in place of any other version of it. What the vocabulary does not know is left out. */
export function addRow(columns: Columns, body: IndexedBody): number | null {
  const { facts } = body
  const pair = pairOf(facts)
  if (pair === null) return null
  const row = freeRow(columns)
  const { numbers } = columns
  columns.ids.set(idWords(body.record), row * ID_WORDS)
  numbers.pair[row] = pair
  numbers.seeksAgeMin[row] = facts.seeksAgeMin
  numbers.seeksAgeMax[row] = facts.seeksAgeMax
  numbers.home[row] = columns.homes.code(body.home)
  numbers.index[row] = body.index
  numbers.expires[row] = body.expires
  numbers.joinedAt[row] = body.joinedAt
  numbers.publishedAt[row] = body.publishedAt
  numbers.birthDay[row] = facts.birthDay ?? NO_DAY
  numbers.ageYears[row] = facts.ageYears ?? 0
  numbers.agedOn[row] = facts.agedOn ?? NO_DAY
  numbers.age[row] =
    facts.birthDay === null || Number.isNaN(columns.day)
      ? (facts.ageYears ?? 0)
      : ageOnDay(facts.birthDay, columns.day)
  let scopes = 0
  for (const [bit, scope] of SCOPES.entries()) if (body.scopes.includes(scope)) scopes |= 1 << bit
  numbers.scopes[row] = scopes
  numbers.country[row] = columns.countries.code(facts.country)
  numbers.language[row] = columns.siteLanguages.code(facts.language)
  const { latitudeTenths, longitudeTenths } = facts
  numbers.place[row] =
    latitudeTenths === null || longitudeTenths === null
      ? 0
      : columns.places.code({ latitudeTenths, longitudeTenths })
  setTraits(columns, row, body.traits)
  columns.unread += 1
  enterBucket(columns, row)
  if (columns.usedBuckets * 4 > columns.buckets.length * 3) rebuildBuckets(columns)
  return row
}

/** Takes a version of a record out and leaves nothing of it; null where it is not in. */
export function removeRow(columns: Columns, name: RecordName & { index: number }): number | null {
  const home = columns.homes.find(name.home)
  let removed: number | null = null
  eachRow(columns, name.record, (row, bucket) => {
    const { numbers } = columns
    if (numbers.home[row] !== home || numbers.index[row] !== name.index) return
    columns.buckets[bucket] = GONE
    removed = row
  })
  if (removed === null) return null
  const row: number = removed
  if (!isRead(columns, row)) columns.unread -= 1
  for (const column of Object.values<Column>(columns.numbers)) column[row] = 0
  for (const column of Object.values(columns.choices)) column[row] = 0
  columns.ids.fill(0, row * ID_WORDS, (row + 1) * ID_WORDS)
  columns.numbers.pair[row] = NOBODY
  columns.free.push(row)
  return row
}

/** Whether texts and sensitive fields of a row are in the index. */
export function isRead({ numbers }: Columns, row: number): boolean {
  return ((numbers.flags[row] ?? 0) & IS_READ) !== 0
}

/** Notes what a row's body says beyond its columns. */
export function setRead(
  columns: Columns,
  row: number,
  { sensitive, traits }: Pick<ReadBody, 'sensitive' | 'traits'>,
): void {
  const { flags } = columns.numbers
  if (!isRead(columns, row)) columns.unread -= 1
  if (((flags[row] ?? 0) & HAS_TRAITS) === 0) setTraits(columns, row, traits)
  flags[row] = (flags[row] ?? 0) | IS_READ
  for (const name of SENSITIVE_FIELDS) {
    const word = sensitive[name]
    columns.choices[name][row] = word === undefined ? 0 : columns.options[name].code(word)
  }
}

/** Ages are as of this day from now on. */
export function setDay(columns: Columns, day: number): void {
  if (columns.day === day) return
  columns.day = day
  const { age, birthDay } = columns.numbers
  // A million ages are reckoned at once on each new day, and few of the birthdays are different.
  const known = new Map<number, number>()
  for (let row = 0; row < columns.size; row += 1) {
    const born = birthDay[row] ?? NO_DAY
    if (born === NO_DAY || columns.numbers.pair[row] === NOBODY) continue
    let years = known.get(born)
    if (years === undefined) {
      years = ageOnDay(born, day)
      known.set(born, years)
    }
    age[row] = years
  }
}

/** The record of a row. */
export function nameOf(columns: Columns, row: number): RecordName & { index: number } {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < ID_WORDS; i += 1) view.setUint32(i * 4, columns.ids[row * ID_WORDS + i] ?? 0)
  return {
    home: columns.homes.text(columns.numbers.home[row] ?? 0) as SiteId,
    record: recordIdOf(bytes),
    index: columns.numbers.index[row] ?? 0,
  }
}

function dayOrNull(value: number | undefined): number | null {
  return value === undefined || value === NO_DAY ? null : value
}

/** The columns of a row as they were put in. */
export function bodyOf(columns: Columns, row: number): IndexedBody & { traits: Traits } {
  const { numbers, choices, options } = columns
  const birthDay = dayOrNull(numbers.birthDay[row])
  const place = columns.places.place(numbers.place[row] ?? 0)
  const languages = columns.languageLists.text(numbers.languages[row] ?? 0)
  const chosen: Traits['choices'] = {}
  for (const name of CHOICE_FIELDS) {
    const code = choices[name][row] ?? 0
    if (code > 0) chosen[name] = options[name].text(code)
  }
  const { home, record, index } = nameOf(columns, row)
  const { gender, seeks } = factsOfPair(numbers.pair[row] ?? NOBODY)
  return {
    home,
    record,
    index,
    expires: numbers.expires[row] ?? 0,
    scopes: scopesOf(numbers.scopes[row] ?? 0),
    facts: {
      gender,
      seeks,
      seeksAgeMin: numbers.seeksAgeMin[row] ?? 0,
      seeksAgeMax: numbers.seeksAgeMax[row] ?? 0,
      birthDay,
      ageYears: birthDay === null ? (numbers.ageYears[row] ?? 0) : null,
      agedOn: dayOrNull(numbers.agedOn[row]),
      language: columns.siteLanguages.text(numbers.language[row] ?? 0),
      country: columns.countries.text(numbers.country[row] ?? 0),
      latitudeTenths: place?.latitudeTenths ?? null,
      longitudeTenths: place?.longitudeTenths ?? null,
    },
    traits: {
      hasPicture: ((numbers.flags[row] ?? 0) & HAS_PICTURE) !== 0,
      languages: languages === '' ? [] : languages.split(','),
      heightCm: numbers.heightCm[row] || null,
      weightKg: numbers.weightKg[row] || null,
      choices: chosen,
    },
    joinedAt: numbers.joinedAt[row] ?? 0,
    publishedAt: numbers.publishedAt[row] ?? 0,
  }
}

/** Whether a row has a picture. */
export function hasPicture({ numbers }: Columns, row: number): boolean {
  return ((numbers.flags[row] ?? 0) & HAS_PICTURE) !== 0
}
