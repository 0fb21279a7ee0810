/** The register of processors (policy §2.2 to §2.5, §5, §10.1): who works with site owners' data. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Actor } from '../people/actor.ts'
import type { Acts } from '../people/acts.ts'
import type { Store } from '../store.ts'

export interface Processor {
  name: string
  /** What for. */
  purpose: string
  category: string
  /** ISO 3166-1 alpha-2 code of where it is established. */
  country: string
  /** Address of its own privacy policy. */
  policy: string
}

/** The list of the policy in force since 19 June 2018. This node calls none of them. */
export const POLICY_PROCESSORS: readonly Processor[] = [
  {
    name: 'Intercom',
    purpose: 'Talks with site owners about the product',
    category: 'support',
    country: 'US',
    policy: 'https://www.intercom.com/legal/privacy',
  },
  {
    name: 'AmoCRM',
    purpose: 'Keeps track of site owners and their questions',
    category: 'customer relations',
    country: 'RU',
    policy: 'https://www.amocrm.ru/legal/privacy',
  },
  {
    name: 'Roistat',
    purpose: 'Measures which advertisements lead site owners to the product',
    category: 'analytics',
    country: 'RU',
    policy: 'https://roistat.com/privacy',
  },
  {
    name: 'Google Analytics',
    purpose: 'Measures visits to the pages of the product',
    category: 'analytics',
    country: 'US',
    policy: 'https://policies.google.com/privacy',
  },
  {
    name: 'Yandex Metrica',
    purpose: 'Measures visits to the pages of the product',
    category: 'analytics',
    country: 'RU',
    policy: 'https://yandex.com/legal/confidential/',
  },
  {
    name: 'Amplitude',
    purpose: 'Measures how site owners use the product',
    category: 'analytics',
    country: 'US',
    policy: 'https://amplitude.com/privacy',
  },
  {
    name: 'PayPro Global',
    purpose: 'Takes orders and payments of site owners; payment data stays there',
    category: 'payment',
    country: 'CA',
    policy: 'https://payproglobal.com/privacy-policy/',
  },
  {
    name: 'Hetzner',
    purpose: 'Hosts the machines',
    category: 'hosting',
    country: 'DE',
    policy: 'https://www.hetzner.com/legal/privacy-policy',
  },
]

export interface Processors {
  list: () => Promise<readonly Processor[]>
  /** Takes the place of the whole list. @throws ProtocolError `conflict` for a name given twice */
  replace: (actor: Actor, list: readonly Processor[]) => Promise<void>
}

const SETTING = 'processors'

/** Creates the register. It begins with the list of the policy. */
export function createProcessors({
  store,
  acts,
}: {
  store: Store
  acts: Pick<Acts, 'add'>
}): Processors {
  return {
    list: async () => {
      const kept = await store.read((tx) => tx.desk.setting(SETTING))
      return kept === null ? POLICY_PROCESSORS : (JSON.parse(kept) as Processor[])
    },
    replace: async (actor, list) => {
      if (new Set(list.map(({ name }) => name.toLowerCase())).size !== list.length)
        throw new ProtocolError('conflict', '/processors', 'each name once')
      await store.write(async (tx) => {
        await tx.desk.setSetting(SETTING, JSON.stringify(list))
        await acts.add(tx, { actor, act: 'processors.replace', subject: '' })
      })
    },
  }
}
