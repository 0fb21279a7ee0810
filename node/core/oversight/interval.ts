/** What a share in a sample says about the whole. */

export interface Interval {
  low: number
  high: number
}

/** Of the standard normal distribution, for 95 %. */
const Z = 1.959963984540054

/**
 * The Wilson score interval of 95 % of a share. Unlike the usual formula it holds for few tries and
 * for shares near 0 or 1, and never leaves 0 to 1.
 *
 * @param total at least 0; of none nothing is known, and that is the whole range
 */
export function wilsonInterval(passed: number, total: number): Interval {
  if (total === 0) return { low: 0, high: 1 }
  const share = passed / total
  const square = Z * Z
  const scale = 1 + square / total
  const centre = share + square / (2 * total)
  const width = Z * Math.sqrt((share * (1 - share)) / total + square / (4 * total * total))
  return {
    low: passed === 0 ? 0 : Math.max(0, (centre - width) / scale),
    high: passed === total ? 1 : Math.min(1, (centre + width) / scale),
  }
}

/** How often a site has passed, of what was decided either way. */
export interface Rate extends Interval {
  passed: number
  failed: number
  /** Null where nothing was decided. */
  share: number | null
}

/** The rate of so many passed and failed. */
export function rateOf(passed: number, failed: number): Rate {
  const total = passed + failed
  const share = total === 0 ? null : passed / total
  return { passed, failed, share, ...wilsonInterval(passed, total) }
}
