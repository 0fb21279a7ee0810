/** The OpenAPI 3.1 document of an interface, and a page about it that loads nothing from elsewhere. */
import { html } from 'hono/html'
import type { App } from './app.ts'

export interface About {
  title: string
  version: string
  description: string
}

type OpenApi = ReturnType<App['getOpenAPI31Document']>
type PathItem = NonNullable<OpenApi['paths']>[string]
type OperationShape = NonNullable<PathItem['get']>
interface Listed {
  path: string
  method: (typeof METHODS)[number]
  operation: OperationShape
}

const METHODS = ['get', 'put', 'post', 'delete'] as const

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
pre { overflow: auto; padding: .75rem; background: #f4f4f4; border-radius: .25rem; font-size: .85rem }
h2 { margin-top: 3rem; border-bottom: 1px solid #ccc } h3 { margin-top: 2.5rem } h3 code { font-size: 1rem }
h3 a { color: inherit; text-decoration: none } h3 a:hover { text-decoration: underline }
table { border-collapse: collapse } th, td { padding: .1rem 1rem .1rem 0; vertical-align: top; text-align: left }
nav td:first-child { min-width: 4rem; text-align: right } summary { cursor: pointer } .description { white-space: pre-line }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #ddd } pre { background: #222 } a { color: #8bf } }
`

/** The document, as far as routes are mounted by now. */
function documentOf(app: App, about: About): OpenApi {
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { ...about },
    servers: [{ url: '/' }],
  })
}

function curlOf(path: string, method: string, operation: OperationShape): string {
  const lines = [
    `curl ${method === 'get' ? '' : `-X ${method.toUpperCase()} `}"$NODE${path.replaceAll(/[{}]/g, '')}"`,
  ]
  if (operation.security !== undefined) lines.push('-H "Authorization: Bearer $KEY"')
  const content = bodyOf(operation)
  if (content !== null) {
    lines.push(`-H "Content-Type: ${content.type}"`)
    const example = content.example === undefined ? '@body.json' : JSON.stringify(content.example)
    lines.push(`--data-binary '${example.replaceAll("'", String.raw`'\''`)}'`)
  }
  return lines.join(' \\\n  ')
}

function bodyOf(operation: OperationShape): {
  type: string
  schema: unknown
  example: unknown
} | null {
  const body = operation.requestBody
  if (body === undefined || !('content' in body)) return null
  const [entry] = Object.entries(body.content)
  if (entry === undefined) return null
  const [type, { schema, example }] = entry
  return { type, schema, example: example as unknown }
}

function parametersOf(operation: OperationShape) {
  const rows = (operation.parameters ?? []).flatMap((parameter) =>
    'name' in parameter ? [parameter] : [],
  )
  if (rows.length === 0) return ''
  return html`<table>
    <tr>
      <th>Parameter</th>
      <th>Where</th>
      <th>Value</th>
      <th></th>
    </tr>
    ${rows.map(
      ({ name, in: where, required, description, schema }) =>
        html`<tr>
          <td><code>${name}</code></td>
          <td>${where}${required ? '' : ', optional'}</td>
          <td>${wordsOf(schema as ValueShape | undefined)}</td>
          <td>${description ?? ''}</td>
        </tr>`,
    )}
  </table>`
}

/** The part of a JSON schema that says what a parameter may be. */
interface ValueShape {
  type?: string
  enum?: unknown[]
  items?: ValueShape
  minimum?: number
  maximum?: number
}

/** What a parameter may be, in a few words. */
function wordsOf(schema: ValueShape | undefined): string {
  if (schema === undefined) return ''
  if (schema.items !== undefined) return `any number of: ${wordsOf(schema.items)}`
  if (schema.enum !== undefined) return schema.enum.join(', ')
  const { minimum, maximum } = schema
  const range = minimum === undefined || maximum === undefined ? '' : ` ${minimum} to ${maximum}`
  return `${schema.type ?? ''}${range}`
}

const anchorOf = ({ method, path }: Listed): string =>
  `${method}${path.replaceAll(/[^a-z0-9]+/gi, '-')}`

function contents(byTag: ReadonlyMap<string, readonly Listed[]>) {
  return html`<nav>
    ${[...byTag].map(
      ([tag, list]) =>
        html`<h4>${tag}</h4>
          <table>
            ${list.map(
              (one) =>
                html`<tr>
                  <td>${one.method.toUpperCase()}</td>
                  <td>
                    <a href="#${anchorOf(one)}"><code>${one.path}</code></a>
                  </td>
                  <td>${one.operation.summary ?? ''}</td>
                </tr>`,
            )}
          </table>`,
    )}
  </nav>`
}

function operationSection(listed: Listed) {
  const { path, method, operation } = listed
  const body = bodyOf(operation)
  const responses = Object.entries(operation.responses ?? {}) as [string, { description: string }][]
  const anchor = anchorOf(listed)
  return html`<section id="${anchor}">
    <h3>
      <a href="#${anchor}"><code>${method.toUpperCase()} ${path}</code></a>
    </h3>
    <p><strong>${operation.summary ?? ''}</strong></p>
    <p class="description">${operation.description ?? ''}</p>
    ${parametersOf(operation)}
    <pre>${curlOf(path, method, operation)}</pre>
    ${
      body === null
        ? ''
        : html`<details>
            <summary>Body (${body.type})</summary>
            <pre>${JSON.stringify(body.schema, null, 2)}</pre>
          </details>`
    }
    <details>
      <summary>Answers</summary>
      ${responses.map(
        ([status, response]) =>
          html`<h4>${status}</h4>
            <p>${response.description}</p>
            ${
              'content' in response
                ? html`<pre>${JSON.stringify(response.content, null, 2)}</pre>`
                : ''
            }`,
      )}
      <p>Errors are problem details (RFC 9457); their type is an address that explains them.</p>
    </details>
  </section>`
}

function page(openApi: OpenApi, about: About) {
  const operations: Listed[] = Object.entries(openApi.paths ?? {}).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method]
      return operation === undefined ? [] : [{ path, method, operation }]
    }),
  )
  const byTag = Map.groupBy(operations, ({ operation }) => operation.tags?.[0] ?? '')
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${about.title}</title>
        <link rel="stylesheet" href="/v1/docs.css" />
      </head>
      <body>
        <h1>${about.title}</h1>
        <p>${about.description}</p>
        <p><a href="/v1/openapi.json">OpenAPI 3.1 document</a></p>
        ${contents(byTag)}
        ${[...byTag].map(
          ([tag, list]) =>
            html`<h2>${tag}</h2>
              ${list.map(operationSection)}`,
        )}
      </body>
    </html>`
}

/** Mounts the document and the page; both are public, since they say nothing of this node. */
export function mountDocs(app: App, about: About): void {
  app.get('/v1/openapi.json', (c) => c.json(documentOf(app, about)))
  app.get('/v1/docs', (c) => c.html(page(documentOf(app, about), about)))
  app.get('/v1/docs.css', (c) =>
    c.body(STYLE, 200, { 'content-type': 'text/css', 'cache-control': 'public, max-age=86400' }),
  )
}
