/** What the slow channel may say: the module puts keys and values of answers unquoted into SQL. */
import { invariant } from '../../protocol/errors.ts'
import type { ModuleProfile } from '../core/bridge/delivery/deliveries.ts'

const MOST = 0x7f_ff_ff_ff
const KEY = /^[a-z_]{1,30}$/
/** What could end a string of SQL, or begin a tag; texts have it as entities. */
const UNSAFE = /['"\\<>\0]/

/** Whether it is a number that the module's columns take, and means something. */
export function isNumber(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value <= MOST
}

/**
 * Answers by number, in the form `{"12":…}`: an object where it is empty too.
 *
 * @throws Error where a number is none: a bug of ours, which must not get into anybody's SQL
 */
export function byNumber<T extends string | number>(answers: ReadonlyMap<number, T>) {
  for (const [id, answer] of answers)
    invariant(isNumber(id) && (answer === 'processed' || isNumber(Number(answer))), 'an answer')
  return Object.fromEntries(answers)
}

/**
 * A list of numbers.
 *
 * @throws Error where one is none
 */
export function numbers(ids: readonly number[]): number[] {
  invariant(ids.every(isNumber), 'a list of numbers')
  return [...ids]
}

function isSafe(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) <= MOST
  if (typeof value === 'string') return !UNSAFE.test(value) && value.isWellFormed()
  if (typeof value !== 'object' || value === null || depth > 1) return false
  if (Array.isArray(value)) return value.every((one) => isSafe(one, depth + 1))
  return Object.entries(value).every(([key, one]) => KEY.test(key) && isSafe(one, depth + 1))
}

/** Whether a profile is in the form that every version of the module can take. */
export function isSafeProfile(profile: ModuleProfile): boolean {
  return isNumber(profile.id) && isSafe(profile, 0)
}
