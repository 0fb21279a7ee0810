/** The order in which candidates are recommended. */
import type { RecordName } from '../../search/query.ts'
import { DRAWN_SHARE, type Draw } from './diversity.ts'

export interface Ranked<Candidate> {
  candidate: Candidate
  /** From 0 to 1. */
  score: number
}

/**
 * Those whom the day's draw gives to this viewer come first, the others only where there are too few
 * of them; in both parts the better score comes first. Who has a score of 0 is left out.
 */
export function rank<Candidate extends RecordName>(
  candidates: readonly Candidate[],
  scoreOf: (candidate: Candidate) => number,
  draw: Draw,
): Ranked<Candidate>[] {
  const rows = candidates.flatMap((candidate) => {
    const score = scoreOf(candidate)
    if (score === 0) return []
    const number = draw.numberOf(candidate.record)
    return [{ candidate, score, number, isDrawn: number < DRAWN_SHARE }]
  })
  return rows.toSorted(
    (a, b) =>
      Number(b.isDrawn) - Number(a.isDrawn) ||
      b.score - a.score ||
      a.number - b.number ||
      // Two homes may have given out one id: the draw is then the same.
      (a.candidate.home < b.candidate.home ? -1 : 1),
  )
}
