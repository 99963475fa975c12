/**
 * Clocks that step while their peer runs: within the bound, where all go on, and beyond it, where the peer writes nothing and says so.
 */
import { until } from '../../local/until.ts'
import { objectIn, textIn, expecting } from '../../local/http.ts'
import type { ChaosPeer } from '../peers.ts'
import type { Fault, FaultClass, Ground } from './fault.ts'

const MINUTE_MS = 60_000
/** A peer's clock may be five minutes off. */
const WITHIN_MS = 2 * MINUTE_MS
const SEEN_MS = 15_000
const NAMESPACE = 'chaos-clock'

const stepping = (peer: ChaosPeer, aheadMs: number, see: () => Promise<string | null>): Fault => {
  let proof: string | null = null
  return {
    shown: `${peer.name} ${aheadMs > 0 ? 'ahead' : 'behind'} by ${Math.abs(aheadMs) / MINUTE_MS} min`,
    hit: [peer.name],
    begin: async () => {
      peer.setClock(aheadMs)
      proof = await until('the clock is off', SEEN_MS, see).catch(() => null)
    },
    proof: async () => proof,
    end: async () => peer.setClock(0),
  }
}

/** Beyond the bound a write is refused by that name. */
export const beyond = ({ free: [peer], draw }: Ground): Fault => {
  const aheadMs = draw.one([60 * MINUTE_MS, 365 * 1_440 * MINUTE_MS, -60 * MINUTE_MS, -365 * 1_440 * MINUTE_MS])
  return stepping(peer, aheadMs, async () => {
    const { status, body } = await peer.call('POST', '/memories', {
      body: { content: 'of another time', namespace: NAMESPACE },
    })
    return status === 503 && body['error'] === 'clock_off' ? '503 clock_off' : null
  })
}

/** Ahead within the bound, a write bears that time. */
export const within = ({ free: [peer] }: Ground): Fault =>
  stepping(peer, WITHIN_MS, async () => {
    const made = await expecting(
      201,
      peer.call('POST', '/memories', { body: { content: 'a little early', namespace: NAMESPACE } }),
    )
    const at = objectIn(await expecting(200, peer.call('GET', `/memories/${textIn(made, 'id')}`)), 'memory')[
      'created_at'
    ]
    const aheadMs = Date.parse(String(at)) - Date.now()
    return aheadMs > WITHIN_MS / 2 ? `written ${Math.round(aheadMs / 1_000)} s ahead` : null
  })

export const CLOCK_CLASSES: readonly FaultClass[] = [
  { name: 'clock-beyond', what: 'a clock steps by an hour or a year', needsCalm: true, plan: beyond },
  { name: 'clock-within', what: 'a clock steps within the bound', needsCalm: true, plan: within },
]
