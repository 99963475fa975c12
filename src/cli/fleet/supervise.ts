/**
 * Starts the peers, waits until each takes writes, reports the ones that die (they stay down), and stops what is left.
 *
 * States of a run: starting → up → stopping. A death is reported in the first two; in the last it is what was asked for.
 */
import { createClient } from '../../sdk/client.ts'
import { CallFailure } from '../../sdk/failure.ts'
import { CliFailure } from '../failure.ts'
import { type Io, note } from '../io.ts'
import { clean } from '../render.ts'
import { FLEET_QUORUM, type FleetPeer, startLine } from './peers.ts'
import { type Ending, type PeerProcess, startProcess } from './process.ts'
import { cliLimits } from '../limits.ts'

const POLL_EVERY_MS = 100
const POLL_MS_MAX = 2_000

export type FleetOptions = {
  readonly peers: readonly FleetPeer[]
  readonly io: Io
  /** What runs a peer. */
  readonly command: (peer: FleetPeer) => readonly [string, ...string[]]
  /** Called once all that will come up are up. @param away the peers that are not. */
  readonly onUp: (up: readonly FleetPeer[], away: readonly FleetPeer[]) => Promise<void>
}

/** Resolves after a clean stop. Rejects with a `CliFailure` when too few peers came up, or every peer has died. */
export const superviseFleet = async ({ peers, io, command, onUp }: FleetOptions): Promise<void> => {
  const running = new Map<FleetPeer, PeerProcess>()
  let stopping = false
  let signals = 0
  let askStop: () => void = () => undefined
  const stopAsked = new Promise<void>((resolve) => (askStop = resolve))
  const endSignals = io.onStopSignal(() => {
    if (++signals === 1) return askStop()
    for (const child of running.values()) child.kill()
    io.exitNow(1)
  })

  const deaths = peers.map(async (peer) => {
    const child = startProcess(command(peer), io.env, (line) => io.stderr.write(`${peer.name} | ${line}\n`))
    running.set(peer, child)
    const ending = await child.ended
    running.delete(peer)
    if (!stopping)
      await note(
        io,
        `${peer.name} has died (${endingText(ending)}) and stays down; start it again with: ${startLine(peer, io.env)}`,
      )
  })

  try {
    const started = whenUp(peers, running, io)
    await Promise.race([started, stopAsked])
    if (signals > 0) return
    const up = await started
    if (up.length < FLEET_QUORUM)
      throw new CliFailure(
        `only ${up.length} of ${peers.length} peers came up within ${cliLimits.fleet_ready_ms_max / 1000} s, and writes need ${FLEET_QUORUM}; see what they said above`,
      )
    await onUp(
      up,
      peers.filter((peer) => !up.includes(peer)),
    )
    await Promise.race([stopAsked, Promise.all(deaths)])
    if (signals === 0)
      throw new CliFailure('every peer has died; see what they said above, and start again with `npm start`')
  } finally {
    stopping = true
    await Promise.all([...running.values()].map((child) => child.stop(cliLimits.fleet_stop_ms_max)))
    await Promise.all(deaths)
    endSignals()
  }
}

/** The peers that take writes, once all do, or the time is over, or the others have died. */
const whenUp = async (
  peers: readonly FleetPeer[],
  running: ReadonlyMap<FleetPeer, PeerProcess>,
  io: Io,
): Promise<readonly FleetPeer[]> => {
  const deadline = io.clock.now() + cliLimits.fleet_ready_ms_max
  const up = new Set<FleetPeer>()
  for (;;) {
    const waiting = peers.filter((peer) => !up.has(peer) && running.has(peer))
    if (waiting.length === 0 || io.clock.now() >= deadline)
      return peers.filter((peer) => up.has(peer) && running.has(peer))
    await Promise.all(waiting.map(async (peer) => ((await isUp(peer)) ? up.add(peer) : null)))
    await io.sleep(POLL_EVERY_MS)
  }
}

const isUp = async (peer: FleetPeer): Promise<boolean> => {
  try {
    await createClient({ target: async () => ({ url: peer.url, key: null }) }).call('GET', '/health', {
      timeout_ms: POLL_MS_MAX,
    })
    return true
  } catch (error) {
    if (error instanceof CallFailure) return false
    throw error
  }
}

const endingText = ({ code, signal, said }: Ending): string => {
  const how = signal === null ? `status ${code ?? 'unknown'}` : signal
  return said === '' ? how : `${how}: ${clean(said)}`
}
