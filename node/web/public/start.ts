/** `/`: what the Network is, who answers for it, and where everything else is. */
import { html } from 'hono/html'
import { directoryOf } from '../../http/coordinator/directory.ts'
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { mountPage } from '../page.ts'
import { facts, figures, link, longCode, section } from '../parts.ts'
import type { Web } from '../visit.ts'
import { countText } from '../words.ts'

/** Mounts the page. */
export function mountStart(web: Web, ports: CoordinatorPorts): void {
  mountPage(web, { path: '/', roles: null }, async () => {
    const directory = directoryOf(ports)
    const { controller, network } = directory
    const states = await ports.store.read(async (tx) => {
      const counts = []
      for (const { site } of await tx.logs.all()) counts.push(await tx.records.counts(site))
      return counts
    })
    const admitted = directory.members.filter(({ status }) => status === 'admitted').length
    const live = states.reduce((sum, one) => sum + one.live, 0)
    const withdrawn = states.reduce((sum, one) => sum + one.withdrawn, 0)
    return {
      title: network,
      lead:
        'A network of independent dating sites. They make their members discoverable to each ' +
        "other, only with each member's explicit consent, and every site signs a receipt when a " +
        'member has withdrawn. No profile passes through this coordinator, and none rests here.',
      body: [
        figures([
          { label: 'Sites admitted', value: countText(admitted), href: '/members' },
          {
            label: 'Records in force',
            value: countText(live),
            note: 'published with a consent and not withdrawn, by the logs of the sites',
            href: '/log',
          },
          {
            label: 'Records withdrawn',
            value: countText(withdrawn),
            note: 'since the Network began',
          },
        ]),
        section('How it keeps its promises', [
          html`<p>
            Each site writes an entry into a public log when a member agrees to be found, and
            another when the member withdraws. The entries hold no personal data. Every other site
            signs that it has applied them and holds nothing of what was withdrawn: that signature
            is the receipt. Anybody can check the logs and the signatures, from this page or with
            tools that we did not write.
          </p>`,
          html`<p>
            What this cannot prove: that a dishonest site kept no copy. Receipts, random checks and
            expulsion make it evident, attributable and costly. ${link('/policy', 'Every promise')}
            stands beside the evidence for it.
          </p>`,
        ]),
        section(
          'Who is responsible',
          facts([
            ['Controller', controller.name],
            ['Post', controller.address],
            ['E-mail', link(`mailto:${controller.email}`, controller.email)],
            [
              'Data protection officer',
              html`${controller.dpoName},
              ${link(`mailto:${controller.dpoEmail}`, controller.dpoEmail)}`,
            ],
          ]),
        ),
        section(
          'For nodes and auditors',
          facts([
            ['Verifier key of the coordinator', longCode(directory.logKey)],
            ['Key of its cosignatures', longCode(directory.witnessKey)],
            ['Directory', link('/v1/directory', '/v1/directory')],
            ['Interface', link('/v1/docs', '/v1/docs')],
            ['How to check it', link('/v1/docs/verify', '/v1/docs/verify')],
            ['Logs', html`<code>/log/&lt;origin&gt;/</code>, C2SP tlog-tiles`],
            ['Witness', html`<code>/witness/</code>, C2SP tlog-witness`],
          ]),
        ),
      ],
      data: { network, controller, sites: { admitted }, records: { live, withdrawn } },
    }
  })
}
