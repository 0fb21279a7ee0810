/** `/v1/members`: put, get, list, erase, change consent, see who has the data, export. */
import { z } from '@hono/zod-openapi'
import { consentInputSchema } from '../../../protocol/consent.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseRecordId, type RecordId } from '../../../protocol/ids.ts'
import { parseMemberId } from '../../core/record/member.ts'
import type { Door } from '../app.ts'
import { readJson } from '../body.ts'
import { mount, takeRows, type OperationContext } from '../operation.ts'
import { EXPORT_POLICY, exportPage } from './export-page.ts'
import { linksTo, pictureLinks } from './picture-files.ts'
import { READ, WRITE, type SitePorts } from './ports.ts'
import {
  disclosure,
  disclosureOf,
  limit,
  MEMBER_EXAMPLE,
  memberInput,
  notice,
  ownMember,
  putOutcome,
  recordId,
  seconds,
  siteId,
  siteReason,
} from './shapes.ts'

const tag = 'Members'
const noMember = new ProtocolError('not_found', '/id', 'a member with a live record')

const withLinks = ownMember.extend({
  pictures: z.array(pictureLinks).describe('those that are here, the main one first'),
})

const wholeExport = z.object({
  member: withLinks.extend({ email: z.string().nullable() }).nullable(),
  consents: z.array(z.record(z.string(), z.unknown())),
  recipients: z
    .array(
      z.object({
        partner: siteId,
        what: z.array(z.enum(['body', 'pictures', 'consent'])),
        firstAt: seconds,
        lastAt: seconds,
        versions: z.int(),
      }),
    )
    .describe('everybody who was given something, one by one'),
  disclosures: z.array(disclosure),
  authorities: z.array(z.object({ authority: z.string(), basis: z.string(), exportedAt: seconds })),
  requests: z.array(z.record(z.string(), z.unknown())),
  isRestricted: z.boolean(),
})

async function linksOf(site: SitePorts['site'], record: RecordId) {
  const { self } = site.node.view
  return linksTo(site, self, record, (await site.pictures.of(self, [record])).get(record) ?? [])
}

function idOf(c: OperationContext): string {
  return parseMemberId(c.req.param('id'))
}

/** A member's JSON under the id of the path. */
function withId(json: unknown, id: string): unknown {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return json
  if ('id' in json && json.id !== id)
    throw new ProtocolError('conflict', '/id', 'the id in the path, or none')
  return { ...json, id }
}

/** Errors of a consent that is the whole body, not a part of one. */
function atRoot(error: unknown): unknown {
  return error instanceof ProtocolError && error.path.startsWith('/consent')
    ? new ProtocolError(error.code, error.path.slice('/consent'.length), error.expected)
    : error
}

function mountPut(door: Door, { site }: SitePorts): void {
  mount(
    door,
    {
      method: 'put',
      path: '/v1/members/{id}',
      roles: WRITE,
      tag,
      summary: 'Publish or update a member',
      description:
        'Profile and consent as they are now; repeating the same changes nothing. Fields outside ' +
        'the consented scopes are not kept and come back in keptBack.',
      shownBody: { schema: memberInput, example: MEMBER_EXAMPLE },
      answers: {
        201: { description: 'A record was published', schema: putOutcome },
        200: { description: 'Updated, or unchanged', schema: putOutcome },
      },
    },
    async (c) => {
      const [outcome] = await site.publisher.put([withId(await readJson(c), idOf(c))])
      if (outcome === undefined) throw new Error('The publisher gave no outcome')
      if (outcome.kind === 'refused') throw outcome.error
      const { kind, record, version, keptBack } = outcome
      return c.json({ outcome: kind, record, version, keptBack }, kind === 'published' ? 201 : 200)
    },
  )
}

function mountGet(door: Door, { site }: SitePorts): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/members/{id}',
      roles: READ,
      tag,
      summary: 'What of a member is shared',
      answers: { 200: { description: 'The live record', schema: withLinks } },
    },
    async (c) => {
      const member = await site.members.get(idOf(c))
      if (member === null) throw noMember
      return c.json({ ...member, pictures: await linksOf(site, member.record) })
    },
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/members',
      roles: READ,
      tag,
      summary: 'List the members with a live record',
      query: z.strictObject({ limit, cursor: recordId.optional() }),
      answers: {
        200: {
          description: 'A page; next is the cursor of the following one, null at the end',
          schema: z.object({ members: z.array(ownMember), next: recordId.nullable() }),
        },
      },
    },
    async (c, { query }) => {
      const { cursor } = query
      takeRows(door, c, query.limit)
      const after = cursor === undefined ? null : at('/cursor', () => parseRecordId(cursor))
      return c.json(await site.members.list(after, query.limit))
    },
  )
}

