/**
 * What a campaign showed: a row a round, figures a class, and a verdict in words. Figures are made from the rounds alone.
 */
import { arch, cpus, platform, totalmem } from 'node:os'
import type { CampaignResult } from './campaign.ts'
import { MIB } from './disk.ts'
import type { RoundResult, Violation } from './rounds.ts'

type Setting = {
  readonly seed: number
  readonly mix: string
  readonly peers: number
  readonly projection: string
  readonly classes: readonly string[]
  readonly leftOut: readonly { readonly name: string; readonly why: string }[]
  /** Rounds that were asked for. */ readonly wanted: number
}

export type ClassFigures = {
  readonly name: string
  readonly rounds: number
  readonly acknowledged: number
  /** Of each kind of violation, how many. */
  readonly violations: Readonly<Record<string, number>>
  readonly healedMs: { readonly p50: number; readonly p99: number; readonly max: number } | null
  readonly outHitMs: number | null
  readonly outOthersMs: number | null
  /** Of 1,000,000 acknowledged writes, at most so many are lost, with 95 % confidence, where none was. */
  readonly lossBoundPpm: number | null
}
export type Summary = Setting & {
  readonly played: number
  readonly machine: string
  readonly total: ClassFigures
  readonly byClass: readonly ClassFigures[]
  readonly last: { readonly seen: number; readonly asked: number; readonly findings: readonly Violation[] }
  readonly memoryMiB: { readonly first: number; readonly last: number }
}

const OUTPUT_CHARS = 1_800
const VIOLATIONS_SHOWN = 8
/** Kinds that are counted for every class, so that a zero is seen. */
const KINDS: readonly Violation['kind'][] = [
  'lost',
  'duplicated',
  'resurrected',
  'phantom',
  'changed',
  'unequal',
  'partial',
  'stale',
  'word',
  'unproven',
  'wedged',
  'late',
  'exit or error',
  'failed',
  'empty',
]
/** Of those that a client has lost something by; the others are the harness's or the machine's. */
const DATA_KINDS = KINDS.slice(0, 9)

export const summaryOf = ({ rounds, last, growth }: CampaignResult, setting: Setting): Summary => ({
  ...setting,
  played: rounds.length,
  machine: `${platform()} ${arch()}, ${cpus().length} × ${cpus()[0]?.model ?? 'processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`,
  total: figuresOf('all', rounds),
  byClass: setting.classes
    .map((name) =>
      figuresOf(
        name,
        rounds.filter(({ classes }) => classes.includes(name)),
      ),
    )
    .filter((one) => one.rounds > 0),
  last,
  memoryMiB: { first: Math.round(growth.memoryBytesFirst / MIB), last: Math.round(growth.memoryBytesLast / MIB) },
})

/** The mean of a loss that was not seen in n trials is below 3 ÷ n, with 95 % confidence. */
const lossBound = (acknowledged: number, lost: number): number | null =>
  lost > 0 || acknowledged === 0 ? null : (3 / acknowledged) * 1_000_000

const figuresOf = (name: string, rounds: readonly RoundResult[]): ClassFigures => {
  const violations: Record<string, number> = Object.fromEntries(KINDS.map((kind) => [kind, 0]))
  for (const { violations: found } of rounds)
    for (const { kind } of found) violations[kind] = (violations[kind] ?? 0) + 1
  const healed = rounds.flatMap(({ healedMs }) => (healedMs === null ? [] : [healedMs])).toSorted((a, b) => a - b)
  const at = (share: number): number =>
    Math.round(healed[Math.min(healed.length - 1, Math.floor(share * healed.length))] ?? 0)
  const acknowledged = rounds.reduce((sum, round) => sum + round.acknowledged, 0)
  const most = (values: readonly (number | null)[]): number | null => {
    const known = values.flatMap((value) => (value === null ? [] : [value]))
    return known.length === 0 ? null : Math.round(Math.max(...known))
  }
  return {
    name,
    rounds: rounds.length,
    acknowledged,
    violations,
    healedMs: healed.length === 0 ? null : { p50: at(0.5), p99: at(0.99), max: at(1) },
    outHitMs: most(rounds.map(({ outHitMs }) => outHitMs)),
    outOthersMs: most(rounds.map(({ outOthersMs }) => outOthersMs)),
    lossBoundPpm: lossBound(acknowledged, (violations['lost'] ?? 0) + (violations['changed'] ?? 0)),
  }
}

