/**
 * One row's trial: the attack between two snapshots, the healthy client's waits beside those without it, and the verdict.
 *
 * Hard facts (the answer, what changed, who died, what the healthy client was refused) hold in every try. Waits and memory on a
 * machine that others use too are the best of three tries; the peer's own processor time during a request is not
 * theirs, and is bounded in the quick form as well.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Peer } from '../../deploy/local/peer.ts'
import type { Attack } from './attack.ts'
import type { Figures } from './healthy-process.ts'
import { residentMib } from './process-facts.ts'
import { changesOf, snapshotOf } from './snapshot.ts'
import type { Theatre } from './theatre.ts'

export type Form = {
  /** The window with the attack lasts at least so long. */
  readonly windowMs: number
  /** The calm window just before it; 0: none, the run's first is taken. */
  readonly calmMs: number
  readonly rowMsMax: number
  readonly worstMsMax: number
  readonly ratioMax: number
}

export const FULL: Form = { windowMs: 900, calmMs: 800, rowMsMax: 60_000, worstMsMax: 250, ratioMax: 10 }
/** Beside other tests on two cores waits say little; stalls of the peer itself are looked at all the same. */
export const QUICK: Form = {
  windowMs: 0,
  calmMs: 0,
  rowMsMax: 15_000,
  worstMsMax: 2_500,
  ratioMax: Number.POSITIVE_INFINITY,
}

/** No request may see the peer's main thread take longer than this, whatever else is asked of it. */
const CPU_MS_MAX = 250
/** V8 gives memory back when it likes: what an attack leaves for good shows in the second and third try. */
const GROWTH_MIB_MAX = 64
const PEAK_MIB_MAX = 256
const TRIES = 3
/** A p99 below this is the clock's and the disk's: a ratio to it would say nothing. */
const BASELINE_MS_MIN = 15
/** A row that floods, waits for a limit, or starts and enrols peers, in either form. */
const SLOW_ROW_MS_MAX = 120_000
const SETTLE_MS = 100
const HEALTHY_MS_MAX = 10_000
const ENDING_MS = 1_000

export type Row = {
  readonly id: string
  readonly who: Attack['who']
  readonly what: string
  readonly answer: string
  readonly expected: string
  /** By name what is other than before; empty when nothing is. */
  readonly changed: readonly string[]
  readonly alive: boolean
  readonly healthy: Figures | null
  readonly calmP99Ms: number
  readonly calmWorstMs: number
  /** Of p99, and of the worst wait, to those of the calm window. */
  readonly ratio: number
  readonly worstRatio: number
  readonly growthMib: number
  readonly peakMib: number
  readonly tries: number
  /** Why the row is open; empty when it is closed. */
  readonly faults: readonly string[]
}

/** Tries a row up to three times while only waits or memory stand against it. */
export const tryRow = async (attack: Attack, theatre: Theatre, form: Form, baseline: Figures | null): Promise<Row> => {
  for (let tries = 1; ; tries++) {
    const { row, hard } = await once(attack, theatre, form, baseline, tries)
    if (row.faults.length === 0 || hard || tries === TRIES) return row
  }
}

/** The healthy client alone for `ms`. */
export const quiet = async (theatre: Theatre, ms: number): Promise<Figures> => {
  theatre.healthy().begin()
  await pause(ms)
  return theatre.healthy().end()
}

