/**
 * The SMTP intake of the desk: takes mail for one address from a mail server beside it, and answers
 * only when the notice is durable. It relays nothing, asks for no password, and keeps no mail.
 */
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server'
import { ProtocolError } from '../../protocol/errors.ts'
import { normaliseEmail } from '../../protocol/request.ts'
import { MAIL_BYTES } from './mail.ts'

/** Connections at once. */
const CONNECTIONS = 16
/** Mails in {@link WINDOW_MILLIS}, from whomever: a flood ends here, and a mail server tries again. */
const MAILS_PER_WINDOW = 60
const WINDOW_MILLIS = 60_000
const SOCKET_MILLIS = 60_000
/** Milliseconds that connections have to end when the intake stops. */
const CLOSE_MILLIS = 2_000

export interface IntakeOptions {
  host: string
  port: number
  /** The only address for which mail is taken. */
  address: string
  /** Takes one mail; it is durable when it resolves. */
  take: (raw: Uint8Array, envelopeFrom: string | null) => Promise<void>
  /** Something else than a bad mail went wrong. */
  onFault: (error: unknown) => void
  /** Mails a minute; for tests. */
  perMinute?: number
}
export interface Intake {
  /** The port it listens on. */
  port: number
  stop: () => Promise<void>
}

/** An answer that the other server gets. */
class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly responseCode: number

  constructor(responseCode: number, message: string) {
    super(message)
    this.responseCode = responseCode
  }
}

/** Counts mails in windows of a minute. */
function createBudget(most: number): () => boolean {
  let began = 0
  let count = 0
  return () => {
    const now = performance.now()
    if (now - began >= WINDOW_MILLIS) {
      began = now
      count = 0
    }
    count += 1
    return count <= most
  }
}

async function readAll(stream: SMTPServerDataStream): Promise<Uint8Array> {
  const parts: Buffer[] = []
  let bytes = 0
  // Read to its end whatever its size: the server answers only then.
  for await (const part of stream as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes <= MAIL_BYTES) parts.push(part)
    else parts.length = 0
  }
  if (bytes > MAIL_BYTES || stream.sizeExceeded)
    throw new Refusal(552, 'The mail is larger than this desk takes')
  return new Uint8Array(Buffer.concat(parts))
}

function answerTo(error: unknown, onFault: (error: unknown) => void): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof ProtocolError) return new Refusal(554, 'The mail could not be read')
  onFault(error)
  return new Refusal(451, 'The mail could not be kept just now')
}

/** Broken connections, and what no SMTP client says: nothing that the operator could mend. */
function ignore(): void {
  // Said above.
}

/** Starts the intake. @throws Error where the port cannot be listened on */
export async function startIntake(options: IntakeOptions): Promise<Intake> {
  const { address, take, onFault } = options
  const isFree = createBudget(options.perMinute ?? MAILS_PER_WINDOW)

  async function data(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<void> {
    const raw = await readAll(stream)
    const { mailFrom } = session.envelope
    await take(raw, mailFrom === false || mailFrom.address === '' ? null : mailFrom.address)
  }

  async function answered(
    stream: SMTPServerDataStream,
    session: SMTPServerSession,
    done: (error?: Error | null, text?: string) => void,
  ): Promise<void> {
    let refusal: Refusal | null = null
    try {
      await data(stream, session)
    } catch (error) {
      stream.resume()
      refusal = answerTo(error, onFault)
    }
    if (refusal === null) done(null, 'Taken')
    else done(refusal)
  }

  const server = new SMTPServer({
    name: 'dpn',
    banner: 'withdrawal notices',
    size: MAIL_BYTES,
    maxClients: CONNECTIONS,
    socketTimeout: SOCKET_MILLIS,
    closeTimeout: CLOSE_MILLIS,
    disableReverseLookup: true,
    hidePIPELINING: false,
    // It stands beside the mail server, on one machine; that one speaks TLS to the world.
    disabledCommands: ['AUTH', 'STARTTLS'],
    authOptional: true,
    logger: false,
    onRcptTo: (to, session, done) => {
      if (normaliseEmail(to.address) !== normaliseEmail(address))
        done(new Refusal(550, 'Nobody of that name'))
      else if (session.envelope.rcptTo.length > 0) done(new Refusal(452, 'One recipient a mail'))
      else if (!isFree()) done(new Refusal(451, 'Too many mails, try again later'))
      else done()
    },
    onData: (stream, session, done) => {
      void answered(stream, session, done)
    },
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => {
      server.off('error', reject)
      server.on('error', ignore)
      resolve()
    })
  })
  const bound = server.server.address()
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : options.port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
      }),
  }
}
