/** What is kept of a member as one page to read and to print. It loads nothing from anywhere. */
import { hash } from 'node:crypto'
import { html, raw } from 'hono/html'
import type { SiteId } from '../../../protocol/ids.ts'
import type { MemberExport } from '../../core/record/own.ts'

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;' +
  'color:#1a1a1a;background:#fff}h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem;' +
  'border-bottom:1px solid #888}table{border-collapse:collapse;width:100%}' +
  'caption{text-align:left;font-weight:600;padding:.3rem 0}th,td{text-align:left;' +
  'vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid #ccc;' +
  'overflow-wrap:anywhere}th{font-weight:600}code{font-size:.9em}' +
  '@media print{body{margin:0;max-width:none}h2{break-after:avoid}tr{break-inside:avoid}}'

/** Lets a browser that shows the page apply its one style, and nothing else. */
export const EXPORT_POLICY =
  `default-src 'none'; style-src 'sha256-${hash('sha256', STYLE, 'base64')}'; ` +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const FIELD_WORDS: Readonly<Record<string, string>> = {
  birthDate: 'date of birth',
  ageYears: 'age in years',
  seeksAgeMin: 'seeks from age',
  seeksAgeMax: 'seeks to age',
  firstName: 'first name',
  lastName: 'last name',
  bodyType: 'body type',
  hairColour: 'colour of hair',
  eyeColour: 'colour of eyes',
  heightCm: 'height in cm',
  weightKg: 'weight in kg',
  maritalStatus: 'marital status',
  wantsChildren: 'wants children',
  hasChildren: 'has children',
}

/** What was handed over, in words. */
const WHAT = {
  body: 'profile',
  pictures: 'pictures',
  consent: 'consent record, for an audit',
} as const

type Html = ReturnType<typeof html>

function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ') + ' UTC'
}

function words(value: unknown): string {
  if (Array.isArray(value)) return value.map(words).join(', ')
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

function table(
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly (string | Html)[])[],
): Html {
  if (rows.length === 0) return html`<p>${caption}: none.</p>`
  return html`<table>
    <caption>
      ${caption}
    </caption>
    <thead>
      <tr>
        ${heads.map((head) => html`<th scope="col">${head}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (cells) =>
          html`<tr>
            ${cells.map((cell) => html`<td>${cell}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`
}

function shared({ member, isRestricted }: MemberExport): Html {
  if (member === null)
    return html`<p>Nothing of you is shared with other sites, and no copy of it is kept here.</p>`
  const rows = Object.entries(member.profile).map(([name, value]) => [
    FIELD_WORDS[name] ?? name,
    words(value),
  ])
  return html`<p>
      Your record is <code>${member.record}</code>, version ${member.version}, published
      ${time(member.publishedAt)}.
      ${isRestricted ? 'At your request it is given to nobody at present.' : ''}
    </p>
    <p>E-mail address, sealed, readable to this site alone: ${member.email ?? 'none'}.</p>
    ${table('What other sites may be given', ['Field', 'Value'], rows)}`
}

/** The page. */
export function exportPage(site: SiteId, all: MemberExport): Html {
  const consents = all.consents.map((event) => [
    event.kind,
    time(event.time),
    event.scopes.join(', '),
    `${event.notice.url} (version ${event.notice.version}, ${event.notice.language})`,
    time(event.expires),
  ])
  const recipients = all.recipients.map((one) => [
    one.partner,
    one.what.map((what) => WHAT[what]).join(', '),
    time(one.firstAt),
    time(one.lastAt),
  ])
  const disclosures = all.disclosures.map((row) => [
    time(row.time),
    row.partner,
    WHAT[row.what],
    row.via === null ? 'this site' : `handed on by ${row.via}`,
  ])
  const authorities = all.authorities.map((one) => [one.authority, one.basis, time(one.exportedAt)])
  const requests = all.requests.map((one) => [
    one.right,
    time(one.receivedAt),
    one.state,
    time(one.dueAt),
  ])
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>Your data at ${site} and in the Network</title>
        ${raw(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <h1>Your data in the Dating Pro Network</h1>
        <p>
          This is everything that the node of ${site} keeps of you for the Network. Your account at
          ${site} itself is not part of it: ask ${site} for that.
        </p>
        <h2>What is shared</h2>
        ${shared(all)}
        <h2>Who has been given it</h2>
        ${table('Sites', ['Site', 'What', 'First', 'Last'], recipients)}
        ${table('Authorities', ['Authority', 'Law and file', 'When'], authorities)}
        <h2>What you have agreed to</h2>
        ${table(
          'Consents',
          ['What happened', 'When', 'Scopes', 'Notice that you saw', 'Until'],
          consents,
        )}
        <h2>What you have asked for</h2>
        ${table('Requests', ['Right', 'Received', 'State', 'Answer due'], requests)}
        <h2>Every time something was handed over</h2>
        ${table('Disclosures', ['When', 'To', 'What', 'By'], disclosures)}
        <h2>Your rights</h2>
        <p>
          You can have this corrected, deleted or restricted, you can object, and you can withdraw
          your consent at any time: ask ${site}. You can complain to the data protection authority
          of the country where you live or work.
        </p>
      </body>
    </html>`
}
