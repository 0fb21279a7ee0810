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

const METHODS = ['get', 'put', 'post', 'delete'] as const

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
pre { overflow: auto; padding: .75rem; background: #f4f4f4; border-radius: .25rem; font-size: .85rem }
h3 code { font-size: 1rem } table { border-collapse: collapse } td { padding: .1rem 1rem .1rem 0; vertical-align: top }
.description { white-space: pre-line }
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
  const lines = [`curl -X ${method.toUpperCase()} "$NODE${path.replaceAll(/[{}]/g, '')}"`]
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
    ${rows.map(
      ({ name, in: where, required, description, schema }) =>
        html`<tr>
          <td><code>${name}</code></td>
          <td>${where}${required ? ', required' : ''}</td>
          <td>${description ?? ''}</td>
          <td><code>${JSON.stringify(schema)}</code></td>
        </tr>`,
    )}
  </table>`
}

function operationSection(path: string, method: string, operation: OperationShape) {
  const body = bodyOf(operation)
  const responses = Object.entries(operation.responses ?? {}) as [string, { description: string }][]
  return html`<section>
    <h3><code>${method.toUpperCase()} ${path}</code></h3>
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
            <pre>${JSON.stringify('content' in response ? response.content : {}, null, 2)}</pre>`,
      )}
      <p>Errors are problem details (RFC 9457); their type is an address that explains them.</p>
    </details>
  </section>`
}

function page(openApi: OpenApi, about: About) {
  const operations = Object.entries(openApi.paths ?? {}).flatMap(([path, item]) =>
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
        ${[...byTag].map(
          ([tag, list]) =>
            html`<h2>${tag}</h2>
              ${list.map(({ path, method, operation }) =>
                operationSection(path, method, operation),
              )}`,
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
