/**
 * The network between the peers: a relay in front of each, and for each pair of them what happens to bytes that go from the one to the other.
 */
import { noCounts, OPEN, startRelay, type Counts, type Relay, type Way } from './relay.ts'

export type Pair = { readonly from: string; readonly to: string }

export type Network = {
  /** From now on so for these, until `heal`. */
  shape(pairs: readonly Pair[], way: Partial<Way>): void
  /** These ways are open again. */
  heal(pairs: readonly Pair[]): void
  /** Ends the connections between two, at both ends. */
  reset(one: string, other: string): void
  /** Ends them at the end of whom was dialled. */
  halve(one: string, other: string): void
  /** Puts a relay in front of a peer's port. */
  add(peer: { readonly name: string; readonly port: number; readonly relayPort: number }): Promise<void>
  /** Which name stands behind a peer's id: dialers say their id. */
  identify(id: string, name: string): void
  /** Since the start. */
  counts(): Readonly<Counts>
  close(): Promise<void>
}

export const startNetwork = (random: () => number): Network => {
  const relayOf = new Map<string, Relay>()
  const nameById = new Map<string, string>()
  const wayOf = new Map<string, Way>()
  const counts = noCounts()
  const keyOf = (from: string, to: string): string => `${from}>${to}`
  const wake = (): void => relayOf.forEach((relay) => relay.wake())
  return {
    shape: (pairs, way) => {
      for (const { from, to } of pairs) wayOf.set(keyOf(from, to), { ...(wayOf.get(keyOf(from, to)) ?? OPEN), ...way })
      wake()
    },
    heal: (pairs) => {
      for (const { from, to } of pairs) wayOf.delete(keyOf(from, to))
      wake()
    },
    reset: (one, other) => {
      relayOf.get(one)?.reset(other)
      relayOf.get(other)?.reset(one)
    },
    halve: (one, other) => {
      relayOf.get(one)?.halve(other)
      relayOf.get(other)?.halve(one)
    },
    add: async ({ name, port, relayPort }) => {
      relayOf.set(
        name,
        await startRelay(
          relayPort,
          { name, port },
          {
            counts,
            random,
            ways: (from, to) => wayOf.get(keyOf(from, to)) ?? OPEN,
            nameOf: (id) => nameById.get(id) ?? '',
          },
        ),
      )
    },
    identify: (id, name) => void nameById.set(id, name),
    counts: () => ({ ...counts }),
    close: async () => {
      await Promise.all([...relayOf.values()].map((relay) => relay.close()))
    },
  }
}

/** Both ways between each of `some` and each of `others`. */
export const between = (some: readonly string[], others: readonly string[]): readonly Pair[] =>
  some.flatMap((one) =>
    others
      .filter((other) => other !== one)
      .flatMap((other) => [
        { from: one, to: other },
        { from: other, to: one },
      ]),
  )

/** From each of `some` to each of `others`, and not back. */
export const oneWay = (some: readonly string[], others: readonly string[]): readonly Pair[] =>
  some.flatMap((from) => others.filter((to) => to !== from).map((to) => ({ from, to })))
