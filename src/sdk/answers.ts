/**
 * The JSON that a peer answers over HTTP, as a client reads it, built from the types of `Node`.
 */
import type { Conflict, MemoryAnswer, Node } from '../api.ts'

/** Over the wire a row says who made it in `created_by`, not at its top. */
type Shown<Row extends { readonly peer_id: unknown }> = Omit<Row, 'peer_id'> & {
  readonly created_by: { readonly agent_id: string; readonly peer_id: string }
}
export type MemoryRow = Shown<MemoryAnswer['memory']>
export type LinkRow = Shown<MemoryAnswer['links'][number]>
export type GotAnswer = {
  readonly memory: MemoryRow
  readonly links: readonly LinkRow[]
  readonly conflicts: readonly Conflict[]
}
export type ListAnswer = {
  readonly memories: readonly MemoryRow[]
  readonly count: number
  readonly next_cursor: string | null
}
export type FoundMemory = Shown<Awaited<ReturnType<Node['recall']>>['memories'][number]>
export type FoundAnswer = {
  readonly memories: readonly FoundMemory[]
  readonly count: number
  readonly mode: 'hybrid' | 'lexical'
  readonly lag: number
}
export type NamespacesAnswer = { readonly namespaces: Awaited<ReturnType<Node['namespaces']>>['rows'] }
export type Facts = Readonly<Record<string, unknown>>
