/** The version of this software, from package.json. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'

const path = new URL('../../package.json', import.meta.url)

/** As `major.minor.patch`. */
export const VERSION = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(path, 'utf8'))).version
