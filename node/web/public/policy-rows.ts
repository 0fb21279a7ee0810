/**
 * What the Network promises, clause by clause, in our words: the privacy policy in force since
 * 19 June 2018 as this system keeps it. Each row names the tests that show it; the page adds what
 * the running coordinator can show of it.
 */

/** Where a promise is kept: at each site, at the coordinator, at both. */
export type Place = 'site' | 'coordinator' | 'both'

export interface NamedTest {
  /** From the root of the repository. */
  file: string
  /** Words of its title, as they stand in the file. */
  name: string
}

export interface PolicyRow {
  /** Names the row in addresses and for its evidence. */
  id: string
  /** Sections of the policy. */
  clause: string
  promise: string
  /** What the system does to keep it. */
  kept: string
  place: Place
  tests: readonly NamedTest[]
}

const test = (file: string, name: string): NamedTest => ({ file: `test/${file}.test.ts`, name })

export const POLICY_ROWS = [
  {
    id: 'who',
    clause: '1',
    promise: 'It is said who is responsible, and how to reach the data protection officer.',
    kept: 'Name, address and officer come from the configuration and stand on every public page and in the directory. Requests come by e-mail, post or form, and the way is recorded.',
    place: 'both',
    tests: [
      test('http/coordinator', 'shows everybody who is responsible and who takes part'),
      test('web/public', 'names the controller and the officer on every page'),
    ],
  },
  {
    id: 'withdraw-any-time',
    clause: '1',
    promise: 'Consent may be withdrawn at any time, as easily as it was given.',
    kept: 'One call of the site, one click, or one forwarded e-mail ends the record; nobody has to give a reason.',
    place: 'both',
    tests: [
      test('core/erase', 'erases at home and partner, brings all receipts, and can be proven'),
      test('e2e/notice', 'end each record at the home and everywhere, with all receipts'),
    ],
  },
  {
    id: 'anonymous',
    clause: '2.1, 3',
    promise: 'These pages can be read without being known; there are no cookies but of a session.',
    kept: 'Public pages set no cookie, keep no record or address of a visitor, and load nothing from anybody else. Only who signs in gets one cookie, for the session.',
    place: 'both',
    tests: [
      test('browser/pages', 'public pages are in order, and set no cookie'),
      test('web/public', 'sets no cookie and keeps no trace of a visitor'),
      test('http/people', 'gives one cookie, which scripts and other sites do not get'),
    ],
  },
  {
    id: 'sources',
    clause: '2.1',
    promise:
      'Data of site owners is collected at registration, order, newsletter and survey alone.',
    kept: 'Each field carries its source and its purpose; an unknown source is refused. This version sends no newsletter.',
    place: 'coordinator',
    tests: [
      test('core/customers', 'carries source, and is in the database sealed alone'),
      test(
        'http/desk',
        'names purpose and basis of each field, and takes no other field or source',
      ),
    ],
  },
  {
    id: 'processors',
    clause: '2.2-2.5, 5, 10.1',
    promise: 'Everybody who processes data for us is named, with a link to their own policy.',
    kept: 'A register of processors: what for, of what kind, in which country. The node itself calls none of them, and its pages may load nothing from them.',
    place: 'coordinator',
    tests: [
      test('browser/pages', 'public pages are in order, and set no cookie'),
      test('http/desk', 'names those of the policy to everybody, until staff replace them'),
    ],
  },
  {
    id: 'payment',
    clause: '2.5',
    promise: 'Payment data is neither seen nor stored.',
    kept: 'The payment provider sends a signed notice, of which the e-mail address and the number of the order are kept. Anything financial is refused everywhere.',
    place: 'coordinator',
    tests: [
      test(
        'core/customers',
        'leaves the address and the number, once, and nothing else of what was told',
      ),
      test('core/customers', 'is refused with payment data, wherever it stands'),
    ],
  },
  {
    id: 'purposes-of-owners',
    clause: '4',
    promise: 'Data of site owners is used for what it was given for, on a legal basis.',
    kept: 'Each field has its purpose and its basis. An objection ends whatever rests on legitimate interests.',
    place: 'coordinator',
    tests: [
      test(
        'http/desk',
        'names purpose and basis of each field, and takes no other field or source',
      ),
      test(
        'core/customers',
        'ends offers by an objection, with what rests on legitimate interests',
      ),
    ],
  },
  {
    id: 'authorities',
    clause: '5',
    promise: 'Authorities and third parties get only what the law asks for.',
    kept: 'A disclosure outside the Network needs two people, and leaves a row in the ledger: without the row there is nothing to hand over.',
    place: 'both',
    tests: [
      test('core/rights', 'needs two different people, and leaves a row before the file'),
      test('core/rights', 'does not leave where it was declined, nor by the node itself'),
    ],
  },
  {
    id: 'retention',
    clause: '6',
    promise:
      'Data of customers shrinks to e-mail and order number, others are deleted, two years after the last contact.',
    kept: 'A sweep does it every day, and can be tried without effect.',
    place: 'coordinator',
    tests: [
      test(
        'core/customers',
        'shrinks on the day after two years, and removes who has ordered nothing',
      ),
      test('core/customers', 'begins anew with each contact, and runs by itself'),
    ],
  },
  {
    id: 'adults',
    clause: '7',
    promise: 'Nobody under 18 is in the Network.',
    kept: 'The date of birth is checked when a record is published, and again by every site that receives it, to the day.',
    place: 'both',
    tests: [
      test('protocol/vocabulary', 'is reached on the 18th birthday, not the day before'),
      test(
        'protocol/gate',
        'refuses a birthday too early, by the date and by the years as published',
      ),
    ],
  },
  {
    id: 'security',
    clause: '8',
    promise: 'Data is protected as well as can reasonably be done.',
    kept: 'Everything is signed, and encrypted on its way. Bodies rest as ciphertext, each under a key of its own. Keys of the interface are kept as hashes, roles get no more than they need, every act of staff is in a log whose lines are chained by hashes, and logs hold no personal data.',
    place: 'both',
    tests: [
      test('e2e/consent', 'shows nothing at all in clear on the wire'),
      test('http/requests', 'sets strict headers and logs nothing but patterns'),
      test('store/vault', 'cannot open with a destroyed key, another slot, changed bytes'),
      test(
        'http/people',
        'put every measure of staff into the access log, in the order of its pages',
      ),
      test('store/acts', 'keeps every act in one chain'),
    ],
  },
  {
    id: 'breach',
    clause: '8',
    promise: 'A breach is told within 72 hours, by e-mail and by announcement.',
    kept: 'The clock runs from the moment somebody is aware. A signed notice goes to all sites, an e-mail to every registered owner, and an announcement to everybody. Alarms ring before the time is over; a step that comes late raises a finding.',
    place: 'both',
    tests: [
      test(
        'http/breach-mail',
        'reaches every mailbox and every feed, also after the mail server was away',
      ),
      test(
        'core/breach',
        'reminds staff after 24, 48 and 60 hours, and finds itself late after 72',
      ),
      test(
        'core/breach',
        'lists the members whose data the breached site has got, by their own ids',
      ),
    ],
  },
  {
    id: 'copy',
    clause: '9.1',
    promise: 'Everybody can have a copy of their data.',
    kept: 'A member gets data, consents and the exact recipients, to read and as a file; a site owner the same of what is kept here.',
    place: 'both',
    tests: [test('http/site', 'exports what is kept, also after the end')],
  },
  {
    id: 'correct',
    clause: '9.2',
    promise: 'Data can be corrected and completed; a refusal has one of four named reasons.',
    kept: 'A new version takes the place of the old one at every holder. A refusal without its reason, and without how to complain, is not possible.',
    place: 'both',
    tests: [test('core/erase', 'erases the version before at home and at the partner')],
  },
  {
    id: 'delete',
    clause: '9.3',
    promise: 'Data is deleted on request, in part where the service needs the identity.',
    kept: 'A member is erased everywhere. Of a site owner at most the minimum of section 6 stays, with the reason on record.',
    place: 'both',
    tests: [
      test('core/erase', 'erases at home and partner, brings all receipts, and can be proven'),
    ],
  },
  {
    id: 'identity',
    clause: '9.4',
    promise: 'Proof of identity may be asked for.',
    kept: 'The result is kept, the documents never.',
    place: 'both',
    tests: [
      test('core/rights', 'keeps the result and the way, and is asked for before a copy'),
      test('http/desk', 'has no place for a document, nor for a refusal without a reason'),
    ],
  },
  {
    id: 'controllers',
    clause: '10.1',
    promise: 'The owner of a site is the controller of the data of its members.',
    kept: 'Roles are on record for each party, in the directory. Each site runs its own node, with its own keys; a host can run many.',
    place: 'coordinator',
    tests: [test('http/coordinator', 'shows everybody who is responsible and who takes part')],
  },
  {
    id: 'contact-details',
    clause: '10.2',
    promise: 'Profiles are exchanged without giving contact details away.',
    kept: 'Phone numbers, e-mail addresses, links and handles are refused in names and texts: when a record is published, and again by every site that receives it.',
    place: 'both',
    tests: [
      test('protocol/contact', 'finds a detail wherever it stands in an innocent text'),
      test('protocol/body', 'refuses fields outside the consent, contact details, and minors'),
    ],
  },
  {
    id: 'three-purposes',
    clause: '10.2',
    promise:
      'Data is used to keep the account, to recommend others, and to make profiles viewable.',
    kept: 'A consent names these three purposes; another one is refused.',
    place: 'both',
    tests: [test('protocol/consent', 'sorts the scopes, and sets 365 days and the three purposes')],
  },
  {
    id: 'owner-of-records',
    clause: '10.2',
    promise: 'All records belong to the owner of the site.',
    kept: "Only the home's own key can change its log, and so its records. It can take everything with it and leave, and leaving erases everywhere.",
    place: 'site',
    tests: [
      test('e2e/network', 'erases all of its records everywhere, and leaves evidence of that'),
      test('core/talk', 'cannot be sent in the name of a record of another site'),
    ],
  },
  {
    id: 'consent',
    clause: '11.1',
    promise: 'Nothing is sent to a partner without explicit consent.',
    kept: 'One function decides each release; it asks for the record of the consent, in force and for that field, not for a flag. Receivers check it again, and the coordinator has sites open consents drawn at random.',
    place: 'both',
    tests: [
      test('e2e/consent', 'shows nothing of the refused in any message'),
      test('protocol/gate', 'allows exactly what every single rule allows'),
    ],
  },
  {
    id: 'no-consent-no-data',
    clause: '11.2',
    promise: "Without consent the data stays in the site's own database.",
    kept: 'The node keeps nothing about a member who has not consented.',
    place: 'site',
    tests: [test('e2e/consent', 'shows nothing on any disk, neither in clear nor sealed')],
  },
  {
    id: 'deleted-everywhere',
    clause: '11.2, 13',
    promise:
      'After a withdrawal the data is deleted from the Network and by all partners, within a reasonable time.',
    kept: "The key of each copy is destroyed, partners sign receipts against a deadline, and a partner that hears nothing erases by itself. The site's own row of the member is not touched.",
    place: 'both',
    tests: [
      test('e2e/network', 'is never undone by a site that was killed and did not hear of it'),
      test('e2e/network', 'has a receipt of every member'),
      test(
        'core/lease',
        'erases after eraseAfter, and a return of the home brings the record again',
      ),
    ],
  },
  {
    id: 'requirements',
    clause: '11.3',
    promise: 'A profile goes only to a partner whose requirements it meets.',
    kept: 'Age, gender, orientation, language, place and type of site are matched whenever data is asked for. Requirements that become narrower erase.',
    place: 'site',
    tests: [
      test('e2e/network', 'gives each site exactly what meets its requirements'),
      test('protocol/requirements', 'never accepts more when more is asked'),
      test('e2e/network', 'erase what does not match any more, and leave evidence of that'),
    ],
  },
  {
    id: 'vocabulary',
    clause: '12.1',
    promise:
      'E-mail addresses are encrypted, some fields are hidden, a closed list of fields is visible.',
    kept: 'A closed list of fields, each hidden, visible, or visible if given. The e-mail address is sealed so that the home alone can read it.',
    place: 'both',
    tests: [
      test(
        'protocol/vocabulary',
        'gives no field outside the scopes, and names each that stays at home',
      ),
      test('e2e/network', 'hands over what the consent covers, and nothing else'),
    ],
  },
  {
    id: 'messages',
    clause: '12.2',
    promise: 'Presence, contacts and messages are transmitted and never stored.',
    kept: 'They go straight from site to site and are in memory only.',
    place: 'both',
    tests: [test('e2e/talk', 'would be found, were they there')],
  },
  {
    id: 'nothing-else',
    clause: '12.3',
    promise: 'Nothing else is collected: no financial data, no data of devices.',
    kept: 'A field that is not on the list is refused, by the interface and by every site that receives it.',
    place: 'both',
    tests: [
      test(
        'protocol/wire',
        'throw nothing but a ProtocolError on random bytes and on damaged messages',
      ),
      test('http/site', 'never repeats a refused value'),
    ],
  },
  {
    id: 'forwarded-mail',
    clause: '13',
    promise:
      "A member's e-mail to the owner of the site may be forwarded to us, and has the same effect.",
    kept: 'The desk takes the forwarded e-mail and asks the home, by a signed request, to withdraw at once; if that does not happen the coordinator orders it. The member stays a member of the site.',
    place: 'both',
    tests: [
      test(
        'core/notice',
        'ends the record at the home and at partners, and leaves nothing of the person',
      ),
      test(
        'core/notice',
        'leads to an order by itself where the home names the record and does nothing',
      ),
      test('e2e/notice', 'end each record at the home and everywhere, with all receipts'),
    ],
  },
  {
    id: 'versions',
    clause: 'end',
    promise: 'The policy is dated; a changed purpose asks for consent anew.',
    kept: 'A consent is bound to the version, language and hash of the notice that the member saw. Under a version that the terms do not name it does not publish.',
    place: 'both',
    tests: [test('protocol/consent', 'refuses a notice that is not among the accepted versions')],
  },
] as const satisfies readonly PolicyRow[]

export type PolicyRowId = (typeof POLICY_ROWS)[number]['id']
