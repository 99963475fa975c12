/**
 * Ids and names as a door is given them: text that becomes an id, or a refusal that names the mend.
 */
import { parseAgentId, parseNamespace, parseRecordId } from '../../crdt/ids.ts'
import type { AgentId, Namespace, RecordId } from '../../crdt/ids.ts'
import { NodeError } from '../errors.ts'

/** Absent, invisible and malformed ids are answered alike, or the answer would tell which it was. */
export const NOT_FOUND_MESSAGE =
  'nothing with this id is here, or it is not visible to you; check the id and the namespace'
export const notFound = (): NodeError => new NodeError('not_found', NOT_FOUND_MESSAGE)

/** @throws NodeError not_found, also when it is malformed. */
export const recordId = (text: string): RecordId => {
  const id = parseRecordId(text.toLowerCase())
  if (id === null) throw notFound()
  return id
}

/** @throws NodeError malformed; the text is not repeated, it may be long. */
export const namespaceOf = (text: string): Namespace => {
  const namespace = parseNamespace(text)
  if (namespace === null)
    throw new NodeError(
      'malformed',
      'namespace is not 1–8 parts of [a-z0-9][a-z0-9._-]* joined by /, within 128 bytes; rename it',
      { details: { field: 'namespace' } },
    )
  return namespace
}

/** @throws NodeError malformed. @param where the text stood, for the refusal. */
export const agentFrom = (text: string, where: string): AgentId => {
  const agent = parseAgentId(text)
  if (agent === null)
    throw new NodeError(
      'malformed',
      `the agent id in ${where} is not 1–128 printable bytes without spaces; rename it`,
      { details: { field: where } },
    )
  return agent
}
