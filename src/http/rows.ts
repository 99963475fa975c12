/** Rows as the door shows them: `created_by` names the agent and the peer. */
type Made = { readonly agent_id: string; readonly peer_id: string }

export const shown = <Row extends Made>({
  peer_id,
  ...row
}: Row): Omit<Row, 'peer_id'> & { readonly created_by: Made } => ({
  ...row,
  created_by: { agent_id: row.agent_id, peer_id },
})
