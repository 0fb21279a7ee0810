/** How the desk's forms end: on another page, or on the same one with what is wrong at its field. */
import { errorsOf, type FieldErrors } from '../form.ts'
import type { Page } from '../page.ts'
import type { Visit } from '../visit.ts'
import { ProtocolError } from '../../../protocol/errors.ts'

/** What a form said, and what was wrong with it: for the page that shows it again. */
export interface Again {
  /** The form that was sent, where the page has several. */
  form: string
  errors: FieldErrors
  values: Readonly<Record<string, string>>
}

/**
 * Does what a form asks, and goes to where it has led.
 *
 * @param act gives the address of the page to go to
 * @param show the page with the form, as it is shown where the act was refused
 */
export async function attempt(
  visit: Visit,
  { form, values }: Pick<Again, 'form' | 'values'>,
  act: () => Promise<string>,
  show: (again: Again) => Promise<Page>,
): Promise<Page | Response> {
  try {
    return visit.c.redirect(await act(), 303)
  } catch (error) {
    // What is not there any more has no page to show the form on.
    if (error instanceof ProtocolError && error.code === 'not_found' && error.path === '/id')
      throw error
    const page = await show({ form, values, errors: errorsOf(error) })
    const isConflict = error instanceof ProtocolError && error.code === 'conflict'
    return { ...page, status: isConflict ? 409 : 422 }
  }
}

/** Errors and values for one of the forms of a page. */
export function ofForm(
  again: Again | undefined,
  form: string,
): Partial<Pick<Again, 'errors' | 'values'>> {
  return again?.form === form ? { errors: again.errors, values: again.values } : {}
}

/** Options of a choice whose words are its values. */
export function choices(words: readonly string[]): { value: string; label: string }[] {
  return words.map((value) => ({ value, label: value.replaceAll('-', ' ') }))
}

/** Rows that the tables of the desk look at: the newest. */
export const NEWEST = 1000
