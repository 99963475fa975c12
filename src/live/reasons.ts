/** Why a live client was sent away: names for its close frame, the log and the metrics, with the WebSocket close code of each. */
export const CLOSE_CODE_BY_REASON = {
  going_away: 1001,
  not_binary: 1003,
  bad_frame: 1008,
  not_joined: 1008,
  joined_twice: 1008,
  unsupported_protocol_version: 1008,
  bad_sync_message: 1008,
  too_many_hashes: 1008,
  too_many_haves: 1008,
  too_many_documents: 1008,
  too_many_frames: 1008,
  slow_reader: 1008,
  silent: 1008,
  frame_too_large: 1009,
  /** The socket broke, or its framing did. */
  socket_error: 1002,
  internal: 1011,
  too_many_clients: 1013,
} as const

export type Reason = keyof typeof CLOSE_CODE_BY_REASON
