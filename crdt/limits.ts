/**
 * Every bound of mnemesh, in one file: a name that ends in its unit, the value, and why it is that.
 *
 * A limit that peers must agree on (what is *valid*) is marked AGREED: changing it changes which commits are admitted,
 * so it needs a new format version. The others are local choices.
 */
const KIB = 1024
const MIB = 1024 * KIB

export const limits = {
  // ── what an agent may say (AGREED) ────────────────────────────────────────────────────────────────────────────
  /** AGREED. Text of one memory: about 16,000 tokens, more than an agent reads back in one go. */
  content_bytes_max: 64 * KIB,
  /** AGREED. A title is a line. */
  title_bytes_max: 1 * KIB,
  /** AGREED. Metadata as JSON: labels, not documents. */
  metadata_bytes_max: 16 * KIB,
  /** AGREED. An episode's body as JSON. */
  episode_body_bytes_max: 32 * KIB,
  /** AGREED. One event without its bodies; also bounds what the JSON parser ever sees of a peer's making. */
  event_bytes_max: 16 * KIB,
  /** AGREED. Nesting of an event; deeper text is refused by a scan before it is parsed. */
  json_depth_max: 16,
  /** AGREED. Tags one event may add or remove. */
  tags_per_event_max: 64,
  /** AGREED. One tag. */
  tag_bytes_max: 128,
  /** AGREED. kind, tier, source, scope, run_id, relation: names, not prose. */
  name_bytes_max: 256,

  // ── commits and chains (AGREED) ───────────────────────────────────────────────────────────────────────────────
  /** AGREED. Events sealed together: one signature, one flush; beyond this a batch gains nothing (measured flat from 64). */
  events_per_commit_max: 256,
  /** AGREED. One commit: 256 events of 16 KiB could not fit; typical ones are 300 B an event. */
  commit_bytes_max: 512 * KIB,
  /** AGREED. Heads a commit may name: more concurrent writers than that on one segment are merged by the next commit. */
  deps_max: 64,
  /** AGREED. Sequence numbers stay far inside 2^53, so every language's double can hold them. */
  seq_max: 2 ** 48,
  /** AGREED. Memories its owner creates in one segment: a document of some 100 KiB. */
  memories_per_segment_max: 512,
  /** AGREED. HLC counter: 10 bits, so ms ‖ counter stays a safe integer until the year 2248. */
  hlc_counter_max: 1023,
  /** Hashes in one Merkle proof: 49 are the most a tree of `seq_max` leaves needs, and a verifier looks at no more than this. */
  merkle_proof_hashes_max: 64,

  // ── acks ──────────────────────────────────────────────────────────────────────────────────────────────────────
  /** Watermarks in one statement; a flush that touched more chains is acknowledged by several. */
  ack_watermarks_max: 256,
  /** 256 watermarks of some 60 bytes. */
  ack_bytes_max: 32 * KIB,

  // ── admission ─────────────────────────────────────────────────────────────────────────────────────────────────
  /** A clock further ahead than this makes a commit wait: a day covers any time zone mistake. */
  hlc_ahead_ms_max: 24 * 3_600_000,
  /** Commits a peer may have waiting for something that is not here; past it the oldest go, anti-entropy brings them again. */
  pending_commits_per_peer_max: 4_096,
  /** Bytes of the same. */
  pending_bytes_per_peer_max: 32 * MIB,
  /** Refusals remembered with their reasons, for people to look at. */
  refused_remembered_max: 1_024,

  // ── replica ───────────────────────────────────────────────────────────────────────────────────────────────────
  /** Writes waiting for the next flush; past it the door answers 429. */
  write_queue_requests_max: 8_192,
  /** Bytes of the same. */
  write_queue_bytes_max: 64 * MIB,
  /** Open documents kept hot; a segment of 512 memories is counted at about 1 MiB. */
  hot_segments_bytes_max: 512 * MIB,
  /** How long a write waits for its quorum when nobody says otherwise. */
  quorum_timeout_ms_default: 5_000,
  quorum_timeout_ms_max: 60_000,
  /** A read waits this long for its causal token when nobody says otherwise. */
  causal_wait_ms_default: 2_000,
  causal_wait_ms_max: 30_000,
  /** Reads that wait for a token at one time. */
  causal_waiters_max: 4_096,
  /** Below this much free space writes answer 507: room to flush what is in flight and to compact. */
  free_space_bytes_min: 256 * MIB,
  /** Chains one causal token names. */
  token_chains_max: 256,

  // ── store ─────────────────────────────────────────────────────────────────────────────────────────────────────
  /** Commits in one synced batch. */
  store_batch_commits_max: 4_096,

  // ── transports ────────────────────────────────────────────────────────────────────────────────────────────────
  /** One frame on the wire, sealed: holds the largest commit with 256 bodies' worth of small texts; larger runs are split. */
  frame_bytes_max: 4 * MIB,
  /** A frame before authentication: the handshake's are under 1 KiB. */
  handshake_frame_bytes_max: 4 * KIB,
  /** From socket open to authenticated. */
  handshake_ms_max: 10_000,
  /** A handshake nonce is worth this long. */
  nonce_ms_max: 30_000,
  /** Nonces remembered; recorded only after their signature verified, so junk cannot fill it. */
  nonces_remembered_max: 16_384,
  /** Sockets that have not authenticated yet, together. */
  unauthenticated_sockets_max: 256,
  /** Links at one time: a full mesh of 64 peers. */
  links_max: 64,
  /** Compressed above this; smaller frames cost more time than they save. */
  compress_bytes_min: 1 * KIB,
  /** Commits and bodies the other side may have under way to us before we have taken them in. */
  credit_bytes_initial: 4 * MIB,
  /** Past this much unsent a link's live pushes are dropped; its log serves it later. */
  buffered_bytes_max: 1 * MIB,
  /** Chains announced in one frame. */
  frontier_entries_per_frame_max: 4_096,
  /** Chains known in all. */
  frontier_entries_max: 1_000_000,
  /** Runs one want may name. */
  want_runs_max: 1_024,
  /** Commits asked for at a time on one link. */
  want_commits_max: 8_192,
  /** Bodies asked for at a time on one link. */
  want_bodies_max: 1_024,
  /** What was asked for and did not come is asked elsewhere after this. */
  want_ms_max: 5_000,
  /** A commit is asked of a neighbour when the author's own push has not come by then. */
  relay_after_ms: 50,
  ping_every_ms: 10_000,
  /** A link without any frame for this long is closed: one missed ping and its answer. */
  silence_ms_max: 25_000,
  reconnect_ms_min: 100,
  reconnect_ms_max: 30_000,
  /** Addresses remembered for one member. */
  addresses_per_peer_max: 8,

  // ── doors ─────────────────────────────────────────────────────────────────────────────────────────────────────
  request_bytes_max: 4 * MIB,
  bulk_memories_max: 1_000,
  list_limit_default: 200,
  list_limit_max: 1_000,
  recall_limit_default: 10,
  recall_limit_max: 200,
  query_bytes_max: 8 * KIB,
  episodes_limit_default: 100,
  episodes_limit_max: 500,
  events_limit_default: 100,
  events_limit_max: 1_000,
  /** Live event streams open at one time; each holds a socket and a cursor. */
  event_streams_max: 256,
  /** Clients of the live door at one time. */
  live_clients_max: 64,
  idempotency_key_bytes_max: 256,

  // ── projection ────────────────────────────────────────────────────────────────────────────────────────────────
  /** Arrivals projected in one transaction: PGlite's best rate, and under a second of work. */
  projection_batch_arrivals_max: 512,
  /** Pause after a failed batch, doubled up to the most. */
  projection_retry_ms_min: 100,
  projection_retry_ms_max: 10_000,
} as const
