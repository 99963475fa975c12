/**
 * The faults of a round: drawn, done to one peer of three under load, proven to have happened, and taken back.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Load } from './clients.ts'
import { MIB, type SmallDisk } from './disk.ts'
import type { ChaosPeer } from './peers.ts'
import type { Draw } from './random.ts'

export type FaultKind = 'disk' | 'kill' | 'pause'
export const FAULT_KINDS: readonly [FaultKind, ...FaultKind[]] = ['disk', 'kill', 'pause']

export type Fault =
  | {
    readonly kind: 'disk'
    readonly where: 'log' | 'projection' | 'both'
    readonly leftMiB: 0 | 20 | 100
    /** `mid-flush`: the room goes while large flushes are under way, several times. */
    readonly how: 'at once' | 'mid-flush'
    /** Killed and started again while the disk is full. */
    readonly restart: boolean
    readonly holdMs: number
  }
  | { readonly kind: 'kill'; readonly holdMs: number }
  | { readonly kind: 'pause'; readonly holdMs: number }

export type Victim = { readonly peer: ChaosPeer; readonly disks: { readonly log: SmallDisk; readonly projection: SmallDisk } | null }

/** What was seen of the fault. `proof` null: it did not happen, and the round proves nothing. */
export type Done = { readonly proof: string | null; readonly faults: readonly string[]; /** A write had failed in the log, by the peer's health. */ readonly wedged: boolean }

export const drawFault = (kinds: readonly [FaultKind, ...FaultKind[]], draw: Draw): Fault => {
  const kind = draw.one(kinds)
  if (kind !== 'disk') return { kind, holdMs: 1_000 + draw.whole(3_000) }
  return {
    kind, where: draw.one(['log', 'log', 'projection', 'both']), leftMiB: draw.one([0, 20, 100]), how: draw.one(['at once', 'mid-flush']), restart: draw.chance(0.2), holdMs: 1_500 + draw.whole(3_000),
  }
}

export const shownFault = (fault: Fault): string =>
  fault.kind === 'disk' ? `disk ${fault.where} ${fault.leftMiB} MiB ${fault.how}${fault.restart ? ', restart' : ''}` : fault.kind

/** Does it and holds it. The fault is still there when this resolves; the function that is answered ends it. */
export const doFault = async (fault: Fault, { peer, disks }: Victim, load: Load, draw: Draw): Promise<Done & { readonly end: () => Promise<void> }> => {
  if (fault.kind === 'kill') {
    await peer.kill()
    await pause(fault.holdMs)
    return { proof: peer.running() ? null : 'no such process', faults: [], wedged: false, end: () => peer.start() }
  }
  if (fault.kind === 'pause') {
    peer.pause()
    await pause(fault.holdMs)
    const answered = await Promise.race([peer.health().then(() => true, () => false), pause(500).then(() => false)])
    return { proof: answered ? null : 'no answer', faults: [], wedged: false, end: async () => peer.goOn() }
  }
  if (disks === null) throw new Error('a disk fault needs disks')
  return fillDisks(fault, peer, disks, load, draw)
}

const fillDisks = async (fault: Extract<Fault, { kind: 'disk' }>, peer: ChaosPeer, disks: NonNullable<Victim['disks']>, load: Load, draw: Draw): Promise<Done & { readonly end: () => Promise<void> }> => {
  const filled = fault.where === 'both' ? [disks.log, disks.projection] : [disks[fault.where]]
  const leave = fault.leftMiB * MIB
  const empty = async (): Promise<void> => filled.forEach((disk) => disk.empty())
  const bursts: Promise<void>[] = []
  if (fault.how === 'mid-flush') {
    for (let pulse = 0; pulse < 2; pulse++) {
      bursts.push(load.burst(peer, 24))
      await pause(draw.whole(120))
      for (const disk of filled) disk.fill(0)
      await pause(100 + draw.whole(200))
      await empty()
      // The peer looks at its free space once a second: only then does it write again.
      await pause(1_200)
    }
    bursts.push(load.burst(peer, 24))
    await pause(draw.whole(120))
  }
  load.answers()
  const free = filled.map((disk) => disk.fill(leave))
  const faults: string[] = []
  const endMs = performance.now() + fault.holdMs
  let wedged = false
  if (fault.restart) {
    await peer.kill()
    await peer.start().catch((error: unknown) => faults.push(`it does not start on a full disk: ${error instanceof Error ? error.message : String(error)}`))
  }
  while (performance.now() < endMs) {
    const reasons = await peer.health().then(({ reasons: all }) => JSON.stringify(all), () => '')
    wedged ||= reasons.includes('takes no writes since one failed')
    await pause(150)
  }
  await Promise.all(bursts)
  const most = Math.max(...filled.map((disk) => disk.free()), ...free)
  const refused = load.answers().get(`${peer.name} 507`) ?? 0
  // What the peer gives back itself (a reserve, a log that became a table) is no room.
  const isFull = most <= leave + 16 * MIB
  const isRefused = fault.where === 'projection' || refused > 0
  const shown = `${free.map((bytes) => `${(bytes / MIB).toFixed(1)} MiB`).join(' and ')} free, ${refused} × 507`
  if (!isFull || !isRefused) faults.push(`the disk was not full: ${shown}, later ${(most / MIB).toFixed(1)} MiB free`)
  return {
    proof: isFull && isRefused ? shown : null, faults, wedged,
    end: async () => {
      await empty()
      if (!peer.running()) await peer.start()
    },
  }
}
