/**
 * The Model Context Protocol between standard input and output and a peer's `/mcp`: a message a line, each carried as it is.
 *
 * The peer answers; here nothing is understood but what the carriage needs: which era a message is of (for the headers that HTTP asks
 * for), what the client is called, and what was cancelled. Messages are carried side by side, but for `initialize`, after which all
 * others come; what is under way when input ends is still answered. A peer that is gone is found anew once, where nothing may have been
 * done.
 */
import type { Target } from '../../sdk/client.ts'
import { eventsOf, LINE_BYTES_MAX, linesOf } from './lines.ts'
import { headersOf, nameOf, parseMessage, type Message } from './message.ts'

export type Bridge = {
  readonly input: AsyncIterable<Uint8Array>
  /** Writes one line of the protocol. */
  readonly write: (line: string) => Promise<void>
  /** Where the peer is, started when need be. */
  readonly find: () => Promise<Target>
  /** Of the address of `/mcp`. */
  readonly query: Readonly<Record<string, string>>
  /** Null: the client's own name. */
  readonly agent: string | null
  /** Resolves after so many ms, or rejects when it is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Carried side by side; further ones wait in the pipe. */
const UNDER_WAY_MAX = 32
/** After the end of input an answer is waited for: as long as the longest wait for a quorum. */
const LAST_ANSWERS_MS_MAX = 60_000

type Id = string | number
type Carried = { readonly message: Message; readonly cancel: AbortController; readonly done: Promise<void> }

/** Resolves when input has ended and all that came has been answered. */
export const bridge = async (options: Bridge): Promise<void> => {
  const { input, write } = options
  const carrier = createCarrier(options)
  const underWay = new Map<Id, Carried>()
  const take = async (line: string | null): Promise<void> => {
    const message = parseMessage(line)
    if (line === null || message === null) return write(failure(null, PARSE_ERROR, line === null ? TOO_LONG : NOT_JSON))
    if (message.method === 'notifications/cancelled') {
      const id = message.params?.['requestId']
      if (typeof id === 'string' || typeof id === 'number') underWay.get(id)?.cancel.abort()
      return
    }
    // The door keeps nothing between requests, so other notifications, and answers to what nobody asked, are nothing to it.
    if (message.id === undefined) return
    const { id } = message
    if (underWay.has(id))
      return write(failure(id, INVALID_REQUEST, 'a request of this id is under way; give each an id of its own'))
    const cancel = new AbortController()
    const done = carrier.carry(line, { ...message, id }, cancel.signal).finally(() => underWay.delete(id))
    underWay.set(id, { message, cancel, done })
    if (message.method === 'initialize') return done
    if (underWay.size >= UNDER_WAY_MAX) await Promise.race([...underWay.values()].map((carried) => carried.done))
  }
  for await (const line of linesOf(input)) await take(line)
  await lastAnswers([...underWay.values()], options.sleep)
}

/** Streams that would last as long as the client are ended; what was asked is answered. */
const lastAnswers = async (left: readonly Carried[], sleep: Bridge['sleep']): Promise<void> => {
  for (const { message, cancel } of left) if (message.method === 'subscriptions/listen') cancel.abort()
  const answered = new AbortController()
  const late = sleep(LAST_ANSWERS_MS_MAX, answered.signal).then(
    () => {
      for (const { cancel } of left) cancel.abort()
    },
    () => undefined,
  )
  await Promise.all(left.map(({ done }) => done))
  answered.abort()
  await late
}

/** Brings a request to the peer and the answer back. */
const createCarrier = ({ write, find, query, agent }: Bridge) => {
  let target: Promise<Target> | null = null
  let clientName: string | null = null
  let era: string | null = null
  const peer = (): Promise<Target> =>
    (target ??= find().catch((error: unknown) => {
      target = null
      throw error
    }))

  const post = async (line: string, message: Message, signal: AbortSignal): Promise<Response> => {
    const { url, key } = await peer()
    const address = new URL(`${url}/mcp`)
    for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value)
    const speaker = agent ?? clientName
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headersOf(message, era),
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(speaker === null ? {} : { 'x-agent-id': speaker }),
    }
    return fetch(address, { method: 'POST', headers, body: line, signal, redirect: 'error' })
  }

  const carry = async (line: string, message: Message & { readonly id: Id }, cancelled: AbortSignal): Promise<void> => {
    if (message.method === 'initialize') clientName = nameOf(message) ?? clientName
    try {
      const response = await post(line, message, cancelled).catch(async (error: unknown) => {
        if (!wasRefused(error)) throw error
        // Nobody listens there any more, so nothing was done: it is found, or started, anew.
        target = null
        return post(line, message, cancelled)
      })
      await passOn(response, message, write, (version) => (era = version))
    } catch (error) {
      if (!cancelled.aborted) await write(failure(message.id, INTERNAL, reasonOf(error)))
    }
  }
  return { carry }
}

/** Each message of the answer on a line of its own. */
const passOn = async (
  response: Response,
  { id, method }: Message & { readonly id: Id },
  write: Bridge['write'],
  onVersion: (version: string) => void,
): Promise<void> => {
  const isStream =
    response.headers.get('content-type')?.startsWith('text/event-stream') === true && response.body !== null
  let answered = false
  for await (const text of isStream ? eventsOf(response.body) : [await response.text()]) {
    const told = parseMessage(text)
    if (told === null) continue
    if (told.jsonrpc !== '2.0') {
      // The peer's refusal, before the protocol had its turn.
      return write(
        failure(id, INTERNAL, typeof told.message === 'string' ? told.message : `the peer answered ${response.status}`),
      )
    }
    answered ||= told.id === id
    const version = told.result?.['protocolVersion']
    if (method === 'initialize' && typeof version === 'string') onVersion(version)
    await write(JSON.stringify(told))
  }
  if (!answered)
    await write(failure(id, INTERNAL, `the peer ended its answer early (HTTP ${response.status}); ask again`))
}

const PARSE_ERROR = -32700
const INVALID_REQUEST = -32600
const INTERNAL = -32603
const TOO_LONG = `a line is longer than ${LINE_BYTES_MAX} bytes; send less at once`
const NOT_JSON = 'a line is no JSON object; send one message a line'

const failure = (id: Id | null, code: number, message: string): string =>
  JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } })

/** `fetch` tells the reason as a cause. A connection that broke may have brought the request to the peer. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  if (!(error.cause instanceof Error)) return error.message
  return `the peer did not answer (${error.cause.message}); what was asked may have been done: look before you ask again`
}

const wasRefused = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof Error && 'code' in error.cause && error.cause.code === 'ECONNREFUSED'
