/**
 * Real peers to attack, started once for all rows, and the attackers' memberships.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import type { MeshId, PeerId } from '../../crdt/ids.ts'
import { keyPairFromSeed, publicKeyHex } from '../../crdt/signature.ts'
import { mnemeshOk } from '../../deploy/local/command.ts'
import { startFleet, type Fleet } from '../../deploy/local/fleet.ts'
import { expecting } from '../../deploy/local/http.ts'
import type { Peer } from '../../deploy/local/peer.ts'
import type { Attack, Stage } from './attack.ts'
import { startHealthy, type Healthy } from './healthy.ts'
import { enrol, textIn, type Member } from './member.ts'
import { metric } from './snapshot.ts'
import { authenticate, connect, openLink, type MeshFacts } from '../hostile/mesh-link.ts'

export type Theatre = {
  readonly victim: Peer
  healthy(): Healthy
  /** A member for a row: the one that all share, or one of its own. */
  cast(attack: Pick<Attack, 'spends' | 'role' | 'onSpare'>): Promise<Member>
  stage(member: Member): Promise<Stage & { /** Ends what the row left open. */ clear(): Promise<void> }>
  /** Starts the victim again after an attack ended it. */
  revive(): Promise<void>
  dispose(): Promise<void>
}

/** What lies there before the first row, so that a list that shows less is seen. */
const MEMORIES = 40

/** @param peers honest ones: with one alone writes need nobody else, with three they need two. */
export const openTheatre = async (peers: 1 | 3): Promise<Theatre> => {
  const fleet = await startFleet({
    names: ['a', 'b', 'c'].slice(0, peers),
    projection: 'pglite',
    quorum: peers === 1 ? 1 : 2,
  })
  try {
    const victim = fleet.peer(0)
    const facts: MeshFacts = {
      mesh: (await textIn(join(victim.dir, 'mesh.json'), 'mesh_id')) as MeshId,
      victim: (await textIn(join(victim.dir, 'identity.json'), 'peer_id')) as PeerId,
    }
    const memories = Array.from({ length: MEMORIES }, (_, n) => ({
      content: `before the attack ${n}`,
      namespace: n % 2 === 0 ? 'attacked' : 'default',
      tags: ['before'],
    }))
    await expecting(201, victim.call('POST', '/memories/bulk', { body: memories }))
    let healthy = startHealthy(victim.url, victim.pid())
    let shared: Member | null = null
    let enrolled = 0
    const own = (role?: Role): Promise<Member> => enrol(fleet, `evil-${++enrolled}`, role)
    const common = async (): Promise<Member> => (shared ??= await own())
    let spare: Peer | null = null
    let placed = 0
    const props: Props = {
      accomplice: common,
      place: (name) => fleet.place(`${name}-${++placed}`),
      /** One that a row has broken is left where it is. */
      spare: async () => {
        if (spare?.running() === true) return spare
        const fresh = await props.place('spare')
        await fleet.join(fresh, ['--role', 'observer'])
        await fresh.start({ projection: 'none' })
        return (spare = fresh)
      },
    }
    return {
      victim,
      healthy: () => healthy,
      cast: async ({ spends, role, onSpare }) => {
        if (onSpare === true) await props.spare()
        return spends === true || role !== undefined ? own(role) : common()
      },
      stage: async (member) => stageOf(fleet, facts, member, props, await metric(victim, 'mnemesh_forks_seen')),
      revive: async () => {
        await healthy.stop()
        if (!victim.running()) await victim.start()
        healthy = startHealthy(victim.url, victim.pid())
      },
      dispose: async () => {
        await healthy.stop()
        await fleet.dispose()
      },
    }
  } catch (error) {
    await fleet.dispose()
    throw error
  }
}

type Role = 'voter' | 'observer'
type Props = Pick<Stage, 'accomplice' | 'place' | 'spare'>

const stageOf = (
  fleet: Fleet,
  facts: MeshFacts,
  member: Member,
  props: Props,
  forksBefore: number,
): Awaited<ReturnType<Theatre['stage']>> => {
  const victim = fleet.peer(0)
  const undoes: (() => unknown)[] = []
  let isOut = false
  let over = false
  const dial: Stage['dial'] = async (keys, named = false) => {
    const raw = await connect(
      `${victim.url.replace('http', 'ws')}/mesh`,
      named ? { 'x-mnemesh-peer': publicKeyHex(keys) } : {},
    )
    undoes.push(raw.end)
    if (over) throw new Error('the row is over')
    return authenticate(raw, facts, keys)
  }
  return {
    victim,
    peers: fleet.peers,
    facts,
    member,
    dial,
    forksBefore,
    ...props,
    place: async (name) => {
      const peer = await props.place(name)
      undoes.push(() => (peer.running() ? peer.kill() : undefined))
      return peer
    },
    stranger: () => keyPairFromSeed(randomBytes(32)),
    open: async () => openLink(await dial(member.keys, true)),
    revoke: async () => {
      if (isOut) return
      isOut = true
      await mnemeshOk(['mesh', 'revoke', member.peer, '--data', victim.dir])
    },
    pause: (ms) => pause(ms),
    over: () => over,
    later: (undo) => void undoes.push(undo),
    clear: async () => {
      over = true
      for (const undo of undoes.splice(0).toReversed()) await undo()
    },
  }
}
