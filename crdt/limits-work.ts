/**
 * Limits of the mesh's work: what frames cost is priced in units of some 10 µs each (`transports/prices.ts`), paid from purses.
 * And bounds of acks that wait, of the control log's other lines, and of what a policy lets go. Part of `limits.ts`.
 */
const MIB = 1024 * 1024

export const workLimits = {
  /** Begun in one turn of the event loop: 5 ms here. A write takes some ten turns, and each may wait for so long. */
  work_turn_units_max: 500,
  /** One member, over all its links: half a core, and 0.1 s of work at once, beside which a write takes twice as long; a catch-up takes a fifth of that. */
  work_member_per_ms: 50,
  work_member_burst: 10_000,
  /** All strangers together: a tenth of a core; 65 handshakes at once. The same again for all who say that they are members. */
  work_strangers_per_ms: 10,
  work_strangers_burst: 2_000,
  /** Strangers of one address: half of that, so that others have the other half. */
  work_address_per_ms: 5,
  work_address_burst: 1_500,
  /** Who says from one address that it is a certain member: seven handshakes at once, then one in 30 ms. */
  work_claim_per_ms: 1,
  work_claim_burst: 200,
  /** Purses remembered of each kind. */
  work_purses_max: 4_096,
  /** An address that has overdrawn its purse by this long is told to come back before its WebSocket is made. */
  work_refuse_ms: 1_000,
  /** Units that making a WebSocket takes. */
  work_socket_units: 10,
  /** Frames of one link that wait for their turn before it is open: the control commits of one want. */
  inbox_early_frames_max: 64,
  inbox_early_bytes_max: 1 * MIB,
  /** The same of an open link: its credit, and as much of small frames. */
  inbox_frames_max: 16_384,
  inbox_bytes_max: 8 * MIB,
  /** Sockets of one address that are not authenticated yet: a quarter of all. */
  unauthenticated_per_address_max: 64,

  // ── acks ──
  /** Acks that nobody waits for are gathered for so long, and until the next tick (25 ms). */
  ack_gather_ms: 25,

  // ── lines of the control log (`transports/control-lines.ts`) ──
  /** Statements of other lines that are kept, first come: 256 of the largest are 14 MiB, and one line of a dozen is what an old copy makes. */
  control_branch_statements_max: 256,
  /** Ends of them that are told. */
  control_branches_told_max: 8,
  /** Statements named in one question: the last, and at ever doubled distances back over 2⁴⁸. */
  control_locator_hashes_max: 56,

  // ── what a policy lets go (`src/service/retention.ts`) ──
  /** After a start, so that it does not stand in the way of what waits for it; then this often. A sweep passes over what has not changed. */
  retention_first_ms: 5_000,
  retention_sweep_ms: 60_000,
  /** Segments remembered as looked through, some 150 bytes each; past it all are looked through once more. */
  retention_segments_max: 100_000,
} as const
