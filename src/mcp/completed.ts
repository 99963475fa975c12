/**
 * What clients leave out and mean all the same. An `initialize` needs no more than a client's name here: without the rest it is a client
 * that can do nothing special and takes the version that it is given.
 */
import { LATEST_PROTOCOL_VERSION } from '@modelcontextprotocol/server'

type Fields = Readonly<Record<string, unknown>>

/** @param body a request as it was parsed. @returns the same, or a copy of an `initialize` with what it lacks. */
export const completed = (body: unknown): unknown => {
  if (!isFields(body) || body['method'] !== 'initialize') return body
  const params = isFields(body['params']) ? body['params'] : {}
  const info = isFields(params['clientInfo']) ? params['clientInfo'] : {}
  return {
    ...body,
    params: {
      ...params,
      protocolVersion: params['protocolVersion'] ?? LATEST_PROTOCOL_VERSION,
      capabilities: params['capabilities'] ?? {},
      clientInfo: { ...info, name: info['name'] ?? 'unnamed', version: info['version'] ?? '0' },
    },
  }
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
