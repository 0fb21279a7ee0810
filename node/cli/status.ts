/** `dpn status`: how the node is. */
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { table, type Outcome } from './outcome.ts'

interface Status {
  /** Absent from a coordinator's. */
  site?: string
  network: string
  version: string
  membership?: string
  writable: boolean
  connected: string[]
  members?: number
  breaches?: { id: string; site: string; affected: number }[]
  logs: {
    site: string
    size: number
    lease?: string
    forked: boolean
    records: { live: number; withdrawn: number; held?: number }
  }[]
}

async function status(client: Client): Promise<Outcome> {
  const json = await client.get<Status>('/v1/status')
  const rows = json.logs.map(({ site, size, lease, forked, records }) => [
    site,
    String(size),
    forked ? 'FORKED' : (lease ?? '-'),
    ...[records.live, records.withdrawn, records.held ?? 0].map(String),
  ])
  const header = ['LOG', 'ENTRIES', 'LEASE', 'LIVE', 'WITHDRAWN', 'HELD HERE']
  return {
    json: { ...json },
    lines: [
      `${json.site ?? 'coordinator'} in ${json.network}, version ${json.version}`,
      ...(json.membership === undefined ? [] : [`membership: ${json.membership}`]),
      `log: ${json.writable ? 'may be written' : 'waits to be confirmed by others'}`,
      `connected with: ${json.connected.join(', ') || 'nobody'}`,
      ...(json.members === undefined ? [] : [`members with a live record: ${json.members}`]),
      ...(json.breaches ?? []).map(
        ({ id, site, affected }) =>
          `DATA BREACH at ${site}: ${affected} of your members are to be told (dpn breach affected ${id})`,
      ),
      '',
      ...table([header, ...rows]),
    ],
  }
}

/** Adds the command. */
export function addStatus(program: Command, shell: Shell): void {
  withExamples(
    withApi(program.command('status')).description('how the node is'),
    'dpn status',
    'dpn status --json | jq .connected',
  ).action((options: ApiOptions) => performWith(shell, options, status))
}
