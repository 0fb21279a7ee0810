/** Small parts of pages: badges, figures, lists of facts, ids, links that carry a table's filter. */
import { html } from 'hono/html'
import type { Html } from './words.ts'

export type Tone = 'good' | 'bad' | 'warn' | 'calm'

/** A word with a colour; the word alone says everything. */
export function badge(tone: Tone, text: string): Html {
  return html`<span class="badge ${tone}">${text}</span>`
}

/** One figure in large digits, with what it counts below. */
export interface Figure {
  label: string
  value: Html | string
  /** What it is measured against, or where it comes from. */
  note?: Html | string
  tone?: Tone
  href?: string
}

/** Figures beside each other. */
export function figures(list: readonly Figure[]): Html {
  return html`<dl class="figures">
    ${list.map(
      ({ label, value, note, tone, href }) =>
        html`<div class="figure ${tone ?? ''}">
          <dt>${href === undefined ? label : html`<a href="${href}">${label}</a>`}</dt>
          <dd class="value">${value}</dd>
          ${note === undefined ? '' : html`<dd class="note">${note}</dd>`}
        </div>`,
    )}
  </dl>`
}

/** Names and values below each other. */
export function facts(list: readonly (readonly [string, Html | string])[]): Html {
  return html`<dl class="facts">
    ${list.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`
}

/** A long id or key that may break anywhere. */
export function longCode(text: string): Html {
  return html`<code class="long">${text}</code>`
}

export function link(href: string, text: Html | string): Html {
  return html`<a href="${href}">${text}</a>`
}

/** A part of a page under a heading. */
export function section(title: string, body: Html | string | readonly (Html | string)[]): Html {
  return html`<section>
    <h2>${title}</h2>
    ${body}
  </section>`
}
