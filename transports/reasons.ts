/**
 * Why a link ends: one closed list, so that a reason can be a metric's name, a test's expectation, and what an operator reads.
 */
export const CLOSE_REASONS = [
  // handshake
  'handshake_timeout',
  'malformed_handshake',
  'version_unsupported',
  'wrong_mesh',
  'wrong_audience',
  'self_connection',
  'bad_identity',
  'bad_ephemeral',
  'bad_signature',
  'nonce_expired',
  'nonce_reused',
  // membership
  'not_enrolled',
  'revoked',
  'frozen',
  'control_timeout',
  // frames
  'seal_broken',
  'malformed_frame',
  'bad_compression',
  'not_open',
  'large_before_open',
  'already_open',
  'credit_overrun',
  'want_overrun',
  'too_many_chains',
  'forged_ack',
  'ping_flood',
  'fork_flood',
  'work_overrun',
  'handling_failed',
  // liveness and bounds
  'ping_timeout',
  'silence',
  'slow_reader',
  'too_many_sockets',
  'too_many_links',
  'duplicate',
  'stopping',
  'lost',
] as const

export type CloseReason = (typeof CLOSE_REASONS)[number]

const KNOWN: ReadonlySet<string> = new Set(CLOSE_REASONS)

/** What the other side gave as its reason: one of ours, or null. It is unauthenticated text: never shown or counted as it came. */
export const parseCloseReason = (text: string): CloseReason | null =>
  RANGE.test(text) ? 'version_unsupported' : KNOWN.has(text) ? (text as CloseReason) : null

/** The one reason that tells something besides: which versions its side speaks, in numbers. */
const RANGE = /^version_unsupported (\d{1,3}-\d{1,3})$/
export const rangeIn = (text: string): string | null => RANGE.exec(text)?.[1] ?? null

/** What an operator can do about it, for `last_error`. */
export const closeReasonText = (reason: CloseReason): string => {
  const mend = MENDS[reason]
  return mend === undefined ? reason : `${reason}: ${mend}`
}

const MENDS: { readonly [Reason in CloseReason]?: string } = {
  wrong_mesh: 'the address belongs to another mesh; check --peer',
  wrong_audience: 'another peer answers at this address; its own record will replace it',
  self_connection: 'the address is our own; remove it from --peer',
  not_enrolled: 'this peer is not a member; enrol it with `mesh invite` and `mesh join`',
  revoked: 'the membership was revoked; a new identity has to join',
  frozen: 'its peer signed two histories of one chain, and the proof is known; a new identity has to join',
  nonce_expired: 'the answer took over 30 s; check the network',
  work_overrun: 'the other side asked for more work than it may; it comes back later',
  handling_failed: 'a frame met a fault in this program; the log has it, please report it',
  silence: 'nothing heard within the limit; check the network',
  ping_timeout: 'a ping was not answered in time; the other side is overloaded or cut off',
  slow_reader: 'the other side does not read; check its disk and load',
}
