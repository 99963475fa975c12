/**
 * The running peer's HTTP door, as far as membership needs it. No API key is ever sent: what is asked here needs none.
 */
import { fromBase64Url } from '../../crdt/base64.ts'
import type { MeshId, PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { Applied } from '../api.ts'
import { NodeError, STATUS_BY_CODE, type ErrorCode } from '../errors.ts'
import type { Random } from '../ports/clock.ts'
import { checkControlLog, type ControlLog } from './control-log.ts'
import { provenPeer } from './prove.ts'

/** A peer that is up answers within this. */
const ANSWER_MS_MAX = 10_000

/** The control log after the enrolment, or null when nobody answers there. @throws NodeError with what the peer refused. */
export const postJoin = async (url: string, request: Uint8Array): Promise<readonly Uint8Array[] | null> => {
  const response = await ask(url, 'join', request)
  return response === null ? null : commitsOf(await response.json())
}

/** @throws NodeError with what the peer refused, or that none answers. */
export const postStatement = async (
  url: string,
  what: 'revoke' | 'leave-behind' | 'level',
  request: Uint8Array,
): Promise<Response> => {
  const answer = await ask(url, what, request)
  if (answer === null) throw new NodeError('not_found', `the peer at ${url} does not answer: is it running?`)
  return answer
}

/** Who has applied the control log there, or null when nobody answers, or a peer of an older version. @param wait for those that are connected. */
export const fetchApplied = async (url: string, wait: boolean): Promise<Applied | null> => {
  const response = await ask(url, `applied?wait=${wait ? limits.control_wait_ms_max : 0}`, null).catch(() => null)
  return response === null ? null : ((await response.json()) as Applied)
}

export const fetchControlLog = async (url: string, mesh: MeshId): Promise<ControlLog> => {
  const response = await ask(url, 'control', null)
  if (response === null) throw new NodeError('not_found', `the peer at ${url} does not answer: is it running?`)
  return checkControlLog(mesh, commitsOf(await response.json()))
}

/**
 * Whether the process that answers at `url` holds `peer`'s key: an address that was written down may be somebody else's by now.
 * @throws NodeError when it does not, or nothing answers.
 */
export const requirePeer = async (url: string, peer: PeerId, random: Random): Promise<void> => {
  const proven = await provenPeer(url, random)
  if (proven === null) throw new NodeError('not_found', `the peer at ${url} does not answer: is it running?`)
  if (proven !== peer)
    throw new NodeError(
      'conflict',
      `what answers at ${url} is not the peer of this folder: its run.json is left over; start the peer, or delete that file`,
    )
}

/** Whether a member of `mesh` answers at `url`: a token is told to no other. Null when nothing answers. */
export const isMemberAt = async (url: string, mesh: MeshId, random: Random): Promise<boolean | null> => {
  const proven = await provenPeer(url, random)
  if (proven === null || proven === 'nobody') return proven === null ? null : false
  const { state } = await fetchControlLog(url, mesh)
  return state.members.get(proven)?.revoked === null
}

const ask = async (url: string, what: string, body: Uint8Array | null): Promise<Response | null> => {
  const init: RequestInit =
    body === null
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/octet-stream' }, body: Buffer.from(body) }
  let response: Response
  try {
    response = await fetch(`${url}/api/v1/mesh/${what}`, { ...init, signal: AbortSignal.timeout(ANSWER_MS_MAX) })
  } catch {
    return null
  }
  if (response.ok) return response
  const {
    error,
    message: told,
    ...fields
  } = (await response.json().catch(() => ({}))) as { readonly error?: unknown; readonly message?: unknown }
  const code = typeof error === 'string' && Object.hasOwn(STATUS_BY_CODE, error) ? (error as ErrorCode) : 'internal'
  const message = typeof told === 'string' ? told : `the peer at ${url} answered ${response.status}`
  throw new NodeError(code, message, fields)
}

const commitsOf = (value: unknown): readonly Uint8Array[] => {
  const commits = Array.isArray(value)
    ? value.map((text) => (typeof text === 'string' ? fromBase64Url(text) : null))
    : [null]
  if (commits.some((bytes) => bytes === null))
    throw new NodeError('malformed', 'the answer is no control log: is this a mnemesh peer of the same version?')
  return commits as readonly Uint8Array[]
}
