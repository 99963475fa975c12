/**
 * The bounds of the command line: a name that ends in its unit, the value, and why it is that. Peers need not agree on any of them.
 */
const KIB = 1024
const MIB = 1024 * KIB

export const cliLimits = {
  /** A file of API keys. */
  key_file_bytes_max: 64 * KIB,
  /** `verify` over HTTP answers when it is through: a million commits take about two minutes. */
  cli_verify_ms_max: 1_800_000,
  /** A rebuilt projection answers when it is through: a million memories take about 20 minutes embedded. */
  cli_rebuild_ms_max: 3_600_000,
  /** Between two looks at how far it is. */
  cli_rebuild_look_ms: 500,
  /** Text given on standard input; just past what a memory may hold, so that the refusal names the true limit. */
  cli_stdin_bytes_max: 1 * MIB,
  /** Memories in one bulk request of an import: one quorum wait each, small enough to show progress. */
  import_batch_memories_max: 200,
  /** Bytes of the same: a quarter of what the door takes. */
  import_batch_bytes_max: 1 * MIB - 1 * KIB,
  /** Bulk requests of an import under way: while one waits for its quorum the next is parsed. */
  import_requests_in_flight_max: 2,
  /** Small requests of an import or export (is this id there, its links) under way. */
  import_lookups_in_flight_max: 8,
  /** A refused request is sent again, with the same keys, this often: about 40 s in all. */
  import_retries_max: 8,
  import_retry_ms_min: 250,
  import_retry_ms_max: 10_000,
  /** One line of a JSON lines file, one field of a git history. */
  import_line_bytes_max: 16 * MIB,
  /** One Markdown file: its syntax tree takes some thirty times that in memory. */
  import_file_bytes_max: 8 * MIB,
  /** Files in a zip: an export of twenty years has some 10,000. */
  import_zip_entries_max: 100_000,
  /** What they come to; each is read as a stream. */
  import_zip_bytes_max: 16 * 1024 * MIB,
  /** Folders within folders that an import walks into. */
  import_depth_max: 64,
  /** File names of one git commit kept as tags; metadata lists more. */
  import_file_tags_max: 40,
  /** Names remembered so that links find their ends: some 150 MB. */
  import_names_max: 1_000_000,
  /** Memories with secrets that are kept to be asked about; more are refused by name. */
  import_secrets_asked_max: 1_000,
  import_secrets_asked_bytes_max: 16 * MIB,
  /** Problems of an import shown in full; the rest are counted. */
  import_problems_shown_max: 100,
  /** A local mesh's peers are up by then, or it says which is not. */
  fleet_ready_ms_max: 20_000,
  /** A peer asked to stop has this long before it is killed. */
  fleet_stop_ms_max: 15_000,
} as const
