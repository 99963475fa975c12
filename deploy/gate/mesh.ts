/**
 * What the phases of the ship gate have in common: a write that asks another peer under the same key, waiting for equal digests, and what is shown by content.
 */
import { allMemories, expecting } from '../local/http.ts'
import { until } from '../local/until.ts'
import type { ChaosPeer } from '../chaos/peers.ts'

/** From the end of a fault to all being equal, on a busy machine. */
const EQUAL_MS = 90_000
const RETRY_MS = 150

export type Phase = {
  readonly name: string
  readonly passed: boolean
  /** One line each. */ readonly facts: readonly string[]
  readonly reasons: readonly string[]
  readonly figures?: readonly Readonly<Record<string, unknown>>[]
}

/** Resolves with 201 when a peer acknowledged it, else with the last status; null: nobody answered. */
export const writeSomewhere = async (
  peers: readonly ChaosPeer[],
  content: string,
  namespace: string,
  key: string,
  attempts: number,
  agent: string,
): Promise<number | null> => {
  let last: number | null = null
  for (let attempt = 0; attempt < attempts; attempt++) {
    const peer = peers[attempt % peers.length]
    const answer = await peer
      ?.call('POST', '/memories', {
        body: { content, namespace },
        headers: { 'idempotency-key': key, 'x-agent-id': agent },
      })
      .catch(() => null)
    last = answer?.status ?? null
    if (last === 201) return last
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
  return last
}

/** Resolves with the ms until all have the same frontier, documents and rows. */
export const equal = async (peers: readonly ChaosPeer[]): Promise<number> => {
  const fromMs = performance.now()
  let seen = ''
  await until(
    'all peers hold the same',
    EQUAL_MS,
    async () => {
      const all = await Promise.all(
        peers.map(async (peer) => {
          const { frontier, documents, projection } = await expecting(200, peer.call('GET', '/digests'))
          return documents === null || projection === null ? null : JSON.stringify([frontier, documents, projection])
        }),
      )
      seen = all.join(' ')
      return all[0] !== null && all.every((one) => one === all[0]) ? true : null
    },
    () => seen,
  )
  return performance.now() - fromMs
}

/** The texts that each peer shows, on all pages. */
export const contentsOn = (peers: readonly ChaosPeer[], namespace: string): Promise<readonly (readonly string[])[]> =>
  Promise.all(
    peers.map(async (peer) => (await allMemories(peer.call, namespace)).map(({ content }) => String(content))),
  )

/**
 * Two figures of one thing: the lowest count ÷ acknowledged, which a lost write beside an unacknowledged one that is there does not lower; and the share of the acknowledged
 * texts that every peer shows, once.
 */
export const figuresOf = (
  acknowledged: ReadonlySet<string>,
  shown: readonly (readonly string[])[],
): {
  readonly byCount: number
  readonly bySets: number
  readonly missing: readonly string[]
  readonly doubled: number
} => {
  const sets = shown.map((one) => new Set(one))
  const missing = [...acknowledged].filter((text) => !sets.every((set) => set.has(text)))
  const share = (part: number): number => (acknowledged.size === 0 ? 0 : part / acknowledged.size)
  return {
    byCount: share(Math.min(...shown.map((one) => one.length))),
    bySets: share(acknowledged.size - missing.length),
    missing,
    doubled: shown.reduce((sum, one, i) => sum + one.length - (sets[i]?.size ?? 0), 0),
  }
}
