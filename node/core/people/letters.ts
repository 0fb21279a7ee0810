/** What mails to people say, in plain text. */
import { dayOf, isoDateOfDay } from '../../../protocol/dates.ts'
import type { Breach } from '../../../protocol/entry.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import type { Letter } from '../mail.ts'
import type { AccountRole } from './rows.ts'

export interface Letters {
  /** @param token what the link carries */
  signIn: (token: string) => Letter
  invitation: (role: AccountRole, sites: readonly SiteId[]) => Letter
  /** The notice of a breach, as it stands in the log. */
  breach: (breach: Breach, index: number) => Letter
  /** To staff: a breach waits for a step. */
  alarm: (breach: { id: string; site: SiteId; knownAt: number }, hours: number) => Letter
  /** Where a link to sign in leads. */
  linkOf: (token: string) => string
}

const ROLE_WORDS: Record<AccountRole, string> = {
  staff: 'staff',
  dpo: 'data protection officer',
  auditor: 'auditor',
  owner: 'site owner',
}
const PHASE_WORDS: Record<Breach['phase'], string> = {
  initial: 'first notice',
  update: 'further notice',
  final: 'last notice',
}

const two = (value: number): string => String(value).padStart(2, '0')

/** A time for people; UTC, to the minute. */
export function utcText(seconds: number): string {
  const minute = Math.floor((seconds % 86_400) / 60)
  const time = `${two(Math.floor(minute / 60))}:${two(minute % 60)}`
  return `${isoDateOfDay(dayOf(seconds))} ${time} UTC`
}

const about = (number: number | null): string =>
  number === null ? 'not known yet' : `about ${number}`

/**
 * Creates the letters of a network.
 *
 * @param url where the coordinator's pages are reached from outside; null where nobody has said
 */
export function createLetters({ network, url }: { network: SiteId; url: string | null }): Letters {
  const address = (path: string): string => `${url ?? ''}${path}`
  const ending = ['', `${network}, coordinator of the Network`, ...(url === null ? [] : [url])]

  function letter(subject: string, lines: readonly string[]): Letter {
    return { subject: `${network}: ${subject}`, text: [...lines, ...ending, ''].join('\n') }
  }
  const linkOf = (token: string): string => address(`/sign-in/${token}`)

  return {
    linkOf,
    signIn: (token) =>
      letter('sign in', [
        'Somebody, hopefully you, asked to sign in with this address. Open this page and press the',
        'button on it; it works once, within 15 minutes:',
        '',
        linkOf(token),
        '',
        'If it was not you, there is nothing to do: nobody gets in without this mail.',
      ]),
    invitation: (role, sites) =>
      letter('your account', [
        `You have an account at the coordinator of ${network} now, as ${ROLE_WORDS[role]}` +
          `${sites.length === 0 ? '' : ` of ${sites.join(', ')}`}.`,
        'Sign in with this address; you get a link by mail each time, or keep a passkey:',
        '',
        address('/sign-in'),
        '',
        'Your address is kept to reach you about this, and about breaches of data, which the law',
        'says you must be told of. You can see and change what is kept after signing in.',
      ]),
    breach: (breach, index) =>
      letter(`data breach at ${breach.site}, ${PHASE_WORDS[breach.phase]}`, [
        `This is the ${PHASE_WORDS[breach.phase]} of a breach of personal data at ${breach.site}.`,
        `It became known on ${utcText(breach.known)}.`,
        '',
        'What happened',
        breach.nature,
        '',
        `People concerned: ${breach.people.join(', ')}; ${about(breach.peopleCount)}`,
        `Records concerned: ${breach.data.join(', ')}; ${about(breach.dataCount)}`,
        '',
        'Likely consequences',
        breach.consequences,
        '',
        'Measures',
        breach.measures,
        '',
        `Contact: ${breach.contact}`,
        '',
        'What to do as a site: your node lists which of your members are concerned, by the records',
        'that it has disclosed (GET /v1/breaches, or "dpn breach list"). Tell them without undue',
        'delay, then say so: "dpn breach told".',
        '',
        `This notice is entry ${index} of the log of ${network}, breach ${breach.id}.`,
        ...(url === null ? [] : [address('/announcements')]),
      ]),
    alarm: ({ id, site, knownAt }, hours) =>
      letter(`a breach waits, ${hours} of 72 hours have passed`, [
        `The breach ${id} at ${site} became known on ${utcText(knownAt)}.`,
        'Steps are still open. Sites and the supervisory authority have to be told by',
        `${utcText(knownAt + 72 * 3600)}; what is not known by then can follow later.`,
        '',
        address(`/desk/breaches/${id}`),
      ]),
  }
}
