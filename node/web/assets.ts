/**
 * The files that pages load: the stylesheet and the scripts in `assets/`, under names that hold
 * their hash, so that browsers may keep them for good.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { Door } from '../http/app.ts'

export interface Assets {
  /** Address of a file in `assets/`, by its name there. @throws Error for one that is not there */
  hrefOf: (name: string) => string
}

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}
const FOREVER = 'public, max-age=31536000, immutable'
const HASH_CHARS = 12
const FOLDER = new URL('assets/', import.meta.url)

/** Reads the files, once, and mounts `/assets/…`. */
export function mountAssets(door: Door): Assets {
  const hrefs = new Map<string, string>()
  for (const name of readdirSync(FOLDER)) {
    const type = TYPES[name.split('.').at(-1) ?? '']
    if (type === undefined) continue
    const bytes = readFileSync(new URL(name, FOLDER))
    const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, HASH_CHARS)
    const href = `/assets/${hash}/${name}`
    hrefs.set(name, href)
    door.app.get(href, (c) => {
      c.set('route', '/assets/*')
      return c.body(bytes, 200, { 'content-type': type, 'cache-control': FOREVER })
    })
  }
  return {
    hrefOf: (name) => {
      const href = hrefs.get(name)
      if (href === undefined) throw new Error(`no file assets/${name}`)
      return href
    },
  }
}
