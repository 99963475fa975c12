/**
 * Processes that are killed, paused and restarted.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { isAlive } from '../../local/command.ts'
import type { ChaosPeer } from '../peers.ts'
import { revive, type Fault, type FaultClass, type Stage } from './fault.ts'

const ANSWER_MS = 500
/** How long it may take a process to be seen to answer again. */
const SHORT_PAUSE_MS = 100

/** SIGKILL to all of these at once; started again at the end. */
export const killing = (shown: string, pick: () => readonly ChaosPeer[]): Fault => {
  let killed: readonly { readonly peer: ChaosPeer; readonly pid: number }[] = []
  return {
    shown,
    get hit() {
      return killed.map(({ peer }) => peer.name)
    },
    begin: async () => {
      killed = pick()
        .filter((peer) => peer.running())
        .map((peer) => ({ peer, pid: peer.pid() }))
      await Promise.all(killed.map(({ peer }) => peer.kill()))
    },
    proof: async () =>
      killed.length > 0 && killed.every(({ peer, pid }) => !peer.running() && !isAlive(pid))
        ? `pid ${killed.map(({ pid }) => pid).join(', ')} gone`
        : null,
    end: async () => {
      await Promise.all(killed.map(({ peer }) => revive(peer)))
    },
  }
}

const pausing = ({ free: [peer], draw }: Stage): Fault => {
  const isShort = draw.chance(0.25)
  // A fault beside it may have killed it.
  const hold = (): void => void (peer.running() && peer.pause())
  const goOn = (): void => void (peer.running() && peer.goOn())
  return {
    shown: `pause ${peer.name}${isShort ? ' again and again' : ''}`,
    hit: [peer.name],
    begin: async () => {
      for (let n = 0; isShort && n < 5; n++) {
        hold()
        await pause(SHORT_PAUSE_MS)
        goOn()
        await pause(SHORT_PAUSE_MS)
      }
      hold()
    },
    proof: async () => {
      const answers = await Promise.race([
        peer.health().then(
          () => true,
          () => false,
        ),
        pause(ANSWER_MS).then(() => false),
      ])
      return answers ? null : `no answer for ${ANSWER_MS} ms`
    },
    end: async () => goOn(),
  }
}

const rolling = ({ mesh, draw }: Stage): Fault => {
  const pids: string[] = []
  const order = draw.chance(0.5) ? mesh.peers : [...mesh.peers].toReversed()
  return {
    shown: 'each stopped and started in turn',
    hit: mesh.peers.map(({ name }) => name),
    begin: async () => {
      for (const peer of order) {
        const before = peer.pid()
        await peer.stop()
        await peer.start()
        if (peer.pid() !== before) pids.push(`${before}→${peer.pid()}`)
      }
    },
    proof: async () => (pids.length === order.length ? `pids ${pids.join(', ')}` : null),
    end: async () => undefined,
  }
}

export const PROCESS_CLASSES: readonly FaultClass[] = [
  {
    name: 'kill-coordinator',
    what: 'kill -9 of the peer that acknowledged last',
    plan: ({ free, load }) =>
      killing('kill the coordinator', () => (free.includes(load().lastAckedBy()) ? [load().lastAckedBy()] : [free[0]])),
  },
  {
    name: 'kill-quorum',
    what: 'kill -9 of as many as a quorum needs, at once',
    plan: ({ mesh: { peers }, free }) =>
      killing('kill a majority', () => free.slice(0, Math.floor(peers.length / 2) + 1)),
  },
  { name: 'kill-all', what: 'kill -9 of all at once', plan: ({ mesh: { peers } }) => killing('kill all', () => peers) },
  { name: 'pause', what: 'SIGSTOP, once or again and again', plan: pausing },
  { name: 'rolling', what: 'each peer stopped and started in turn', needsCalm: true, isMoment: true, plan: rolling },
]
