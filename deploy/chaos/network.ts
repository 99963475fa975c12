/**
 * The network between the peers: a relay in front of each, and for each pair of them what happens to bytes that go from the one to the other.
 */
import { noCounts, OPEN, startRelay, type Counts, type Relay, type Way } from './relay.ts'

export type Pair = { readonly from: string; readonly to: string }
export type LostAnswer = {
  /** What passed before the way back was cut, and what was lost on it since. */
  bytes(): { readonly asked: number; readonly lost: number }
  /** The way back is open again. */
  heal(): void
}

export type Network = {
  /** From now on so for these, until `heal`. */
  shape(pairs: readonly Pair[], way: Partial<Way>): void
  /**
   * Waits until something has passed from `asker` to `answerer`; from that piece on what `answerer` says to it is lost, until `heal`. So a request arrives, and its answer
   * does not. Nothing happens where they have no connection.
   */
  loseAnswer(asker: string, answerer: string): LostAnswer
  /** These ways are open again. */
  heal(pairs: readonly Pair[]): void
  /** Whether a connection between these two goes through a relay. */
  joins(one: string, other: string): boolean
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
  /** By the way that is watched; the latest alone. */
  const watched = new Map<string, (what: 'passed' | 'lost', bytes: number) => void>()
  const keyOf = (from: string, to: string): string => `${from}>${to}`
  const wake = (): void => relayOf.forEach((relay) => relay.wake())
  const shape: Network['shape'] = (pairs, way) => {
    for (const { from, to } of pairs) wayOf.set(keyOf(from, to), { ...(wayOf.get(keyOf(from, to)) ?? OPEN), ...way })
    wake()
  }
  const heal: Network['heal'] = (pairs) => {
    for (const { from, to } of pairs) wayOf.delete(keyOf(from, to))
    wake()
  }
  return {
    shape,
    heal,
    loseAnswer: (asker, answerer) => {
      const [there, back] = [keyOf(asker, answerer), keyOf(answerer, asker)]
      const seen = { asked: 0, lost: 0 }
      watched.set(there, (what, bytes) => {
        if (what !== 'passed' || seen.asked > 0) return
        seen.asked = bytes
        shape([{ from: answerer, to: asker }], { cut: 'lose' })
      })
      watched.set(back, (what, bytes) => {
        if (what === 'lost' && seen.asked > 0) seen.lost += bytes
      })
      return {
        bytes: () => ({ ...seen }),
        heal: () => {
          watched.delete(there)
          watched.delete(back)
          heal([{ from: answerer, to: asker }])
        },
      }
    },
    joins: (one, other) => relayOf.get(one)?.hasDialed(other) === true || relayOf.get(other)?.hasDialed(one) === true,
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
            seen: (what, from, to, bytes) => watched.get(keyOf(from, to))?.(what, bytes),
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
