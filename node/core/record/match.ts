/** Erases held bodies that may not be held any longer: narrowed requirements, birthdays, lapses. */
import { dayOf } from '../../../protocol/dates.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import type { Registry } from '../../../protocol/registry.ts'
import { ageOfFacts, matches, type Requirements } from '../../../protocol/requirements.ts'
import type { BodyColumns, WriteTransaction } from '../store.ts'

const PAGE = 2000

/** What decides whether this node may go on holding a body of another home. */
export interface HoldingRule {
  self: SiteId
  registry: Registry
  requirements: Requirements | null
  /** Unix seconds. */
  now: number
}

function mayHold(rule: HoldingRule, homeType: string, columns: BodyColumns): boolean {
  const today = dayOf(rule.now)
  return (
    rule.requirements !== null &&
    columns.expires > rule.now &&
    !columns.excludes.includes(rule.self) &&
    ageOfFacts(columns.facts, today) >= rule.registry.terms.minimumAge &&
    matches(rule.requirements, columns.facts, homeType, today)
  )
}

/** Dooms every held body of other homes that the rule does not allow; returns how many. */
export async function doomUnmatched(tx: WriteTransaction, rule: HoldingRule): Promise<number> {
  let doomed = 0
  for (const { site: home } of await tx.logs.all()) {
    if (home === rule.self) continue
    const homeType = rule.registry.members.get(home)?.siteType ?? ''
    for (let above = -1; ;) {
      const page = await tx.bodies.columns(home, above, PAGE)
      const last = page.at(-1)
      if (last === undefined) break
      above = last.index
      const indexes = page
        .filter((columns) => !mayHold(rule, homeType, columns))
        .map(({ index }) => index)
      if (indexes.length > 0) await tx.bodies.doom(home, indexes)
      doomed += indexes.length
    }
  }
  return doomed
}
