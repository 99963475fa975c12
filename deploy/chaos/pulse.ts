/**
 * A small write on each peer, one after the other without end: by the gaps between its acknowledgements it is known how long each peer was out.
 */
import { newEntry, textState, told, wordOf, type Entry } from './ledger.ts'
import type { ChaosPeer } from './peers.ts'

const EVERY_MS = 100

export type Pulse = {
  /** The longest time without an acknowledgement, of each peer, from `sinceMs` (of `performance.now`) until now. */
  longestMs(sinceMs: number): ReadonlyMap<string, number>
  stop(): Promise<void>
}

export const startPulse = (peers: readonly ChaosPeer[], namespace: string, entries: Entry[]): Pulse => {
  const ackedAt = new Map<string, number[]>(peers.map(({ name }) => [name, []]))
  let stopping = false
  const beat = async (peer: ChaosPeer): Promise<void> => {
    for (let n = 0; !stopping; n++) {
      const entry = newEntry(`${namespace}-pulse-${peer.name}-${n}`, namespace)
      entries.push(entry)
      const content = `${entry.key} beats`
      entry.asked++
      const answer = await peer
        .call('POST', '/memories', { body: { content, namespace }, headers: { 'idempotency-key': entry.key } })
        .catch(() => null)
      const word = wordOf(answer?.status ?? null, answer?.body ?? {})
      entry.asked++
      entry.told.push(`pulse on ${peer.name}: ${answer?.status ?? 'none'} ${word}`)
      told(entry, textState(content), word, peer.name)
      if (word === 'done') ackedAt.get(peer.name)?.push(performance.now())
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
    }
  }
  const running = Promise.all(peers.map(beat))
  return {
    longestMs: (sinceMs) =>
      new Map(
        [...ackedAt].map(([name, times]) => [
          name,
          longestGap([sinceMs, ...times.filter((time) => time >= sinceMs), performance.now()]),
        ]),
      ),
    stop: async () => {
      stopping = true
      await running
    },
  }
}

const longestGap = (times: readonly number[]): number =>
  times.reduce((longest, time, i) => Math.max(longest, time - (times[i - 1] ?? time)), 0)
