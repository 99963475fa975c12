/**
 * The Model Context Protocol's door: one request, one answer. The library speaks the protocol; here stand the tools, who asks, and what
 * a model is told when something is refused.
 *
 * Whoever asks has passed the access rules of HTTP. All that is kept between requests is the token of each agent's last write, so that
 * what it remembers it finds at once.
 */
import { ProtocolError, ProtocolErrorCode, Server } from '@modelcontextprotocol/server'
import type { AgentId } from '../../crdt/ids.ts'
import type { Node } from '../api.ts'
import { NodeError } from '../errors.ts'
import type { PeerLog } from '../ports/log.ts'
import { completed } from './completed.ts'
import { DEFAULT_NAMESPACE } from './fields.ts'
import { createHandler } from './handler.ts'
import { PROFILES, type Profile } from './profiles.ts'
import { refusal } from './refusal.ts'
import { servePrompts } from './serve-prompts.ts'
import { serveResources } from './serve-resources.ts'
import { agentOf, sessionOf, type NamedSession } from './session.ts'
import { checkedArguments, published, type Asked, type Tool } from './tool.ts'
import { createTurns } from './turns.ts'

export type McpDoor = {
  /** @param body as it was parsed. @throws NodeError malformed for an address or a body that is none. */
  answer(request: Request, body: unknown): Promise<Response>
  close(): Promise<void>
}
type Log = Pick<PeerLog, 'error'>

/** @param now ms since 1970. */
export const createMcpDoor = (node: Node, version: string, log: Log, now: () => number): McpDoor => {
  const tokens = createTokens()
  const turns = createTurns()
  const askedBy = (session: NamedSession): Asked => {
    const { agent } = session
    const token = tokens.of(agent)
    return {
      node,
      session,
      now,
      wrote: (written) => tokens.keep(agent, written),
      own: token === undefined ? {} : { token },
      alone: (work, into = session.namespace ?? DEFAULT_NAMESPACE) => turns.take(into, work),
    }
  }
  const run = async (tool: Tool, session: NamedSession, args: Readonly<Record<string, unknown>>) => {
    try {
      const { text, data, isError } = await tool.run(askedBy(session), checkedArguments(tool, args) as never)
      return isError === true
        ? { content: [{ type: 'text' as const, text }], isError }
        : { content: [{ type: 'text' as const, text }], structuredContent: { ...data } }
    } catch (error) {
      // A refusal is for the model to act on; what is nobody's fault there is the protocol's to tell.
      if (error instanceof NodeError)
        return { content: [{ type: 'text' as const, text: refusal(error) }], isError: true }
      throw fault(error, { tool: tool.name })
    }
  }
  /** What no model asked for: a refusal is an error of the protocol. */
  const ask = async <T>(what: string, session: NamedSession, work: (asked: Asked) => Promise<T>): Promise<T> => {
    try {
      return await work(askedBy(session))
    } catch (error) {
      if (error instanceof ProtocolError) throw error
      throw error instanceof NodeError
        ? new ProtocolError(ProtocolErrorCode.InvalidParams, refusal(error))
        : fault(error, { what })
    }
  }
  /** Its inside is for the log. */
  const fault = (error: unknown, where: Readonly<Record<string, string>>): ProtocolError => {
    log.error({ err: error, ...where }, 'a request over MCP failed')
    return new ProtocolError(ProtocolErrorCode.InternalError, 'the peer failed to answer; its log has the cause')
  }

  const serverFor = (request: Request): Server => {
    const session = sessionOf(request)
    const {
      tools: all,
      instructions,
      readOnly = all.filter(({ hints }) => hints.readOnlyHint),
      resources,
      prompts,
    }: Profile = PROFILES[session.profile]
    const tools = session.readOnly ? readOnly : all
    const capabilities = {
      tools: {},
      ...(resources && { resources: {}, completions: {} }),
      ...(prompts && { prompts: {} }),
    }
    const server = new Server({ name: 'mnemesh', version }, { capabilities, instructions })
    const named = () => ({ ...session, agent: agentOf(session, server.getClientVersion()?.name) })
    server.setRequestHandler('tools/list', () => ({ tools: tools.map(published) }))
    server.setRequestHandler('tools/call', ({ params: { name, arguments: args = {} } }) => {
      const tool = tools.find((one) => one.name === name)
      if (tool === undefined)
        throw new ProtocolError(
          ProtocolErrorCode.InvalidParams,
          `there is no tool ${name.slice(0, 64)} here; tools/list names those that are`,
        )
      return run(tool, named(), args)
    })
    if (resources !== undefined) serveResources(server, resources, (what, work) => ask(what, named(), work))
    if (prompts !== undefined) servePrompts(server, prompts, (what, work) => ask(what, named(), work))
    return server
  }
  const handler = createHandler(serverFor, () => undefined)
  return {
    answer: async (request, body) => {
      sessionOf(request)
      // One call a request: many in one would cost what they like, and the protocol has no such batches any more.
      if (Array.isArray(body)) throw new NodeError('malformed', 'a body is one JSON-RPC message; send each by itself')
      if (valuesIn(body, VALUES_MAX) > VALUES_MAX)
        throw new NodeError('too_large', `a message holds more than ${VALUES_MAX} values; send it in parts`)
      return handler.answer(request, completed(body))
    },
    close: () => handler.close(),
  }
}

/** Of a message, all of them: the library looks at each several times, 5 µs in all. */
const VALUES_MAX = 2_000

/** Counted no further than beyond `most`. */
const valuesIn = (value: unknown, most: number): number => {
  if (typeof value !== 'object' || value === null) return 1
  let count = 1
  for (const name in value) {
    count += valuesIn((value as Record<string, unknown>)[name], most - count)
    if (count > most) break
  }
  return count
}

/** Agents whose last write is remembered; for others a read may come a moment before their write is searchable. */
const AGENTS_MAX = 1_000

const createTokens = () => {
  const byAgent = new Map<AgentId, string>()
  return {
    of: (agent: AgentId): string | undefined => byAgent.get(agent),
    keep: (agent: AgentId, token: string): void => {
      // The one who wrote last stands last.
      byAgent.delete(agent)
      byAgent.set(agent, token)
      if (byAgent.size > AGENTS_MAX) for (const first of byAgent.keys()) return void byAgent.delete(first)
    },
  }
}
