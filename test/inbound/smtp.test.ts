/** The SMTP intake, spoken to by a real client and by hand. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { createTransport } from 'nodemailer'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startIntake, type IntakeOptions } from '../../node/inbound/smtp.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { mailNamed } from '../fixtures/mails.ts'

const DESK = 'withdraw@network.example'

async function anIntake(options: Partial<IntakeOptions> = {}) {
  const taken: { raw: Uint8Array; from: string | null }[] = []
  const faults: unknown[] = []
  const intake = await startIntake({
    host: '127.0.0.1',
    port: 0,
    address: DESK,
    take: async (raw, from) => void taken.push({ raw, from }),
    onFault: (error) => void faults.push(error),
    ...options,
  })
  onTestFinished(intake.stop)
  const transport = createTransport({ host: '127.0.0.1', port: intake.port, ignoreTLS: true })
  onTestFinished(() => transport.close())
  const deliver = (raw: Uint8Array, to: string | string[] = DESK) =>
    transport.sendMail({ envelope: { from: 'owner@amor.example', to }, raw: Buffer.from(raw) })
  return { intake, taken, faults, deliver }
}

/** Says lines one after another and gives all that was answered. */
async function dialogue(port: number, lines: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let heard = ''
  socket.on('data', (part) => {
    heard += part.toString('utf8')
  })
  socket.on('error', () => undefined)
  for (const line of lines) {
    await once(socket, 'data')
    socket.write(`${line}\r\n`)
  }
  await once(socket, 'close')
  return heard
}

describe('startIntake', () => {
  it('hands over a mail as it was sent, and who sent it', async () => {
    const { taken, deliver } = await anIntake()
    const mail = mailNamed('japanese')
    const answer = await deliver(mail)
    expect(answer.accepted).toEqual([DESK])
    expect(taken[0]?.from).toBe('owner@amor.example')
    expect(
      Buffer.from(taken[0]?.raw ?? [])
        .toString('latin1')
        .trim(),
    ).toBe(Buffer.from(mail).toString('latin1').trim())
  })

  it('takes mail for nobody else, and for one at a time', async () => {
    const { taken, deliver } = await anIntake()
    await expect(deliver(mailNamed('direct'), 'root@network.example')).rejects.toMatchObject({
      responseCode: 550,
    })
    await deliver(mailNamed('direct'), [DESK, 'other@network.example'])
    await deliver(mailNamed('direct'), 'Withdraw@NETWORK.example')
    expect(taken).toHaveLength(2)
  })

  it('says that it will take a mail later where it could not be kept, and never why', async () => {
    const { faults, deliver } = await anIntake({
      take: async () => {
        throw new Error('lotte@mail.example')
      },
    })
    const refused = deliver(mailNamed('direct'))
    await expect(refused).rejects.toMatchObject({ responseCode: 451 })
    await expect(refused).rejects.not.toThrow(/lotte/)
    expect(faults).toHaveLength(1)
  })

  it('refuses for good what is no mail, or too large', async () => {
    const { faults, deliver } = await anIntake({
      take: async () => {
        throw new ProtocolError('malformed', '', 'a mail')
      },
    })
    await expect(deliver(mailNamed('direct'))).rejects.toMatchObject({ responseCode: 554 })
    const large = Buffer.concat([mailNamed('direct'), Buffer.alloc(6 * 1024 * 1024, 'x\r\n')])
    await expect(deliver(large)).rejects.toMatchObject({ responseCode: 552 })
    expect(faults).toEqual([])
  })

  it('slows a flood down', async () => {
    const { taken, deliver } = await anIntake({ perMinute: 3 })
    for (let count = 0; count < 3; count += 1) await deliver(mailNamed('direct'))
    await expect(deliver(mailNamed('direct'))).rejects.toMatchObject({ responseCode: 451 })
    expect(taken).toHaveLength(3)
  })

  it('offers neither passwords nor TLS of its own, and stays up whatever is said', async () => {
    const { intake, taken, deliver } = await anIntake()
    const heard = await dialogue(intake.port, ['EHLO x', 'AUTH PLAIN AA==', 'VRFY root', 'QUIT'])
    expect(heard).not.toMatch(/STARTTLS|AUTH PLAIN/)
    await dialogue(intake.port, ['\0\0\0', 'x'.repeat(5000), 'QUIT'])
    const cut = connect(intake.port, '127.0.0.1')
    await once(cut, 'data')
    cut.destroy()
    await deliver(mailNamed('direct'))
    expect(taken).toHaveLength(1)
  })
})
