/** `/v1/bridge`: how the bridge to an older Dating Pro module is, its keys, lists of consents. */
import { z } from '@hono/zod-openapi'
import { ProtocolError } from '../../../protocol/errors.ts'
import { LIST_BYTES, LIST_LINES } from '../../core/bridge/consent/consent-list.ts'
import type { ImportedLine } from '../../core/bridge/consent/consents.ts'
import { ZERO_SETTING } from '../../core/bridge/members/ending.ts'
import { NOTICE_VERSION } from '../../core/bridge/consent/notice.ts'
import { BRIDGED_STATES } from '../../core/bridge/rows.ts'
import { BRIDGE_WARNINGS, warningsOf, type BridgeWarning } from '../../core/bridge/warnings.ts'
import type { Door } from '../app.ts'
import { actorIn } from '../auth.ts'
import { readPlain } from '../body.ts'
import { mount } from '../operation.ts'
import { problemOf } from '../problem.ts'
import { ADMIN, READ, type OwnersBridge, type SitePorts } from './ports.ts'
import { seconds } from './shapes.ts'

export const BRIDGE_TAG = 'Bridge'
const NDJSON = 'application/x-ndjson'

/**
 * The bridge of this node.
 *
 * @throws ProtocolError `not_found` where it has none
 */
export function bridgeOf({ bridge }: Pick<SitePorts, 'bridge'>): OwnersBridge {
  if (bridge === null)
    throw new ProtocolError(
      'not_found',
      '',
      'a node with a bridge: set DPN_BRIDGE_PORT and DPN_BRIDGE_PUBLIC_URL, and start it again',
    )
  return bridge
}

const counts = (words: readonly string[]) =>
  z.object(Object.fromEntries(words.map((word) => [word, z.int()])))

const state = z.object({
  module: z.object({
    paired: z.boolean(),
    windowUntil: seconds.nullable().describe('end of the pairing window; null where it is closed'),
    lastSeenAt: seconds.nullable(),
    canRemove: z
      .enum(['yes', 'no', 'unknown'])
      .describe(
        'whether its PHP carries out removals; nobody is handed to it before that is known',
      ),
    requirements: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('what its settings amount to'),
  }),
  fast: z.object({
    connected: z.boolean(),
    dropped: z
      .record(z.string(), z.int())
      .describe('what was said and not carried on, by reason, since the start'),
  }),
  members: counts(BRIDGED_STATES).describe('members of this site, by state'),
  deliveries: counts(['offered', 'here', 'refused', 'removing']).describe(
    'records of other sites, by what the module has done with them',
  ),
  lastZeroAt: seconds
    .nullable()
    .describe('when the module last sent a withdrawal that names nobody'),
  oldestRemovalAt: seconds.nullable().describe('since when the oldest removal waits'),
  ownerKey: z.string().nullable().describe('the verifier key of signed lists'),
  noticeVersion: z.string(),
  warnings: z.array(
    z.object({
      word: z.enum(Object.keys(BRIDGE_WARNINGS) as [BridgeWarning, ...BridgeWarning[]]),
      explanation: z.string(),
    }),
  ),
})

function mountState(door: Door, ports: SitePorts): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/bridge',
      roles: READ,
      tag: BRIDGE_TAG,
      summary: 'How the bridge is, and what to look after',
      answers: { 200: { description: 'Counts and times, nobody by name', schema: state } },
    },
    async (c) => {
      const { contact, talk, consents } = bridgeOf(ports)
      const view = contact.view()
      const facts = await ports.store.read(async (tx) => ({
        members: await tx.bridge.counts(),
        deliveries: await tx.bridge.deliveryCounts(),
        zeroAt: await tx.desk.setting(ZERO_SETTING),
        oldest: (await tx.bridge.removals(1)).at(0)?.since ?? null,
      }))
      const { terms } = ports.site.node.view.registry()
      const warnings = warningsOf({
        now: ports.clock.now(),
        contact: view,
        isFastConnected: talk.isConnected(),
        suspended: facts.members.suspended,
        oldestRemovalAt: facts.oldest,
        erasureDeadlineSeconds: terms.erasureDeadlineSeconds,
        isNoticeAccepted: terms.noticeVersions.includes(NOTICE_VERSION),
      })
      const { isPaired, ...rest } = view
      return c.json({
        module: { paired: isPaired, ...rest },
        fast: { connected: talk.isConnected(), dropped: talk.dropped() },
        members: facts.members,
        deliveries: facts.deliveries,
        lastZeroAt: facts.zeroAt === null ? null : Number(facts.zeroAt),
        oldestRemovalAt: facts.oldest,
        ownerKey: await consents.ownerKey(),
        noticeVersion: NOTICE_VERSION,
        warnings: warnings.map((word) => ({ word, explanation: BRIDGE_WARNINGS[word] })),
      })
    },
  )
}

