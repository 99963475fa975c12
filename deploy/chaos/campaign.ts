/**
 * A campaign: one mesh, many rounds. Whatever happens, no process, mount or file is left.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../local/ports.ts'
import { MIB, mountDisk, type SmallDisk } from './disk.ts'
import { drawFault, type Fault, type FaultKind } from './faults.ts'
import type { Entry } from './ledger.ts'
import { startMesh } from './peers.ts'
import { draws } from './random.ts'
import { playRound, type RoundResult } from './rounds.ts'

export type CampaignOptions = {
  readonly faults: readonly [FaultKind, ...FaultKind[]]
  readonly rounds: number
  readonly seed: number
  /** The first of three; null takes free ones. */
  readonly port: number | null
  /** From the end of a fault to all being well; later is a violation. */
  readonly healedMsMax: number
  /** When it fires, the round under way is the last; then all is taken down. */
  readonly signal?: AbortSignal
  readonly onRound: (result: RoundResult) => void
  /** In place of what the seed draws, for a test. */
  readonly script?: readonly Fault[]
}

/** A peer writes only while 256 MiB are free; the ballast takes the rest. */
const LOG_DISK_BYTES = 640 * MIB
const PROJECTION_DISK_BYTES = 1_024 * MIB
/** Whom the faults befall. */
const VICTIM = 'c'

/** @throws Error when the mesh does not come up; what happens in a round is in its result. */
export const playCampaign = async ({ faults, rounds, seed, port, healedMsMax, signal, onRound, script }: CampaignOptions): Promise<readonly RoundResult[]> => {
  const dir = await mkdtemp(join(tmpdir(), 'mnemesh-chaos-'))
  const mounted: SmallDisk[] = []
  let disks: { readonly log: SmallDisk; readonly projection: SmallDisk } | null = null
  const mount = (name: string, folder: string): void => {
    if (name !== VICTIM || !faults.includes('disk')) return
    const add = (path: string, bytes: number): SmallDisk => {
      const disk = mountDisk(path, bytes)
      mounted.push(disk)
      return disk
    }
    disks = { log: add(join(folder, 'log'), LOG_DISK_BYTES), projection: add(join(folder, 'projection'), PROJECTION_DISK_BYTES) }
  }
  let stop = async (): Promise<void> => undefined
  try {
    const mesh = await startMesh(dir, port ?? (await freePorts(3)), mount)
    stop = mesh.stop
    const victim = { peer: mesh.peers[2], disks }
    const entries: Entry[] = []
    const reported = new Set<string>()
    const results: RoundResult[] = []
    for (let round = 0; round < (script?.length ?? rounds); round++) {
      if (signal?.aborted === true) break
      const draw = draws(seed * 1_000 + round)
      const result = await playRound({ round, fault: script?.[round] ?? drawFault(faults, draw), mesh, victim, draw, entries, reported, healedMsMax })
      results.push(result)
      onRound(result)
    }
    return results
  } finally {
    await stop()
    for (const disk of mounted) disk.unmount()
    await rm(dir, { recursive: true, force: true })
  }
}