function mountEnd(door: Door, { site }: SitePorts): void {
  const ended = z.object({
    outcome: z.literal('withdrawn'),
    record: recordId,
    index: z.int().nullable(),
  })
  const answers = {
    200: {
      description:
        'Nothing of the record can be read on this node any more. index is its place in the log, ' +
        'null while the entry waits for the log to be writable',
      schema: ended,
    },
    404: { description: 'There is no live record: never published, or already withdrawn' },
  }
  const end = async (
    c: OperationContext,
    reason: z.output<typeof siteReason>,
    text: string,
  ): Promise<Response> => {
    const id = idOf(c)
    const withdrawn = (await site.withdrawer.withdraw([id], reason, text)).get(id)
    if (withdrawn === undefined) throw noMember
    return c.json({ outcome: 'withdrawn', ...withdrawn })
  }
  mount(
    door,
    {
      method: 'delete',
      path: '/v1/members/{id}',
      roles: WRITE,
      tag,
      summary: 'Erase a member everywhere',
      description: 'Withdraws with the reason erased.',
      answers,
    },
    (c) => end(c, 'erased', ''),
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/members/{id}/withdraw',
      roles: WRITE,
      tag,
      summary: 'Withdraw a member everywhere',
      body: z.strictObject({
        reason: siteReason.default('consent-withdrawn'),
        notice: notice.default(''),
      }),
      shownBody: { schema: z.unknown(), example: { reason: 'consent-withdrawn' } },
      answers,
    },
    (c, { body }) => end(c, body.reason, body.notice),
  )
}

function mountConsent(door: Door, { site }: SitePorts): void {
  mount(
    door,
    {
      method: 'put',
      path: '/v1/members/{id}/consent',
      roles: WRITE,
      tag,
      summary: 'Change the consent of a member',
      description:
        'Publishes a version under the new consent: fields outside its scopes vanish everywhere. ' +
        'Fields under added scopes come with the next PUT of the member.',
      shownBody: { schema: consentInputSchema, example: MEMBER_EXAMPLE.consent },
      answers: { 200: { description: 'The record as it is now', schema: ownMember } },
    },
    async (c) => {
      try {
        return c.json(await site.members.changeConsent(idOf(c), await readJson(c)))
      } catch (error) {
        throw atRoot(error)
      }
    },
  )
}

function mountRights(door: Door, { site }: SitePorts): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/members/{id}/disclosures',
      roles: READ,
      tag,
      summary: 'Who has been given the data of a member, when',
      description: 'Of all records that the member has had, withdrawn ones too.',
      answers: {
        200: {
          description: 'Batches, oldest first',
          schema: z.object({ disclosures: z.array(disclosure) }),
        },
      },
    },
    async (c) => {
      const { disclosures } = await site.members.export(idOf(c))
      return c.json({ disclosures: disclosures.map(disclosureOf) })
    },
  )
  const wholeOf = async (c: OperationContext) => {
    const all = await site.members.export(idOf(c))
    if (all.member === null && all.consents.length === 0 && all.requests.length === 0)
      throw new ProtocolError('not_found', '/id', 'a member of whom something is kept')
    return all
  }
  mount(
    door,
    {
      method: 'get',
      path: '/v1/members/{id}/export',
      roles: READ,
      tag,
      summary: 'Everything that this node keeps of a member',
      answers: { 200: { description: 'A file for the member', schema: wholeExport } },
    },
    async (c) => {
      const all = await wholeOf(c)
      const member = all.member && {
        ...all.member,
        pictures: await linksOf(site, all.member.record),
      }
      c.header('content-disposition', 'attachment; filename="export.json"')
      return c.json({ ...all, member, disclosures: all.disclosures.map(disclosureOf) })
    },
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/members/{id}/export/page',
      roles: READ,
      tag,
      summary: 'The same as a page for the member, to read and to print',
      description: 'One HTML file that loads nothing; hand it on as it is.',
      answers: { 200: { description: 'A file', type: 'text/html' } },
    },
    async (c) =>
      c.html(exportPage(site.node.view.self, await wholeOf(c)), 200, {
        'content-disposition': 'attachment; filename="export.html"',
        'content-security-policy': EXPORT_POLICY,
      }),
  )
}

/** Mounts the resource. */
export function mountMembers(door: Door, ports: SitePorts): void {
  mountPut(door, ports)
  mountGet(door, ports)
  mountEnd(door, ports)
  mountConsent(door, ports)
  mountRights(door, ports)
}
