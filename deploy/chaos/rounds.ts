/**
 * One round: load on all peers, faults, their end; then all must hold the same within the limit, take writes and find them; then everything is
 * compared by content.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { expecting, listIn, type Json } from '../local/http.ts'
import { until } from '../local/until.ts'
import { check, type Finding } from './checker.ts'
import { startLoad, type Load } from './clients.ts'
import type { Fault, FaultClass, Stage } from './faults/fault.ts'
import type { Entry } from './ledger.ts'
import type { ChaosMesh, ChaosPeer } from './peers.ts'
import type { Draw } from './random.ts'

/** From the end of the fault to all being equal, searching and writing, on a machine with cores to spare. */
export const HEALED_MS_MAX = 10_000
/** After that the round has failed, and waits on only so that the next one begins in peace. */
const GIVEN_UP_MS = 90_000
const CLIENTS = 4
const WARM_MS = 700
/** The load goes on behind the fault: what a peer does while it heals is part of the round. */
const AFTER_MS = 500

/** What the checker does not see: the round itself went wrong, or an answer broke the contract. */
export type Violation =
  | Finding
  | {
      readonly kind: 'partial' | 'stale' | 'word' | 'unproven' | 'wedged' | 'late' | 'exit or error' | 'failed'
      readonly what: string
    }

export type RoundResult = {
  readonly round: number
  readonly classes: readonly string[]
  readonly fault: string
  readonly proof: readonly string[]
  /** Changes that were acknowledged by a quorum, and requests that were not. */
  readonly acknowledged: number
  readonly unacknowledged: number
  readonly tokenReads: number
  readonly wholeLists: number
  /** From the end of the fault on; null when it never came. */
  readonly healedMs: number | null
  /** The longest time without an acknowledged write, from the fault's begin to its end, of those it befell and of the others. */
  readonly outHitMs: number | null
  readonly outOthersMs: number | null
  /** The same from its end to the end of the load. */
  readonly outAfterMs: number
  readonly memories: number
  readonly memoryBytes: number
  readonly violations: readonly Violation[]
  readonly ms: number
}

export type Round = {
  readonly round: number
  readonly classes: readonly [FaultClass, ...FaultClass[]]
  readonly mesh: ChaosMesh
  readonly disksOf: Stage['disksOf']
  readonly draw: Draw
  readonly faultsOf: (stage: Stage) => readonly Fault[]
  /** Of all rounds so far; this one adds its own. */
  readonly entries: Entry[]
  /** Keys of which a fault was reported. */
  readonly reported: Set<string>
  readonly holdMs: number
  readonly healedMsMax: number
  readonly hasSearch: boolean
}

export const namespaceOf = (round: number): string => `chaos-${round}`

export const playRound = async ({
  round,
  classes,
  mesh,
  disksOf,
  draw,
  faultsOf,
  entries,
  reported,
  holdMs,
  healedMsMax,
  hasSearch,
}: Round): Promise<RoundResult> => {
  const begunMs = performance.now()
  const { peers } = mesh
  const before = entries.length
  const violations: Violation[] = []
  const diskLost = classes.some(({ losesDisk }) => losesDisk === true)
  const forgetful = new Set<string>()
  const load = startLoad({ peers, namespace: namespaceOf(round), clients: CLIENTS, draw, entries, forgetful })
  const faults = faultsOf({ mesh, free: peers, draw, load: () => load, disksOf, round })
  if (diskLost) for (const { hit } of faults) for (const name of hit) forgetful.add(name)
  await pause(WARM_MS)

  const faultMs = performance.now()
  const begun: Fault[] = []
  const proof: string[] = []
  const noted =
    (what: string) =>
    (error: unknown): null => {
      violations.push({ kind: 'failed', what: `${what}: ${error instanceof Error ? error.message : String(error)}` })
      return null
    }
  for (const fault of faults) {
    begun.push(fault)
    await fault.begin().catch(noted(`${fault.shown} did not begin`))
  }
  if (!classes.every(({ isMoment }) => isMoment === true)) await pause(holdMs)
  for (const fault of begun) {
    const seen = await fault.proof().catch(noted(`${fault.shown} has no proof`))
    if (seen === null) violations.push({ kind: 'unproven', what: `${fault.shown}: it did not happen` })
    else proof.push(seen)
  }
  const hit = new Set(faults.flatMap((fault) => fault.hit))
  const during = load.pulse.longestMs(faultMs)
  for (const fault of begun.toReversed()) await fault.end().catch(noted(`${fault.shown} does not end`))
  const endMs = performance.now()
  await pause(AFTER_MS)
  const after = load.pulse.longestMs(endMs)
  await load.stop()

  const lastMs: Record<string, number> = {}
  const healedMs = await healed(peers, load, {
    startMs: endMs,
    healedMsMax,
    lastMs,
    hasSearch,
    namespace: namespaceOf(round),
    late: (what) => violations.push({ kind: 'late', what }),
  }).catch((error: unknown) => {
    violations.push({ kind: 'wedged', what: `not healed: ${error instanceof Error ? error.message : String(error)}` })
    return null
  })
  if (healedMs !== null && healedMs > healedMsMax)
    violations.push({
      kind: 'late',
      what: `healed after ${(healedMs / 1_000).toFixed(1)} s: ${JSON.stringify(lastMs)}`,
    })
  const checked = await check(peers, [namespaceOf(round)], entries, { diskLost, reported }).catch((error: unknown) => {
    violations.push({
      kind: 'failed',
      what: `cannot be compared: ${error instanceof Error ? error.message : String(error)}`,
    })
    return { seen: 0, asked: 0, findings: [] }
  })
  violations.push(...checked.findings)
  violations.push(
    ...load.faults.map((what) => ({ kind: 'word' as const, what })),
    ...load.readings.stale.map((what) => ({ kind: 'stale' as const, what })),
    ...load.readings.partial.map((what) => ({ kind: 'partial' as const, what })),
  )
  for (const peer of peers) for (const what of peer.complaints()) violations.push({ kind: 'exit or error', what })

  const fresh = entries.slice(before)
  const { tokens, lists } = load.readings.count()
  return {
    round,
    classes: classes.map(({ name }) => name),
    fault: faults.map(({ shown }) => shown).join(' + '),
    proof,
    acknowledged: fresh.reduce((sum, { acks }) => sum + acks, 0),
    unacknowledged: fresh.filter(({ ackedBy }) => ackedBy === null).length,
    tokenReads: tokens,
    wholeLists: lists,
    healedMs,
    outHitMs: longest(during, (name) => hit.has(name)),
    outOthersMs: longest(during, (name) => !hit.has(name)),
    outAfterMs: longest(after, () => true) ?? 0,
    memories: checked.seen,
    memoryBytes: Math.max(...peers.map((peer) => peer.memoryBytes() ?? 0)),
    violations,
    ms: performance.now() - begunMs,
  }
}

