/** Shapes that several resources share: times, names, receipts, ledger rows. */
import { z } from '@hono/zod-openapi'
import { consentInputSchema } from '../../../protocol/consent.ts'
import { profileInputSchema } from '../../../protocol/vocabulary.ts'
import { WITHDRAW_REASONS } from '../../../protocol/entry.ts'
import type { LedgerRow } from '../../core/store.ts'
import type { Progress } from '../../core/record/evidence.ts'

/** Rows of a page, by default and at most. */
export const PAGE_ROWS = 50
export const MOST_ROWS = 200

export const limit = z.int().min(1).max(MOST_ROWS).default(PAGE_ROWS)
export const seconds = z.int().describe('unix seconds')
export const recordId = z.string().describe('32 hexadecimal digits')
export const siteId = z.string().describe('a domain name')
export const notice = z
  .string()
  .regex(/^[\w.:-]{0,64}$/, 'at most 64 letters, digits and . : _ -')
  .describe('your id of the notice that asked for it; no personal data')

/** Reasons that a site can give; the others are the Network's own. */
export const SITE_REASONS = ['consent-withdrawn', 'erased', 'ineligible'] as const
export const siteReason = z.enum(SITE_REASONS)

/** A member as the site hands it in; the core checks it. */
export const memberInput = z.strictObject({
  email: z.string().nullable().optional(),
  profile: profileInputSchema,
  consent: consentInputSchema,
})

export const MEMBER_EXAMPLE = {
  email: 'lotte@mail.example',
  profile: {
    nickname: 'Lotte',
    birthDate: '1990-05-12',
    gender: 'woman',
    seeks: ['man'],
    seeksAgeMin: 30,
    seeksAgeMax: 45,
    country: 'DE',
    language: 'de',
    city: 'Leipzig',
    description: 'Sonntags backe ich Brot und höre Radio.',
  },
  consent: {
    notice: {
      url: 'https://amor.example/network',
      version: '1',
      language: 'de',
      hash: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    },
    scopes: ['discovery'],
    givenAt: 1_772_323_200,
    channel: 'web',
  },
}

export const ownMember = z.object({
  id: z.string(),
  record: recordId,
  version: z.int(),
  publishedAt: seconds,
  profile: z.record(z.string(), z.unknown()),
  consent: consentInputSchema,
})

export const putOutcome = z.object({
  outcome: z.enum(['published', 'updated', 'unchanged']),
  record: recordId,
  version: z.int(),
  keptBack: z
    .array(z.string())
    .describe('fields that no consented scope covers; they are not kept'),
})

export const disclosure = z.object({
  partner: siteId,
  what: z
    .enum(['body', 'pictures', 'consent'])
    .describe(
      'the shared data itself, pictures that it names, or (to the coordinator) the consent record alone',
    ),
  time: seconds,
  via: siteId.nullable().describe('the relay that handed it on; null for this node'),
  versions: z.array(z.object({ record: recordId, index: z.int() })),
})

/** A ledger row without the home, which is this site. */
export function disclosureOf({ partner, what, time, via, versions }: LedgerRow): object {
  return { partner, what, time, via, versions }
}

export const progress = z.object({
  record: recordId.nullable(),
  index: z.int().nullable().describe('of the entry in the log; null while it waits to be written'),
  state: z.enum(['pending', 'partial', 'complete']),
  reason: z.enum(WITHDRAW_REASONS),
  notice: z.string(),
  time: seconds,
  deadline: seconds,
  overdue: z.boolean(),
  receipts: z.array(
    z.object({ site: siteId, receivedAt: seconds.nullable().describe('null while awaited') }),
  ),
})

/** How far a withdrawal, or an order, has come. "Receipt received" is all that it claims. */
export function progressOf(
  { index, entry, receipts, isComplete, deadline }: Progress,
  now: number,
) {
  const isWithdraw = entry.type === 'withdraw'
  return {
    record: isWithdraw || entry.type === 'order' ? entry.record : null,
    index,
    state: isComplete ? 'complete' : 'partial',
    reason: isWithdraw ? entry.reason : 'order',
    notice: isWithdraw || entry.type === 'order' ? entry.notice : '',
    time: entry.time,
    deadline,
    overdue: !isComplete && now > deadline,
    receipts,
  }
}
