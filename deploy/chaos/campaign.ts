/**
 * A campaign: one mesh, many rounds, and in the end everything of all rounds compared once more. Whatever happens, no process, mount or file is left.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../local/ports.ts'
import { check, type Checked } from './checker.ts'
import { MIB, mountDisk, type SmallDisk } from './disk.ts'
import { classesOf, type Mix } from './faults/classes.ts'
import type { Fault, FaultClass, Stage } from './faults/fault.ts'
import type { Entry } from './ledger.ts'
import { startMesh, type ChaosPeer, type Projection } from './peers.ts'
import { draws, shuffled, type Draw } from './random.ts'
import { namespaceOf, playRound, type RoundResult } from './rounds.ts'

export type CampaignOptions = {
  readonly classes: readonly [FaultClass, ...FaultClass[]]
  readonly mix: Mix
  /** The first round and how many: one alone is a replay. */
  readonly first: number
  readonly rounds: number
  readonly seed: number
  readonly peers: number
  readonly projection: Projection
  /** How long a fault lasts; null: drawn, `HOLD_MS_MIN` and more. */
  readonly holdMs: number | null
  /** From the end of a fault to all being equal; later is a violation. */
  readonly healedMsMax: number
  /** The peers' folders stay, for whoever looks for a cause, and where is told to this. */
  readonly keep?: (dir: string) => void
  /** When it fires, the round under way is the last; then all is taken down. */
  readonly signal?: AbortSignal
  readonly onRound: (result: RoundResult) => void
  /** In place of what the seed draws, where it is not null, for a test. */
  readonly script?: (stage: Stage) => readonly Fault[] | null
}

export type CampaignResult = {
  readonly rounds: readonly RoundResult[]
  /** All rounds' memories, once more, at the end. */ readonly last: Checked
  readonly growth: { readonly memoryBytesFirst: number; readonly memoryBytesLast: number }
}

/** A peer writes only while 256 MiB are free; the ballast takes the rest. */
const LOG_DISK_BYTES = 640 * MIB
const PROJECTION_DISK_BYTES = 1_024 * MIB
/** A link says `silent` after 3 s: some faults end before, some after. */
const HOLD_MS_MIN = 1_500
const HOLD_MS_MORE = 3_500
export const PEERS_MAX = 9

/** @throws Error when the mesh does not come up; what happens in a round is in its result. */
export const playCampaign = async (options: CampaignOptions): Promise<CampaignResult> => {
  const { classes, mix, first, rounds, seed, projection, healedMsMax, signal, onRound, script } = options
  const dir = await mkdtemp(join(tmpdir(), 'mnemesh-chaos-'))
  const names = Array.from({ length: options.peers }, (_, i) => String.fromCodePoint('a'.codePointAt(0)! + i))
  const victim = names.at(-1) ?? ''
  const mounted: SmallDisk[] = []
  const disksOf = new Map<string, { readonly log: SmallDisk; readonly projection: SmallDisk }>()
  const prepare = (name: string, folder: string): void => {
    if (name !== victim || !classes.some((one) => one.name === 'full-disk')) return
    const add = (path: string, bytes: number): SmallDisk => {
      const disk = mountDisk(path, bytes)
      mounted.push(disk)
      return disk
    }
    disksOf.set(name, {
      log: add(join(folder, 'log'), LOG_DISK_BYTES),
      projection: add(join(folder, 'projection'), PROJECTION_DISK_BYTES),
    })
  }
  let stop = async (): Promise<void> => undefined
  try {
    const jitter = draws(seed)
    const mesh = await startMesh({
      dir,
      names,
      projection,
      prepare,
      ports: () => freePorts(1),
      random: () => jitter.whole(1_000_000) / 1_000_000,
    })
    stop = mesh.stop
    const entries: Entry[] = []
    const reported = new Set<string>()
    const results: RoundResult[] = []
    for (let round = first; round < first + rounds && signal?.aborted !== true; round++) {
      const draw = draws(seed * 1_000 + round)
      const chosen = classesOf(round, classes, mix, draw)
      const holdMs = options.holdMs ?? HOLD_MS_MIN + draw.whole(HOLD_MS_MORE)
      const result = await playRound({
        round,
        classes: chosen,
        mesh,
        disksOf,
        draw,
        entries,
        reported,
        holdMs,
        healedMsMax,
        hasSearch: projection !== 'none',
        faultsOf: (stage) => script?.(stage) ?? planned(chosen, stage, draw),
      })
      results.push(result)
      onRound(result)
    }
    const last = await check(
      mesh.peers,
      results.map(({ round }) => namespaceOf(round)),
      entries,
      { reported },
    )
    return {
      rounds: results,
      last,
      growth: { memoryBytesFirst: results[0]?.memoryBytes ?? 0, memoryBytesLast: results.at(-1)?.memoryBytes ?? 0 },
    }
  } finally {
    await stop()
    for (const disk of mounted) disk.unmount()
    if (options.keep === undefined) await rm(dir, { recursive: true, force: true })
    else options.keep(dir)
  }
}

/** Each fault takes its peers from those whom none before it takes, while there are some. */
const planned = (classes: readonly FaultClass[], stage: Stage, draw: Draw): readonly Fault[] => {
  const order = shuffled(stage.mesh.peers, draw)
  const taken = new Set<string>()
  return classes.map((one) => {
    const left: readonly ChaosPeer[] = order.filter(({ name }) => !taken.has(name))
    const [free = stage.mesh.peers[0], ...more] = left.length > 0 ? left : order
    const fault = one.plan({ ...stage, free: [free, ...more] })
    for (const name of fault.hit) taken.add(name)
    return fault
  })
}
