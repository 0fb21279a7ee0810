/** How a command ends: what it prints, as text or as one JSON object, and its exit code. */
import { isExplained, lineOf } from '../roles/faults.ts'

/** What a command has found or done. */
export interface Outcome {
  /** Printed with `--json`, as one object. */
  json: Record<string, unknown>
  /** Printed without. */
  lines: readonly string[]
  /** Whether the command did not reach its aim: exit code 1. */
  failed?: boolean
}

/** Bad usage or input: exit code 2, and one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The world did not play along (no connection, a refusal): exit code 1, and one line. */
export class FailureError extends Error {
  override readonly name = 'FailureError'
}

export const EXIT_FAILURE = 1
export const EXIT_USAGE = 2

/** What a command is run with; tests hand in their own. */
export interface Surroundings {
  env: NodeJS.ProcessEnv
  out: (text: string) => void
  err: (text: string) => void
  /** Whether somebody watches standard error, so that a progress bar makes sense. */
  isTerminal: boolean
}

/** The surroundings of this process. */
export const PROCESS: Surroundings = {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY,
}

/** Prints an outcome. */
export function printOutcome({ out }: Surroundings, outcome: Outcome, asJson: boolean): number {
  out(
    asJson
      ? `${JSON.stringify(outcome.json)}\n`
      : outcome.lines.map((line) => `${line}\n`).join(''),
  )
  return outcome.failed === true ? EXIT_FAILURE : 0
}

/** The exit code for an error, and the line that explains it. */
export function explain(error: unknown): { code: number; line: string } {
  if (error instanceof UsageError) return { code: EXIT_USAGE, line: lineOf(error) }
  const isSetting = error instanceof Error && error.name === 'SettingError'
  if (isSetting) return { code: EXIT_USAGE, line: lineOf(error) }
  if (error instanceof FailureError || isExplained(error))
    return { code: EXIT_FAILURE, line: lineOf(error) }
  return { code: EXIT_FAILURE, line: lineOf(error) }
}

/** A value of a profile as a cell of a table: text, or nothing. */
export function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Rows as columns of even width. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows)
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length)
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** A time for people; UTC. */
export function timeText(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return '-'
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}
