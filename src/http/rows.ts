/** Rows as the door shows them: `created_by` names the agent and the peer. What a response schema does not list is not sent. */
type Made = { readonly agent_id: string; readonly peer_id: string }

export const shown = <Row extends Made>(row: Row): Row & { readonly created_by: Made } => ({ ...row, created_by: { agent_id: row.agent_id, peer_id: row.peer_id } })
