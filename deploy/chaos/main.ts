/**
 * Real peers under load and faults:
 *
 *   npm run chaos -- [--faults disk,kill,pause] [--rounds N] [--seed S] [--port P] [--within S]
 *
 * Prints a row a round, each violation, and the whole as one line of JSON; exit status 1 when there was a violation, or when a
 * fault did not happen.
 */
import { Command, InvalidArgumentError } from 'commander'
import { playCampaign } from './campaign.ts'
import { whyNoDisks } from './disk.ts'
import { FAULT_KINDS, type FaultKind } from './faults.ts'
import { HEALED_MS_MAX, type RoundResult } from './rounds.ts'

const OUTPUT_CHARS = 300

const whole = (min: number, max: number) => (text: string): number => {
  const value = Number(text)
  if (text !== '' && Number.isSafeInteger(value) && value >= min && value <= max) return value
  throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`)
}
const kinds = (text: string): readonly [FaultKind, ...FaultKind[]] => {
  const [first, ...rest] = text.split(',').map((word) => {
    const found = FAULT_KINDS.find((kind) => kind === word.trim())
    if (found === undefined) throw new InvalidArgumentError(`Give some of ${FAULT_KINDS.join(', ')}.`)
    return found
  })
  if (first === undefined) throw new InvalidArgumentError(`Give some of ${FAULT_KINDS.join(', ')}.`)
  return [first, ...rest]
}

const options = new Command('npm run chaos --')
  .description('Runs three real peers under load, does faults to one of them, and compares all by content.')
  .allowExcessArguments(false)
  .option('--faults <kinds>', `which, of ${FAULT_KINDS.join(',')}`, kinds, FAULT_KINDS)
  .option('--rounds <n>', 'how many', whole(1, 10_000), 10)
  .option('--seed <n>', 'the same seed draws the same faults', whole(0, 2 ** 31), Date.now() % 2 ** 31)
  .option('--port <n>', 'the first of three ports (default: free ones)', whole(1_024, 65_533))
  .option('--within <seconds>', 'from the end of a fault to all being equal, searching and writing', whole(1, 600), HEALED_MS_MAX / 1_000)
  .parse()
  .opts<{ faults: readonly [FaultKind, ...FaultKind[]]; rounds: number; seed: number; port?: number; within: number }>()

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const cell = (value: unknown, width: number): string => String(value).padEnd(width)
const head = (): string => [cell('round', 6), cell('fault', 40), cell('proof', 30), cell('failed', 7), cell('acked', 6), cell('other', 6), cell('equal s', 8), cell('memories', 9), 'violations'].join(' ')
const row = (result: RoundResult): string =>
  [
    cell(result.round, 6), cell(result.fault, 40), cell(result.proof ?? 'NONE', 30), cell(result.wedged ? 'yes' : '', 7), cell(result.acknowledged, 6), cell(result.refused, 6),
    cell(result.healedMs === null ? 'never' : (result.healedMs / 1_000).toFixed(1), 8), cell(result.memories, 9), result.faults.length,
  ].join(' ')

const refusal = options.faults.includes('disk') ? whyNoDisks() : null
if (refusal !== null) {
  process.stderr.write(`error: full disks need the right to mount a tmpfs (${refusal}): run this as root, or with --faults kill,pause\n`)
  process.exit(2)
}
say(`chaos: ${options.rounds} rounds of ${options.faults.join(', ')}, seed ${options.seed}; healed within ${options.within} s or it is a violation`)
say(head())
// Told to stop, it takes its mounts and processes down after the round under way; told twice, it ends at once.
const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    if (stop.signal.aborted) process.exit(1)
    stop.abort()
  })
}
const results = await playCampaign({
  ...options, signal: stop.signal, port: options.port ?? null, healedMsMax: options.within * 1_000,
  onRound: (result) => {
    say(row(result))
    for (const fault of result.faults) say(`       ! ${fault.length > 6 * OUTPUT_CHARS ? `${fault.slice(0, 6 * OUTPUT_CHARS)} …` : fault}`)
  },
})
const violations = results.reduce((sum, { faults }) => sum + faults.length, 0)
const slowest = Math.max(...results.map(({ healedMs }) => healedMs ?? Number.POSITIVE_INFINITY))
say(`${results.length} rounds, slowest ${(slowest / 1_000).toFixed(1)} s, ${results.filter(({ wedged }) => wedged).length} with a write that failed in the log, ${violations === 0 ? 'no violation' : `${violations} VIOLATIONS`}`)
say(JSON.stringify({ seed: options.seed, faults: options.faults, violations, rounds: results }))
process.exitCode = violations === 0 && results.length === options.rounds ? 0 : 1
