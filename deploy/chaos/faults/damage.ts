/**
 * Disks that lose what they had: flipped bits and cut files in a stopped peer's log, and an old copy of a folder that is put back. One peer at a time: the
 * other disks of a quorum still hold what was acknowledged.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, truncateSync, writeSync } from 'node:fs'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { ChaosPeer } from '../peers.ts'
import { revive, type Fault, type FaultClass, type Stage } from './fault.ts'

/** Of the log: tables and the write-ahead log, the longest of which holds most. */
const DATA_FILE = /\.(ldb|log)$/
const FLIPS_MAX = 3
/** The load goes on for so long behind a copy. */
const BEHIND_MS = 1_500

type File = { readonly path: string; readonly bytes: number }

const dataFiles = (peer: ChaosPeer): readonly File[] => {
  const dir = join(peer.dir, 'log')
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => DATA_FILE.test(name))
    .map((name) => {
      const path = join(dir, name)
      const file = openSync(path, 'r')
      const { size } = fstatSync(file)
      closeSync(file)
      return { path, bytes: size }
    })
    .filter(({ bytes }) => bytes > 0)
}

const flipBit = (path: string, at: number, bit: number): void => {
  const file = openSync(path, 'r+')
  const byte = Buffer.alloc(1)
  readSync(file, byte, 0, 1, at)
  byte[0] = (byte[0] ?? 0) ^ (1 << bit)
  writeSync(file, byte, 0, 1, at)
  closeSync(file)
}

/** Kills it, harms its files, and starts it again at the end. */
const harming = (
  shown: string,
  { free: [peer] }: Stage,
  harm: (files: readonly [File, ...File[]]) => string,
): Fault => {
  let proof: string | null = null
  return {
    shown: `${shown} of ${peer.name}`,
    hit: [peer.name],
    begin: async () => {
      if (peer.running()) await peer.kill()
      const [first, ...rest] = dataFiles(peer)
      if (first !== undefined) proof = harm([first, ...rest])
    },
    proof: async () => proof,
    end: () => revive(peer),
  }
}

const flipping = (stage: Stage): Fault =>
  harming('bits flipped in the log', stage, (files) => {
    const { draw } = stage
    return Array.from({ length: 1 + draw.whole(FLIPS_MAX) }, () => {
      const { path, bytes } = draw.one(files)
      const at = draw.whole(bytes)
      flipBit(path, at, draw.whole(8))
      return `${path.slice(path.lastIndexOf('/') + 1)} at ${at}`
    }).join(', ')
  })

const cutting = (stage: Stage): Fault =>
  harming('a file cut short in the log', stage, (files) => {
    const { path, bytes } = stage.draw.one(files)
    const left = stage.draw.whole(bytes)
    truncateSync(path, left)
    return `${path.slice(path.lastIndexOf('/') + 1)}: ${left} of ${bytes} bytes left`
  })

const putBack = ({ free: [peer], draw }: Stage): Fault => {
  const copy = `${peer.dir}.old`
  const isClean = draw.chance(0.5)
  let proof: string | null = null
  const frontier = async (): Promise<string> => String((await peer.call('GET', '/digests')).body['log'])
  return {
    shown: `an old copy of ${peer.name}'s folder put back, taken ${isClean ? 'after a stop' : 'after a kill'}`,
    hit: [peer.name],
    begin: async () => {
      await (isClean ? peer.stop() : peer.kill())
      await cp(peer.dir, copy, { recursive: true })
      await peer.start()
      const before = Number(await frontier())
      await pause(BEHIND_MS)
      const after = Number(await frontier())
      await peer.kill()
      await rm(peer.dir, { recursive: true })
      await cp(copy, peer.dir, { recursive: true })
      await rm(copy, { recursive: true })
      if (after > before) proof = `${after - before} commits gone`
    },
    proof: async () => proof,
    end: () => revive(peer),
  }
}

export const DAMAGE_CLASSES: readonly FaultClass[] = [
  { name: 'bit-flip', what: "bits flip in a stopped peer's log", losesDisk: true, plan: flipping },
  { name: 'cut-file', what: "a file of a stopped peer's log is cut short", losesDisk: true, plan: cutting },
  { name: 'old-copy', what: 'an old copy of a folder is put back', losesDisk: true, needsCalm: true, plan: putBack },
]
