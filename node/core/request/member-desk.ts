/** A site's desk: the rights of its members, what authorities get, and what the coordinator asks. */
import { toUtf8 } from '../../../protocol/bytes.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import type { RequestAnswer, SignedRequest } from '../../../protocol/request.ts'
import { createActs } from '../people/acts.ts'
import { NODE_ACTOR } from '../people/actor.ts'
import type { OwnMembers } from '../record/own.ts'
import type { PublishPorts } from '../record/publish.ts'
import type { Withdrawer } from '../record/withdraw.ts'
import type { WriteTransaction } from '../store.ts'
import type { Notice } from '../website.ts'
import { createAuthorities, type Authorities } from './authority.ts'
import { createMemberActions } from './member.ts'
import { createRights, type Person, type Rights } from './rights.ts'
import { createSealer } from './sealed.ts'
import { createRequestTaker } from './take.ts'

export interface MemberDesk {
  rights: Rights
  authorities: Authorities
  /** Takes a request of the coordinator. */
  take: (from: SiteId, signed: SignedRequest) => Promise<RequestAnswer>
}

/** Creates the desk of a site. */
export function createMemberDesk(
  ports: PublishPorts & {
    members: OwnMembers
    withdrawer: Withdrawer
    coordinatorKey: Uint8Array
    notify: (tx: WriteTransaction, notices: readonly Notice[]) => Promise<void>
  },
): MemberDesk {
  const { members, writer } = ports
  const acts = createActs(ports)
  const rights = createRights({
    ...ports,
    acts,
    sealer: createSealer<Person>(ports, 'request'),
    actions: createMemberActions({ ...ports, assertWritable: writer.assertWritable }),
  })
  return {
    rights,
    authorities: createAuthorities({
      ...ports,
      acts,
      sealer: createSealer<string>(ports, 'authority'),
      fileOf: async (_row, member) =>
        toUtf8(JSON.stringify(member === null ? {} : await members.export(member))),
    }),
    take: createRequestTaker({
      ...ports,
      note: async ({ id, right, channel, receivedAt, email, text }, { memberKey }) => {
        const person = { name: '', email, member: '', text }
        await rights.open(
          NODE_ACTOR,
          { id, subject: 'member', memberKey, right, channel, receivedAt, person },
          (tx) => ports.notify(tx, [{ type: 'request.received', request: id, right }]),
        )
      },
    }),
  }
}
