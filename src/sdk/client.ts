/**
 * The client of a peer's HTTP API: one request, one answer, or one line that names cause and mend.
 *
 * Bodies are JSON; times are in ms. It never retries: whether a request may be sent again is known only to who sends it. Where the
 * peer is may be found at the first call, so that who asks nothing starts nothing.
 */
import { exchange, type Answered } from './exchange.ts'
import { BadAddress, CallFailure, errorCode } from './failure.ts'

export const DEFAULT_URL = 'http://127.0.0.1:7701'
/** One request: the longest quorum wait, and time to answer. */
const REQUEST_MS_MAX = 75_000

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

export type CallOptions = {
  readonly query?: Query
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string | undefined>>
  /** Statuses beyond 2xx whose body is an answer too. */
  readonly accept?: readonly number[]
  readonly timeout_ms?: number
}

export type Client = {
  /** Where it asks, without a slash at its end; known once a call has been made. */
  readonly url: string
  /** Resolves with the JSON of the answer. Rejects with a `CallFailure`, a `BadAddress`, or what finding the peer failed of. @param path below `/api/v1`, with its slash. */
  call<T>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, options?: CallOptions): Promise<T>
}

/** Where a peer is asked, and with which key (none: null). */
export type Target = { readonly url: string; readonly key: string | null }

/**
 * @param target found at the first call, once; its key is sent as `Authorization: Bearer`. @param agent sent as `X-Agent-Id`.
 */
export const createClient = (options: {
  readonly target: () => Promise<Target>
  readonly agent?: string | undefined
}): Client => {
  const standing: Record<string, string> = { accept: 'application/json' }
  if (options.agent !== undefined) standing['x-agent-id'] = options.agent
  let target: Promise<Target> | null = null
  let url = DEFAULT_URL
  const find = async (): Promise<Target> => {
    const found = await options.target()
    url = parseBase(found.url)
    return { url, key: found.key }
  }

  return {
    get url() {
      return url
    },
    async call<T>(method: string, path: string, call: CallOptions = {}): Promise<T> {
      const { key } = await (target ??= find())
      const headers: Record<string, string> = { ...standing }
      if (key !== null) headers['authorization'] = `Bearer ${key}`
      for (const [name, value] of Object.entries(call.headers ?? {})) if (value !== undefined) headers[name] = value
      if (call.body !== undefined) headers['content-type'] = 'application/json'
      const timeout_ms = call.timeout_ms ?? REQUEST_MS_MAX
      try {
        const body = call.body === undefined ? {} : { body: JSON.stringify(call.body) }
        const answer = await exchange({
          method,
          url: `${url}/api/v1${path}${queryString(call.query ?? {})}`,
          headers,
          timeout_ms,
          ...body,
        })
        const good = answer.status >= 200 && answer.status < 300
        if (good || (call.accept ?? []).includes(answer.status)) return parseAnswer(url, answer.text) as T
        throw refusal(url, answer, headers['idempotency-key'])
      } catch (error) {
        throw error instanceof CallFailure ? error : unreachable(url, error, timeout_ms, headers['idempotency-key'])
      }
    },
  }
}

/** The address without what every call adds. @throws BadAddress. */
const parseBase = (text: string): string => {
  const parsed = URL.canParse(text) ? new URL(text) : null
  if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
    throw new BadAddress(`'${text}' is no address of a peer; give one like ${DEFAULT_URL} with --url`)
  }
  return (parsed.origin + parsed.pathname).replace(/\/+$/, '').replace(/\/api\/v1$/, '')
}

/** Lists are given as the name repeated; what is undefined is left out. */
const queryString = (query: Query): string => {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue
    if (typeof value === 'object') for (const part of value) parameters.append(name, part)
    else parameters.set(name, String(value))
  }
  const text = parameters.toString()
  return text === '' ? '' : `?${text}`
}

const parseAnswer = (url: string, text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new CallFailure(`${url} answered with something that is not JSON; is a mnemesh peer behind --url?`, {
      status: 200,
      code: 'not_json',
    })
  }
}

const refusal = (url: string, { status, text, retry_after }: Answered, key: string | undefined): CallFailure => {
  const body = objectOrNull(text)
  const code = typeof body?.['error'] === 'string' ? body['error'] : null
  if (body === null || code === null) {
    return new CallFailure(`${url} answered ${status} with something that is not mnemesh's; check --url`, {
      status,
      code: 'not_json',
    })
  }
  const seconds = Number(retry_after ?? Number.NaN)
  const said = typeof body['message'] === 'string' ? body['message'] : code
  const facts = { status, code, body, retry_after_ms: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null }
  return new CallFailure(
    `${said}${mend(code, body)}${status >= 500 ? repeatText(key) : ''} (${code}, HTTP ${status})`,
    facts,
  )
}

/** What the person at the command line can do about it, where the server cannot know. */
const mend = (code: string, body: Readonly<Record<string, unknown>>): string => {
  if (code === 'unauthorized') return '; give the key with --key-file or MNEMESH_KEY'
  if (code !== 'quorum_not_met') return ''
  const kept = typeof body['id'] === 'string' ? `; ${body['id']} stays on this peer and reaches the others later` : ''
  return `${kept}; see \`mnemesh status\`, or lower --quorum`
}

const objectOrNull = (text: string): Readonly<Record<string, unknown>> | null => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

/** What was sent may have been done. */
const repeatText = (key: string | undefined): string =>
  key === undefined ? '' : `; repeated with --idempotency-key ${key} it is done once`

const unreachable = (url: string, error: unknown, timeout_ms: number, key: string | undefined): CallFailure => {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return new CallFailure(
      `${url} did not answer within ${timeout_ms / 1000} s; see whether the peer is busy or stuck${repeatText(key)}`,
      { status: 0, code: 'timeout' },
    )
  }
  const { code, message } = causeOf(error)
  const why = REASONS[code] ?? `${message}; check --url and the network`
  return new CallFailure(
    `cannot reach ${url}: ${why}${code === 'ECONNRESET' || code === 'EPIPE' ? repeatText(key) : ''}`,
    { status: 0, code: 'unreachable' },
  )
}

/** Where a name has several addresses, each may have failed; the first says enough. */
const causeOf = (error: unknown): { readonly code: string; readonly message: string } => {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  return { code: errorCode(first), message: first instanceof Error ? first.message : String(first) }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; start a peer with `npm start` or name another with --url',
  ENOTFOUND: 'the name is not known; check --url',
  EAI_AGAIN: 'the name cannot be looked up now; check the network',
  ECONNRESET: 'the connection broke; the peer may have stopped',
  EPIPE: 'the connection broke; the peer may have stopped',
  EPROTO: 'it does not speak TLS there; try http:// in --url',
  HPE_INVALID_CONSTANT: 'what answers there is not HTTP; check --url',
  EHOSTUNREACH: 'no way to that host; check the network',
  ETIMEDOUT: 'no answer from that host; check the network',
}
