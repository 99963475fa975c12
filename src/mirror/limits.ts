/** Bounds of a mirror, each with its unit and reason. */
export const mirrorLimits = {
  /** Files of a folder: what the profile `files` shows at once. */
  files_max: 5_000,
  /** Their texts together, which are held in memory. */
  files_bytes_max: 64 * 1024 * 1024,
  /** Memories of the namespace that are files, twins and names that fit no folder among them: past it nothing is mirrored. */
  rows_max: 10_000,
  /** Their texts and metadata together, which are held in memory. */
  rows_bytes_max: 128 * 1024 * 1024,
  /** Entries of a folder that are looked at, whatever they are. */
  entries_max: 50_000,
  depth_max: 16,
  /** One file: a memory's text, and the line's end behind it. */
  file_bytes_max: 65_535,
  /** Files that are brought in step at one time: each waits for its quorum. */
  at_once: 8,
  /** Writes in one pass, which takes at least `pass_ms`: some hundreds a second. */
  writes_per_pass_max: 256,
  pass_ms: 250,
  /** Between two looks at a folder that is large, by how long the last one took. */
  scan_share: 2,
  /** A file that was written to is left alone so long: its writer may be in the middle of it. */
  quiet_ms: 150,
  /** One file is sent at most so often: what is written to all the time is a log. */
  send_ms_min: 500,
  /** So many may go at once, or a tenth of all. */
  deletions_least: 10,
  deletions_share: 0.1,
  /** What counts as at once. */
  deletions_ms: 60_000,
  /** A peer that says 'later' is asked again after this, doubled up to the most. */
  retry_ms_min: 250,
  retry_ms_max: 10_000,
  /** Somebody else's write came in between so often: the next pass tries again. */
  tries_max: 4,
  /** Pages of one history that are read, each up to 512 KiB: past them both texts stay whole. */
  history_pages_max: 16,
  /** The log is read to its end at the first start, by pages of 1,000. */
  log_pages_max: 100_000,
} as const
