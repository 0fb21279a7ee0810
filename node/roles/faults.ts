/** Failures that an operator can mend, each as one line that says what to do. */
import { SecretError } from './secrets.ts'
import { SettingError } from './settings.ts'

/** A start that cannot succeed until the operator has changed something. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError'
}

/** The error and all its causes, outermost first; errors inside an AggregateError among them. */
function chainOf(error: unknown): unknown[] {
  const chain: unknown[] = []
  const queue: unknown[] = [error]
  for (const one of queue) {
    if (one === undefined || one === null || chain.length >= 32) continue
    chain.push(one)
    if (one instanceof AggregateError) queue.push(...(one.errors as unknown[]))
    if (one instanceof Error) queue.push(one.cause)
  }
  return chain
}

/** Whether the error, or what caused it, has this code, such as EADDRINUSE. */
export function hasCode(error: unknown, code: string): boolean {
  return chainOf(error).some((one) => one instanceof Error && 'code' in one && one.code === code)
}

/** Runs a step of the start; a taken address becomes a line that names the setting. */
export async function listening<T>(
  what: string,
  variable: string,
  start: () => Promise<T>,
): Promise<T> {
  try {
    return await start()
  } catch (cause) {
    const isTaken = chainOf(cause).some(
      (one) =>
        one instanceof Error &&
        (('code' in one && one.code === 'EADDRINUSE') || one.message.includes('EADDRINUSE')),
    )
    const hint = `set ${variable} to another address`
    if (isTaken)
      throw new OperatorError(`The port of ${what} is in use by another program: ${hint}`, {
        cause,
      })
    const isListen =
      hasCode(cause, 'EACCES') ||
      hasCode(cause, 'EADDRNOTAVAIL') ||
      (cause instanceof Error && cause.name === 'UnsupportedListenAddressesError')
    if (isListen)
      throw new OperatorError(`This machine cannot listen at ${what}: ${hint}`, { cause })
    throw cause
  }
}

/** One line for the operator. */
export function lineOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replaceAll(/\s*\n\s*/g, ' ').trim()
}

/** Whether the message alone says what to do: then a stack would only hide it. */
export function isExplained(error: unknown): boolean {
  return (
    error instanceof OperatorError || error instanceof SettingError || error instanceof SecretError
  )
}
