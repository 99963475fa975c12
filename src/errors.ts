/**
 * What a door may be told instead of an answer: one class, a code, a sentence that names cause and mend.
 */
export const STATUS_BY_CODE = {
  malformed: 400,
  unauthorized: 401,
  forbidden: 403,
  attestation_failed: 403,
  observer_may_not_write: 403,
  namespace_denied: 403,
  not_found: 404,
  method_not_allowed: 405,
  too_slow: 408,
  idempotency_conflict: 409,
  conflict: 409,
  version_mismatch: 412,
  too_large: 413,
  unsupported_media_type: 415,
  refused: 422,
  bad_signature: 422,
  bad_chain: 422,
  token_used: 422,
  token_expired: 422,
  wrong_mesh: 422,
  too_many_requests: 429,
  internal: 500,
  quorum_not_met: 503,
  clock_off: 503,
  shutting_down: 503,
  not_ready: 503,
  projection_unavailable: 503,
  not_yet_here: 504,
  disk_full: 507,
} as const

export type ErrorCode = keyof typeof STATUS_BY_CODE

export class NodeError extends Error {
  readonly code: ErrorCode
  /** Merged into the error body: `got`, `needed`, `id`, `local_committed`, … */
  readonly fields: Readonly<Record<string, unknown>>
  constructor(code: ErrorCode, message: string, fields: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.code = code
    this.fields = fields
  }
  /** What the body calls it: the code, or, where voters refused a commit, the reason that they gave. */
  get word(): string {
    const as = this.fields['refused_as']
    return this.code === 'refused' && typeof as === 'string' ? as : this.code
  }
  get status(): number {
    return STATUS_BY_CODE[this.code]
  }
}
