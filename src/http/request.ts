/**
 * What requests say beside their bodies: ids, headers, options of reads and writes. Each function takes it from the request
 * and answers it parsed, or throws a `NodeError` that names it.
 */
import type { FastifyRequest } from 'fastify'

import { parseRecordId } from '../../crdt/ids.ts'
import type { AgentId, RecordId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { Imported, MemoryInput, ReadOptions, WriteOptions } from '../api.ts'
import { NodeError } from '../errors.ts'
import { agentFrom, notFound } from '../input/ids.ts'
import { IMPORTED_NAMES_BYTES_MAX, importedAgent } from '../input/imported-agent.ts'
import type { WriteStage } from './failure.ts'
import { utc } from '../input/keywords.ts'
import { httpLimits } from './limits.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** How far this request's write got; `failure.ts` tells the caller when it fails. */
    writeStage: WriteStage
    /** Whether the caller may see what a key is needed for. */
    known: boolean
  }
}

/** The `{id}` of the path. @throws NodeError not_found, also when it is malformed. */
export const recordIdOf = (request: FastifyRequest): RecordId => {
  const id = parseRecordId(pathId(request).toLowerCase())
  if (id === null) throw notFound()
  return id
}

/** The agent's `{id}` of the path. @throws NodeError malformed. */
export const pathAgentOf = (request: FastifyRequest): AgentId => agentFrom(pathId(request), 'the path')

const pathId = (request: FastifyRequest): string => (request.params as { readonly id: string }).id

const ANONYMOUS = agentFrom('anonymous', 'the default')

export const agentOf = (request: FastifyRequest): AgentId => {
  const text = header(request, 'x-agent-id')
  return text === undefined ? ANONYMOUS : agentFrom(text, 'X-Agent-Id')
}

/** Options of a write. Throws before the node is asked. */
export const writeOptionsOf = (request: FastifyRequest): WriteOptions => {
  const { quorum } = request.query as { readonly quorum?: number }
  const key = idempotencyKeyOf(request)
  const imported = importedOf(request)
  return {
    agent: agentOf(request),
    ...(quorum === undefined ? {} : { quorum }),
    ...(key === undefined ? {} : { idempotency_key: key }),
    ...(imported === undefined ? {} : { imported }),
  }
}

/** What an import says of the one who said it elsewhere; undefined when it is nobody's but the agent's own. */
const importedOf = (request: FastifyRequest): Imported | undefined => {
  const [of, at, id, beside] = IMPORTED.map((name) => header(request, name.toLowerCase()))
  const unnamed = IMPORTED.slice(1).find((name) => header(request, name.toLowerCase()) !== undefined)
  if (of === undefined && unnamed === undefined) return undefined
  // What is imported is marked so: nothing is dated back, or takes an id, without saying whose word it is.
  if (of === undefined) throw unfit(unnamed!, `needs ${IMPORTED[0]}, who said it where it comes from`)
  const agent = importedAgent(agentFrom(of, IMPORTED[0]), agentOf(request))
  if (agent === null)
    throw unfit(
      IMPORTED[0],
      `and X-Agent-Id have more than ${IMPORTED_NAMES_BYTES_MAX} bytes together; shorten X-Agent-Id`,
    )
  if (at !== undefined && (!RFC3339.test(at) || Number.isNaN(Date.parse(at))))
    throw unfit(IMPORTED[1], 'is no time; write it as 2026-01-31T09:00:00Z')
  const record = id === undefined ? undefined : parseRecordId(id.toLowerCase())
  if (record === null) throw unfit(IMPORTED[2], "is no UUID; take it from the export's id")
  if (beside !== undefined && (beside !== 'true' || record === undefined))
    throw unfit(IMPORTED[3], `is not 'true', or ${IMPORTED[2]} names no memory`)
  return {
    agent,
    ...(at === undefined ? {} : { at: utc(at) }),
    ...(record === undefined ? {} : { id: record }),
    ...(beside === undefined ? {} : { beside: true as const }),
  }
}
const IMPORTED = ['X-Imported-Agent', 'X-Imported-At', 'X-Imported-Id', 'X-Imported-Beside'] as const
const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/
const unfit = (field: string, message: string): NodeError =>
  new NodeError('malformed', `${field} ${message}`, { details: { field } })

/** @param bytesMax at most this many; a bulk request needs room to number its entries. */
export const idempotencyKeyOf = (
  request: FastifyRequest,
  bytesMax: number = httpLimits.idempotency_key_bytes_max,
): string | undefined => {
  const key = header(request, 'idempotency-key')
  if (key !== undefined && (key.length === 0 || key.length > bytesMax))
    throw new NodeError('malformed', `Idempotency-Key is not 1–${bytesMax} bytes; shorten it`, {
      details: { field: 'Idempotency-Key' },
    })
  return key
}

export const readOptionsOf = (request: FastifyRequest): ReadOptions => {
  const token = header(request, 'x-causal-token')
  if (token === undefined) return NO_TOKEN
  if (token.length === 0 || token.length > limits.causal_token_bytes_max)
    throw new NodeError('malformed', 'X-Causal-Token is not a token that a write answered; send that one', {
      details: { field: 'X-Causal-Token' },
    })
  const wait = header(request, 'x-causal-wait')
  return wait === undefined ? { token } : { token, wait_ms: waitMs(wait) }
}
const NO_TOKEN: ReadOptions = {}

const waitMs = (text: string): number => {
  const ms = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
  if (!(ms <= limits.causal_wait_ms_max))
    throw new NodeError('malformed', `X-Causal-Wait is not a whole number of ms up to ${limits.causal_wait_ms_max}`, {
      details: { field: 'X-Causal-Wait' },
    })
  return ms
}

/** The version that `If-Match` names, or undefined when any will do. A weak tag never matches (RFC 9110 §13.1.1). */
export const ifMatchOf = (request: FastifyRequest): { readonly if_match?: string } => {
  const text = header(request, 'if-match')
  if (text === undefined || text === '*') return {}
  if (text.startsWith('W/'))
    throw new NodeError(
      'version_mismatch',
      'If-Match names a weak version, which matches nothing; send the ETag as it was answered',
    )
  const version = /^"([^"]{1,512})"$/.exec(text)?.[1] ?? (/^[^",\s]{1,512}$/.test(text) ? text : undefined)
  if (version === undefined)
    throw new NodeError('malformed', 'If-Match is not one quoted version; send the ETag as it was answered', {
      details: { field: 'If-Match' },
    })
  return { if_match: version }
}

const header = (request: FastifyRequest, lowerCaseName: string): string | undefined => {
  const value = request.headers[lowerCaseName]
  return typeof value === 'string' ? value : undefined
}

/** Asks the node for a write, and notes how far it got. */
export const asking = async <T>(request: FastifyRequest, ask: () => Promise<T>): Promise<T> => {
  request.writeStage = 'asked'
  const answer = await ask()
  request.writeStage = 'answered'
  return answer
}

/** Input as the node takes it: times in UTC, each tag once. */
export const memoryInput = <T extends MemoryInput>(fields: T): T => {
  const { occurred_at, expires_at, tags } = fields
  return {
    ...fields,
    ...(typeof occurred_at === 'string' ? { occurred_at: utc(occurred_at) } : {}),
    ...(typeof expires_at === 'string' ? { expires_at: utc(expires_at) } : {}),
    ...(tags === undefined ? {} : { tags: [...new Set(tags)] }),
  }
}
