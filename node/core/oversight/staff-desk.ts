/** The desk of the coordinator's staff, wired: notices, requests, site owners, disclosures. */
import { toUtf8 } from '../../../protocol/bytes.ts'
import type { Identity, PrivateKeys } from '../identity.ts'
import type { Acts } from '../people/acts.ts'
import type { NodePorts } from '../node.ts'
import { createAuthorities, type Authorities } from '../request/authority.ts'
import { createRights, type Person, type Rights } from '../request/rights.ts'
import { createSealer } from '../request/sealed.ts'
import type { Tasks } from '../tasks.ts'
import type { View } from '../view.ts'
import type { Admission } from './admission.ts'
import { createAskHome } from './ask-home.ts'
import { createCustomers, type Customers } from './customers.ts'
import type { Findings } from './findings.ts'
import { createNotices, type Notices } from './notice.ts'
import type { NoticeContent } from './notice-content.ts'
import { createOrderTaker, type OrderCall } from './orders-received.ts'
import { createForwarder, createOwnerActions } from './owner-actions.ts'
import type { OwnerContent } from './owner-fields.ts'
import { createProcessors, type Processors } from './processors.ts'
import { createReviews, type Reviews } from './review.ts'

export interface StaffDesk {
  notices: Notices
  rights: Rights
  customers: Customers
  authorities: Authorities
  processors: Processors
  reviews: Reviews
  takeOrder: (call: OrderCall) => Promise<void>
  /** Does what is due. */
  tick: () => Promise<void>
  /** Tells homes of their members' requests soon. */
  forwardSoon: () => void
}

/** Creates the desk. */
export function createStaffDesk(
  ports: NodePorts & {
    view: View
    identity: Identity
    keys: PrivateKeys
    tasks: Tasks
    admission: Pick<Admission, 'order'>
    acts: Acts
    ownAddresses: readonly string[]
    orderSecret: Uint8Array | null
    findings: Pick<Findings, 'raise' | 'cure'>
  },
): StaffDesk {
  const { tasks, admission } = ports
  const ask = createAskHome(ports)
  const customers = createCustomers({
    ...ports,
    sealer: createSealer<OwnerContent>(ports, 'customer'),
  })
  const persons = createSealer<Person>(ports, 'request')
  const runNotices = tasks.coalesced('notices', () => notices.run())
  const notices = createNotices({
    ...ports,
    ask,
    sealer: createSealer<NoticeContent>(ports, 'notice'),
    order: admission.order,
    sitesOf: customers.sitesOf,
    soon: runNotices,
  })
  const forward = createForwarder({ ...ports, ask, sealer: persons })
  const forwardSoon = tasks.coalesced('forward requests', forward)
  const rights = createRights({
    ...ports,
    sealer: persons,
    actions: createOwnerActions({ customers }),
  })
  return {
    notices,
    rights,
    customers,
    authorities: createAuthorities({
      ...ports,
      sealer: createSealer<string>(ports, 'authority'),
      fileOf: async ({ customer }) =>
        toUtf8(JSON.stringify(customer === null ? {} : await customers.get(customer))),
    }),
    processors: createProcessors(ports),
    reviews: createReviews({ ...ports, sealer: createSealer<string>(ports, 'review') }),
    takeOrder: createOrderTaker({ ...ports, secret: ports.orderSecret, customers }),
    tick: async () => {
      runNotices()
      forwardSoon()
      await rights.tidy()
      await customers.run()
    },
    forwardSoon,
  }
}
