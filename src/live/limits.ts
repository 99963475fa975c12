/**
 * The bounds of the live door: a name that ends in its unit, the value, and why it is that. Peers need not agree on any of them.
 */
const KIB = 1024
const MIB = 1024 * KIB

export const liveLimits = {
  /** Clients of the live door at one time. */
  live_clients_max: 64,
  /** One frame of a live client: two lists of hashes and a filter; what it writes itself is dropped, so larger ones say nothing. */
  live_message_bytes_max: 256 * KIB,
  /** Nesting and values of a frame's envelope: six fields, of which one is a map and one a list. */
  live_envelope_depth_max: 8,
  live_envelope_values_max: 1_024,
  /** A peer id, a document id, a message type. */
  live_name_bytes_max: 256,
  /** Documents one client follows, those it asked for in vain among them: 500,000 memories. */
  live_documents_per_client_max: 1_024,
  /** Frames of one client that wait for their turn; past it its socket is not read. */
  live_inbox_frames_max: 64,
  /** Frames of one client within `ping_every_ms`: each document asked for anew, and every push answered. */
  live_frames_per_interval_max: 8_192,
  /** Unsent bytes past which a live client gets nothing further until it has read. */
  live_buffered_bytes_max: 1 * MIB,
  /** A live client that reads nothing for this long is closed. */
  live_stall_ms_max: 30_000,
  /** Changes are pushed together at most this often: not felt by a reader, and a busy segment is encoded 20 times a second at most. */
  live_batch_ms: 50,
  /** Work for live clients in one go before requests, disk and mesh get their turn. */
  live_turn_ms_max: 8,
  /** Segments one namespace's index lists: 8 million memories. */
  live_index_segments_max: 16_384,
  /** Segments an index takes in at a time: some 0.1 ms each. */
  live_index_slice_segments: 64,
} as const
