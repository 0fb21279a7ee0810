/**
 * The way of a withdrawal by e-mail, with real processes and a real SMTP client: members write to
 * their site, the site forwards the mails in the shapes of many mail programs, staff confirm, and the
 * records vanish at the home and at every partner, with receipts. Nothing of the mails stays.
 */
import { createTransport } from 'nodemailer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { people } from '../../scripts/people.ts'
import { verifyEvidence } from '../../protocol/evidence.ts'
import { mailNamed } from '../fixtures/mails.ts'
import { filesIn, findInFiles, spellingsOfText } from './files.ts'
import { completed, startNetwork, type TestNetwork, type TestSite } from './network.ts'
import { dpn, freePort, until } from './process.ts'

const AMOR = 'amor.example'
const BRIO = 'brio.example'
const CARO = 'caro.example'
const DESK = 'withdraw@network.example'

/** Mails by their fixtures, and who has written them. */
const MAILS = {
  'gmail-english': 'lotte@mail.example',
  'outlook-german': 'joerg@post.example',
  'apple-french': 'chloe@courriel.example',
  'thunderbird-attached': 'sanne@brief.example',
  'russian-base64': 'anna@pochta.example',
  'html-only-spanish': 'lucia@correo.example',
  'alternative-italian': 'giulia@posta.example',
  'quoted-polish': 'ewa@skrzynka.example',
  japanese: 'hanako@yubin.example',
  'chinese-html': 'fang@youxiang.example',
  'contact-form': 'max@inbox.example',
  redirected: 'nina@webmail.example',
  direct: 'olaf@home.example',
  'turkish-related': 'ayse@eposta.example',
  'portuguese-folded': 'maria@correio.example',
  'swedish-newsletter': 'asa@epost.example',
  'with-card': 'tom@post.example',
  'greek-stars': 'eleni@tachydromeio.example',
  hungarian: 'eva@levelezes.example',
} as const
const ADDRESSES: readonly string[] = Object.values(MAILS)

interface Notice {
  id: string
  site: string | null
  state: string
  records: string[]
}

let network: TestNetwork
let amor: TestSite
let partners: TestSite[]
let intakePort: number
let records: Map<string, string>

const noticesIn = async (state?: string): Promise<Notice[]> => {
  const filter = state === undefined ? '' : `&state=${state}`
  const { api } = network.coordinator
  return (await api.get<{ notices: Notice[] }>(`/v1/notices?limit=200${filter}`)).notices
}

beforeAll(async () => {
  intakePort = await freePort()
  const settings = { intakeAddress: DESK, intakePort }
  network = await startNetwork({ settings })
  const sites: TestSite[] = []
  for (const site of [AMOR, BRIO, CARO]) sites.push(await network.startSite(site))
  const [home] = sites
  if (home === undefined) throw new Error('there is no home')
  amor = home
  partners = sites.slice(1)
  const today = new Date().toISOString().slice(0, 10)
  const everybody = people(7, ADDRESSES.length + 5, today)
  records = await amor.api.bulk(
    everybody.map((person, at) => ({ ...person, email: ADDRESSES[at] ?? person.email })),
  )
  for (const partner of partners) {
    await partner.api.require({})
    await until(`${partner.site} holds them`, async () => {
      const shown = await partner.api.records()
      return shown.length === everybody.length
    })
  }
}, 180_000)
afterAll(async () => {
  await network.stop()
})

describe('withdrawal notices by SMTP', () => {
  it('become proposals for staff, each with its site', async () => {
    const transport = createTransport({ host: '127.0.0.1', port: intakePort, ignoreTLS: true })
    for (const name of Object.keys(MAILS)) {
      const envelope = { from: 'support@amor.example', to: DESK }
      await transport.sendMail({ envelope, raw: Buffer.from(mailNamed(name)) })
    }
    transport.close()
    const parsed = await noticesIn('parsed')
    expect(parsed).toHaveLength(ADDRESSES.length)
    expect(new Set(parsed.map(({ site }) => site))).toEqual(new Set([AMOR]))
  })

  it('end each record at the home and everywhere, with all receipts', async () => {
    const { api } = network.coordinator
    for (const { id } of await noticesIn('parsed'))
      await api.send('POST', `/v1/notices/${id}/confirm`, {})
    await until('all are done', async () => {
      const done = await noticesIn('done')
      if (done.length < ADDRESSES.length)
        throw new Error(JSON.stringify((await noticesIn()).map(({ state }) => state)))
      return true
    })
    const done = await noticesIn('done')
    const ended = done.flatMap((notice) => notice.records)
    expect(new Set(ended).size).toBe(ADDRESSES.length)
    await completed(amor, ended)
    const left = [...records.values()].filter((record) => !ended.includes(record))
    expect(left).toHaveLength(5)
    expect((await amor.api.members()).map(({ record }) => record).toSorted()).toEqual(
      left.toSorted(),
    )
    for (const partner of partners)
      await until(`${partner.site} shows the others alone`, async () => {
        const shown = (await partner.api.records()).map(({ record }) => record)
        return shown.toSorted().join() === left.toSorted().join()
      })
    const [first = ''] = ended
    const evidence = await amor.api.evidence(first)
    const { proven } = verifyEvidence(evidence, network.coordinatorKey)
    expect(proven).not.toBeNull()
  })

  it('leave no address and no word at the coordinator, in no file', async () => {
    const words = [...ADDRESSES, 'Hiermit widerrufe ich', 'Take me off the network', '4111 1111']
    const files = filesIn(network.root).filter(
      (path) => path.includes('network.example') || path.includes('/tmp/'),
    )
    expect(files.length).toBeGreaterThan(3)
    expect(findInFiles(files, words.flatMap(spellingsOfText))).toEqual([])
  })

  it('are seen by the commands, too', async () => {
    const env = { DPN_URL: network.coordinator.url, DPN_API_KEY: network.coordinator.key() }
    const list = await dpn(['notice', 'list', '--state', 'done', '--json'], env)
    expect(list.code).toBe(0)
    expect((JSON.parse(list.out) as { notices: Notice[] }).notices).toHaveLength(ADDRESSES.length)
    const shown = await dpn(['processors'], env)
    expect(shown.out).toContain('PayPro Global')
  })
})
