/**
 * How the name of an agent says that its word was brought here by another: `ai:alice~imported-by~ai:bob`.
 *
 * Agents are named, not authenticated, and what is imported is signed by the peer that takes it in. So the mark says both: who said it
 * where it came from, and who says so here. What is imported once more keeps its first name and has the last one who brought it.
 */
import { parseAgentId, type AgentId } from '../../crdt/ids.ts'

const MARK = '~imported-by~'
/** Of both names: an agent's has 128. */
export const IMPORTED_NAMES_BYTES_MAX = 128 - MARK.length

/** Null when the two names together are too long. */
export const importedAgent = (of: string, by: string): AgentId | null =>
  parseAgentId(`${originalAgent(of).agent}${MARK}${by}`)

/** `by`: who brought it, null where nobody did. */
export const originalAgent = (agent: string): { readonly agent: string; readonly by: string | null } => {
  const at = agent.indexOf(MARK)
  return at < 1 ? { agent, by: null } : { agent: agent.slice(0, at), by: agent.slice(at + MARK.length) }
}