function mountKeys(door: Door, ports: SitePorts): void {
  mount(
    door,
    {
      method: 'post',
      path: '/v1/bridge/pairing',
      roles: ADMIN,
      tag: BRIDGE_TAG,
      summary: 'Open the window in which the module may ask for its key',
      description: 'It closes with the first key that is given out, or by itself.',
      answers: { 200: { description: 'Its end', schema: z.object({ until: seconds }) } },
    },
    async (c) => c.json({ until: await bridgeOf(ports).contact.openWindow() }),
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/bridge/key',
      roles: ADMIN,
      tag: BRIDGE_TAG,
      summary: 'Make a key to be entered into the module by hand',
      description: 'A key before it is void from now on.',
      answers: {
        201: { description: 'It is shown this once', schema: z.object({ key: z.string() }) },
      },
    },
    async (c) => c.json({ key: await bridgeOf(ports).contact.makeKey() }, 201),
  )
  mount(
    door,
    {
      method: 'put',
      path: '/v1/bridge/owner-key',
      roles: ADMIN,
      tag: BRIDGE_TAG,
      summary: 'Register the key by which lists of consents are signed',
      description:
        'A verifier key (C2SP signed-note, Ed25519) named "<site>/consents". The private key stays ' +
        'with the owner, away from the website: whoever breaks into the website cannot make up ' +
        'consents. Lists by a key before it are refused from now on.',
      body: z.strictObject({ key: z.string().max(500) }),
      answers: {
        200: { description: 'As registered', schema: z.object({ key: z.string() }) },
      },
    },
    async (c, { body }) => {
      const { consents } = bridgeOf(ports)
      await consents.setOwnerKey(body.key, actorIn(c))
      return c.json({ key: await consents.ownerKey() })
    },
  )
}

/** An outcome as a line of the answer: where, and what or why, never a value of the line. */
function lineOf(imported: ImportedLine): string {
  const { line, outcome } = imported
  const said =
    outcome === 'refused'
      ? { line, problem: problemOf(imported.error) }
      : { line, localId: imported.localId, outcome }
  return `${JSON.stringify(said)}\n`
}

function mountLists(door: Door, ports: SitePorts): void {
  mount(
    door,
    {
      method: 'post',
      path: '/v1/bridge/consents',
      roles: ADMIN,
      tag: BRIDGE_TAG,
      summary: "Take the owner's signed list of consents",
      description:
        'A C2SP signed note by the registered key. Each line of its text is a JSON object: localId, ' +
        'scopes, notice, givenAt, channel, evidence (a reference of at most 200 characters, without ' +
        `personal data), and email where there is one. At most ${LIST_LINES} lines and ` +
        `${LIST_BYTES} bytes. Answers one line for each. Keep the list: the node notes its hash ` +
        'and counts, and none of its lines.',
      shownBody: { schema: z.string(), type: 'text/plain' },
      answers: {
        200: {
          description: 'One outcome a line',
          type: NDJSON,
          schema: z.object({
            line: z.int(),
            localId: z.int().optional(),
            outcome: z.enum(['published', 'unknown']).optional(),
            problem: z.unknown().optional(),
          }),
        },
      },
    },
    async (c) => {
      const { consents } = bridgeOf(ports)
      const note = await readPlain(c, LIST_BYTES)
      const imported = await consents.importSigned(note, actorIn(c))
      return c.body(imported.map(lineOf).join(''), 200, { 'content-type': NDJSON })
    },
  )
}

/** Mounts the resource, but for what is about members. */
export function mountBridge(door: Door, ports: SitePorts): void {
  mountState(door, ports)
  mountKeys(door, ports)
  mountLists(door, ports)
}
