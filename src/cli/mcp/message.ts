/** Of a message of the protocol, what its carriage needs. */

export type Message = {
  readonly jsonrpc?: unknown
  readonly id?: string | number
  readonly method?: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly result?: Readonly<Record<string, unknown>>
  /** Of a peer's refusal, which is no message of the protocol. */
  readonly message?: unknown
}

/** Null when it is none. A field that is not what it should be counts as left out: the peer sees it as it came. */
export const parseMessage = (text: string | null): Message | null => {
  const value = text === null ? null : objectOrNull(text)
  if (value === null) return null
  const { id, method, params, result } = value
  return {
    ...value,
    id: typeof id === 'string' || typeof id === 'number' ? id : undefined,
    method: typeof method === 'string' ? method : undefined,
    params: isObject(params) ? params : undefined,
    result: isObject(result) ? result : undefined,
  } as Message
}

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'

/** What HTTP asks of a request beside its body. @param era the version that `initialize` agreed on, if there was one. */
export const headersOf = ({ method, params }: Message, era: string | null): Readonly<Record<string, string>> => {
  const meta = params?.['_meta']
  const version = isObject(meta) ? meta[VERSION_KEY] : undefined
  if (typeof version !== 'string') return era === null || method === 'initialize' ? {} : { 'mcp-protocol-version': era }
  const named = method === 'resources/read' ? params?.['uri'] : params?.['name']
  return {
    'mcp-protocol-version': headerText(version),
    'mcp-method': headerText(method ?? ''),
    ...(typeof named === 'string' ? { 'mcp-name': headerText(named) } : {}),
  }
}

/** As the protocol writes what a header cannot hold. */
const headerText = (text: string): string =>
  /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?base64?')
    ? text
    : `=?base64?${Buffer.from(text).toString('base64')}?=`

const AGENT_CHARS_MAX = 128
/** The client's name as an agent's id, or null. */
export const nameOf = ({ params }: Message): string | null => {
  const info = params?.['clientInfo']
  const name = isObject(info) && typeof info['name'] === 'string' ? info['name'] : ''
  return (
    name
      .trim()
      .replaceAll(/[^\x21-\x7e]+/g, '-')
      .slice(0, AGENT_CHARS_MAX) || null
  )
}

const objectOrNull = (text: string): Readonly<Record<string, unknown>> | null => {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
