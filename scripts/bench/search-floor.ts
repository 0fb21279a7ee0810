/** The raw floor of discovery: the same questions as prepared SQL, on a table made for them. */
import Sqlite from 'better-sqlite3'
import { dayOf } from '../../protocol/dates.ts'
import type { Facts } from '../../protocol/requirements.ts'
import { SOUGHT } from '../../protocol/vocabulary.ts'
import type { Held } from './crowd.ts'

const PAGE = 50
/** Widening squares in which the nearest are looked for, in tenths of a degree. */
const SQUARES = [5, 20, 80, 320, 3600]
const EARTH_KM = 6371.0088

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

/** Opens a table in a file. */
export function openSearchFloor(path: string): SearchFloor {
  const sqlite = new Sqlite(path)
  sqlite.pragma('journal_mode = WAL')
  sqlite.pragma('cache_size = -262144')
  sqlite.exec(`create table search (id integer primary key, gender text, seeks integer, age_min integer,
    age_max integer, birth integer, country text, latitude integer, longitude integer, joined integer,
    picture integer, body_type text, smoking text, education text)`)
  const insert = sqlite.prepare(`insert into search values (${Array(14).fill('?').join(', ')})`)
  const addAll = sqlite.transaction((all: readonly Held[]) => {
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

  function conditionOf({ viewer, ...question }: Question): { sql: string; values: unknown[] } {
    const today = dayOf(Date.now() / 1000)
    const age = Math.floor((today - (viewer.birthDay ?? 0)) / 365.25)
    const genders = viewer.seeks.includes('any')
      ? ['man', 'woman']
      : viewer.seeks.filter((word) => word !== 'any')
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

  const statements = new Map<string, Sqlite.Statement>()
  function prepared(sql: string): Sqlite.Statement {
    const known = statements.get(sql) ?? sqlite.prepare(sql)
    statements.set(sql, known)
    return known
  }
  const NEAR = 'latitude between ? and ? and longitude between ? and ?'
  const KM = `2 * ${EARTH_KM} * asin(sqrt(min(1, pow(sin(radians((latitude - ?) / 20.0)), 2) +
    cos(radians(latitude / 10.0)) * cos(radians(? / 10.0)) *
    pow(sin(radians((longitude - ?) / 20.0)), 2))))`

  function nearest(
    question: Question,
    { sql, values }: { sql: string; values: unknown[] },
    limit: number,
  ): number[] {
    const { latitudeTenths: latitude, longitudeTenths: longitude } = question.viewer
    if (latitude === null || longitude === null) return []
    const from = [latitude, latitude, longitude]
    for (const half of SQUARES) {
      const reachKm = question.radiusKm ?? half * 11.1
      const box = [latitude - half, latitude + half, longitude - 2 * half, longitude + 2 * half]
      const found = prepared(
        `select id from search where ${NEAR} and ${sql} and ${KM} <= ? order by ${KM}, id limit ${limit}`,
      )
        .pluck()
        .all(...box, ...values, ...from, reachKm, ...from) as number[]
      if (
        found.length === limit ||
        half === SQUARES.at(-1) ||
        half * 11.1 >= (question.radiusKm ?? 1e9)
      )
        return found
    }
    return []
  }

  function count(question: Question, { sql, values }: { sql: string; values: unknown[] }): number {
    const { radiusKm, viewer } = question
    const { latitudeTenths: latitude, longitudeTenths: longitude } = viewer
    if (radiusKm === undefined || latitude === null || longitude === null)
      return prepared(`select count(*) from search where ${sql}`)
        .pluck()
        .get(...values) as number
    const half = Math.ceil(radiusKm / 11.1)
    const box = [latitude - half, latitude + half, longitude - 2 * half, longitude + 2 * half]
    return prepared(`select count(*) from search where ${NEAR} and ${sql} and ${KM} <= ?`)
      .pluck()
      .get(...box, ...values, latitude, latitude, longitude, radiusKm) as number
  }

  return {
    add: (held) => addAll(held),
    finish: () => {
      sqlite.exec(`create index search_place on search (latitude, longitude);
        create index search_joined on search (gender, joined desc);
        create index search_country on search (country, gender, joined desc); analyze`)
    },
    ask: (question) => {
      const condition = conditionOf(question)
      const ids =
        question.sort === 'nearest'
          ? nearest(question, condition, PAGE)
          : (prepared(
              `select id from search where ${condition.sql} order by joined desc, id limit ${PAGE}`,
            )
              .pluck()
              .all(...condition.values) as number[])
      return { ids, total: count(question, condition) }
    },
    nearest: (viewer, limit) => {
      const question: Question = { sort: 'nearest', viewer }
      return nearest(question, conditionOf(question), limit)
    },
    close: () => void sqlite.close(),
  }
}
