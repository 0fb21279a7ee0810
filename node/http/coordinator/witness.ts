/**
 * The coordinator as a witness for the logs that it follows.
 *
 * Beyond the specification it answers 503 where the checkpoint is larger than what it has applied:
 * its cosignature is a receipt too, and says that every entry below that size is applied here.
 *
 * @see C2SP tlog-witness
 */
import type { Context } from 'hono'
import { ProtocolError, type ProtocolErrorCode } from '../../../protocol/errors.ts'
import { NOTE_BYTES } from '../../../protocol/limits.ts'
import { createWitness, type Witnessed } from '../../core/oversight/witness.ts'
import type { Door, Env } from '../app.ts'
import { readText } from '../body.ts'
import { problemResponse } from '../problem.ts'
import type { CoordinatorPorts } from './ports.ts'

/** Statuses of the specification, where they are not the usual ones. */
const STATUS: Partial<Record<ProtocolErrorCode, number>> = {
  malformed: 400,
  out_of_range: 400,
  bad_signature: 403,
  not_admitted: 403,
  forked: 403,
  unknown_origin: 404,
  bad_proof: 422,
}
/** 63 hashes in base64, and a note. */
const REQUEST_BYTES = NOTE_BYTES + 4096

function answer(c: Context<Env>, done: Witnessed): Response {
  if (done.kind === 'cosigned')
    return c.body(done.lines, 200, { 'content-type': 'text/plain; charset=utf-8' })
  if (done.kind === 'stale')
    return c.body(`${done.size}\n`, 409, { 'content-type': 'text/x.tlog.size' })
  return problemResponse(
    new ProtocolError('not_ready', '', 'a checkpoint whose entries have arrived here'),
  )
}

/** Mounts `POST /witness/add-checkpoint`. */
export function mountWitness(door: Door, ports: CoordinatorPorts): void {
  const { coordinator, store, clock, crypto, network } = ports
  const { view, checkpoints, follower, handlers, settings } = coordinator.node
  const witness = createWitness({
    identity: settings.identity,
    view,
    store,
    clock,
    crypto,
    checkpoints,
    pull: async (log) => {
      // A log that cannot be reached is answered with 503, not with its failure.
      if (network.connected().includes(log)) await follower.pull(log, log).catch(() => undefined)
    },
    onFork: async (fork) => {
      await handlers.report(view.self, { kind: 'fork', log: fork.log, notes: fork.notes })
    },
  })
  door.app.post('/witness/add-checkpoint', async (c: Context<Env>) => {
    c.set('route', '/witness/add-checkpoint')
    door.perAddress.take(door.addressOf(c))
    try {
      const done = await witness.add(await readText(c, REQUEST_BYTES))
      return answer(c, done)
    } catch (error) {
      if (error instanceof ProtocolError) return problemResponse(error, STATUS[error.code])
      throw error
    }
  })
}
