/**
 * Who has written a forwarded mail. The mails in test/fixtures/mail are invented, after the shapes in
 * which mail programs forward: inline in many languages, attached, quoted, HTML alone, other charsets.
 */
import * as fc from 'fast-check'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readFacts, type MailFacts } from '../../node/core/oversight/mail.ts'
import { textOfHtml } from '../../node/inbound/html.ts'
import { MAIL_BYTES, mailReader } from '../../node/inbound/mail.ts'
import { parseSiteId } from '../../protocol/ids.ts'
import { mailNamed } from '../fixtures/mails.ts'

const KNOWN = {
  domains: ['network.example', 'amor.example'].map(parseSiteId),
  addresses: ['withdraw@network.example'],
}
const isContact = (address: string): boolean => address === 'owner@private.example'

async function factsOf(name: string): Promise<MailFacts> {
  return readFacts(await mailReader.read(mailNamed(name)), KNOWN, isContact)
}

const SHAPES = [
  ['gmail-english', 'lotte@mail.example', 'forwarded', 'I do not want my profile'],
  ['outlook-german', 'joerg@post.example', 'forwarded', 'Hiermit widerrufe ich'],
  ['apple-french', 'chloe@courriel.example', 'forwarded', 'Je retire mon consentement'],
  ['thunderbird-attached', 'sanne@brief.example', 'attached', 'Ik trek mijn toestemming in'],
  ['russian-base64', 'anna@pochta.example', 'forwarded', 'Прошу удалить мою анкету'],
  ['html-only-spanish', 'lucia@correo.example', 'forwarded', 'Retiro mi consentimiento'],
  ['alternative-italian', 'giulia@posta.example', 'forwarded', 'Revoco il consenso'],
  ['quoted-polish', 'ewa@skrzynka.example', 'quoted', 'Wycofuję zgodę'],
  ['japanese', 'hanako@yubin.example', 'forwarded', '同意を撤回します'],
  ['chinese-html', 'fang@youxiang.example', 'forwarded', '我撤回同意'],
  ['attached-twice', 'zoe@letter.example', 'attached', 'I withdraw my consent. Zoë'],
  ['contact-form', 'max@inbox.example', 'reply-to', 'I want to be removed'],
  ['redirected', 'nina@webmail.example', 'sender', 'Please delete me'],
  ['direct', 'olaf@home.example', 'sender', 'withdraw my consent'],
  ['turkish-related', 'ayse@eposta.example', 'forwarded', 'Onayımı geri çekiyorum'],
  ['portuguese-folded', 'maria@correio.example', 'forwarded', 'Retiro o meu consentimento'],
  ['chain', 'piet@mailbox.example', 'forwarded', 'Stop sharing my data'],
  ['swedish-newsletter', 'asa@epost.example', 'forwarded', 'Jag återkallar mitt samtycke'],
  ['with-card', 'tom@post.example', 'forwarded', 'Take me off the network'],
  ['greek-stars', 'eleni@tachydromeio.example', 'forwarded', 'Ανακαλώ'],
  ['hungarian', 'eva@levelezes.example', 'forwarded', 'Visszavonom a hozzájárulásomat'],
] as const

describe('readFacts', () => {
  it.each(SHAPES)('finds the member in %s', async (name, address, how, words) => {
    const { candidates, excerpt } = await factsOf(name)
    expect(candidates[0]).toEqual({ address, how })
    expect(excerpt).toContain(words)
  })

  it('leaves one candidate wherever one person has written', async () => {
    const many: string[] = []
    for (const [name] of SHAPES) if ((await factsOf(name)).candidates.length !== 1) many.push(name)
    // Whoever is between the member and the desk by a private address may be the member, too.
    expect(many).toEqual(['attached-twice'])
  })

  it('offers everybody where several have written', async () => {
    const { candidates } = await factsOf('two-people')
    expect(candidates.map(({ address }) => address)).toEqual(['bea@two.example', 'ada@one.example'])
  })

  it('names whoever has sent it on', async () => {
    expect((await factsOf('chain')).forwarders).toContain('owner@private.example')
    expect((await factsOf('redirected')).forwarders).toContain('support@amor.example')
  })

  it('keeps no number of a card or an account', async () => {
    const { excerpt } = await factsOf('with-card')
    expect(excerpt).not.toMatch(/4111|3704/)
    expect(excerpt.match(/was removed/g)).toHaveLength(2)
  })

  it('covers every fixture', () => {
    const names = readdirSync(new URL('../fixtures/mail', import.meta.url))
    expect(names.length).toBe(SHAPES.length + 1)
  })
})

describe('mailReader', () => {
  it('refuses what is too large, and what is no mail', async () => {
    const large = mailReader.read(new Uint8Array(MAIL_BYTES + 1))
    await expect(large).rejects.toMatchObject({ code: 'too_large' })
    await expect(mailReader.read(new Uint8Array(0))).rejects.toMatchObject({ code: 'malformed' })
  })

  it('reads bytes of any kind, or refuses them, within bounds', async () => {
    const whole = readFileSync(new URL('../fixtures/mail/attached-twice.eml', import.meta.url))
    const mangled = fc
      .tuple(fc.nat(whole.length), fc.uint8Array({ maxLength: 200 }), fc.nat(whole.length))
      .map(([from, bytes, to]) =>
        Buffer.concat([whole.subarray(0, from), bytes, whole.subarray(to)]),
      )
    const run = await fc.check(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 4000 }), mangled), async (bytes) => {
        try {
          const mail = await mailReader.read(new Uint8Array(bytes))
          const { candidates, excerpt } = readFacts(mail, KNOWN, isContact)
          return candidates.length <= 8 && excerpt.length <= 3000
        } catch (error) {
          return error instanceof Error && error.name === 'ProtocolError'
        }
      }),
      { numRuns: 150 },
    )
    expect(fc.defaultReportMessage(run) ?? '').toBe('')
  })
})

describe('textOfHtml', () => {
  it('keeps what is read, and drops markup, styles and scripts', () => {
    const html =
      '<!-- a --><style>b{}</style><p>One &amp; <b>two</b><br>1 < 2 &#x41;&#66;&bogus;' +
      '<script>x()</script></p><div title="a>b">three'
    expect(textOfHtml(html)).toBe('\nOne & two\n1 < 2 AB&bogus;\n\nb">three')
  })

  it('ends on markup that does not', () => {
    expect(textOfHtml('a<b')).toBe('a')
    expect(textOfHtml('<!--')).toBe('')
    expect(textOfHtml('<style>')).toBe('')
    expect(textOfHtml(`${'<'.repeat(100_000)}>`)).toHaveLength(100_001)
  })
})
