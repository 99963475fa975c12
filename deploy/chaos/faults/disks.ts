/**
 * Full disks: a small tmpfs under a peer's log or search index is filled to the last byte, at once or while flushes are under way; and a start on one.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { MIB, whyNoDisks } from '../disk.ts'
import { revive, type Fault, type FaultClass, type Stage } from './fault.ts'

/** What the peer gives back itself (a reserve, a log that became a table) is no room. */
const GIVEN_BACK_BYTES = 16 * MIB
const BURST = 24
const PULSES = 2
/** The peer looks at its free space once a second: only then does it write again. */
const LOOKED_MS = 1_200

export type DiskPlan = {
  readonly where: 'log' | 'projection' | 'both'
  readonly leftMiB: 0 | 20 | 100
  /** `mid-flush`: the room goes while large flushes are under way, several times. */
  readonly how: 'at once' | 'mid-flush'
  /** Killed and started again while the disk is full. */
  readonly restart: boolean
}

export const fillingDisk = (
  { mesh, draw, load, disksOf }: Pick<Stage, 'mesh' | 'draw' | 'load' | 'disksOf'>,
  { where, leftMiB, how, restart }: DiskPlan,
): Fault => {
  const [[name, disks] = []] = disksOf
  const peer = mesh.peers.find((one) => one.name === name)
  if (peer === undefined || disks === undefined) throw new Error('a full disk needs a peer with small disks')
  const filled = where === 'both' ? [disks.log, disks.projection] : [disks[where]]
  const leave = leftMiB * MIB
  const empty = (): void => filled.forEach((disk) => disk.empty())
  const bursts: Promise<void>[] = []
  let free: readonly number[] = []
  return {
    shown: `disk ${where} ${leftMiB} MiB ${how}${restart ? ', restart' : ''}`,
    hit: [peer.name],
    begin: async () => {
      for (let pulse = 0; how === 'mid-flush' && pulse < PULSES; pulse++) {
        bursts.push(load().burst(peer, BURST))
        await pause(draw.whole(120))
        for (const disk of filled) disk.fill(0)
        await pause(100 + draw.whole(200))
        empty()
        await pause(LOOKED_MS)
      }
      bursts.push(load().burst(peer, BURST))
      await pause(draw.whole(120))
      load().answers()
      free = filled.map((disk) => disk.fill(leave))
      if (!restart) return
      await peer.kill()
      await peer.start()
    },
    proof: async () => {
      await Promise.all(bursts)
      const most = Math.max(...filled.map((disk) => disk.free()), ...free)
      const refused = load().answers().get(`${peer.name} 507`) ?? 0
      const shown = `${free.map((bytes) => `${(bytes / MIB).toFixed(1)} MiB`).join(' and ')} free, ${refused} × 507`
      return most <= leave + GIVEN_BACK_BYTES && (where === 'projection' || refused > 0) ? shown : null
    },
    end: async () => {
      empty()
      await revive(peer)
    },
  }
}

const drawn = (stage: Stage): Fault => {
  const { draw } = stage
  return fillingDisk(stage, {
    where: draw.one(['log', 'log', 'projection', 'both']),
    leftMiB: draw.one([0, 20, 100]),
    how: draw.one(['at once', 'mid-flush']),
    restart: draw.chance(0.2),
  })
}

export const DISK_CLASSES: readonly FaultClass[] = [
  {
    name: 'full-disk',
    what: 'a disk is filled to the last byte, also under a start',
    needsCalm: true,
    refusal: whyNoDisks,
    plan: drawn,
  },
]
