/** A coordinator and sites, each in a process of its own, on 127.0.0.1 and temporary folders. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NodeFacts } from './calls.ts'
import { startChild, type Child } from './child.ts'

const NETWORK = 'bench.example'

/** A site that is admitted. Its node knows nobody before it is told to join. */
export interface Member {
  child: Child
  facts: NodeFacts
}
export interface Federation extends AsyncDisposable {
  coordinator: Member
  addSite: (name: string) => Promise<Member>
}

/** How processes are started: flags for Node by the name of the process. */
export type FlagsOf = (name: string) => readonly string[]

const folders = new Set<string>()
// Also where the benchmark is interrupted. The children end by themselves when it is gone.
process.on('exit', () => {
  for (const path of folders) rmSync(path, { recursive: true, force: true })
})

/** A new folder below the system's temporary one, removed on disposal. */
export function temporaryFolder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'dpn-bench-'))
  folders.add(path)
  const remove = (): void => {
    rmSync(path, { recursive: true, force: true })
    folders.delete(path)
  }
  return { path, [Symbol.dispose]: remove }
}

function commonEnv(): Record<string, string> {
  return {
    DPN_NETWORK: NETWORK,
    DPN_LISTEN: '/ip4/127.0.0.1/tcp/0',
    DPN_NODE_KEY: randomBytes(32).toString('hex'),
    DPN_STORAGE_KEY: randomBytes(32).toString('hex'),
    // Everybody is at one address here.
    DPN_INBOUND_PER_SECOND: '1000',
    DPN_LOG_LEVEL: 'silent',
  }
}

/** Starts a coordinator; sites are added one by one. */
export async function startFederation(flagsOf: FlagsOf): Promise<Federation> {
  await using started = new AsyncDisposableStack()
  const folder = started.use(temporaryFolder())
  const spawn = (name: string): Child => started.use(startChild(name, flagsOf(name)))

  const child = spawn('coordinator')
  const env = {
    ...commonEnv(),
    DPN_JURISDICTION: 'DE',
    DPN_CONTROLLER_NAME: 'Bench',
    DPN_CONTROLLER_ADDRESS: 'Bench',
    DPN_CONTROLLER_EMAIL: 'bench@mail.example',
  }
  const facts = await child.call('startCoordinator', { folder: join(folder.path, 'c'), env })
  const coordinator = { child, facts }
  const held = started.move()

  return {
    coordinator,
    addSite: async (name) => {
      const site = `${name}.example`
      const worker = startChild(name, flagsOf(name))
      held.use(worker)
      const address = facts.addresses[0] ?? ''
      const siteEnv = {
        ...commonEnv(),
        DPN_SITE: site,
        DPN_COORDINATOR_KEY: facts.vkey,
        DPN_COORDINATOR_ADDRESS: address,
      }
      const own = await worker.call('startSite', { folder: join(folder.path, name), env: siteEnv })
      await child.call('admit', own)
      return { child: worker, facts: own }
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}
