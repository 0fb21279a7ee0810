/** What the coordinator can show, now and by itself, of the promises. */
import { html } from 'hono/html'
import { PURPOSES, SCOPES } from '../../../protocol/consent.ts'
import { FIELD_NAMES, FIELDS } from '../../../protocol/vocabulary.ts'
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { readLogs } from '../log/reading.ts'
import type { Evidence, PageReaders } from '../readers.ts'
import { countText, dayText, durationText } from '../words.ts'
import type { PolicyRowId } from './policy-rows.ts'
import { readTerms } from './terms.ts'

type Sources = Partial<Record<PolicyRowId, () => Promise<Evidence> | Evidence>>

const fact = (plain: string, href?: string): Evidence => ({
  text: plain,
  plain,
  ...(href !== undefined && { href }),
})

const countVisible = (visibility: string): number =>
  FIELD_NAMES.filter((name) => FIELDS[name].visibility === visibility).length

/** By the id of the row; a row that is not here has no evidence at the coordinator. */
export function evidenceSources(ports: CoordinatorPorts, readers: PageReaders): Sources {
  const { coordinator, controller, store } = ports
  const { view } = coordinator.node
  const terms = () => view.registry().terms

  async function termsLine(text: string): Promise<Evidence> {
    const [newest] = await readTerms(ports)
    if (newest === undefined) return fact(text, '/terms')
    return fact(`${text}, in force since ${dayText(newest.time)}`, '/terms')
  }
  async function totals() {
    const logs = await readLogs(ports)
    return {
      live: logs.reduce((sum, row) => sum + row.live, 0),
      withdrawn: logs.reduce((sum, row) => sum + row.withdrawn, 0),
    }
  }
  const { processors, challenges } = readers
  return {
    who: () => fact(`${controller.name}; officer: ${controller.dpoName}`, '/'),
    'withdraw-any-time': async () =>
      fact(
        `${countText((await totals()).withdrawn)} records withdrawn so far, by the logs`,
        '/log',
      ),
    anonymous: () => ({
      text: html`Look at the answer to this page: no <code>Set-Cookie</code>, and a
        <code>Content-Security-Policy</code> that allows nothing from elsewhere.`,
      plain: 'No Set-Cookie, and a Content-Security-Policy that allows nothing from elsewhere',
    }),
    ...(processors !== undefined && {
      processors: async () =>
        fact(`${countText((await processors()).length)} processors in the register`, '/processors'),
    }),
    adults: () => termsLine(`Minimum age ${terms().minimumAge}`),
    security: async () => {
      const held = await store.read(async (tx) => {
        let sum = 0
        for (const { site } of await tx.logs.all()) sum += (await tx.records.counts(site)).held
        return sum
      })
      return fact(`${countText(held)} bodies of profiles at the coordinator`)
    },
    controllers: () => {
      const { members } = view.registry()
      return fact(`${countText(members.size)} sites on record with their own keys`, '/members')
    },
    'three-purposes': () => fact(`The purposes that exist: ${PURPOSES.join(', ')}`),
    'owner-of-records': async () => {
      const forked = (await readLogs(ports)).filter(({ isForked }) => isForked).length
      return fact(`Logs of which two histories were seen: ${countText(forked)}`, '/log')
    },
    consent: async () => {
      const { live } = await totals()
      const text = `${countText(live)} records in force, each with a commitment to its consent; ${SCOPES.length} scopes, each ticked by itself`
      if (challenges === undefined) return fact(text, '/log')
      const rates = await challenges.rates()
      const passed = rates.reduce((sum, rate) => sum + rate.passed, 0)
      const decided = passed + rates.reduce((sum, rate) => sum + rate.failed, 0)
      return fact(
        `${text}; ${countText(passed)} of ${countText(decided)} challenges passed`,
        '/log',
      )
    },
    'deleted-everywhere': async () => {
      const { erasureDeadlineSeconds, hideAfterSeconds, eraseAfterSeconds } = terms()
      const { complete, late, overdue } = await store.read((tx) =>
        tx.audit.counts({}, ports.clock.now()),
      )
      return fact(
        `Withdrawals: ${countText(complete)} with all receipts within ${durationText(erasureDeadlineSeconds)}, ${countText(late)} later, ${countText(overdue)} overdue. A silent site is hidden after ${durationText(hideAfterSeconds)}, and what came from it erased after ${durationText(eraseAfterSeconds)}`,
        '/terms',
      )
    },
    breach: () => {
      const declared = new Set(view.registry().breaches.map(({ id }) => id)).size
      return fact(`${countText(declared)} breaches were declared so far`, '/announcements')
    },
    requirements: () => {
      const sites = [...view.registry().members.keys()]
      const stated = sites.filter((site) => view.requirements(site) !== null).length
      return fact(
        `${countText(stated)} of ${countText(sites.length)} sites have stated theirs`,
        '/log',
      )
    },
    vocabulary: () =>
      fact(
        `${countText(FIELD_NAMES.length)} fields exist: ${countVisible('visible')} visible, ${countVisible('optional')} if given, ${countVisible('hidden')} hidden`,
      ),
    'nothing-else': () => ({
      text: html`<details>
        <summary>The ${FIELD_NAMES.length} fields that exist</summary>
        ${FIELD_NAMES.join(', ')}
      </details>`,
      plain: `The fields that exist: ${FIELD_NAMES.join(', ')}`,
    }),
    versions: () =>
      termsLine(`Accepted versions of the notice: ${terms().noticeVersions.join(', ')}`),
    ...readers.evidence,
  }
}
