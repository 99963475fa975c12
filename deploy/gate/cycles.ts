/**
 * The fourth phase: cycles of 100 writes with a fault in their middle, and what every peer shows by content after each.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { beyond, within } from '../chaos/faults/clocks.ts'
import type { Fault, Ground } from '../chaos/faults/fault.ts'
import { droppingAcks, minority } from '../chaos/faults/links.ts'
import { killing } from '../chaos/faults/processes.ts'
import type { ChaosMesh, ChaosPeer } from '../chaos/peers.ts'
import { draws, shuffled } from '../chaos/random.ts'
import { contentsOn, equal, figuresOf, writeSomewhere, type Phase } from './mesh.ts'

const CLIENTS = 4
const ATTEMPTS_MAX = 12
/** A fault lasts for at least so long, however fast the writes are. */
const HOLD_MS = 800
/** The last share of the writes waits for the fault's proof, each for no longer than this: a fault that befalls writes has some to befall. */
const [KEPT_SHARE, KEPT_MS] = [0.5, 500]

export type GateClass = {
  readonly name: string
  readonly plan: (ground: Ground, primary: ChaosPeer, cycle: number) => Fault
}
export const GATE_CLASSES: readonly GateClass[] = [
  { name: 'kill_primary_mid_write', plan: (_, primary) => killing('kill the primary', () => [primary]) },
  { name: 'partition_minority', plan: (ground) => minority(ground) },
  { name: 'drop_random_acks', plan: (ground, primary) => droppingAcks(ground, () => primary.name) },
  { name: 'clock_skew_peer', plan: (ground, _, cycle) => (cycle % 2 === 0 ? within : beyond)(ground) },
]

export type CycleOptions = {
  readonly mesh: ChaosMesh
  readonly only: GateClass
  readonly cycles: number
  readonly writes: number
  readonly seed: number
  readonly onCycle: () => void
}

/** @returns what was acknowledged in all cycles, and both figures over all of it. */
export const playCycles = async ({ mesh, only, cycles, writes, seed, onCycle }: CycleOptions): Promise<Phase> => {
  const { peers } = mesh
  const reasons: string[] = []
  const equalMs: number[] = []
  const acknowledged = new Set<string>()
  const shown: (readonly string[])[] = peers.map(() => [])
  let unproven = 0
  let unexpected = 0
  for (let cycle = 0; cycle < cycles; cycle++) {
    const draw = draws(seed * 1_000 + cycle)
    const namespace = `gate-${only.name.replaceAll('_', '-')}-${cycle}`
    const primary = peers[cycle % peers.length] ?? peers[0]
    const [free = primary, ...more] = shuffled(peers, draw)
    const fault = only.plan({ mesh, free: [free, ...more], draw }, primary, cycle)
    const asked = new Set<string>()
    let next = 0
    const begun = writes * (0.1 + 0.4 * (draw.whole(100) / 100))
    let onBegun: () => void = () => undefined
    const isBegun = new Promise<void>((resolve) => (onBegun = resolve))
    let onProven: () => void = () => undefined
    const isProven = new Promise<void>((resolve) => (onProven = resolve))
    const client = async (number: number): Promise<void> => {
      for (let n = next++; n < writes; n = next++) {
        if (n >= begun) onBegun()
        if (n >= writes * (1 - KEPT_SHARE)) await Promise.race([isProven, pause(KEPT_MS)])
        const text = `${namespace} write ${n}`
        asked.add(text)
        const order = [primary, ...peers.filter((peer) => peer !== primary)]
        if ((await writeSomewhere(order, text, namespace, text, ATTEMPTS_MAX, `agent-${number}`)) === 201)
          acknowledged.add(text)
      }
    }
    const running = Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)))
    try {
      await isBegun
      await fault.begin()
      await pause(HOLD_MS)
      if ((await fault.proof()) === null) unproven++
      onProven()
      await fault.end()
      await running
      equalMs.push(await equal(peers))
    } catch (error) {
      onProven()
      reasons.push(`cycle ${cycle} (${fault.shown}): ${error instanceof Error ? error.message : String(error)}`)
      await fault.end().catch(() => undefined)
      await running
    }
    const found = await contentsOn(peers, namespace)
    found.forEach((texts, i) => {
      shown[i] = [...(shown[i] ?? []), ...texts]
      unexpected += texts.filter((text) => !asked.has(text)).length
    })
    for (const peer of peers) reasons.push(...peer.complaints())
    onCycle()
  }
  const { byCount, bySets, missing, doubled } = figuresOf(acknowledged, shown)
  if (acknowledged.size === 0) reasons.push('nothing was acknowledged')
  if (unproven > 0) reasons.push(`${unproven} of ${cycles} faults did not happen`)
  if (missing.length > 0)
    reasons.push(`${missing.length} acknowledged writes are not on every peer, ${missing[0]} first`)
  if (doubled > 0) reasons.push(`${doubled} are there twice`)
  if (unexpected > 0) reasons.push(`${unexpected} were never written`)
  const slowest = Math.max(0, ...equalMs)
  return {
    name: `4 ${only.name}`,
    passed: reasons.length === 0,
    reasons,
    facts: [
      `${cycles} cycles × ${writes} writes, ${cycles - unproven} faults proven, ${acknowledged.size} acknowledged; lowest count ÷ acknowledged ${byCount.toFixed(4)}, by sets of contents ${bySets.toFixed(4)}; equal after ${(slowest / 1_000).toFixed(1)} s at most; loss below ${Math.ceil(3_000_000 / Math.max(1, acknowledged.size))} in 1,000,000 (95 %)`,
    ],
    figures: [
      {
        class: only.name,
        cycles,
        proven: cycles - unproven,
        acknowledged: acknowledged.size,
        by_count: byCount,
        by_sets: bySets,
        missing: missing.length,
        doubled,
        equal_ms_max: Math.round(slowest),
      },
    ],
  }
}