const once = async (
  attack: Attack,
  theatre: Theatre,
  form: Form,
  given: Figures | null,
  tries: number,
): Promise<{ readonly row: Row; readonly hard: boolean }> => {
  const { victim } = theatre
  const member = await theatre.cast(attack)
  const baseline = given ?? (await quiet(theatre, form.calmMs))
  // A row before this one may have left its neighbours something to recover from.
  await unhealthy(theatre)
  const before = await snapshotOf(victim)
  const [pid, mibBefore] = [victim.pid(), residentMib(victim.pid())]
  const stage = await theatre.stage(member)
  // Voters that never vote would soon leave the mesh without a majority.
  if (attack.spends === true) stage.later(() => stage.revoke())
  const hard: string[] = []
  const soft: string[] = []

  theatre.healthy().begin()
  const startedMs = performance.now()
  const answer = await within(
    attack.slow === undefined && attack.spends !== true ? form.rowMsMax : SLOW_ROW_MS_MAX,
    attack.run(stage),
  ).catch((error: unknown) => `failed: ${error instanceof Error ? error.message : String(error)}`)
  const leftMs = form.windowMs - (performance.now() - startedMs)
  if (leftMs > 0) await pause(leftMs)
  const healthy = await theatre
    .healthy()
    .end()
    .catch(() => null)
  await stage.clear()

  const alive = await lives(victim, pid)
  let changed: readonly string[] = []
  let mibAfter = mibBefore
  if (!alive) {
    hard.push(`the process ended: ${victim.output().slice(-300)}`)
    await theatre.revive()
  } else {
    await pause(SETTLE_MS)
    hard.push(...(await unhealthy(theatre)))
    try {
      changed = changesOf(before, await snapshotOf(victim, before))
    } catch (error) {
      hard.push(`what it holds could not be read: ${error instanceof Error ? error.message : String(error)}`)
    }
    mibAfter = residentMib(pid)
  }
  if (!answers(attack.expect, answer)) hard.push(`answered ${answer}`)
  if (changed.length > 0 && attack.writes !== true) hard.push(`changed: ${changed.join(', ')}`)
  if (healthy === null) hard.push('the healthy client gave no figures')
  else if (healthy.failures.length > 0) hard.push(`refused to the healthy client: ${healthy.failures.join('; ')}`)

  const p99Ms = healthy?.p99Ms ?? 0
  const ratio = Math.max(p99Ms, BASELINE_MS_MIN) / Math.max(baseline.p99Ms, BASELINE_MS_MIN)
  const [growthMib, peakMib] = [mibAfter - mibBefore, Math.max(0, (healthy?.peakMib ?? 0) - mibBefore)]
  if (healthy !== null && healthy.worstCpuMs > CPU_MS_MAX)
    soft.push(`stalled: ${healthy.worstCpuMs} ms of processor time during one request`)
  if (healthy !== null && healthy.worstMs > Math.max(form.worstMsMax, 2 * baseline.worstMs))
    soft.push(`worst wait ${healthy.worstMs.toFixed(0)} ms (${healthy.worstWhat})`)
  if (ratio > form.ratioMax) soft.push(`p99 ${ratio.toFixed(1)} times as long`)
  if (growthMib > GROWTH_MIB_MAX) soft.push(`grown by ${growthMib.toFixed(0)} MiB`)
  if (peakMib > PEAK_MIB_MAX) soft.push(`grown by ${peakMib.toFixed(0)} MiB meanwhile`)
  return {
    hard: hard.length > 0,
    row: {
      id: attack.id,
      who: attack.who,
      what: attack.what,
      answer,
      expected: String(attack.expect),
      changed,
      alive,
      healthy,
      calmP99Ms: baseline.p99Ms,
      calmWorstMs: baseline.worstMs,
      ratio,
      worstRatio: Math.max(healthy?.worstMs ?? 0, BASELINE_MS_MIN) / Math.max(baseline.worstMs, BASELINE_MS_MIN),
      growthMib,
      peakMib,
      tries,
      faults: [...hard, ...soft],
    },
  }
}

/** A process that ends is known to its starter only a moment later; a door that answers is alive. */
const lives = async (victim: Peer, pid: number): Promise<boolean> => {
  if (
    await victim.health().then(
      () => true,
      () => false,
    )
  )
    return victim.pid() === pid
  await pause(ENDING_MS)
  return victim.running() && victim.pid() === pid
}

const answers = (expected: string | RegExp, answer: string): boolean =>
  typeof expected === 'string' ? expected === answer : expected.test(answer)

/** Whether the peer is well again within a moment; else why not. */
const unhealthy = async ({ victim }: Theatre): Promise<readonly string[]> => {
  const endMs = performance.now() + HEALTHY_MS_MAX
  for (;;) {
    const seen = await victim.health().then(
      (health) => (health['status'] === 'ok' ? null : JSON.stringify(health).slice(0, 300)),
      (error: unknown) => String(error),
    )
    if (seen === null) return []
    if (performance.now() > endMs) return [`not healthy afterwards: ${seen}`]
    await pause(SETTLE_MS)
  }
}

const within = async <T>(ms: number, work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
