/** Hands mail to the operator's own mail server by SMTP, with nodemailer. */
import { createTransport } from 'nodemailer'
import type { MailAnswer, Mailer, OutgoingMail } from '../core/mail.ts'

export interface MailOptions {
  /** `smtp://` or `smtps://`, with user and password where the server wants them. */
  url: string
  /** The address, with or without a name, that mails are from. */
  from: string
  /** Milliseconds for each step of a conversation. */
  timeoutMillis?: number
  /** Certificates to trust in place of those of the system, as PEM. */
  ca?: string
}

const TIMEOUT_MILLIS = 20_000
/** Mails on one connection. */
const MOST_ON_CONNECTION = 100

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** What nodemailer's errors say; the server's own words may name the recipient and are left out. */
interface Fault {
  code?: unknown
  responseCode?: unknown
  command?: unknown
}

/** Steps at which the server speaks about this mail, and not about us. */
const ABOUT_THE_MAIL = new Set(['RCPT TO', 'DATA'])

function answerTo(error: unknown): MailAnswer {
  const { code, responseCode, command }: Fault =
    typeof error === 'object' && error !== null ? error : {}
  const status = typeof responseCode === 'number' ? responseCode : 0
  const word = typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code) ? code : 'failed'
  const answer = status > 0 ? String(status) : word.toLowerCase()
  // A server that refuses us, for a wrong password say, will not do so for ever.
  const isFinal = status >= 500 && typeof command === 'string' && ABOUT_THE_MAIL.has(command)
  return { kind: isFinal ? 'refused' : 'deferred', answer }
}

/**
 * Creates the mailer; `close` ends its connection. Without TLS from the start it is asked for, but
 * for a server on this machine: addresses and links do not cross a network in clear.
 */
export function createMailer(options: MailOptions): Mailer & { close: () => void } {
  const { url, from, timeoutMillis = TIMEOUT_MILLIS, ca } = options
  const { hostname, protocol, port, username, password } = new URL(url)
  const isSecure = protocol === 'smtps:'
  const transport = createTransport({
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (isSecure ? 465 : 587) : Number(port),
    secure: isSecure,
    requireTLS: !isSecure && !LOOPBACK.test(hostname),
    ignoreTLS: !isSecure && LOOPBACK.test(hostname),
    ...(ca !== undefined && { tls: { ca } }),
    ...(username !== '' && {
      auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) },
    }),
    pool: true,
    maxConnections: 1,
    maxMessages: MOST_ON_CONNECTION,
    connectionTimeout: timeoutMillis,
    greetingTimeout: timeoutMillis,
    socketTimeout: timeoutMillis,
    dnsTimeout: timeoutMillis,
    // Nothing in a mail of ours names a file or an address to fetch.
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const domain = from.replace(/^.*@/, '').replace(/>.*$/, '')

  return {
    send: async ({ id, to, subject, text }: OutgoingMail) => {
      try {
        const { response } = await transport.sendMail({
          from,
          // As an object, so that no part of it is read as a list of addresses.
          to: { name: '', address: to },
          subject,
          text,
          messageId: `<${id}@${domain}>`,
          headers: {
            // Nobody's holiday notice should answer.
            'auto-submitted': 'auto-generated',
            'x-auto-response-suppress': 'All',
          },
        })
        return { kind: 'accepted', answer: /^\d{3}/.exec(response)?.[0] ?? 'accepted' }
      } catch (error) {
        return answerTo(error)
      }
    },
    close: () => transport.close(),
  }
}
