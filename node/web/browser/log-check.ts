/**
 * Checks a log in the browser with the code of the protocol itself: the checkpoint's signature, who
 * has cosigned it, the place of an entry, and that the log continues an older checkpoint. The page
 * is whole without it.
 */
import { fromBase64, toHex } from '../../../protocol/bytes.ts'
import { decodeCbor } from '../../../protocol/cbor.ts'
import { openCheckpoint, parseCheckpoint, type Checkpoint } from '../../../protocol/checkpoint.ts'
import { findCosignature, verifyCosignature } from '../../../protocol/cosignature.ts'
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  verifyConsistency,
  verifyInclusion,
} from '../../../protocol/merkle.ts'
import { parseNote, parseVerifierKey, type Note } from '../../../protocol/note.ts'
import { fetchEntry, fetchText, withTiles } from './log-files.ts'

/** What the page says of the log, as JSON in an element of its own. */
interface Told {
  /** Address of the log, without a slash at the end. */
  log: string
  /** Verifier keys of the log, each for checkpoints larger than `above`. */
  logKeys: { above: number; key: string }[]
  /** Verifier keys by which members cosign. */
  witnessKeys: string[]
  /** The entry to check; null where the page shows many. */
  index: number | null
  /** Base64 of the entry as the page shows it. */
  entry: string | null
}
type Say = (tone: 'good' | 'bad' | 'calm', text: string) => void

function keyFor(told: Told, size: number): string {
  const span = told.logKeys.findLast(({ above }) => above < size) ?? told.logKeys[0]
  if (span === undefined) throw new Error('the page names no key of the log')
  return span.key
}

function open(told: Told, text: string): { checkpoint: Checkpoint; note: Note } {
  const { size } = parseCheckpoint(parseNote(text).text)
  return openCheckpoint(text, parseVerifierKey(keyFor(told, size)))
}

function cosignersOf(told: Told, note: Note): { name: string; time: number }[] {
  return told.witnessKeys.flatMap((text) => {
    const key = parseVerifierKey(text)
    const signature = findCosignature(note, key)
    if (signature === undefined) return []
    const time = verifyCosignature({ checkpointText: note.text, signature, key })
    return [{ name: key.name, time }]
  })
}

const timeText = (seconds: number): string =>
  `${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`

async function checkNewest(told: Told, say: Say): Promise<Checkpoint> {
  const { checkpoint, note } = open(told, await fetchText(`${told.log}/checkpoint`))
  const { size } = checkpoint
  say('good', `The newest checkpoint, of ${size} entries, is signed with the key of this log.`)
  const cosigners = cosignersOf(told, note)
  for (const { name, time } of cosigners)
    say(
      'good',
      `${name} has cosigned it, dated ${timeText(time)}: it says that it has applied them.`,
    )
  if (cosigners.length === 0) say('calm', 'Nobody has cosigned exactly this checkpoint yet.')
  return checkpoint
}

async function checkEntry(told: Told, { size, root }: Checkpoint, say: Say): Promise<void> {
  const { index } = told
  if (index === null) return
  if (index >= size) {
    say('calm', 'The entry is not covered by the newest checkpoint yet.')
    return
  }
  const entry = await fetchEntry(told.log, index, size)
  const leaf = leafHash(entry)
  const { made: proof, files } = await withTiles(told.log, size, (nodes) =>
    inclusionProof(index, size, nodes),
  )
  verifyInclusion({ leafHash: leaf, index, size, proof, root })
  say(
    'good',
    `Entry ${index} is in the log at its place: ${proof.length} hashes, out of ${files} ${files === 1 ? 'tile' : 'tiles'}, lead ` +
      `from its own hash ${toHex(leaf).slice(0, 16)}… to the root in the checkpoint.`,
  )
  if (told.entry === null) return
  const isSame = toHex(fromBase64(told.entry)) === toHex(entry)
  if (!isSame) throw new Error('the page shows another entry than the log holds')
  const type = (decodeCbor(entry) as { type?: unknown }).type
  say('good', `This page shows that same entry, of the type ${String(type)}.`)
}

async function checkOlder(told: Told, newest: Checkpoint, text: string, say: Say): Promise<void> {
  const older = open(told, text.endsWith('\n') ? text : `${text}\n`).checkpoint
  if (older.size > newest.size)
    throw new Error(`it covers ${older.size} entries, more than the ${newest.size} shown now`)
  const { made: proof } = await withTiles(told.log, newest.size, (nodes) =>
    consistencyProof(older.size, newest.size, nodes),
  )
  verifyConsistency({
    oldSize: older.size,
    newSize: newest.size,
    proof,
    oldRoot: older.root,
    newRoot: newest.root,
  })
  say(
    'good',
    `The log of ${newest.size} entries begins with the ${older.size} of the older checkpoint: ` +
      `nothing before was changed or taken away (${proof.length} hashes).`,
  )
}

function sayInto(list: HTMLElement): Say {
  list.replaceChildren()
  return (tone, text) => {
    const item = document.createElement('li')
    const word = document.createElement('span')
    word.className = `badge ${tone}`
    word.textContent = tone === 'good' ? 'checked' : tone === 'bad' ? 'failed' : 'note'
    item.append(word, ` ${text}`)
    list.append(item)
  }
}

async function run(
  told: Told,
  list: HTMLElement,
  older: HTMLTextAreaElement | null,
): Promise<void> {
  const say = sayInto(list)
  list.setAttribute('aria-busy', 'true')
  try {
    const newest = await checkNewest(told, say)
    await checkEntry(told, newest, say)
    if (older !== null && older.value.trim() !== '')
      await checkOlder(told, newest, older.value, say)
  } catch (error) {
    say('bad', error instanceof Error ? error.message : String(error))
  } finally {
    list.removeAttribute('aria-busy')
    list.dataset['done'] = 'yes'
  }
}

function begin(): void {
  const list = document.querySelector<HTMLElement>('#check-results')
  const told = document.querySelector('#check-told')?.textContent
  if (list === null || told === undefined || told === null) return
  const parsed = JSON.parse(told) as Told
  const older = document.querySelector<HTMLTextAreaElement>('#check-older')
  const button = document.querySelector<HTMLButtonElement>('#check-again')
  for (const part of document.querySelectorAll<HTMLElement>('[data-needs-script]'))
    part.hidden = false
  button?.addEventListener('click', () => void run(parsed, list, older))
  void run(parsed, list, older)
}

begin()
