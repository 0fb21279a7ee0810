/** What a home does for its members' requests. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Clock } from '../ports.ts'
import type { OwnMembers } from '../record/own.ts'
import type { Withdrawer } from '../record/withdraw.ts'
import type { MemberRow, RecordState, Store } from '../store.ts'
import type { View } from '../view.ts'
import type { RightsActions } from './rights.ts'
import type { RequestRow } from './rows.ts'

/** The channel of a request as consent records name it. */
const CONSENT_CHANNEL = { email: 'email', post: 'post', form: 'web', website: 'web' } as const

function keyOf({ memberKey }: RequestRow): Uint8Array {
  if (memberKey === null) throw new ProtocolError('not_found', '/id', 'a request of a member')
  return memberKey
}

/** Creates the actions of a site. */
export function createMemberActions(ports: {
  view: View
  store: Store
  clock: Clock
  members: Pick<OwnMembers, 'republish' | 'dropScope'>
  withdrawer: Pick<Withdrawer, 'withdrawRecords'>
  assertWritable: () => void
}): RightsActions {
  const { view, store, clock, members, withdrawer } = ports

  async function live(row: RequestRow): Promise<{ member: MemberRow; state: RecordState } | null> {
    return store.read(async (tx) => {
      const [member] = await tx.members.byKeys([keyOf(row)])
      const state = member && (await tx.records.get(view.self, member.record))
      return member === undefined || !state?.live ? null : { member, state }
    })
  }

  return {
    fulfil: async (row) => {
      const found = await live(row)
      switch (row.right) {
        case 'copy':
          // The export is made from what is here; that it was handed out is the site's word.
          return
        case 'correction':
          if (found !== null && found.state.publishedAt < row.receivedAt)
            throw new ProtocolError('conflict', '/id', 'a version published since the request came')
          return
        case 'deletion':
          if (found !== null)
            await withdrawer.withdrawRecords([found.member.record], 'erased', row.id)
          return
        case 'restriction':
          // A version that nobody is given takes the place of the one that partners hold.
          ports.assertWritable()
          await store.write((tx) => tx.requests.restrict(keyOf(row), row.id, clock.now()))
          await members.republish([keyOf(row)])
          return
        case 'objection':
          await members.dropScope(keyOf(row), 'recommendations', CONSENT_CHANNEL[row.channel])
      }
    },
    lift: async (row) => {
      ports.assertWritable()
      await store.write((tx) => tx.requests.lift(keyOf(row)))
      await members.republish([keyOf(row)])
    },
  }
}
