/**
 * Statements: what the coordinator says it has not received, or not accepted. That something is missing no log can
 * prove; so it says so in words of a fixed form, under its signature, and can be held to them.
 */
import { parseSize } from './checkpoint.ts'
import { at, ProtocolError } from './errors.ts'
import { parseSiteId, type SiteId } from './ids.ts'
import type { Signer, Verifier } from './keys.ts'
import { formatNote, parseNote, signNote, verifyNote, type VerifierKey } from './note.ts'

const HEADER = 'dpn-statement/1'

/** How far a silence lasted: until what was missing came, or until the statement was made. */
export interface Until {
  /** Unix seconds. */
  time: number
  state: 'received' | 'awaited'
}
export type Statement =
  | {
      kind: 'no receipt received'
      from: SiteId
      /** Origin of the log, and the entry above which no cosignature was received. */
      log: string
      index: number
      /** Unix seconds of the coordinator's first cosignature above the entry. */
      since: number
      due: number
      until: Until
    }
  | {
      kind: 'no heartbeat received'
      from: SiteId
      /** Unix seconds of the last heartbeat received. */
      since: number
      due: number
      until: Until
    }
  | {
      kind: 'no opening accepted'
      from: SiteId
      /** Origin of the log, and the publish entry whose consent was to be opened. */
      log: string
      index: number
      /** Index of the draw in the coordinator's log. */
      draw: number
      /** Unix seconds of the draw. */
      since: number
      due: number
      until: Until
    }

/** The lines between who it is from and the times. */
function aboutOf(statement: Statement): string[] {
  if (statement.kind === 'no heartbeat received') return []
  const place = [`log ${statement.log}`, `index ${statement.index}`]
  return statement.kind === 'no opening accepted' ? [...place, `draw ${statement.draw}`] : place
}
const ABOUT_LINES: Readonly<Record<Statement['kind'], number>> = {
  'no heartbeat received': 0,
  'no receipt received': 2,
  'no opening accepted': 3,
}
const isKind = (text: string | undefined): text is Statement['kind'] =>
  text !== undefined && Object.hasOwn(ABOUT_LINES, text)

function textOf(statement: Statement): string {
  const { kind, from, since, due, until } = statement
  const about = aboutOf(statement)
  const times = [`since ${since}`, `due ${due}`, `until ${until.time} ${until.state}`]
  return [HEADER, kind, `from ${from}`, ...about, ...times, ''].join('\n')
}

/**
 * Signs a statement with the coordinator's log key. It cannot be taken for a checkpoint: its first
 * line is the origin of no log.
 */
export function signStatement(
  statement: Statement,
  key: VerifierKey,
  seed: Uint8Array,
  signer?: Signer,
): string {
  const text = textOf(statement)
  return formatNote({ text, signatures: [signNote(text, key, seed, signer)] })
}

/** The value of a line with this name. */
function valueOf(line: string | undefined, name: string): string {
  if (line?.startsWith(`${name} `) !== true)
    throw new ProtocolError('malformed', `/statement/${name}`, `a line with ${name}`)
  return line.slice(name.length + 1)
}

function parseUntil(text: string): Until {
  const [time = '', state = '', ...rest] = text.split(' ')
  if ((state !== 'received' && state !== 'awaited') || rest.length > 0)
    throw new ProtocolError('malformed', '/statement/until', 'a time, and received or awaited')
  return { time: at('/statement/until', () => parseSize(time)), state }
}

/**
 * Opens a statement of the coordinator.
 *
 * @throws ProtocolError `malformed`, `out_of_range`, `too_large`; `bad_signature`
 */
export function openStatement(noteText: string, key: VerifierKey, verify?: Verifier): Statement {
  const note = parseNote(noteText)
  const [header, kind, fromLine, ...rest] = note.text.split('\n')
  if (header !== HEADER || rest.pop() !== '')
    throw new ProtocolError('malformed', '/statement', `a text that begins with ${HEADER}`)
  const from = parseSiteId(valueOf(fromLine, 'from'))
  if (!isKind(kind)) throw new ProtocolError('malformed', '/statement', 'what was not received')
  const about = rest.splice(0, ABOUT_LINES[kind])
  const number = (line: string | undefined, name: string): number =>
    at(`/statement/${name}`, () => parseSize(valueOf(line, name)))
  const times = {
    from,
    since: number(rest[0], 'since'),
    due: number(rest[1], 'due'),
    until: parseUntil(valueOf(rest[2], 'until')),
  }
  if (rest.length !== 3)
    throw new ProtocolError('malformed', '/statement', 'three times at the end')
  verifyNote(note, [key], verify)
  if (kind === 'no heartbeat received') return { kind, ...times }
  const place = { log: valueOf(about[0], 'log'), index: number(about[1], 'index') }
  if (kind === 'no receipt received') return { kind, ...times, ...place }
  return { kind, ...times, ...place, draw: number(about[2], 'draw') }
}
