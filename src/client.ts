/**
 * The package's entry `mnemesh/client`: the client of a peer's HTTP API, with nothing of the server.
 */
import { createClient, type Client } from './sdk/client.ts'

export { createClient, DEFAULT_URL, type CallOptions, type Client, type Query, type Target } from './sdk/client.ts'
export { BadAddress, CallFailure } from './sdk/failure.ts'
export { memoryPages, type PagesRequest } from './sdk/pages.ts'
export type { FoundAnswer, FoundMemory, GotAnswer, LinkRow, ListAnswer, MemoryRow } from './sdk/answers.ts'

/** A client of the peer at `url`. @param agent who writes. @param key what the peer asks for, null when nothing. */
export const connect = ({
  url,
  key = null,
  agent,
}: {
  readonly url: string
  readonly key?: string | null
  readonly agent?: string
}): Client => createClient({ target: async () => ({ url, key }), agent })
