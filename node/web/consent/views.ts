/** How the consent pages look: the frame, the form, the pages that say one thing. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { html, raw } from 'hono/html'
import type { Scope } from '../../../protocol/consent.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import type { ConsentVisit } from '../../core/bridge/consent/consents.ts'
import {
  NOTICE_LANGUAGES,
  noticeParts,
  type NoticeLanguage,
} from '../../core/bridge/consent/notice.ts'
import type { Html } from '../words.ts'
import { WORDS } from './languages.ts'
import type { ConsentWords, Said } from './words.ts'

/** Whose page it is, and in which language. */
export interface Frame {
  site: SiteId
  network: SiteId
  language: NoticeLanguage
}

// In the page, so that nothing but `/bridge/` has to be reachable through the owner's proxy.
const STYLE = readFileSync(new URL('style.css', import.meta.url), 'utf8')
/** What a browser may do with a page: show it, and send its form here. */
export const CONSENT_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Scopes of data that the law protects most (GDPR 9). */
const SENSITIVE: readonly Scope[] = ['race', 'religion']
/** Scopes that are permissions, and share no field. */
const FIELDLESS: readonly Scope[] = ['recommendations', 'messaging', 'presence']
/** The order on the page: what the others need comes first, what is most delicate last. */
const SHOWN: readonly Scope[] = [
  'discovery',
  'pictures',
  'recommendations',
  'messaging',
  'presence',
  'appearance',
  'habits',
  'names',
  'birth-date',
  ...SENSITIVE,
]

function languages(current: NoticeLanguage): Html {
  return html`<nav aria-label="${WORDS[current].languages}">
    <ul>
      ${NOTICE_LANGUAGES.map((language) => {
        const { name } = WORDS[language]
        return language === current
          ? html`<li><span aria-current="true">${name}</span></li>`
          : html`<li>
              <a href="?language=${language}" lang="${language}" hreflang="${language}">${name}</a>
            </li>`
      })}
    </ul>
  </nav>`
}

/**
 * A whole document.
 *
 * @param hasLanguages whether it can be had in another language: the answer to a form can not
 */
