/** Values as the old module writes them: what PHP's serialize() can say without objects. */

/** Integers and text stay apart: by which of them an id is, the module's PHP is known. */
export type ModuleValue = string | number | boolean | null | ModuleArray
/** An array of PHP: a list has the keys 0, 1, 2 and so on. */
export type ModuleArray = ReadonlyMap<string | number, ModuleValue>

/** Whether it is an array. */
export function isModuleArray(value: ModuleValue | undefined): value is ModuleArray {
  return value instanceof Map
}

/** A whole number given as one or as digits, in the range of a signed 32-bit integer; else null. */
export function wholeOf(value: ModuleValue | undefined): number | null {
  const number = typeof value === 'string' && /^-?\d{1,10}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isInteger(number) && Math.abs(number) <= MOST
    ? number
    : null
}
const MOST = 0x7f_ff_ff_ff
