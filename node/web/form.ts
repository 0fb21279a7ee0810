/**
 * Forms: labelled fields, errors shown at the field, the token that {@link mountForm} asks for.
 *
 *   formOf(visit, { action: '/desk/notices', submit: 'Take the notice', fields: [
 *     { name: 'text', label: 'The e-mail', kind: 'textarea', isRequired: true },
 *   ], errors, values })
 *
 * `errors` by name of the field come from `errorsOf(error)` where an act threw a ProtocolError;
 * `values` fill the fields in again. Passwords and files are never filled in again.
 */
import { html } from 'hono/html'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Visit } from './visit.ts'
import type { Html } from './words.ts'

export interface Field {
  name: string
  label: string
  kind?:
    'text' | 'email' | 'number' | 'date' | 'textarea' | 'select' | 'checkbox' | 'file' | 'hidden'
  /** A sentence below the label. */
  hint?: string
  value?: string
  isRequired?: true
  maxLength?: number
  /** Of `select`. */
  options?: readonly { value: string; label: string }[]
  /** As in HTML: `one-time-code`, `email`. */
  autocomplete?: string
  /** Of `file`: `.eml`. */
  accept?: string
  /** Of `textarea`. */
  rows?: number
}

/** What is wrong, by the name of the field; under the empty name what is wrong with the whole. */
export type FieldErrors = Readonly<Record<string, string>>

export interface FormLayout {
  /** Where it is sent. */
  action: string
  submit: string
  fields: readonly Field[]
  values?: Readonly<Record<string, string>>
  errors?: FieldErrors
  /** It cannot be undone: the button says so by its colour too. */
  isGrave?: true
}

/** The errors of an act that was refused; anything but a ProtocolError is thrown on. */
export function errorsOf(error: unknown): FieldErrors {
  if (!(error instanceof ProtocolError)) throw error
  return { [error.path.split('/').at(-1) ?? '']: `Expected ${error.expected}.` }
}

/** The hidden field that shows that a form is of this visit, for forms laid out by hand. */
export function csrfField(visit: Visit): Html {
  return html`<input type="hidden" name="csrf" value="${visit.csrf}" />`
}

function control(
  field: Field,
  id: string,
  value: string,
  describedBy: string,
  isBad: boolean,
): Html {
  const { name, kind = 'text', isRequired, maxLength, autocomplete, accept } = field
  const shared = html`id="${id}" name="${name}" ${isRequired ? 'required' : ''}
  ${isBad ? html`aria-invalid="true"` : ''}
  ${describedBy === '' ? '' : html`aria-describedby="${describedBy}"`}
  ${maxLength === undefined ? '' : html`maxlength="${maxLength}"`}
  ${autocomplete === undefined ? '' : html`autocomplete="${autocomplete}"`}`
  switch (kind) {
    case 'textarea':
      return html`<textarea ${shared} rows="${field.rows ?? 6}">${value}</textarea>`
    case 'select':
      return html`<select ${shared}>
        ${(field.options ?? []).map(
          (option) =>
            html`<option value="${option.value}" ${option.value === value ? 'selected' : ''}>
              ${option.label}
            </option>`,
        )}
      </select>`
    case 'checkbox':
      return html`<input
        type="checkbox"
        value="yes"
        ${shared}
        ${value === 'yes' ? 'checked' : ''}
      />`
    case 'file':
      return html`<input type="file" ${shared} accept="${accept ?? ''}" />`
    default:
      return html`<input type="${kind}" ${shared} value="${value}" />`
  }
}

function fieldOf(action: string, field: Field, value: string, error: string | undefined): Html {
  const { name, label, hint, kind } = field
  if (kind === 'hidden') return html`<input type="hidden" name="${name}" value="${value}" />`
  const id = `f${action.replaceAll(/[^a-z0-9]+/gi, '-')}-${name}`
  const describedBy = [
    ...(hint === undefined ? [] : [`${id}-hint`]),
    ...(error === undefined ? [] : [`${id}-error`]),
  ].join(' ')
  const input = control(field, id, value, describedBy, error !== undefined)
  return html`<div class="field ${kind === 'checkbox' ? 'tick' : ''}">
    ${kind === 'checkbox' ? input : ''}
    <label for="${id}">${label}${field.isRequired ? '' : html` <small>(optional)</small>`}</label>
    ${hint === undefined ? '' : html`<p class="hint" id="${id}-hint">${hint}</p>`}
    ${error === undefined ? '' : html`<p class="error" id="${id}-error">${error}</p>`}
    ${kind === 'checkbox' ? '' : input}
  </div>`
}

/** Lays out a form. */
export function formOf(visit: Visit, form: FormLayout): Html {
  const { action, submit, fields, values = {}, errors = {}, isGrave } = form
  const names = new Set(fields.map(({ name }) => name))
  const others = Object.entries(errors).filter(([name]) => !names.has(name))
  const hasFile = fields.some(({ kind }) => kind === 'file')
  return html`<form
    method="post"
    action="${action}"
    class="form"
    ${hasFile ? html`enctype="multipart/form-data"` : ''}
  >
    ${
      Object.keys(errors).length === 0
        ? ''
        : html`<div class="banner bad" role="alert">
            This was not taken.
            ${others.length === 0 ? 'See the marked fields.' : others.map(([, text]) => text)}
          </div>`
    }
    ${csrfField(visit)}
    ${fields.map((field) => {
      const value = field.kind === 'file' ? '' : (values[field.name] ?? field.value ?? '')
      return fieldOf(action, field, value, errors[field.name])
    })}
    <button type="submit" class="${isGrave ? 'grave' : 'main'}">${submit}</button>
  </form>`
}

/** A line that says how something went. */
export function banner(tone: 'good' | 'bad' | 'calm', text: Html | string): Html {
  return html`<div class="banner ${tone}" role="${tone === 'bad' ? 'alert' : 'status'}">
    ${text}
  </div>`
}
