/** The order in which candidates are recommended. */
import type { RecordName } from '../../search/query.ts'
import { DRAWN_SHARE, type Draw } from './diversity.ts'

export interface Ranked<Candidate> {
  candidate: Candidate
  /** From 0 to 1. */
  score: number
}

interface Numbered<Candidate> {
  candidate: Candidate
  /** Of the draw. */
  number: number
}

/**
 * Those whom the day's draw gives to this viewer come first, the others only where there are too few
 * of them; in both parts the better score comes first. Who has a score of 0 is left out. Scores are
 * reckoned as far as the order is read: mostly those of the drawn are enough.
 */
export function* rank<Candidate extends RecordName>(
  candidates: Iterable<Candidate>,
  scoreOf: (candidate: Candidate) => number,
  draw: Draw,
): Generator<Ranked<Candidate>> {
  const drawn: Numbered<Candidate>[] = []
  const others: Numbered<Candidate>[] = []
  for (const candidate of candidates) {
    const number = draw.numberOf(candidate.record)
    const part = number < DRAWN_SHARE ? drawn : others
    part.push({ candidate, number })
  }
  for (const part of [drawn, others])
    yield* part
      .flatMap((one) => {
        const score = scoreOf(one.candidate)
        return score === 0 ? [] : [{ ...one, score }]
      })
      .toSorted(
        (a, b) =>
          b.score - a.score ||
          a.number - b.number ||
          // Two homes may have given out one id: the draw is then the same.
          (a.candidate.home < b.candidate.home ? -1 : 1),
      )
}
