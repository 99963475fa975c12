/**
 * What peers agree on, and the bounds of protocol, core and services: a name that ends in its unit, the value, and why it is that.
 * Bounds of a door stand beside it (`src/http/limits.ts`, `src/cli/limits.ts`, `src/live/limits.ts`), those of search in `limits-search.ts`.
 *
 * A limit that peers must agree on (what is *valid*) is marked AGREED: changing it changes which commits are admitted,
 * so it needs a new format version. The others are local choices.
 */
import { searchLimits } from './limits-search.ts'
import { workLimits } from './limits-work.ts'

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
  /** AGREED. kind, tier, scope, run_id, relation: names, not prose; and the text of a source, which lies apart. */
  name_bytes_max: 256,
  /** AGREED. The name of a kind of event: two or three words. */
  kind_bytes_max: 64,
  /** AGREED. Texts of one event that only fields of a later format name: today's name four; each is asked for and kept. */
  unread_texts_max: 16,

  // ── commits and chains (AGREED) ───────────────────────────────────────────────────────────────────────────────
  /** AGREED. Events sealed together: one signature, one flush; beyond this a batch gains nothing (measured flat from 64). */
  events_per_commit_max: 256,
  /** AGREED. One commit: 256 events of 16 KiB could not fit; typical ones are 300 B an event. */
  commit_bytes_max: 512 * KIB,
  /** AGREED. Heads a commit may name: more concurrent writers than that on one segment are merged by the next commit. */
  deps_max: 64,
  /** AGREED. Sequence numbers stay far inside 2^53, so every language's double can hold them. */
  seq_max: 2 ** 48,
  /** AGREED. Chains in one page of a cut: 7 KB of an event's 16. */
  cut_page_chains_max: 128,
  /** AGREED. Memories its owner creates in one segment: a document of some 100 KiB. */
  memories_per_segment_max: 512,
  /** AGREED. Links whose `from` lies in one segment: 32 a memory on average. */
  links_per_segment_max: 16_384,
  /** AGREED. HLC counter: 10 bits, so ms ‖ counter stays a safe integer until the year 2248. */
  hlc_counter_max: 1023,
  /** Hashes in one Merkle proof: 49 are the most a tree of `seq_max` leaves needs, and a verifier looks at no more than this. */
  merkle_proof_hashes_max: 64,
  /** Values in one packed message that is hashed or signed: an ack has 1,300, a commit 600, a list of 64 KiB of hashes 2,000. */
  packed_values_max: 16_384,
  /** Lists within lists of what we read back from our own disk: facts nest two deep. */
  packed_depth_max: 16,

  // ── founding a mesh (AGREED) ──────────────────────────────────────────────────────────────────────────────────
  /** AGREED. Members that a genesis names: more join later, and the event holds no more. */
  founders_max: 64,
  /** AGREED. Recovery keys of a mesh: each is kept by somebody, and few are ever needed at once. */
  recovery_keys_max: 16,

  /** AGREED. One control commit with its votes: it fits the frames that go before a link is open, and a fact of the store. */
  control_commit_bytes_max: 56 * KIB,
  /** AGREED. The same before anybody has voted: 128 votes are 12.6 KiB. */
  proposal_bytes_max: 40 * KIB,
  /** AGREED. Votes on a control commit, and so voters of a mesh: of 255 a majority is 128. */
  votes_per_commit_max: 128,

  // ── forks ─────────────────────────────────────────────────────────────────────────────────────────────────────
  /** A commit's header: fixed fields, at most 64 deps of 34 bytes, a namespace. */
  header_bytes_max: 4 * KIB,
  /** Two headers, two signatures, two paths of 64 hashes. */
  fork_proof_bytes_max: 16 * KIB,
  /** What a disk refused and nobody will ask for again is written once more after so long. */
  flush_retry_ms: 1_000,
  /** What is said again and waits for what others have to say again first. */
  reoffers_waiting_max: 10_000,
  /** Events left out that tokens wait for until they are said again: a token that saw one beyond that is answered without it. */
  unsaid_events_max: 10_000,
  /**
   * AGREED. Forked chains of one member; of one that has more nothing counts, so nobody need know of more. A copied folder forks as many
   * chains as both copies write namespaces; so many are no accident. Their proofs, of the largest 3.3 MB, are told at each link's opening.
   */
  forks_per_peer_max: 256,
  /** Headers of unknown deps asked for at a time. */
  want_headers_max: 256,
  /** Proofs in one frame: some 30 ms of signatures to check, so that others get their turn between two frames. */
  forks_per_frame_max: 256,
  /** Proofs one link may send within `ping_every_ms`: all that are known, when it opens, and as many that are new. */
  forks_per_interval_max: 8_192,
  /** Commits before a place where two histories differ that are asked for first, doubled until the place where they part is among them. */
  fork_search_commits_min: 64,
  /** Chains of one link on which that place is looked for; further ones have their turn in the next session. */
  fork_searches_per_link_max: 256,

  // ── acks ──────────────────────────────────────────────────────────────────────────────────────────────────────
  /** Watermarks in one statement; a flush that touched more chains is acknowledged by several. */
  ack_watermarks_max: 256,
  /** Chains on which one voter may be ahead of us, its word kept until we catch up; past it its oldest word goes, and its next statement says it again. */
  ack_ahead_chains_per_voter_max: 4_096,
  /** Watermarks of the acks kept for those, of one voter, some 10 MiB: an honest one needs 4,096; each word kept could else hold on to 256. */
  ack_ahead_held_per_voter_max: 32_768,

  // ── clocks ────────────────────────────────────────────────────────────────────────────────────────────────────
  /**
   * AGREED. What a clock may be off: a peer seals nothing while its own is further from the voters', and a commit further ahead
   * waits. Machines that ask a time server are within a second; five minutes is what Kerberos has asked of clocks since 1988.
   */
  clock_bound_ms: 300_000,
  /** A clock that was off is right again within this: less than the bound, so that one at its edge does not go to and fro. */
  clock_back_ms: 270_000,
  /** How long a reading of another's clock counts: an ordinary quartz drifts by 0.1 s in that time. */
  clock_reading_ms_max: 600_000,

  // ── admission ─────────────────────────────────────────────────────────────────────────────────────────────────
  /** Commits a peer may have waiting for something that is not here; past it the oldest go, anti-entropy brings them again. */
  pending_commits_per_peer_max: 4_096,
  /** Bytes of the same. */
  pending_bytes_per_peer_max: 32 * MIB,
  /** Refusals remembered with their reasons, for people to look at. */
  refused_remembered_max: 1_024,

  // ── membership ────────────────────────────────────────────────────────────────────────────────────────────────
  /** Addresses in an invite that we make, and kept by who joins with it: the inviter's own, and those of other members. */
  invite_urls_told_max: 16,
  /** An invite as text: keys, a few addresses, a path. */
  invite_bytes_max: 8 * KIB,
  /** A peer's or mesh's name. */
  peer_name_bytes_max: 64,

  // ── replica ───────────────────────────────────────────────────────────────────────────────────────────────────
  /** Writes waiting for the next flush; past it the door answers 429. */
  write_queue_requests_max: 8_192,
  /** Bytes of the same. */
  write_queue_bytes_max: 64 * MIB,
  /** Open documents kept hot; a segment of 512 memories is counted at about 1 MiB. */
  hot_segments_bytes_max: 512 * MIB,
  /** Commits kept decoded: a few thousand small ones, some dozens of the largest. */
  decoded_commits_bytes_max: 64 * MIB,
  /** How long a write waits for its quorum when nobody says otherwise. */
  quorum_timeout_ms_default: 5_000,
  quorum_timeout_ms_max: 60_000,
  /** So long a question waits for who has applied a statement, and so many of them wait at once; further ones are answered at once. */
  control_wait_ms_max: 5_000,
  control_waiters_max: 64,
  /** Statements kept on the authority's peer until they are certified, each a fact of up to 40 KiB. */
  statements_waiting_max: 64,
  /** A proposal is sent again so often to voters that are linked and have not voted: one of them may have had to catch up first. */
  propose_again_ms: 2_000,
  /** Who makes a statement waits so long for its votes: a round trip and a flush, of one that is busy some seconds. */
  certify_wait_ms: 5_000,
  /** After a start, so long links may still be coming up before a voter without one counts as away: dialing and handshakes of a busy machine. */
  reach_start_ms: 2_000,
  /** After a link was lost: the first two redials (100 and 200 ms), so that a write is answered within half a second of the loss. */
  reach_lost_ms: 400,
  /** A read waits this long for its causal token when nobody says otherwise. */
  causal_wait_ms_default: 2_000,
  causal_wait_ms_max: 30_000,
  /** Reads that wait for a token at one time. */
  causal_waiters_max: 4_096,
  /** Below this much free space writes answer 507: room to flush what is in flight and to compact. */
  free_space_bytes_min: 256 * MIB,
  /** A list or search without a token waits for the projection when it is only this far behind … */
  fresh_read_lag_arrivals_max: 64,
  /** … and only this long: what was just written is usually there, and a busy projection never makes reads slow. */
  fresh_read_wait_ms: 150,
  /** Chains one causal token names. */
  token_chains_max: 256,

  // ── store ─────────────────────────────────────────────────────────────────────────────────────────────────────
  /** Commits in one synced batch. */
  store_batch_commits_max: 4_096,
  /** Bodies, erasures and facts in one synced batch, each: a commit of 256 events may bring three texts an event. */
  store_batch_parts_max: 65_536,
  /** One fact's value: a cursor, an address record, a receipt. */
  store_fact_bytes_max: 64 * KIB,
  /** One fact's name in UTF-8. */
  store_fact_name_bytes_max: 512,
  /**
   * Below this much free space the store refuses a batch before its database meets the full disk: room for two write
   * buffers, their tables and one compaction. LevelDB stops for good at the first failed write, so it must not see one.
   */
  store_free_bytes_min: 64 * MIB,
  /** LevelDB's write buffer, of which two may be in memory: its default; 16 MiB showed no gain beyond noise and lengthens the opening. */
  store_write_buffer_bytes: 4 * MIB,
  /** Cache of uncompressed blocks: the recent end of a few hundred chains. */
  store_cache_bytes: 32 * MIB,
  /** Batches whose numbers are kept to notice one missing: more than two write buffers hold of the smallest (some 150 B). */
  store_trail_batches_max: 65_536,
  /** Chains whose last sequence number is kept in memory; others are looked up. */
  store_chain_tops_max: 65_536,
  /** Commits that the opening scan hands over at a time. */
  store_scan_commits: 512,
  /** Erased texts got off the disk between two looks at whether to stop: about a second of compaction. */
  store_purge_refs: 16,

  // ── transports ────────────────────────────────────────────────────────────────────────────────────────────────
  /** One frame on the wire, sealed: holds the largest commit with 256 bodies' worth of small texts; larger runs are split. */
  frame_bytes_max: 4 * MIB,
  /** A frame's values, lists among them: a page of the log whose every run is of another chain. */
  frame_values_max: 20_480,
  /** A frame of the control log before the link is open: one control commit is an event of 16 KiB and its header. */
  control_frame_bytes_max: 64 * KIB,
  /** Frames of the control log are filled up to this, and never compressed. */
  control_frame_bytes_target: 32 * KIB,
  /** Control commits asked for at a time before the link is open: with the frames before, some 300 KB under way. */
  control_want_commits_max: 256,
  /** Commits in one frame: as many small ones as `parcel_frame_bytes_target` holds. */
  frame_commits_max: 1_024,
  /** Bodies in one frame of commits, of all its commits together; those of one commit that go beyond follow in frames of their own. */
  frame_bodies_max: 4_096,
  /** Bytes that one byte of a compressed frame may become: text makes 3 to 6. What is more repetitive goes as it is. */
  inflate_ratio_max: 64,
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
  /** AGREED. Chains that stand together in one leaf of the frontier's tree, some 1 KB; of more it is parted (`frontier-tree.ts`). */
  frontier_leaf_entries_max: 16,
  /** Subtrees of a frontier asked for at a time: an answer of so many full leaves takes 230 KB. */
  frontier_nodes_per_frame_max: 256,
  /** Subtrees asked for in one comparison, at some 25 µs each, which the other side pays; 100,000 chains that all differ make 55,000. */
  frontier_nodes_max: 262_144,
  /** Runs one want may name. */
  want_runs_max: 1_024,
  /** Chains that are not here of which it is remembered how far one link's other side has them: more are found by log and frontier. */
  unknown_chains_per_link_max: 4_096,
  /** Commits asked for at a time on one link. */
  want_commits_max: 8_192,
  /** Bodies asked for at a time on one link. */
  want_bodies_max: 1_024,
  /** What was asked for and did not come is asked elsewhere after this. */
  want_ms_max: 5_000,
  /** A commit is asked of a neighbour when the author's own push has not come by then. */
  relay_after_ms: 50,
  ping_every_ms: 10_000,
  /** Nothing heard for so long: a short ping asks whether the other side still lives. */
  probe_after_ms: 1_000,
  /** Nothing heard for so long: the link stays, and is not counted on. One probe, its answer, and a second for a busy machine. */
  quiet_ms: 2_500,
  /** A link without any frame for this long is closed: one missed ping and its answer. */
  silence_ms_max: 25_000,
  reconnect_ms_min: 100,
  reconnect_ms_max: 30_000,
  /** From authenticated to open: the time to fetch a control log that is new to one side; progress is kept for the next try. */
  control_ms_max: 30_000,
  /** One claim on a chain's range, however it progresses, so that a neighbour that trickles cannot hold a chain for ever. */
  claim_ms_max: 60_000,
  /** What was taken in and did not count is asked for again after `want_ms_max`, doubled up to this. */
  retake_ms_max: 60_000,
  /** The same, when something else counted since, the chain grew or a link opened: what was in the way may be gone. Doubled each time, up to 16 s. */
  retake_eased_ms_min: 2_000,
  /** Chains of which one link said it is ahead, followed one by one; beyond them the logs are compared. */
  ahead_chains_per_link_max: 4_096,
  /** After another peer answered at a learned address: its record is not true, until there is a newer one. */
  dial_refuted_ms: 600_000,
  /** Catch-up frames are filled up to this: live pushes and pings pass between them. */
  parcel_frame_bytes_target: 256 * KIB,
  /** Credit is given back in steps of this; with the largest frame it stays far below the whole, so that a sender never waits for ever. */
  credit_grant_bytes_min: 512 * KIB,
  /** Unsent bytes of any kind after which a link is closed: its reader reads nothing. */
  buffered_bytes_hard_max: 8 * MIB,
  /** Arrivals one page of the log covers: each is looked up, which takes some 15 ms in all. */
  log_page_arrivals_max: 1_024,
  /** Lacking more commits than this, the log is read in its causal order, since few of them could be applied out of it. */
  frontier_pull_commits_max: 2_048,
  /** A frontier is not compared as long as the other side fetches what it lacks, and not as soon as a link opens on which a cursor holds. */
  frontier_quiet_ms_min: 3_000,
  /** A whole frontier is compared again this long after the last time, doubled while it brings nothing. */
  frontier_compare_ms_min: 10_000,
  frontier_compare_ms_max: 600_000,
  /** Bodies and holes are looked for this often, and each is asked for again after `mend_retry_ms` when nobody had it. */
  mend_every_ms: 1_000,
  mend_retry_ms: 30_000,
  /** Pings one link may send within `ping_every_ms`; honest ones send one, and ten probes on an idle link. */
  pings_per_interval_max: 16,
  /** Refused commits in one frame, of some 100 bytes each. */
  refusals_per_frame_max: 64,
  /** The same one link is told, and listens to, within `ping_every_ms`: what is left out is refused again when it comes again. */
  refusals_per_interval_max: 256,
  /** A reason's name: two or three words. */
  refusal_reason_bytes_max: 48,
  /** Chains of ours of which it is remembered that one voter refuses them; past it the oldest goes. */
  refused_chains_per_voter_max: 256,
  /** How often deadlines are looked at: a fraction of the shortest that is not measured by its own timer. */
  mesh_tick_ms: 250,
  /** Two links to one peer that came up within this were dialed at once from both sides. */
  simultaneous_dial_ms: 10_000,
  /** Addresses dialed in turn: configured and learned. */
  dial_targets_max: 512,
  /** One address. */
  address_url_bytes_max: 256,
  /** One signed address record: 8 addresses and some 110 bytes. */
  address_record_bytes_max: 4 * KIB,
  /** Address records in one frame. */
  addresses_per_frame_max: 512,
  /** An address record's time may be this far ahead of our clock; further ahead it could never be replaced. */
  address_ahead_ms_max: 600_000,
  /** Headers of one upgrade request: browsers send under 30 (ws CVE-2024-37890). */
  upgrade_headers_max: 64,
  /** Addresses remembered for one member. */
  addresses_per_peer_max: 8,

  // ── the mesh's work ───────────────────────────────────────────────────────────────────────────────────────────
  ...workLimits,

  // ── doors ─────────────────────────────────────────────────────────────────────────────────────────────────────
  request_bytes_max: 4 * MIB,
  bulk_memories_max: 1_000,
  list_limit_default: 200,
  list_limit_max: 1_000,
  /** Texts of one page of versions, conflicts or events: the page ends behind the row that passes it. */
  page_bytes_max: 512 * KIB,
  recall_limit_default: 10,
  recall_limit_max: 200,
  episodes_limit_max: 500,
  events_limit_max: 1_000,
  /** Heads, needs or common heads one sync message names: an index of `live_index_segments_max` by 28 owners has fewer. */
  live_hashes_max: 2_048,
  /** Summaries in one sync message; clients send one. */
  live_haves_max: 4,
  /** Nesting of a request: the 16 of an event's metadata inside what bulk wraps around it. Checked by a scan, before any parser. */
  request_json_depth_max: 20,
  /** Values in one request: 1,000 memories with 64 tags and 15 fields each are 80,000. Checked by the same scan. */
  request_json_values_max: 131_072,
  /** 256 chains of some 40 bytes each, in base64url. */
  causal_token_bytes_max: 16 * KIB,
  /** Requests being answered; past it the door says 429 without reading the body. Matches the write queue behind it. */
  http_requests_in_flight_max: 8_192,
  /** From the word to stop until requests in flight are cut. */
  http_close_ms_max: 5_000,

  // ── projection ────────────────────────────────────────────────────────────────────────────────────────────────
  /** Arrivals projected in one transaction: a quarter of a second of PGlite's work, for which a question waits. Twice as many wait twice as long and come 7 % faster. */
  projection_batch_arrivals_max: 256,
  /** Pause after a failed batch, doubled up to the most. */
  projection_retry_ms_min: 100,
  projection_retry_ms_max: 4_000,
  /** Rows a batch should hold: the feeder asks for fewer arrivals when a batch held more (a commit may touch 256 rows). */
  projection_batch_rows_target: 256,
  /** Rows in one upsert statement: flat from 256 on; its parameters stay far under a message's 1 GiB at 64 KiB a memory. */
  projection_statement_rows_max: 256,
  /** Calls under way to the worker; past it a caller is told to come back, so a slow query cannot pile up requests. */
  projection_calls_max: 256,
  /** One query. Ten thousand rows are ranked in well under 0.1 s. */
  projection_query_ms_max: 10_000,
  /** Opening makes the embedded database (3 s, more on a busy machine), applying writes up to 256 arrivals: past it the worker is restarted. */
  projection_write_ms_max: 120_000,
  /** Connections to a Postgres server: one writes, the others read. */
  projection_connections_max: 5,
  /** Statements kept planned on each connection to a Postgres server, some 20 KiB each there, and in the embedded database. */
  projection_prepared_max: 128,
  /** Bytes of write-ahead log that the embedded database keeps, in whole files: then it checkpoints, which takes a tenth of what their rows took. A killed one reads as much when it opens. */
  projection_wal_bytes: 24 * MIB,
  /** Below this much free space the embedded database takes no batch: a failed write costs it its instance, a refused batch nothing. Its write-ahead log, and 16 MiB of rows. */
  projection_room_bytes_min: 48 * MIB,
  /** Files that a process must be able to open beside those that it has, or the embedded database is not blamed for its failure. */
  projection_files_spare: 16,
  /** Instances of the embedded database that break one after another, for no cause outside it, until its rows are taken for damaged. */
  projection_breaks_max: 3,
  /** Rows upserted into the embedded database between two vacuums; it has nobody else to do that. */
  projection_vacuum_rows: 20_000,
  /** The same, or until a server is told to count them, when nothing has been written for `projection_rest_ms`: it takes some 0.3 s of 10,000 memories, so not for every one. */
  projection_vacuum_rest_rows: 500,
  projection_rest_ms: 2_000,
  /** Expired memories that a reader of the counters looks up, some 0.3 ms; past that the counters are moved on. */
  projection_expired_rows_max: 1_000,
  /** An idle projection on a server is looked at this often: it may be gone, empty, or an old copy of itself. */
  projection_check_ms: 30_000,
  /** The first of a quiet connection's keep-alives, and their spacing: a server frees a vanished peer's place after some 30 s. */
  projection_keep_alive_s: 10,

  // ── search and embeddings ─────────────────────────────────────────────────────────────────────────────────────────
  ...searchLimits,

  // ── command line ──────────────────────────────────────────────────────────────────────────────────────────────
} as const
