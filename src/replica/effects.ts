/**
 * The one place that performs effects, in the order the replica gave them.
 *
 *   PERSIST is started first and awaited by nobody but its own `persisted`; PUSH goes out while it is under way;
 *   everything else is done in order. An input that arrives while effects are performed waits for its turn, so `handle` is
 *   never re-entered. Damage is an input too: whoever met it by a read, `handle` itself or a door, reads on to its end first.
 */
import type { Mesh } from '../../transports/host.ts'
import type { Clock } from '../ports/clock.ts'
import { StoreFailure, type CommitStore } from '../ports/store.ts'
import type { Replica } from './replica-types.ts'
import { STOPPING, type Effect, type Input, type RequestId, type WriteOutcome } from './types.ts'

export type Shell = {
  /** Gives the replica an input and performs what follows. */
  feed(input: Input): void
  /** A write, or a statement of the authority: resolves with its outcome, whatever it is. */
  write(input: Extract<Input, { kind: 'write' | 'control' }>): Promise<WriteOutcome>
  /** Resolves when no flush is under way (documents hold nothing that is not durable). */
  settled(): Promise<void>
  /** Resolves when the replica has been told of the damage that reads have met until now. */
  toldOfDamage(): Promise<void>
  onGrown(listener: (arrivals: number) => void): () => void
  onMembership(listener: () => void): () => void
  /** From the call of `stop` on: nothing is read or written here any more. */
  isStopping(): boolean
  /** Ends when the flushes under way have ended. */
  stop(): Promise<void>
}

export type ShellOptions = {
  readonly replica: Replica
  readonly store: CommitStore
  readonly clock: Clock
  /** Set once the mesh exists; effects before that have nobody to go to. */
  readonly mesh: () => Pick<
    Mesh,
    'push' | 'announce' | 'wantAcks' | 'propose' | 'vote' | 'refuse' | 'announceForks' | 'membershipChanged'
  > | null
  /** Credit of a delivery is free again. */
  readonly taken: (delivery: number) => void
  /** Makes documents hot that a flush will change, while the disk works; without it they are made when it returns, at once. */
  readonly warm?: (entries: Extract<Effect, { kind: 'PERSIST' }>['opens']) => Promise<void>
  /** Told of every effect, for the tour of the write path. */
  readonly observe?: (effect: Effect) => void
}

export const createShell = ({ replica, store, clock, mesh, taken, warm, observe }: ShellOptions): Shell => {
  const outcomes = new Map<RequestId, (outcome: WriteOutcome) => void>()
  const grown = new Set<(arrivals: number) => void>()
  const membership = new Set<() => void>()
  const inputs: Input[] = []
  let whenSettled: (() => void)[] = []
  const met: Extract<Input, { kind: 'damaged' }>['what'][] = []
  let telling: Promise<void> | null = null
  let performing = false
  let stopped = false

  const perform = (effect: Effect): void => {
    observe?.(effect)
    switch (effect.kind) {
      case 'PERSIST': {
        // What could not be made hot is made when the flush is in, where its failure is met and named.
        const warmed = warm?.(effect.opens).catch(() => undefined)
        store
          .write(effect.batch)
          .then(() => warmed)
          .then(
            () => feed({ kind: 'persisted', flush: effect.flush, failure: null }),
            (error: unknown) => feed({ kind: 'persisted', flush: effect.flush, failure: asFailure(error) }),
          )
        return
      }
      case 'PUSH':
        if (mesh()?.push(effect.parcels) === true) feed({ kind: 'pushed', flush: effect.flush })
        return
      case 'ACK':
        mesh()?.announce(effect.ack, effect.to, effect.but ?? null)
        return
      case 'WANT_ACKS':
        mesh()?.wantAcks(effect.chains, effect.to)
        return
      case 'REFUSED':
        mesh()?.refuse(effect.refused, effect.to)
        return
      case 'PROPOSE':
        mesh()?.propose(effect.commit, effect.to)
        return
      case 'VOTE':
        mesh()?.vote(effect.vote, effect.to)
        return
      case 'RESOLVE':
        outcomes.get(effect.request)?.(effect.outcome)
        outcomes.delete(effect.request)
        return
      case 'TAKEN':
        taken(effect.delivery)
        return
      case 'GROWN':
        for (const listener of grown) listener(effect.arrivals)
        return
      case 'FORKS':
        mesh()?.announceForks(effect.proofs)
        return
      case 'MEMBERSHIP':
        mesh()?.membershipChanged()
        for (const listener of membership) listener()
    }
  }

  const feed = (input: Input): void => {
    inputs.push(input)
    if (performing) return
    performing = true
    try {
      for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) {
        for (const effect of replica.handle(next, clock.now())) perform(effect)
      }
    } finally {
      performing = false
    }
    if (replica.flushing()) return
    const waiting = whenSettled
    whenSettled = []
    for (const call of waiting) call()
  }

  const tellOfDamage = (): void => {
    telling = null
    for (const what of met.splice(0)) if (!stopped) feed({ kind: 'damaged', what })
  }
  // In a turn of its own: the input that is handled now, or the door that reads, must not see the index change under its hands.
  store.onDamage((damage) => {
    if (damage.kind === 'commit') met.push({ kind: 'commit', chain: damage.chain, seq: damage.seq })
    else if (damage.kind === 'body') met.push({ kind: 'body', ref: damage.ref })
    else return
    telling ??= Promise.resolve().then(tellOfDamage)
  })

  const settled = (): Promise<void> =>
    replica.flushing() ? new Promise((resolve) => whenSettled.push(resolve)) : Promise.resolve()
  const listenTo =
    <Listener>(listeners: Set<Listener>) =>
    (listener: Listener): (() => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }

  return {
    feed: (input) => {
      if (!stopped) feed(input)
    },
    write: (input) =>
      stopped
        ? Promise.resolve(STOPPED)
        : new Promise((resolve) => {
            outcomes.set(input.kind === 'write' ? input.request.id : input.id, resolve)
            feed(input)
          }),
    settled,
    toldOfDamage: () => telling ?? Promise.resolve(),
    onGrown: listenTo(grown),
    onMembership: listenTo(membership),
    isStopping: () => stopped,
    stop: async () => {
      stopped = true
      while (replica.flushing()) await settled()
      feed({ kind: 'stopping' })
    },
  }
}

const STOPPED: WriteOutcome = { kind: 'refused', refusal: STOPPING }

const asFailure = (error: unknown): StoreFailure =>
  error instanceof StoreFailure
    ? error
    : new StoreFailure('io_error', error instanceof Error ? error.message : String(error))
