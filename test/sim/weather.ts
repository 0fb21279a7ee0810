/** How bad a simulated network is. */

export interface Weather {
  loss: number
  repetition: number
  /** Seconds of delay at most, but for stragglers. */
  delay: number
  /** Probability that a message takes hours. */
  straggle: number
  /** Probability that a stream breaks at some frame. */
  breakage: number
}

export const FAIR: Weather = { loss: 0, repetition: 0, delay: 0.2, straggle: 0, breakage: 0 }
