/**
 * What is measured: a store of three replicas that answers a write when it is safe by its own rules.
 */
export type Client = {
  /** One write of its own, or one request that holds them all. Resolves when it is acknowledged; rejects when it is not. */
  write(values: readonly string[]): Promise<void>
  close(): void
}

export type Running = {
  /** Opens a connection. A client does one write at a time. */
  connect(): Promise<Client>
  /** Its processes; those that they start count as well. */
  pids(): readonly number[]
  /** Resolves when all replicas hold the same, with what was read along the way; rejects when they do not come to it. */
  settled(): Promise<void>
  /** The longest turn of an event loop since `sinceMs` (wall clock), in ms of processor time; null where it has none. */
  longestTurn(sinceMs: number): number | null
  stop(): Promise<void>
}

export type Contender = {
  readonly name: string
  /** What an acknowledged write is worth there, in one sentence. */
  readonly promises: string
  /** Null: it can run here. */
  missing(): string | null
  /** @param dir an empty folder of its own. */
  start(dir: string): Promise<Running>
}
