/**
 * Why a peer's answer is no answer: one class with the peer's own words, and one for an address that is none.
 */

/** The peer's refusal, or no answer at all (`status` 0). */
export class CallFailure extends Error {
  readonly status: number
  /** `quorum_not_met`, …; `unreachable`, `timeout`, `not_json` are the client's own. */
  readonly code: string
  readonly body: Readonly<Record<string, unknown>>
  /** What `Retry-After` says, or null. */
  readonly retry_after_ms: number | null
  constructor(
    message: string,
    facts: {
      readonly status: number
      readonly code: string
      readonly body?: Readonly<Record<string, unknown>>
      readonly retry_after_ms?: number | null
    },
  ) {
    super(message)
    this.status = facts.status
    this.code = facts.code
    this.body = facts.body ?? {}
    this.retry_after_ms = facts.retry_after_ms ?? null
  }
}

/** What was given as an address of a peer cannot be one. */
export class BadAddress extends Error {}

/** The `code` of a system error (`ENOENT`), or ''. */
export const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
