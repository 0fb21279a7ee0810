/** A progress bar on standard error, for long work that somebody watches. */
import type { Surroundings } from './outcome.ts'

const WIDTH = 30
const PAUSE_MILLIS = 100

export interface Progress {
  /** Tells how far the work is: bytes, rows, whatever `total` counts; `text` is shown beside. */
  at: (done: number, text: string) => void
  /** Takes the bar away. */
  end: () => void
}

/** A bar; one that does nothing where nobody watches. */
export function createProgress({ isTerminal, err }: Surroundings, total: number): Progress {
  if (!isTerminal) return { at: () => undefined, end: () => undefined }
  let drawnAt = 0
  return {
    at: (done, text) => {
      const now = performance.now()
      if (now - drawnAt < PAUSE_MILLIS && done < total) return
      drawnAt = now
      const part = total === 0 ? 1 : Math.min(1, done / total)
      const filled = Math.round(part * WIDTH)
      const bar = `${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}`
      err(`\r\u001b[2K[${bar}] ${Math.floor(part * 100)} % ${text}`)
    },
    end: () => err('\r\u001b[2K'),
  }
}