const longest = (gapMs: ReadonlyMap<string, number>, of: (name: string) => boolean): number | null => {
  const some = [...gapMs].filter(([name]) => of(name)).map(([, ms]) => ms)
  return some.length === 0 ? null : Math.max(...some)
}

type Watch = {
  readonly startMs: number
  readonly healedMsMax: number
  readonly lastMs: Record<string, number>
  readonly hasSearch: boolean
  readonly namespace: string
  readonly late: (what: string) => void
}

/** Resolves with the ms since `startMs` when every peer writes, all are healthy and equal, and all find what was written. */
const healed = async (
  peers: readonly ChaosPeer[],
  load: Load,
  { startMs, healedMsMax, lastMs, hasSearch, namespace, late }: Watch,
): Promise<number> => {
  const step = async (name: string, look: () => Promise<true | null>, seen: () => string = () => ''): Promise<void> => {
    let lateAs = ''
    await until(
      name,
      GIVEN_UP_MS,
      async () => {
        const found = await look()
        if (found === null && performance.now() - startMs > healedMsMax) lateAs ||= seen()
        return found
      },
      seen,
    )
    lastMs[name] = Math.round(performance.now() - startMs)
    if (lateAs !== '') late(`not ${name} after ${healedMsMax} ms: ${lateAs}`)
  }
  let key = ''
  for (const peer of peers)
    await step(`${peer.name} writes`, async () => {
      key = await load.probe(peer)
      return true
    })
  let last = ''
  await step(
    'healthy',
    async () => {
      const all = await Promise.all(peers.map((peer) => peer.health()))
      last = JSON.stringify(
        all.map(({ name, status, reasons, projection_lag }) => [name, status, projection_lag, reasons]),
      )
      return all.every(({ status, projection_lag }) => status === 'ok' && (!hasSearch || projection_lag === 0))
        ? true
        : null
    },
    () => last,
  )
  await step(
    'equal',
    async () => {
      const all = await Promise.all(peers.map((peer) => expecting(200, peer.call('GET', '/digests'))))
      last = `${JSON.stringify(all.map(({ frontier, documents, projection, documents_pending, log }) => [String(frontier).slice(0, 8), String(documents).slice(0, 8), String(projection).slice(0, 8), documents_pending, log]))}; unequal in ${unequalIn(all).join(', ')}`
      return all.every(
        (one) => (!hasSearch || one['projection'] !== null) && one['documents'] !== null && same(one, all[0] ?? {}),
      )
        ? true
        : null
    },
    () => last,
  )
  const healedMs = performance.now() - startMs
  if (hasSearch)
    await step(
      'found',
      async () => {
        for (const peer of peers) {
          const found = await expecting(
            200,
            peer.call('GET', `/recall?namespace=${namespace}&q=${encodeURIComponent(`"${key}"`)}&limit=5`),
          )
          last = `${peer.name} ${JSON.stringify(found).slice(0, 300)}`
          if (
            !listIn(found, 'memories').some(
              ({ content }) => typeof content === 'string' && content.startsWith(`${key} `),
            )
          )
            return null
        }
        return true
      },
      () => last,
    )
  return healedMs
}

/** Namespaces whose digests differ, of the first page of them. */
const unequalIn = (all: readonly Json[]): readonly string[] => {
  const maps = all.map(({ namespaces }) => namespaces as Readonly<Record<string, Json>>)
  return [...new Set(maps.flatMap((map) => Object.keys(map)))].filter((name) =>
    maps.some((map) => !same(map[name] ?? {}, maps[0]?.[name] ?? {})),
  )
}

const same = (one: Json, other: Json): boolean =>
  ['frontier', 'documents', 'projection'].every((name) => one[name] === other[name])
