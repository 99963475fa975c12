/** What passes between the main thread and the projection's worker. Everything is plain data. */
import type { FailureData } from './errors.ts'
import type { Engine } from './engine.ts'

export type DatabaseChoice =
  /** `dir`: `DIR/projection`. `age`: whether a graph in Apache AGE is kept. */
  | { readonly kind: 'pglite'; readonly dir: string; readonly age?: boolean }
  /** `schema`: an identifier of this peer's own. */
  | { readonly kind: 'postgres'; readonly url: string; readonly schema: string; readonly age?: boolean }

/** `tidy` and `rest` are the worker's own affair. */
export type Method = Exclude<keyof Engine, 'tidy' | 'rest'>
export type Call = {
  [M in Method]: { readonly id: number; readonly method: M; readonly args: Parameters<Engine[M]> }
}[Method]

export type Said =
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: FailureData }
  | { readonly kind: 'log'; readonly line: string }
  /** Something that nobody had asked for broke its database. */
  | { readonly kind: 'broken'; readonly failure: FailureData }
