/**
 * The running peer's HTTP door, as far as membership needs it.
 */
import { fromBase64Url } from '../../crdt/base64.ts'
import type { MeshId } from '../../crdt/ids.ts'
import { NodeError, STATUS_BY_CODE, type ErrorCode } from '../errors.ts'
import { checkControlLog, type ControlLog } from './control-log.ts'

/** A peer that is up answers within this. */
const ANSWER_MS_MAX = 10_000

/** The control log after the enrolment, or null when nobody answers there. @throws NodeError with what the peer refused. */
export const postJoin = async (url: string, request: Uint8Array): Promise<readonly Uint8Array[] | null> => {
  const response = await ask(url, 'join', request)
  return response === null ? null : commitsOf(await response.json())
}

export const postRevoke = async (url: string, request: Uint8Array): Promise<void> => {
  if ((await ask(url, 'revoke', request)) === null) throw new NodeError('not_found', `the peer at ${url} does not answer: is it running?`)
}

/** @param key what the peer asks its clients for. */
export const fetchControlLog = async (url: string, mesh: MeshId, key: string | undefined): Promise<ControlLog> => {
  const response = await ask(url, 'control', null, key)
  if (response === null) throw new NodeError('not_found', `the peer at ${url} does not answer: is it running?`)
  return checkControlLog(mesh, commitsOf(await response.json()))
}

const ask = async (url: string, what: 'join' | 'revoke' | 'control', body: Uint8Array | null, key?: string): Promise<Response | null> => {
  const init: RequestInit = body === null ? { headers: key === undefined ? {} : { 'x-api-key': key } } : { method: 'POST', headers: { 'content-type': 'application/octet-stream' }, body: Buffer.from(body) }
  let response: Response
  try {
    response = await fetch(`${url}/api/v1/mesh/${what}`, { ...init, signal: AbortSignal.timeout(ANSWER_MS_MAX) })
  } catch {
    return null
  }
  if (response.ok) return response
  const said = (await response.json().catch(() => ({}))) as { error?: unknown; message?: unknown }
  const code = typeof said.error === 'string' && Object.hasOwn(STATUS_BY_CODE, said.error) ? (said.error as ErrorCode) : 'internal'
  const message = typeof said.message === 'string' ? said.message : `the peer at ${url} answered ${response.status}`
  throw new NodeError(code, code === 'unauthorized' ? `the peer at ${url} runs with a key: give the right one with --key or MNEMESH_KEY` : message)
}

const commitsOf = (value: unknown): readonly Uint8Array[] => {
  const commits = Array.isArray(value) ? value.map((text) => (typeof text === 'string' ? fromBase64Url(text) : null)) : [null]
  if (commits.some((bytes) => bytes === null)) throw new NodeError('malformed', 'the answer is no control log: is this a mnemesh peer of the same version?')
  return commits as readonly Uint8Array[]
}