/** Green only with evidence: all rounds played, each fault proven, something acknowledged in each class, and no violation. */
export const verdictOf = ({
  total,
  byClass,
  last,
  played,
  wanted,
}: Summary): { readonly passed: boolean; readonly reason: string } => {
  const wrong = [
    ...KINDS.filter((kind) => (total.violations[kind] ?? 0) > 0).map((kind) => `${total.violations[kind]} × ${kind}`),
    ...(last.findings.length > 0 ? [`${last.findings.length} × at the end`] : []),
  ]
  if (wrong.length > 0) return { passed: false, reason: wrong.join(', ') }
  if (played < wanted || played === 0) return { passed: false, reason: `${played} of ${wanted} rounds were played` }
  const empty = byClass.filter(({ acknowledged }) => acknowledged === 0)
  if (byClass.length === 0 || empty.length > 0)
    return { passed: false, reason: `nothing was acknowledged under ${empty.map(({ name }) => name).join(', ')}` }
  return {
    passed: true,
    reason: `${total.acknowledged} acknowledged changes in ${played} rounds, nothing lost, doubled, resurrected, partial or unequal`,
  }
}

const cell = (value: unknown, width: number): string => String(value).padEnd(width)
const seconds = (ms: number | null): string => (ms === null ? '–' : (ms / 1_000).toFixed(1))

export const HEADING = [
  cell('round', 6),
  cell('acked', 6),
  cell('other', 6),
  cell('equal s', 8),
  cell('out s', 6),
  cell('others s', 9),
  cell('wrong', 6),
  'fault: proof',
].join(' ')
export const rowOf = (one: RoundResult): string =>
  [
    cell(one.round, 6),
    cell(one.acknowledged, 6),
    cell(one.unacknowledged, 6),
    cell(one.healedMs === null ? 'never' : seconds(one.healedMs), 8),
    cell(seconds(one.outHitMs), 6),
    cell(seconds(one.outOthersMs), 9),
    cell(one.violations.length, 6),
    `[${one.classes.join(' + ')}] ${one.fault}: ${one.proof.length === 0 ? 'NO PROOF' : one.proof.join('; ')}`,
  ].join(' ')
export const violationLines = ({ violations }: RoundResult): readonly string[] => [
  ...violations
    .slice(0, VIOLATIONS_SHOWN)
    .map(
      ({ kind, what }) => `       ! ${kind}: ${what.length > OUTPUT_CHARS ? `${what.slice(0, OUTPUT_CHARS)} …` : what}`,
    ),
  ...(violations.length > VIOLATIONS_SHOWN ? [`       ! and ${violations.length - VIOLATIONS_SHOWN} more`] : []),
]

const COLUMNS: readonly (readonly [string, (one: ClassFigures) => unknown])[] = [
  ['class', ({ name }) => name],
  ['rounds', ({ rounds }) => rounds],
  ['acknowledged', ({ acknowledged }) => acknowledged],
  ...DATA_KINDS.map((kind): readonly [string, (one: ClassFigures) => unknown] => [
    kind,
    ({ violations }) => violations[kind],
  ]),
  [
    'other violations',
    ({ violations }) =>
      KINDS.filter((kind) => !DATA_KINDS.includes(kind)).reduce((sum, kind) => sum + (violations[kind] ?? 0), 0),
  ],
  [
    'equal after s (p50 / p99 / max)',
    ({ healedMs }) =>
      healedMs === null ? 'never' : `${seconds(healedMs.p50)} / ${seconds(healedMs.p99)} / ${seconds(healedMs.max)}`,
  ],
  ['out s: hit', ({ outHitMs }) => seconds(outHitMs)],
  ['others', ({ outOthersMs }) => seconds(outOthersMs)],
  [
    'loss below (95 %)',
    ({ lossBoundPpm }) => (lossBoundPpm === null ? '–' : `${Math.ceil(lossBoundPpm)} in 1,000,000`),
  ],
]

export const markdownOf = (summary: Summary): string => {
  const { passed, reason } = verdictOf(summary)
  const line = (cells: readonly unknown[]): string => `| ${cells.join(' | ')} |`
  return [
    `# Chaos: ${passed ? 'passed' : 'FAILED'}: ${reason}`,
    '',
    `${summary.played} of ${summary.wanted} rounds, ${summary.mix}, ${summary.peers} peers, search index ${summary.projection}, seed ${summary.seed}; ${summary.machine}.`,
    '',
    line(COLUMNS.map(([name]) => name)),
    line(COLUMNS.map(() => '---')),
    ...[...summary.byClass, summary.total].map((one) => line(COLUMNS.map(([, value]) => value(one)))),
    '',
    `At the end all rounds were compared once more: ${summary.last.seen} memories on each peer, ${summary.last.findings.length} findings. The largest process had ${summary.memoryMiB.first} MiB after the first round and ${summary.memoryMiB.last} MiB after the last.`,
    ...summary.last.findings
      .slice(0, VIOLATIONS_SHOWN)
      .map(({ kind, what }) => `- ${kind}: ${what.slice(0, OUTPUT_CHARS)}`),
    ...summary.leftOut.map(({ name, why }) => `Left out: ${name} (${why}).`),
    '',
    `Again: \`npm run chaos -- --classes ${summary.classes.join(',')} --mix ${summary.mix} --peers ${summary.peers} --rounds ${summary.wanted} --seed ${summary.seed}\`; one round: \`--replay ${summary.seed}:ROUND\`.`,
    '',
  ].join('\n')
}
