/** Reads what a form sends, within bounds: fields, repeated fields, files. */
import type { OperationContext } from '../http/operation.ts'
import { readBytes } from '../http/body.ts'
import { HttpProblem } from '../http/problem.ts'

export interface FormBody {
  /** A field without the space around it; empty where it is not there. */
  text: (name: string) => string
  /** All values of a field that may be repeated, such as ticked boxes. */
  texts: (name: string) => string[]
  isTicked: (name: string) => boolean
  /** An uploaded file; null where none was chosen. It is in memory alone. */
  file: (name: string) => { name: string; bytes: () => Promise<Uint8Array> } | null
}

const TYPES = ['application/x-www-form-urlencoded', 'multipart/form-data']

/**
 * @throws ProtocolError `too_large` above `limit` bytes, HttpProblem `unsupported_media_type`
 */
export async function readFormBody(c: OperationContext, limit: number): Promise<FormBody> {
  const type = c.req.header('content-type') ?? ''
  if (!TYPES.includes(type.split(';', 1)[0]?.trim().toLowerCase() ?? ''))
    throw new HttpProblem('unsupported_media_type', `Content-Type: ${TYPES.join(' or ')}`)
  const bytes = await readBytes(c, limit)
  const form = await new Response(bytes, { headers: { 'content-type': type } })
    .formData()
    .catch(() => {
      throw new HttpProblem('unsupported_media_type', 'a form as its Content-Type says')
    })
  const texts = (name: string): string[] =>
    form.getAll(name).flatMap((value) => (typeof value === 'string' ? [value.trim()] : []))
  return {
    texts,
    text: (name) => texts(name)[0] ?? '',
    isTicked: (name) => texts(name).length > 0,
    file: (name) => {
      const value = form.get(name)
      if (value === null || typeof value === 'string' || value.size === 0) return null
      return { name: value.name, bytes: async () => new Uint8Array(await value.arrayBuffer()) }
    },
  }
}
