/**
 * What every sender of an import needs: whom it asks, how, and what it counts.
 */
import type { Client } from '../../sdk/client.ts'
import type { Io } from '../io.ts'
import type { MemoryItem } from './item.ts'
import type { Known } from './known.ts'
import type { Tally } from './tally.ts'

export type Sending = {
  readonly io: Io
  readonly client: Client
  /** Voters that each batch waits for; undefined: as the peer has it. */
  readonly quorum: number | undefined
  readonly signal: AbortSignal
  /** @returns the namespace of a memory, or null when the source names one that is none. */
  readonly namespaceOf: (item: MemoryItem) => string | null
  readonly tally: Tally
  /** Memory id by the name that links use; filled here. */
  readonly idByName: Map<string, string>
  /** What a namespace held of the source before; asked once a namespace. */
  readonly known: (namespace: string) => Promise<Known>
  /** Places that the source still has. */
  readonly seen: Set<string>
  /** Called after every batch. */
  readonly onProgress: () => void
}
