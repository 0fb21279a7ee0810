/** Explains each problem code in words, at the address that problem documents name as their type. */
import type { Handler } from 'hono'
import { html } from 'hono/html'
import { ProtocolError } from '../../protocol/errors.ts'
import { isProblemCode, PROBLEMS, problemResponse } from './problem.ts'

const DAY = 'public, max-age=86400'

/** Answers `GET /problems/:code`. */
export const problemPage: Handler = (c) => {
  const code = c.req.param('code') ?? ''
  if (!isProblemCode(code))
    return problemResponse(new ProtocolError('not_found', '/code', 'the code of a problem'))
  const { status, title, explanation } = PROBLEMS[code]
  c.header('cache-control', DAY)
  return c.html(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <title>${title}</title>
        </head>
        <body>
          <h1>${title}</h1>
          <p><code>${code}</code>, HTTP status ${status}</p>
          <p>${explanation}</p>
        </body>
      </html>`,
  )
}
