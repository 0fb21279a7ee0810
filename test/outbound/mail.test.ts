/** The mailer against a real mail server on this machine, and what the server says. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { createMailer } from '../../node/outbound/mail.ts'
import { aMailbox } from '../fixtures/mailbox.ts'

function aMailer(url: string) {
  const mailer = createMailer({
    url,
    from: 'Network <office@network.example>',
    timeoutMillis: 2000,
  })
  onTestFinished(mailer.close)
  return mailer
}

function refusing(code: number): Error {
  return Object.assign(new Error('no Anna here'), { responseCode: code })
}

const MAIL = {
  id: '00112233445566778899aabbccddeeff',
  to: 'anna@mail.example',
  subject: 'Вход — sign in',
  text: 'Open this page:\n\nhttps://network.example/sign-in/x\n\nщ.\n.\n',
}

describe('createMailer', () => {
  it('hands over a mail whose text and subject arrive as they were', async () => {
    const { url, inbox } = await aMailbox()
    expect(await aMailer(url).send(MAIL)).toEqual({ kind: 'accepted', answer: '250' })
    const [email] = await inbox()
    expect(email).toMatchObject({
      subject: MAIL.subject,
      from: { address: 'office@network.example' },
      to: [{ address: MAIL.to }],
      messageId: `<${MAIL.id}@network.example>`,
    })
    expect(email?.text?.replaceAll('\r\n', '\n').trimEnd()).toBe(MAIL.text.trimEnd())
    expect(email?.headers.find(({ key }) => key === 'auto-submitted')?.value).toBe('auto-generated')
  })

  it.each([
    [550, 'refused'],
    [450, 'deferred'],
  ] as const)('takes %i to a recipient as %s, and keeps only the code', async (code, kind) => {
    const { url } = await aMailbox({ onRcptTo: (_address, _session, done) => done(refusing(code)) })
    expect(await aMailer(url).send(MAIL)).toEqual({ kind, answer: String(code) })
  })

  it('tries later where the server wants another password', async () => {
    const { url } = await aMailbox({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: (_auth, _session, done) => done(refusing(535)),
    })
    const { host } = new URL(url)
    const answer = await aMailer(`smtp://user:secret@${host}`).send(MAIL)
    expect(answer).toEqual({ kind: 'deferred', answer: '535' })
  })

  it('signs in where the server asks for it', async () => {
    let seen: string | undefined
    const { url, inbox } = await aMailbox({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, done) => {
        seen = `${username} ${password}`
        done(null, { user: username })
      },
    })
    const { host } = new URL(url)
    await aMailer(`smtp://us%40er:s%2Fecret@${host}`).send(MAIL)
    expect(seen).toBe('us@er s/ecret')
    expect(await inbox()).toHaveLength(1)
  })

  it('tries later where nobody answers', async () => {
    const { url } = await aMailbox()
    const closed = url.replace(/\d+$/, '1')
    expect(await aMailer(closed).send(MAIL)).toMatchObject({ kind: 'deferred' })
  })

  it('sends nothing in clear to a server that is not on this machine', async () => {
    // Method: 0.0.0.0 leads to this machine, but is not one of the names that say so.
    let connections = 0
    const { url, inbox } = await aMailbox({
      onConnect: (_session, done) => {
        connections += 1
        done()
      },
    })
    const { port } = new URL(url)
    const mailer = aMailer(`smtp://0.0.0.0:${port}`)
    expect(await mailer.send(MAIL)).toMatchObject({ kind: 'deferred' })
    expect([connections, await inbox()]).toEqual([1, []])
  })
})
