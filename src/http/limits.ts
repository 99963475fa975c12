/**
 * The bounds of the HTTP door: a name that ends in its unit, the value, and why it is that. Peers need not agree on any of them.
 */
const KIB = 1024
const MIB = 1024 * KIB

export const httpLimits = {
  /** A list of names in a query string. */
  query_bytes_max: 8 * KIB,
  episodes_limit_default: 100,
  events_limit_default: 100,
  /** Live event streams open at one time; each holds a socket and a cursor. */
  event_streams_max: 256,
  idempotency_key_bytes_max: 256,
  /** An enrolment or revocation request is one signed statement of some 500 bytes. */
  mesh_request_bytes_max: 64 * KIB,
  /** One message of the Model Context Protocol: a tool's longest arguments, with room for escapes. */
  mcp_request_bytes_max: 1 * MIB,
  /** Place in a list or in the log, as a client hands it back. */
  cursor_bytes_max: 2 * KIB,
  /** A token, a key and what proxies add; Node's own 16 KiB would not hold the largest token. */
  http_header_bytes_max: 32 * KIB,
  http_headers_max: 100,
  /** Sockets of clients that have asked something; where all are taken, idle ones give way. */
  http_connections_max: 4_096,
  /** Of those, what one address holds; loopback is one address for everybody there, and is bounded by the pool alone. */
  http_connections_per_address_max: 1_024,
  /** Sockets that have not asked yet; the oldest gives way. Headers come within ms, so this is a thousand clients at one moment. */
  http_newcomers_max: 1_024,
  /** Begun in one turn of the event loop, some 0.2 ms each: a write takes some ten turns, and each may wait for so many. */
  http_requests_per_turn_max: 16,
  /** Of these, sockets that ask for the first time: a thousand that come at once are begun in 250 turns, and whoever was here before waits for four of them. */
  http_first_requests_per_turn_max: 4,
  /** Requests of one socket that wait behind its answer before no more is read of it: what Node has read by then, 64 KiB, is parsed all the same. */
  http_pipelined_read_max: 64,
  /** Those of all sockets: some 5 KiB each. */
  http_pipelined_waiting_max: 8_192,
  /** Answers that their clients have not taken, of all together; one is `page_bytes_max` of texts or somewhat more. */
  http_unread_bytes_max: 256 * MIB,
  /** Smaller answers are not counted: as many as there may be at once are 128 MiB. */
  http_unread_counted_bytes_min: 16 * KIB,
  /** Upgraded sockets of one path (mesh, live): above what their own protocol takes (`links_max`, `unauthenticated_sockets_max`, `live_clients_max`) and what is on its way out. */
  upgraded_sockets_max: 768,
  /** Of those, what one address holds, loopback excepted: a stranger alone can't fill `unauthenticated_sockets_max`. */
  upgraded_sockets_per_address_max: 128,
  /** Wrong API keys of one address that are told so at once: a person's typing errors, a client with an old key. */
  key_guesses_free: 10,
  /** What the next one has to wait, doubled with each up to the most. */
  key_guess_delay_ms_min: 1_000,
  key_guess_delay_ms_max: 60_000,
  /** So long a refusal is held back, for so many of one address at a time; further ones go out at once. */
  key_guess_hold_ms: 1_000,
  key_guesses_held_max: 64,
  /** Addresses remembered for that, some 200 bytes each, and for how long after their last word. */
  key_guess_addresses_max: 4_096,
  key_guesses_forgotten_ms: 3_600_000,
  /** Bodies of the same, as far as they have arrived. */
  http_bytes_in_flight_max: 256 * MIB,
  /** A body brings `http_pace_bytes` (or the rest of it) in every such time, else 408: 16 KiB/s, a slow mobile line. */
  http_pace_ms: 5_000,
  http_pace_bytes: 80 * KIB,
  /** Where bodies fill `http_bytes_in_flight_max`, one under way for longer than this gives way to others. */
  http_body_kept_ms: 1_000,
  /** What still comes of an answered request is read this far and this long, so that its client finds the answer: eight times the largest request. */
  http_drain_bytes_max: 32 * MIB,
  http_drain_ms_max: 10_000,
  /** A client that takes longer to send its headers is not sending them in earnest. */
  http_headers_ms_max: 10_000,
  /** 4 MiB in this time is 140 KiB/s. */
  http_request_ms_max: 30_000,
  /** A socket on which nothing moves in either direction, a reader that never reads among them. */
  http_silence_ms_max: 120_000,
  /** Between two requests on one connection: longer than a proxy's usual 60 s, so that the proxy closes first. */
  http_keep_alive_ms_max: 72_000,
  /** A comment on a quiet event stream: under the 30 s after which proxies call a connection dead. */
  event_keep_alive_ms: 15_000,
  /** A reader of an event stream that takes nothing for this long is cut; it comes back with Last-Event-ID. */
  event_stall_ms_max: 30_000,
} as const
