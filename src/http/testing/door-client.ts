/** A door on a free loopback port over a node double, and a client for it. For tests alone. */
import { createLazyMcpDoor } from '../../mcp/index.ts'
import { createHttpDoor } from '../door.ts'
import type { HttpDoor, HttpDoorOptions } from '../door.ts'
import { createNodeDouble } from './node-double.ts'
import type { NodeDouble } from './node-double.ts'

export type Answer = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: Readonly<Record<string, unknown>>
}
type Extra = { readonly headers?: Readonly<Record<string, string>> }

export type TestDoor = NodeDouble & {
  readonly door: HttpDoor
  readonly url: string
  readonly logged: readonly (readonly [fields: Readonly<Record<string, unknown>>, message: string])[]
  /** Sends `body` as JSON; a string or bytes as they are. `path` is below /api/v1. */
  send(method: string, path: string, body?: unknown, extra?: Extra): Promise<Answer>
}

export const openDoor = async (options: Partial<HttpDoorOptions> = {}): Promise<TestDoor> => {
  const double = createNodeDouble()
  const logged: [Readonly<Record<string, unknown>>, string][] = []
  const log = {
    error: (fields: Readonly<Record<string, unknown>>, message: string) => void logged.push([fields, message]),
  }
  const mcp = createLazyMcpDoor(double.node, '1.2.3', log, () => Date.now())
  const door = await createHttpDoor(double.node, {
    host: '127.0.0.1',
    port: 0,
    keys: [],
    version: '1.2.3',
    upgrades: {},
    log,
    mcp,
    ...options,
  })
  const url = await door.listen()
  const send: TestDoor['send'] = async (method, path, body, extra = {}) => {
    const raw = typeof body === 'string' || body instanceof Uint8Array
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...extra.headers },
      ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const json = (response.headers.get('content-type') ?? '').startsWith('application/json') && text !== ''
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: json ? (JSON.parse(text) as Readonly<Record<string, unknown>>) : {},
    }
  }
  return { ...double, door, url, logged, send }
}
