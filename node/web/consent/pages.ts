/**
 * The pages on which members of a bridged site agree, change their mind, and withdraw. The token in
 * the address is the whole secret: a form is sent to the page that it is on, looking changes nothing,
 * and one answer stands for every link that opens nothing.
 */
import type { SiteId } from '../../../protocol/ids.ts'
import { SCOPES } from '../../../protocol/consent.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Bridge } from '../../core/bridge/bridge.ts'
import type { ConsentVisit } from '../../core/bridge/consent/consents.ts'
import {
  NOTICE_LANGUAGES,
  noticeHash,
  noticeLanguage,
  noticeText,
  type NoticeLanguage,
} from '../../core/bridge/consent/notice.ts'
import type { Crypto } from '../../core/ports.ts'
import type { Door } from '../../http/app.ts'
import type { OperationContext } from '../../http/operation.ts'
import { HttpProblem } from '../../http/problem.ts'
import { readFormBody, type FormBody } from '../body.ts'
import type { Html } from '../words.ts'
import { WORDS } from './languages.ts'
import {
  agreedView,
  CONSENT_POLICY,
  decideView,
  saidView,
  suspendedView,
  type Frame,
  type Untaken,
} from './views.ts'

export interface ConsentPagePorts {
  bridge: Pick<Bridge, 'consents'>
  site: SiteId
  network: SiteId
  crypto: Pick<Crypto, 'sha256'>
}

const FORM_BYTES = 16 * 1024
const PAGE = '/bridge/consent/{token}'
const NOTICE = '/bridge/notice/{language}'

interface Answer {
  status: 200 | 404 | 422 | 429 | 503
  page: Html
}

/** The first language that the browser asks for and that there are words in. */
function languageOfBrowser(c: OperationContext): NoticeLanguage {
  const wanted = (c.req.header('accept-language') ?? '').slice(0, 200).split(',')
  const tags = wanted.map((part) => part.trim().slice(0, 2).toLowerCase())
  return tags.map((tag) => NOTICE_LANGUAGES.find((one) => one === tag)).find(Boolean) ?? 'en'
}

/** What the address asks for, else the language of the member, else of the browser. */
function languageOf(c: OperationContext, visit: ConsentVisit | null): NoticeLanguage {
  const asked = NOTICE_LANGUAGES.find((one) => one === c.req.query('language'))
  if (asked !== undefined) return asked
  return visit === null ? languageOfBrowser(c) : noticeLanguage(visit.language)
}

/** Mounts the pages, and the notice that they show. */
export function mountConsentPages(door: Door, ports: ConsentPagePorts): void {
  const { crypto } = ports
  const { consents } = ports.bridge
  const parties = { site: ports.site, network: ports.network }
  const frameIn = (language: NoticeLanguage): Frame => ({ ...parties, language })
  const hashOf = (language: NoticeLanguage): string => noticeHash(parties, language, crypto)

  function gone(c: OperationContext): Answer {
    const language = languageOf(c, null)
    const page = saidView(frameIn(language), WORDS[language].gone(parties.site))
    return { status: 404, page }
  }

  function show(visit: ConsentVisit, language: NoticeLanguage, untaken: Untaken | null): Html {
    return decideView(frameIn(language), visit, { hash: hashOf(language), untaken })
  }

  async function look(c: OperationContext, token: string): Promise<Answer> {
    const visit = await consents.visit(token)
    if (visit === null) return gone(c)
    const language = languageOf(c, visit)
    const page =
      visit.state === 'suspended'
        ? suspendedView(frameIn(language), visit)
        : show(visit, language, null)
    return { status: 200, page }
  }

  async function agree(
    c: OperationContext,
    form: FormBody,
    { token, visit, language }: { token: string; visit: ConsentVisit; language: NoticeLanguage },
  ): Promise<Answer> {
    const ticked = new Set(form.texts('scope'))
    const scopes = SCOPES.filter((scope) => ticked.has(scope))
    const email = form.text('email')
    const refuse = (reason: Untaken['reason']): Answer => ({
      status: 422,
      page: show(visit, language, { reason, scopes, email }),
    })
    if (!scopes.includes('discovery')) return refuse('scope')
    // Another text than the one that is read now was on the page, before an update of this node.
    if (form.text('notice') !== hashOf(language)) return refuse('notice')
    const decision = { scopes, language, email: email === '' ? null : email }
    const decided = await consents.agree(token, decision)
    if (decided.kind === 'agreed')
      return { status: 200, page: agreedView(frameIn(language), decided.url) }
    if (decided.kind === 'gone') return gone(c)
    return refuse(decided.error.path.endsWith('/email') ? 'email' : 'other')
  }

  async function act(c: OperationContext, token: string): Promise<Answer> {
    const form = await readFormBody(c, FORM_BYTES)
    const visit = await consents.visit(token)
    if (visit === null) return gone(c)
    const shown = form.text('language')
    const language = NOTICE_LANGUAGES.find((one) => one === shown) ?? languageOf(c, visit)
    const words = WORDS[language]
    const say = (said: { title: string; text: string }): Answer => ({
      status: 200,
      page: saidView(frameIn(language), said),
    })
    switch (form.text('act')) {
      case 'agree':
        return agree(c, form, { token, visit, language })
      case 'decline': {
        if (!(await consents.decline(token))) return gone(c)
        return say(visit.kind === 'own' ? words.withdrawn(parties.network) : words.declined)
      }
      case 'keep':
        return (await consents.keep(token)) ? say(words.kept) : look(c, token)
      default:
        return look(c, token)
    }
  }

  /** A refusal that passes by itself, as a page; anything else is the door's affair. */
  function later(c: OperationContext, error: unknown): Answer {
    const language = languageOf(c, null)
    const page = saidView(frameIn(language), WORDS[language].later)
    if (error instanceof ProtocolError && error.code === 'not_ready') return { status: 503, page }
    if (error instanceof HttpProblem && error.code === 'too_many_requests') {
      for (const [name, value] of Object.entries(error.headers)) c.header(name, value)
      return { status: 429, page }
    }
    throw error
  }

  for (const method of ['get', 'post'] as const)
    door.app.on(method.toUpperCase(), PAGE.replace('{token}', ':token'), async (c) => {
      c.set('route', PAGE)
      const token = c.req.param('token') ?? ''
      let answer: Answer
      try {
        door.perAddress.take(door.addressOf(c))
        answer = await (method === 'get' ? look : act)(c, token)
      } catch (error) {
        answer = later(c, error)
      }
      return c.html(answer.page, answer.status, {
        'content-security-policy': CONSENT_POLICY,
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-robots-tag': 'noindex, nofollow',
      })
    })

  door.app.get(NOTICE.replace('{language}', ':language'), (c) => {
    c.set('route', NOTICE)
    door.perAddress.take(door.addressOf(c))
    const language = NOTICE_LANGUAGES.find((one) => one === c.req.param('language'))
    if (language === undefined)
      throw new ProtocolError('not_found', '/language', `one of ${NOTICE_LANGUAGES.join(', ')}`)
    return c.text(noticeText(parties, language), 200, { 'cache-control': 'public, max-age=300' })
  })
}
