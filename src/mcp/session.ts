/**
 * Who asks, by the address of `/mcp`: `?namespace=`, `?agent=` (or `X-Agent-Id`), `?read_only=true`, `?profile=`. Without an agent's id it is
 * who the client names itself, as far as it does so in each request.
 */
import { parseAgentId, type AgentId } from '../../crdt/ids.ts'
import { NodeError } from '../errors.ts'
import { agentFrom, namespaceOf } from '../input/ids.ts'
import { PROFILES, type ProfileName } from './profiles.ts'
import type { Session } from './tool.ts'

/** `named`: whether the agent's id was given, and not only taken for want of one. */
export type NamedSession = Session & { readonly named: boolean; readonly profile: ProfileName }

const ANONYMOUS = agentFrom('anonymous', 'the default')

/** @throws NodeError malformed, naming the part. */
export const sessionOf = (request: Request): NamedSession => {
  const query = new URL(request.url).searchParams
  const agent = query.get('agent') ?? request.headers.get('x-agent-id')
  const namespace = query.get('namespace')
  const readOnly = query.get('read_only') ?? 'false'
  if (readOnly !== 'true' && readOnly !== 'false')
    throw new NodeError('malformed', 'read_only is neither true nor false; give one of them')
  const profile = query.get('profile') ?? 'core'
  if (!isProfile(profile))
    throw new NodeError('malformed', `there is no such profile; give one of ${Object.keys(PROFILES).join(', ')}`)
  return {
    profile,
    agent: agent === null ? ANONYMOUS : agentFrom(agent, 'agent'),
    named: agent !== null,
    namespace: namespace === null ? null : namespaceOf(namespace),
    readOnly: readOnly === 'true',
  }
}

const isProfile = (name: string): name is ProfileName => Object.hasOwn(PROFILES, name)

/** @param clientName as this request tells it, or undefined. */
export const agentOf = ({ named, agent }: NamedSession, clientName: string | undefined): AgentId =>
  named || clientName === undefined
    ? agent
    : (parseAgentId(clientName.trim().replaceAll(/[^\x21-\x7e]+/g, '-')) ?? agent)
