/**
 * Measures the node against raw floors in the same run: `npm run bench -- [--members 100000]
 * [--json bench/results.json] [--only <part,part>] [--records 1000000] [--profile folder]`. The
 * parts: floors, large, small, pictures, discovery, recommendations, talk, audit, evidence, bridge.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { short, tableOf, type Figure } from './figures.ts'
import type { FlagsOf } from './federation.ts'
import { measureBridge } from './bridge-measures.ts'
import { measureAudit } from './measure-audit.ts'
import { measureEvidence } from './measure-evidence.ts'
import { measureMeeting } from './meet-measures.ts'
import { measureFloors, measureLarge, measureSmall, type Context } from './measures.ts'
import { measurePictures } from './picture-measures.ts'
import { measureTalk } from './talk.ts'

const PARTS = [
  'floors',
  'large',
  'small',
  'pictures',
  'discovery',
  'recommendations',
  'talk',
  'audit',
  'evidence',
  'bridge',
]
/** Microseconds between two samples of a profile. */
const PROFILE_MICROS = 500

const { values } = parseArgs({
  options: {
    members: { type: 'string', default: '100000' },
    json: { type: 'string', default: 'bench/results.json' },
    only: { type: 'string' },
    records: { type: 'string' },
    profile: { type: 'string' },
  },
})

function flagsOf(name: string): string[] {
  const folder = values.profile
  return folder === undefined
    ? []
    : [
        '--cpu-prof',
        `--cpu-prof-dir=${resolve(folder)}`,
        `--cpu-prof-name=${name}.cpuprofile`,
        `--cpu-prof-interval=${PROFILE_MICROS}`,
      ]
}

function machine() {
  const [cpu] = cpus()
  return {
    date: new Date().toISOString(),
    node: process.version,
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1e9),
  }
}

async function measure(members: number, only: readonly string[]): Promise<Figure[]> {
  const isWanted = (part: string): boolean => only.length === 0 || only.includes(part)
  const context: Context = { members, flagsOf: flagsOf satisfies FlagsOf, floors: null }
  const figures: Figure[] = []
  const add = (figure: Figure): void => {
    figures.push(figure)
    console.log(`${figure.name}: ${short(figure.value)} ${figure.unit}`)
  }
  if (isWanted('floors')) {
    const measured = await measureFloors(members)
    context.floors = measured.floors
    for (const figure of measured.figures) add(figure)
  }
  if (isWanted('large')) for await (const figure of measureLarge(context)) add(figure)
  if (isWanted('small')) for await (const figure of measureSmall(context)) add(figure)
  if (isWanted('pictures')) for await (const figure of measurePictures(context)) add(figure)
  const sizes = values.records === undefined ? undefined : [Number(values.records)]
  if (isWanted('discovery') || isWanted('recommendations'))
    for await (const figure of measureMeeting(flagsOf, isWanted, sizes)) add(figure)
  if (isWanted('talk')) for await (const figure of measureTalk(context)) add(figure)
  if (isWanted('audit')) for await (const figure of measureAudit(flagsOf, sizes?.[0])) add(figure)
  if (isWanted('evidence')) for await (const figure of measureEvidence(flagsOf)) add(figure)
  if (isWanted('bridge')) for await (const figure of measureBridge(context)) add(figure)
  return figures
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))
const members = Number(values.members)
if (!Number.isSafeInteger(members) || members < 1000 || members % 1000 !== 0)
  throw new Error('--members: expected thousands, e.g. 100000')
const only = values.only?.split(',') ?? []
if (!only.every((part) => PARTS.includes(part)))
  throw new Error(`--only: expected some of ${PARTS.join(',')}`)

const about = machine()
console.log(
  `${about.cores} cores of ${about.cpu}, ${about.memoryGb} GB, Node ${about.node}, ${about.date}, ` +
    `${members.toLocaleString('en')} members`,
)
const figures = await measure(members, only)
console.log(`\n${tableOf(figures)}`)
if (only.length === 0) {
  mkdirSync(dirname(values.json), { recursive: true })
  writeFileSync(values.json, `${JSON.stringify({ ...about, members, figures }, null, 2)}\n`)
}
