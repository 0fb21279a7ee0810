/** The raw floor of discovery: the same questions as prepared SQL, on a table made for them. */
import Sqlite from 'better-sqlite3'
import { dayOf } from '../../protocol/dates.ts'
import type { Traits } from '../../node/core/search/traits.ts'
import type { Facts } from '../../protocol/requirements.ts'
import { SOUGHT } from '../../protocol/vocabulary.ts'

const PAGE = 50
/** Widening squares in which the nearest are looked for, in tenths of a degree. */
const SQUARES = [5, 20, 80, 320, 3600]
const EARTH_KM = 6371.0088
/** Somewhat less than a tenth of a degree of latitude. */
const KM_PER_TENTH = 11.1

/** What is kept of one held record. */
export interface Held {
  facts: Facts
  traits: Traits
  joinedAt: number
  publishedAt: number
}
/** One question of the benchmark. */
export interface Question {
  sort: 'nearest' | 'newest'
  viewer: Facts
  radiusKm?: number
  country?: string
  hasPicture?: boolean
  bodyType?: string
  smoking?: string
  education?: string
}

const bitsOf = (seeks: readonly string[]): number =>
  SOUGHT.reduce((bits, word, at) => (seeks.includes(word) ? bits | (1 << at) : bits), 0)

export interface SearchFloor {
  add: (held: readonly Held[]) => void
  /** Makes the indexes; call it once when all is in. */
  finish: () => void
  /** The ids of a page, and how many there are in all. */
  ask: (question: Question) => { ids: number[]; total: number }
  /** The ids of so many who fit a member both ways, the nearest first. */
  nearest: (viewer: Facts, limit: number) => number[]
  close: () => void
}

interface Condition {
  sql: string
  values: unknown[]
}

function conditionOf({ viewer, ...question }: Question): Condition {
  const today = dayOf(Date.now() / 1000)
  const age = Math.floor((today - (viewer.birthDay ?? 0)) / 365.25)
  const genders = viewer.seeks.includes('any') ? ['man', 'woman'] : viewer.seeks
  const terms = [
    `gender in (${genders.map(() => '?').join(', ')})`,
    'seeks & ? <> 0',
    'birth between ? and ?',
    '? between age_min and age_max',
  ]
  const values: unknown[] = [
    ...genders,
    bitsOf([viewer.gender, 'any']),
    today - Math.floor((viewer.seeksAgeMax + 1) * 365.25),
    today - Math.floor(viewer.seeksAgeMin * 365.25),
    age,
  ]
  const equal = {
    country: question.country,
    picture: question.hasPicture === undefined ? undefined : Number(question.hasPicture),
    body_type: question.bodyType,
    smoking: question.smoking,
    education: question.education,
  }
  for (const [column, value] of Object.entries(equal))
    if (value !== undefined) {
      terms.push(`${column} = ?`)
      values.push(value)
    }
  return { sql: terms.join(' and '), values }
}

const NEAR = 'latitude between ? and ? and longitude between ? and ?'
const KM = `2 * ${EARTH_KM} * asin(sqrt(min(1, pow(sin(radians((latitude - ?) / 20.0)), 2) +
  cos(radians(latitude / 10.0)) * cos(radians(? / 10.0)) *
  pow(sin(radians((longitude - ?) / 20.0)), 2))))`

type Prepare = (sql: string) => Sqlite.Statement<unknown[], number>

/** Prepared statements by their text, of one column. */
function createPrepare(sqlite: Sqlite.Database): Prepare {
  const statements = new Map<string, Sqlite.Statement<unknown[], number>>()
  return (sql) => {
    const known = statements.get(sql) ?? sqlite.prepare<unknown[], number>(sql).pluck()
    statements.set(sql, known)
    return known
  }
}

function placeOf({ viewer }: Question): { latitude: number; longitude: number } {
  return { latitude: viewer.latitudeTenths ?? 0, longitude: viewer.longitudeTenths ?? 0 }
}

/** A square around a place, by half its side in tenths of a degree of latitude. */
function squareOf(question: Question, half: number): number[] {
  const { latitude, longitude } = placeOf(question)
  return [latitude - half, latitude + half, longitude - 2 * half, longitude + 2 * half]
}

function nearest(
  prepare: Prepare,
  question: Question,
  { sql, values }: Condition,
  limit: number = PAGE,
): number[] {
  const { latitude, longitude } = placeOf(question)
  const from = [latitude, latitude, longitude]
  const statement = prepare(
    `select id from search where ${NEAR} and ${sql} and ${KM} <= ? order by ${KM}, id limit ${limit}`,
  )
  const farthest = question.radiusKm ?? Number.POSITIVE_INFINITY
  for (const half of SQUARES) {
    const reachKm = Math.min(farthest, half * KM_PER_TENTH)
    const found = statement.all(...squareOf(question, half), ...values, ...from, reachKm, ...from)
    if (found.length === limit || half * KM_PER_TENTH >= farthest) return found
  }
  return []
}

function count(prepare: Prepare, question: Question, { sql, values }: Condition): number {
  const { radiusKm } = question
  if (radiusKm === undefined)
    return prepare(`select count(*) from search where ${sql}`).get(...values) ?? 0
  const { latitude, longitude } = placeOf(question)
  const square = squareOf(question, Math.ceil(radiusKm / KM_PER_TENTH))
  return (
    prepare(`select count(*) from search where ${NEAR} and ${sql} and ${KM} <= ?`).get(
      ...square,
      ...values,
      latitude,
      latitude,
      longitude,
      radiusKm,
    ) ?? 0
  )
}

/** Opens a table in a file. */
export function openSearchFloor(path: string): SearchFloor {
  const sqlite = new Sqlite(path)
  sqlite.pragma('journal_mode = WAL')
  sqlite.pragma('cache_size = -262144')
  sqlite.exec(`create table search (id integer primary key, gender text, seeks integer, age_min integer,
    age_max integer, birth integer, country text, latitude integer, longitude integer, joined integer,
    picture integer, body_type text, smoking text, education text)`)
  const insert = sqlite.prepare(`insert into search values (${Array(14).fill('?').join(', ')})`)
  const prepare = createPrepare(sqlite)
  const add = sqlite.transaction((all: readonly Held[]) => {
    for (const { facts, traits, joinedAt } of all)
      insert.run(
        null,
        facts.gender,
        bitsOf(facts.seeks),
        facts.seeksAgeMin,
        facts.seeksAgeMax,
        facts.birthDay,
        facts.country,
        facts.latitudeTenths,
        facts.longitudeTenths,
        joinedAt,
        traits.hasPicture ? 1 : 0,
        traits.choices.bodyType ?? null,
        traits.choices.smoking ?? null,
        traits.choices.education ?? null,
      )
  })
  return {
    add: (held) => add(held),
    finish: () => {
      sqlite.exec(`create index search_place on search (latitude, longitude);
        create index search_joined on search (gender, joined desc);
        create index search_country on search (country, gender, joined desc); analyze`)
    },
    ask: (question) => {
      const condition = conditionOf(question)
      const newest = `select id from search where ${condition.sql} order by joined desc, id limit ${PAGE}`
      const ids =
        question.sort === 'nearest'
          ? nearest(prepare, question, condition)
          : prepare(newest).all(...condition.values)
      return { ids, total: count(prepare, question, condition) }
    },
    nearest: (viewer, limit) => {
      const question: Question = { sort: 'nearest', viewer }
      return nearest(prepare, question, conditionOf(question), limit)
    },
    close: () => void sqlite.close(),
  }
}
