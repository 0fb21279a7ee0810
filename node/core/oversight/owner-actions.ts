/** What the coordinator does for requests: of site owners itself, of members by telling their home. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { NODE_ACTOR } from '../people/actor.ts'
import type { Clock } from '../ports.ts'
import type { Person, RightsActions } from '../request/rights.ts'
import type { RequestRow } from '../request/rows.ts'
import type { Sealer } from '../request/sealed.ts'
import type { Store } from '../store.ts'
import { retryAfter, type AskHome } from './ask-home.ts'
import type { Customers } from './customers.ts'

const BATCH = 50

/** Creates the actions of the coordinator. */
export function createOwnerActions({ customers }: { customers: Customers }): RightsActions {
  async function ownerOf({ subject, customer }: RequestRow): Promise<string> {
    if (subject === 'member')
      throw new ProtocolError('conflict', '/id', 'a request that the home answers')
    if (customer === null) throw new ProtocolError('not_found', '/id', 'a site owner who is known')
    return (await customers.get(customer)).id
  }
  return {
    fulfil: async (row, _person, { partial }) => {
      const id = await ownerOf(row)
      switch (row.right) {
        case 'copy':
          return
        case 'correction': {
          const { content } = await customers.get(id)
          const times = Object.values(content.fields).map(({ at }) => at)
          if (!times.some((at) => at >= row.receivedAt))
            throw new ProtocolError('conflict', '/id', 'a field changed since the request came')
          return
        }
        case 'deletion': {
          const { hasOrders } = await customers.get(id)
          // Whoever has ordered keeps an address and order numbers here, and is told so.
          if (hasOrders !== (partial !== null))
            throw new ProtocolError(
              'conflict',
              '/partial',
              hasOrders ? 'order-records, since there are orders' : 'nothing: all of it goes',
            )
          await customers.shrink(NODE_ACTOR, id)
          return
        }
        case 'restriction':
          await customers.restrict(NODE_ACTOR, id, true)
          return
        case 'objection':
          await customers.object(NODE_ACTOR, id)
      }
    },
    lift: async (row) => customers.restrict(NODE_ACTOR, await ownerOf(row), false),
  }
}

/** Creates the task that tells homes of their members' requests. */
export function createForwarder(ports: {
  store: Store
  clock: Clock
  sealer: Sealer<Person>
  ask: AskHome
}): () => Promise<void> {
  const { store, clock, sealer, ask } = ports

  async function tell(row: RequestRow): Promise<void> {
    const person = sealer.open(row.sealed)
    const now = clock.now()
    let next: RequestRow = {
      ...row,
      attempts: row.attempts + 1,
      tellAt: now + retryAfter(row.attempts),
    }
    if (person === null || row.site === null) next = { ...row, tellAt: null }
    else
      try {
        const { right, channel, receivedAt, id, site } = row
        const { email, text } = person
        const answer = await ask(site, {
          kind: 'right',
          id,
          right,
          channel,
          receivedAt,
          email,
          text,
        })
        const step = (what: string) => [...row.steps, { time: now, actor: NODE_ACTOR.id, what }]
        if (answer.kind === 'noted')
          // The home has it: nothing of the person is needed here any more.
          next = {
            ...row,
            state: 'forwarded',
            closedAt: now,
            tellAt: null,
            sealed: null,
            steps: step('forwarded'),
          }
        else if (answer.kind === 'unknown')
          next = { ...row, tellAt: null, steps: step('unknown-at-home') }
      } catch {
        // Away, or not able to: the host has said so by an event.
      }
    await store.write(async (tx) => {
      const current = await tx.requests.get(row.id)
      if (current?.state === 'open') await tx.requests.save(next)
    }, 'erase')
  }

  return async () => {
    const rows = await store.read((tx) => tx.requests.due(clock.now(), BATCH))
    await Promise.all(rows.map(tell))
  }
}