export function frameOf(
  { site, language }: Frame,
  { title, text }: Said,
  { body, hasLanguages }: { body: Html | string; hasLanguages: boolean },
): Html {
  return html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex, nofollow" />
        <title>${title} · ${site}</title>
        ${raw(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <header>
          <p>${site}</p>
          ${hasLanguages ? languages(language) : ''}
        </header>
        <main>
          <h1>${title}</h1>
          <p>${text}</p>
          ${body}
        </main>
      </body>
    </html>`
}

/** What was sent, where a form is shown again, and why it was not taken. */
export interface Untaken {
  reason: keyof ConsentWords['untaken']
  scopes: readonly Scope[]
  email: string
}

function scopeOf(
  words: ConsentWords,
  visit: ConsentVisit,
  { scope, isTicked, isBad }: { scope: Scope; isTicked: boolean; isBad: boolean },
): Html {
  const { title, text } = words.scopes[scope]
  const names = (visit.fields[scope] ?? []).map((name) => words.fields[name])
  const isKept = visit.scopes === null || visit.scopes.includes(scope)
  const none = isKept ? words.heldNone : words.heldLater
  const held = names.length === 0 ? none : `${words.held} ${names.join(', ')}.`
  const isNeeded = scope === 'discovery'
  return html`<div class="scope">
    <input
      type="checkbox"
      id="${scope}"
      name="scope"
      value="${scope}"
      aria-describedby="${scope}-text"
      ${isTicked ? 'checked' : ''}
      ${isBad ? html`aria-invalid="true" autofocus` : ''}
    />
    <label for="${scope}">
      ${title} ${isNeeded ? html`<span class="mark">${words.needed}</span>` : ''}
      ${SENSITIVE.includes(scope) ? html`<span class="mark warn">${words.sensitive}</span>` : ''}
    </label>
    <p class="soft" id="${scope}-text">${text} ${FIELDLESS.includes(scope) ? '' : held}</p>
  </div>`
}

function emailField(words: ConsentWords, visit: ConsentVisit, untaken: Untaken | null): Html {
  const isBad = untaken?.reason === 'email'
  return html`<div class="field">
    <label for="email">${words.email} <small>(${words.optional})</small></label>
    <p id="email-hint">${words.emailHint} ${visit.hasEmail ? words.emailKept : ''}</p>
    ${isBad ? html`<p class="error" id="email-error">${words.untaken.email}</p>` : ''}
    <input
      type="email"
      id="email"
      name="email"
      value="${untaken?.email ?? ''}"
      autocomplete="email"
      maxlength="254"
      aria-describedby="email-hint${isBad ? ' email-error' : ''}"
      ${isBad ? html`aria-invalid="true" autofocus` : ''}
    />
  </div>`
}

/** The text that is hashed, as it is: a heading, paragraphs, the version. */
function noticeView(frame: Frame): Html {
  const [heading = '', ...paragraphs] = noticeParts(frame, frame.language)
  return html`<section class="notice" id="notice" aria-labelledby="notice-title">
    <h2 id="notice-title">${heading}</h2>
    ${paragraphs.map((text) => html`<p>${text}</p>`)}
  </section>`
}

function button(act: string, text: string, look: 'main' | 'grave' | '' = ''): Html {
  return html`<button type="submit" name="act" value="${act}" class="${look}">${text}</button>`
}

/** A form of its own for leaving: one press, as agreeing is. */
function leavingForm({ leaving, withdraw }: ConsentWords): Html {
  return html`<section>
    <h2>${leaving.title}</h2>
    <p>${leaving.text}</p>
    <form method="post">
      <div class="buttons">${button('decline', withdraw, 'grave')}</div>
    </form>
  </section>`
}

/**
 * The page on which somebody decides, or changes a decision.
 *
 * @param hash of the notice as shown, sent along so that no other text is agreed to
 */
export function decideView(
  frame: Frame,
  visit: ConsentVisit,
  { hash, untaken }: { hash: string; untaken: Untaken | null },
): Html {
  const words = WORDS[frame.language]
  const isOwn = visit.kind === 'own'
  const ticked = untaken?.scopes ?? visit.scopes ?? []
  const who = html`<p class="who">${words.profile}: <strong>${visit.nickname}</strong></p>`
  const alarm =
    untaken === null
      ? ''
      : html`<p class="banner bad" role="alert">${words.untaken[untaken.reason]}</p>`
  const no = isOwn ? '' : button('decline', words.decline)
  const form = html`<form method="post" novalidate>
    <input type="hidden" name="language" value="${frame.language}" />
    <input type="hidden" name="notice" value="${hash}" />
    <fieldset>
      <legend>${words.choose}</legend>
      ${SHOWN.map((scope) =>
        scopeOf(words, visit, {
          scope,
          isTicked: ticked.includes(scope),
          isBad: untaken?.reason === 'scope' && scope === 'discovery',
        }),
      )}
    </fieldset>
    ${noticeView(frame)} ${emailField(words, visit, untaken)}
    <div class="buttons">${button('agree', isOwn ? words.change : words.agree, 'main')} ${no}</div>
  </form>`
  const closed = html`<p class="banner bad">${words.closed}</p>
    ${isOwn ? '' : html`<form method="post"><div class="buttons">${no}</div></form>`}`
  return frameOf(frame, (isOwn ? words.own : words.ask)(frame.site, frame.network), {
    body: html`${alarm} ${who} ${visit.isOpen ? form : closed} ${isOwn ? leavingForm(words) : ''}`,
    hasLanguages: untaken === null,
  })
}

/** The page of somebody who is hidden, since somebody has withdrawn. */
export function suspendedView(frame: Frame, visit: ConsentVisit): Html {
  const words = WORDS[frame.language]
  return frameOf(frame, words.suspended(frame.site, frame.network), {
    body: html`<p class="who">${words.profile}: <strong>${visit.nickname}</strong></p>
      <form method="post">
        <input type="hidden" name="language" value="${frame.language}" />
        <div class="buttons">
          ${button('keep', words.keep, 'main')} ${button('decline', words.withdraw, 'grave')}
        </div>
      </form>`,
    hasLanguages: true,
  })
}

/** The page after agreeing, with the member's own link. */
export function agreedView(frame: Frame, ownUrl: string): Html {
  const words = WORDS[frame.language]
  return frameOf(frame, words.agreed, {
    body: html`<p class="banner">
      ${words.ownLink}<br />
      <a class="long" href="${ownUrl}">${ownUrl}</a>
    </p>`,
    hasLanguages: false,
  })
}

/** A page that says one thing. */
export function saidView(frame: Frame, said: Said): Html {
  return frameOf(frame, said, { body: '', hasLanguages: false })
}
