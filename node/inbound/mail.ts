/** Reads mail (RFC 5322, MIME) within bounds. Nothing of it is kept here, and attachments are not looked at. */
import PostalMime, { type Address, type Email } from 'postal-mime'
import { ProtocolError } from '../../protocol/errors.ts'
import { EMAIL_CHARS } from '../../protocol/request.ts'
import type { MailPart, MailReader, ReceivedMail } from '../core/oversight/mail.ts'
import { textOfHtml } from './html.ts'

/** Bytes of a mail, pictures and other attachments included. */
export const MAIL_BYTES = 5 * 1024 * 1024
/** Messages inside of messages: by the member, the support, the owner, and one to spare. */
const NESTED = 4
/** Characters of each text that are looked at. */
const TEXT_CHARS = 200_000
const SUBJECT_CHARS = 500
const ADDRESSES = 16

function addressesOf(list: readonly (Address | undefined)[]): string[] {
  return list
    .flatMap((one) => one?.group ?? (one === undefined ? [] : [one]))
    .map(({ address }) => address ?? '')
    .filter((address) => address.includes('@') && address.length <= EMAIL_CHARS)
    .slice(0, ADDRESSES)
}

function partOf(email: Email): MailPart {
  const texts = [
    (email.text ?? '').slice(0, TEXT_CHARS),
    textOfHtml((email.html ?? '').slice(0, TEXT_CHARS)),
  ]
  return {
    from: addressesOf([email.from]),
    replyTo: addressesOf(email.replyTo ?? []),
    subject: (email.subject ?? '').slice(0, SUBJECT_CHARS),
    texts: texts.filter((text) => text.trim() !== ''),
  }
}

async function parse(raw: Uint8Array): Promise<Email> {
  try {
    return await PostalMime.parse(raw, {
      // Attached messages are read one by one, so that it stays clear who has written what.
      forceRfc822Attachments: true,
      attachmentEncoding: 'arraybuffer',
      maxNestingDepth: 32,
      maxHeadersSize: 256 * 1024,
    })
  } catch {
    // The parser's own message may quote the mail.
    throw new ProtocolError('malformed', '', 'a mail (RFC 5322)')
  }
}

function bytesOf(content: ArrayBuffer | Uint8Array | string): Uint8Array {
  if (typeof content === 'string') return new TextEncoder().encode(content)
  return content instanceof Uint8Array ? content : new Uint8Array(content)
}

/** Messages inside a message, the outermost first. */
async function attachedTo(email: Email, depth: number): Promise<MailPart[]> {
  if (depth === 0) return []
  const parts: MailPart[] = []
  for (const { mimeType, filename, content } of email.attachments) {
    const isMessage =
      mimeType === 'message/rfc822' ||
      mimeType === 'message/global' ||
      (filename?.toLowerCase().endsWith('.eml') ?? false)
    if (!isMessage || parts.length >= NESTED) continue
    const inner = await parse(bytesOf(content))
    parts.push(partOf(inner), ...(await attachedTo(inner, depth - 1)))
  }
  return parts.slice(0, NESTED)
}

const SENDERS = ['resent-from', 'resent-sender', 'sender', 'return-path', 'x-forwarded-for']
const ADDRESS = /[^\s<>,;"]+@[^\s<>,;"]+/g

function sendersOf({ headers }: Email): string[] {
  return headers
    .filter(({ key }) => SENDERS.includes(key))
    .flatMap(({ value }) => value.slice(0, 1000).match(ADDRESS) ?? [])
    .filter((address) => address.length <= EMAIL_CHARS)
    .slice(0, ADDRESSES)
}

/** The reader of mails. */
export const mailReader: MailReader = {
  read: async (raw) => {
    if (raw.length > MAIL_BYTES)
      throw new ProtocolError('too_large', '', `a mail of at most ${MAIL_BYTES} bytes`)
    const email = await parse(raw)
    const part = partOf(email)
    if (part.from.length === 0 && part.texts.length === 0 && email.attachments.length === 0)
      throw new ProtocolError('malformed', '', 'a mail (RFC 5322) with a sender or a text')
    const mail: ReceivedMail = {
      ...part,
      messageId: email.messageId?.slice(0, 1000) ?? null,
      senders: sendersOf(email),
      attached: await attachedTo(email, NESTED),
    }
    return mail
  },
}
