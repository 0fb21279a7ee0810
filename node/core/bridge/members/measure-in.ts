/** Heights and weights as the old product shows them, in its many spellings. */

/** A number in the unit of the vocabulary; `isRounded` where it stands for a band. */
export interface Measure {
  value: number
  isRounded: boolean
}

const CM_PER_INCH = 2.54
const KG_PER_POUND = 0.453_592_37
/** The widest band, in the unit as written, whose middle still says something. */
const WIDEST_BAND = 30

/** One spelling for quotes, dashes and spaces. */
function compact(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/['’′`´]{2}|[”“″]/g, '"')
    .replaceAll(/[’′`´]/g, "'")
    .replaceAll(/[‐-―−]/g, '-')
    .replaceAll(/\s+/g, '')
}

function middle(low: string, high: string | undefined, factor = 1): Measure | null {
  const from = Number(low)
  const to = high === undefined ? from : Number(high)
  if (to < from || to - from > WIDEST_BAND) return null
  return { value: Math.round(((from + to) / 2) * factor), isRounded: to > from }
}

function within(measure: Measure | null, least: number, most: number): Measure | null {
  return measure !== null && measure.value >= least && measure.value <= most ? measure : null
}

/** `5' 7" (170 cm)`, `171-180`, `171 cm - 180 cm`: what is in brackets counts. */
const CENTIMETRES = /^(?:[\d'"ftin.,-]+\()?(\d{3})(?:cm)?(?:-(\d{3}))?(?:cm)?\)?$/
/** `170 cm (5' 7")`. */
const CENTIMETRES_FIRST = /^(\d{3})(?:cm)?(?:-(\d{3}))?cm\([^()]*\)$/
const METRES = /^([12])[.,m](\d{2})(?:m)?$/
const FEET = /^([3-8])(?:'|ft\.?)(?:(\d|1[01])(?:"|in\.?)?)?$/

/** A height in cm, 100 to 250; null for what cannot be read, such as an open band. */
export function heightOf(text: string): Measure | null {
  const plain = compact(text)
  const [, low, high] = CENTIMETRES.exec(plain) ?? CENTIMETRES_FIRST.exec(plain) ?? []
  if (low !== undefined) return within(middle(low, high), 100, 250)
  const [, metres, rest] = METRES.exec(plain) ?? []
  if (metres !== undefined) return within(middle(`${metres}${rest}`, undefined), 100, 250)
  const [, feet, inches = '0'] = FEET.exec(plain) ?? []
  if (feet === undefined) return null
  const value = Math.round((12 * Number(feet) + Number(inches)) * CM_PER_INCH)
  return within({ value, isRounded: false }, 100, 250)
}

/** `154 lbs (70 kg)`, `61-70 kg`. */
const KILOGRAMS = /^(?:[\dlbspound.,-]+\()?(\d{2,3})(?:kgs?)?(?:-(\d{2,3}))?kgs?\.?\)?$/
/** `70 kg (154 lbs)`. */
const KILOGRAMS_FIRST = /^(\d{2,3})(?:kgs?)?(?:-(\d{2,3}))?kgs?\([^()]*\)$/
const POUNDS = /^(\d{2,3})(?:lbs?|pounds?)?(?:-(\d{2,3}))?(?:lbs?|pounds?)\.?$/

/** A weight in kg, 30 to 300; null for what cannot be read, such as a number without its unit. */
export function weightOf(text: string): Measure | null {
  const plain = compact(text)
  const [, low, high] = KILOGRAMS.exec(plain) ?? KILOGRAMS_FIRST.exec(plain) ?? []
  if (low !== undefined) return within(middle(low, high), 30, 300)
  const [, light, heavy] = POUNDS.exec(plain) ?? []
  return light === undefined ? null : within(middle(light, heavy, KG_PER_POUND), 30, 300)
}
