/** The frame of every page: head, navigation, what it shows and does not prove, who answers for it. */
import { html } from 'hono/html'
import { navigation } from './nav.ts'
import type { Visit, Web } from './visit.ts'
import type { Html } from './words.ts'

/** What a page fills the frame with. */
export interface Content {
  title: string
  /** A sentence or two: what the page shows, and what it does not prove. */
  lead: Html | string
  body: Html | readonly (Html | string)[]
  /** Files of `assets/` that the page runs; it must be whole without them. */
  scripts?: readonly string[]
  /** An import map for its modules, and other things of the head. */
  head?: Html
}

function footer({ frame, paths, signInPath }: Web, visit: Visit): Html {
  const { controller } = frame
  return html`<footer>
    ${
      controller === null
        ? ''
        : html`<p>
            Responsible: ${controller.name}, ${controller.address},
            <a href="mailto:${controller.email}">${controller.email}</a>. Data protection officer:
            ${controller.dpoName},
            <a href="mailto:${controller.dpoEmail}">${controller.dpoEmail}</a>, or by post to the
            same address.
          </p>`
    }
    <p>
      Times are UTC.
      ${visit.actor === null ? 'This page sets no cookie and keeps no record of you.' : ''}
      ${paths.has('/audit') && visit.actor === null ? html`<a href="/audit">For auditors</a>` : ''}
      ${signInPath !== null && visit.actor === null ? html`<a href="${signInPath}">Sign in</a>` : ''}
      <a href="/v1/docs">Interface</a>
    </p>
  </footer>`
}

/** A whole document. */
export function layout(web: Web, visit: Visit, content: Content): Html {
  const { title, lead, body, scripts, head } = content
  const { frame, assets } = web
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · ${frame.name}</title>
        <link rel="stylesheet" href="${assets.hrefOf('style.css')}" />
        <link rel="icon" href="${assets.hrefOf('icon.svg')}" type="image/svg+xml" />
        ${head ?? ''}
        ${(scripts ?? []).map(
          (name) => html`<script type="module" src="${assets.hrefOf(name)}"></script>`,
        )}
      </head>
      <body>
        <a class="skip" href="#content">Skip to the content</a>
        <header>
          <a class="brand" href="/">${frame.name}</a>
          <div class="navs">${navigation(web, visit)}</div>
        </header>
        <main id="content" tabindex="-1">
          <h1>${title}</h1>
          <p class="lead">${lead}</p>
          ${body}
        </main>
        ${footer(web, visit)}
      </body>
    </html>`
}
