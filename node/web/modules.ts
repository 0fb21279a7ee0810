/**
 * Serves the code of `protocol/` to browsers, as it stands: types are stripped, imports stay, and an
 * import map says where the packages are. Nothing but what the entry module imports is served.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire, stripTypeScriptTypes } from 'node:module'
import { dirname, join, posix, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { html, raw } from 'hono/html'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Door } from '../http/app.ts'
import type { Html } from './words.ts'

/** What a page needs to run a module: the elements of its head, and the hash of the inline one. */
export interface BrowserModule {
  head: Html
  /** For `script-src`. */
  source: string
}

interface Served {
  text: string
  /** Specifiers of packages, with the path below `/modules/<hash>/` that they stand for. */
  packages: Map<string, string>
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PACKAGES = 'packages'
const HASH_CHARS = 12
const FOREVER = 'public, max-age=31536000, immutable'
const IMPORT = /^(?:import|export)\s(?:[^'";]*?\sfrom\s+)?["']([^"']+)["']/gm

/** The file for `import`, where a package has another one for `require` as its main file. */
function moduleFile(file: string): string {
  const [, folder] = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file.split(sep).join('/')) ?? []
  if (folder === undefined) return file
  const { exports: entries } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as {
    exports?: Record<string, { import?: unknown; require?: unknown } | string>
  }
  const main = entries?.['.']
  if (typeof main !== 'object' || typeof main.import !== 'string') return file
  return typeof main.require === 'string' && resolve(folder, main.require) === file
    ? resolve(folder, main.import)
    : file
}

/** A file of a package: its specifier, where it is on disk, and its path as it is served. */
function packageFile(specifier: string, from: string): { file: string; path: string } {
  const file = moduleFile(createRequire(from).resolve(specifier))
  const [, below = ''] = file.split(`${sep}node_modules${sep}`).slice(-2)
  const name = below === '' ? file.split(`${sep}node_modules${sep}`).at(-1) : below
  return { file, path: posix.join(PACKAGES, (name ?? '').split(sep).join('/')) }
}

/** Reads the entry module and everything that it imports. */
function collect(entry: string): Map<string, Served> {
  const found = new Map<string, Served>()
  const waiting = [{ file: join(ROOT, entry), path: entry }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { file, path } = next
    if (found.has(path)) continue
    const source = readFileSync(file, 'utf8')
    const text = file.endsWith('.ts') ? stripTypeScriptTypes(source) : source
    const packages = new Map<string, string>()
    found.set(path, { text, packages })
    for (const [, specifier = ''] of text.matchAll(IMPORT)) {
      if (specifier.startsWith('.')) {
        const target = resolve(dirname(file), specifier)
        const isOwn = path.startsWith(`${PACKAGES}/`)
        const targetPath = isOwn
          ? posix.join(posix.dirname(path), specifier)
          : relative(ROOT, target).split(sep).join('/')
        waiting.push({ file: target, path: targetPath })
        continue
      }
      const target = packageFile(specifier, file)
      packages.set(specifier, target.path)
      waiting.push(target)
    }
  }
  return found
}

function prepare(entry: string): {
  prefix: string
  files: Map<string, string>
  module: BrowserModule
} {
  const served = collect(entry)
  const hash = createHash('sha256')
  for (const [path, { text }] of [...served].toSorted(([one], [other]) => (one < other ? -1 : 1)))
    hash.update(`${path}\0${text}\0`)
  const prefix = `/modules/${hash.digest('base64url').slice(0, HASH_CHARS)}/`
  const imports: Record<string, string> = {}
  const files = new Map<string, string>()
  for (const [path, { text, packages }] of served) {
    files.set(path, text)
    for (const [specifier, target] of packages) imports[specifier] = `${prefix}${target}`
  }
  const map = JSON.stringify({ imports })
  const source = `'sha256-${createHash('sha256').update(map).digest('base64')}'`
  const preloads = [...files.keys()].map(
    (path) => html`<link rel="modulepreload" href="${prefix}${path}" />`,
  )
  // The map is JSON of our own making: it has no `<`, and is hashed exactly as it is sent.
  const head = html`${raw(`<script type="importmap">${map}</script>`)} ${preloads}
    <script type="module" src="${prefix}${entry}"></script>`
  return { prefix, files, module: { head, source } }
}

/** The modules of each app: they share one route. */
const mounted = new WeakMap<Door['app'], Map<string, Ready>>()
type Ready = () => ReturnType<typeof prepare>

function modulesOf({ app }: Door): Map<string, Ready> {
  const known = mounted.get(app)
  if (known !== undefined) return known
  const modules = new Map<string, Ready>()
  mounted.set(app, modules)
  app.get('/modules/:hash/*', (c) => {
    c.set('route', '/modules/*')
    const { path } = c.req
    const all = [...modules.values()].map((ready) => ready())
    const found = all.find(({ prefix }) => path.startsWith(prefix))
    const text = found?.files.get(path.slice(found.prefix.length))
    if (text === undefined) throw new ProtocolError('not_found', '', 'a module of this version')
    const type = 'text/javascript; charset=utf-8'
    return c.body(text, 200, { 'content-type': type, 'cache-control': FOREVER })
  })
  return modules
}

/**
 * Mounts a module of this repository for browsers.
 *
 * @param entry its path from the root of the repository
 * @returns how to put it on a page; the files are read at the first call
 */
export function mountModule(door: Door, entry: string): () => BrowserModule {
  const modules = modulesOf(door)
  let prepared: ReturnType<typeof prepare> | null = null
  const ready = modules.get(entry) ?? (() => (prepared ??= prepare(entry)))
  modules.set(entry, ready)
  return () => ready().module
}
