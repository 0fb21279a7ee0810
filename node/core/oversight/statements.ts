/**
 * What the coordinator states in archives of evidence beside what is proven there. An archive is
 * handed to others: who looks after something, and in what words, stays here.
 */
import { toHex } from '../../../protocol/bytes.ts'
import type { ArchiveScope } from '../../../protocol/archive/form.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import type { Store } from '../store.ts'
import type { StatementSource } from './archive.ts'

const PAGE = 200

const isAbout = ({ site }: ArchiveScope, one: SiteId): boolean => site === null || site === one

/** Logs that showed two histories, with both signed checkpoints. */
export function forkStatements(store: Store): StatementSource {
  return {
    kind: 'forks',
    lines: async function* (scope) {
      const forks = await store.read((tx) => tx.desk.forks())
      yield* forks.filter(({ log }) => isAbout(scope, log))
    },
  }
}

/** Findings that became true in the period. */
export function findingStatements(store: Store): StatementSource {
  return {
    kind: 'findings',
    lines: async function* (scope) {
      const filter = scope.site === null ? {} : { site: scope.site }
      for (let offset = 0; ; offset += PAGE) {
        const page = { filter, order: 'since', isDescending: false, offset, limit: PAGE } as const
        const findings = await store.read((tx) => tx.findings.list(page))
        for (const { owner: _owner, ...finding } of findings)
          if (finding.since >= scope.from && finding.since < scope.to) yield finding
        if (findings.length < PAGE) return
      }
    },
  }
}

/** What came of challenges that were decided in the period; an opening is kept nowhere. */
export function challengeStatements(store: Store): StatementSource {
  return {
    kind: 'challenges',
    lines: async function* (scope) {
      const site = scope.site === null ? {} : { site: scope.site }
      let before: number | undefined
      for (;;) {
        const filter = { ...site, ...(before !== undefined && { before }), limit: PAGE }
        const rows = await store.read((tx) => tx.challenges.list(filter))
        for (const { id, draw, site: home, index, state, reason, decidedAt, digest } of rows) {
          before = id
          if (decidedAt === null || decidedAt < scope.from || decidedAt >= scope.to) continue
          const shown = { draw, site: home, index, state, reason, decidedAt }
          yield { ...shown, digest: digest === null ? null : toHex(digest) }
        }
        if (rows.length < PAGE) return
      }
    },
  }
}
