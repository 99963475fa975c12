/**
 * One round: load on all peers, a fault on one, its end; then all must hold the same within the limit, take writes and find them;
 * then everything is compared by content.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { expecting, listIn, type Json } from '../local/http.ts'
import { until } from '../local/until.ts'
import { check } from './checker.ts'
import { NAMESPACE, startLoad, type Load } from './clients.ts'
import { doFault, shownFault, type Fault, type Victim } from './faults.ts'
import type { Entry } from './ledger.ts'
import type { ChaosMesh, ChaosPeer } from './peers.ts'
import type { Draw } from './random.ts'

/** From the end of the fault to all being equal, searching and writing, on a machine with cores to spare. */
export const HEALED_MS_MAX = 10_000
/** After that the round has failed, and waits on only so that the next one begins in peace. */
const GIVEN_UP_MS = 90_000
const CLIENTS = 4
const WARM_MS = 1_000

export type RoundResult = {
  readonly round: number
  readonly fault: string
  readonly proof: string | null
  readonly wedged: boolean
  /** Answers 2xx and others, of this round. */
  readonly acknowledged: number
  readonly refused: number
  /** From the end of the fault on; null when it never came. */
  readonly healedMs: number | null
  /** What was waited for last, by how long. */
  readonly lastMs: Readonly<Record<string, number>>
  readonly memories: number
  readonly faults: readonly string[]
}

export type Round = {
  readonly round: number
  readonly fault: Fault
  readonly mesh: ChaosMesh
  readonly victim: Victim
  readonly draw: Draw
  /** Of all rounds so far; this one adds its own. */
  readonly entries: Entry[]
  /** Keys of which a fault was reported. */
  readonly reported: Set<string>
  readonly healedMsMax: number
}

export const playRound = async ({ round, fault, mesh: { peers }, victim, draw, entries, reported, healedMsMax }: Round): Promise<RoundResult> => {
  const before = entries.length
  const load = startLoad(`r${round}`, peers, CLIENTS, draw, entries)
  await pause(WARM_MS)
  const done = await doFault(fault, victim, load, draw)
  const faults = [...done.faults]
  await load.stop()
  const startMs = performance.now()
  await done.end()
  const lastMs: Record<string, number> = {}
  const healedMs = await healed(peers, victim.peer, load, { startMs, healedMsMax, lastMs, lateFor: faults }).catch((error: unknown) => {
    faults.push(`not healed: ${error instanceof Error ? error.message : String(error)}`)
    return null
  })
  if (healedMs !== null && healedMs > healedMsMax) faults.push(`healed after ${(healedMs / 1_000).toFixed(1)} s: ${JSON.stringify(lastMs)}`)
  if (done.proof === null) faults.push('the fault did not happen')
  const checked = await check(peers, entries, reported).catch((error: unknown) => ({ seen: 0, faults: [`cannot be compared: ${error instanceof Error ? error.message : String(error)}`] }))
  const fresh = entries.slice(before)
  const acknowledged = fresh.filter(({ presence }) => presence === 'must').length
  return {
    round, fault: shownFault(fault), proof: done.proof, wedged: done.wedged, acknowledged, refused: fresh.length - acknowledged, healedMs, lastMs, memories: checked.seen,
    faults: [...faults, ...load.faults, ...checked.faults],
  }
}

type Watch = { readonly startMs: number; readonly healedMsMax: number; readonly lastMs: Record<string, number>; readonly lateFor: string[] }

/** Resolves with the ms since `startMs` when the victim writes, all agree, all are healthy and all find what was written. */
const healed = async (peers: readonly ChaosPeer[], victim: ChaosPeer, load: Load, { startMs, healedMsMax, lastMs, lateFor }: Watch): Promise<number> => {
  const step = async (name: string, look: () => Promise<true | null>, seen: () => string = () => ''): Promise<void> => {
    let late = ''
    await until(name, GIVEN_UP_MS, async () => {
      const found = await look()
      if (found === null && performance.now() - startMs > healedMsMax) late ||= seen()
      return found
    }, seen)
    lastMs[name] = Math.round(performance.now() - startMs)
    if (late !== '') lateFor.push(`not ${name} after ${healedMsMax} ms: ${late}`)
  }
  let key = ''
  await step('writes', async () => {
    key = await load.probe(victim)
    return true
  })
  let last = ''
  await step('healthy', async () => {
    const all = await Promise.all(peers.map((peer) => peer.health()))
    last = JSON.stringify(all.map(({ name, status, reasons, projection_lag }) => [name, status, projection_lag, reasons]))
    return all.every(({ status, projection_lag }) => status === 'ok' && projection_lag === 0) ? true : null
  }, () => last)
  await step('equal', async () => {
    const all = await Promise.all(peers.map((peer) => expecting(200, peer.call('GET', '/digests'))))
    last = JSON.stringify(all)
    return all.every((one) => one['projection'] !== null && one['documents'] !== null && same(one, all[0] ?? {})) ? true : null
  }, () => last)
  await step('found', async () => {
    for (const peer of peers) {
      const found = await expecting(200, peer.call('GET', `/recall?namespace=${NAMESPACE}&q=${encodeURIComponent(`"${key}"`)}&limit=5`))
      last = `${peer.name} ${JSON.stringify(found).slice(0, 300)}`
      if (!listIn(found, 'memories').some(({ content }) => typeof content === 'string' && content.startsWith(`${key} `))) return null
    }
    return true
  }, () => last)
  return performance.now() - startMs
}

const same = (one: Json, other: Json): boolean => ['frontier', 'documents', 'projection'].every((name) => one[name] === other[name])
