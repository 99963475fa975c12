/**
 * One entry of a memory's history as a full export writes it, and an import says it again.
 */
export const SAID_KINDS = ['put', 'patch', 'beside', 'forget', 'restore'] as const

/** `kind`: of the event, without its first part; `beside`: as another value of its fields, which becomes a conflict. */
export type Said = {
  readonly kind: (typeof SAID_KINDS)[number]
  readonly agent: string
  /** Who brought it to where it was exported from. */
  readonly imported_by?: string
  readonly at: string
  readonly set?: Readonly<Record<string, unknown>>
  readonly tags?: { readonly add: readonly string[]; readonly remove: readonly string[] }
}
