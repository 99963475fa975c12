/**
 * Every refusal in one shape: `{error, message, details?}` and what a `NodeError` adds. The only place that turns an error
 * into an answer, whether it comes from the node, from a schema, from Fastify or from Node's HTTP parser.
 *
 * Invariant: a 5xx of a write says `local_committed`. It is false while the node has not been asked, what the node says when
 * it refuses, and true when it has answered; a failure in between that the node does not own up to is told as true, since a
 * retry under the same Idempotency-Key does no harm and a silent loss would.
 */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { OutgoingHttpHeaders } from 'node:http'

import { NodeError } from '../errors.ts'
import { NOT_FOUND_MESSAGE } from '../input/ids.ts'
import { answerUnread } from './bodies.ts'
import type { ErrorCode } from '../errors.ts'

/** What the door tells about failures that are its own or the node's fault; a pino logger fits. */
export type DoorLog = { error(fields: Readonly<Record<string, unknown>>, message: string): void }

export type Failure = {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly retry_after_seconds: number | null
}

/** How far a write got: nobody asked yet, the node is at it, the node has answered. */
export type WriteStage = 'before' | 'asked' | 'answered'

/** A schema's first fault. */
export type SchemaFault = {
  readonly keyword: string
  readonly instancePath: string
  readonly params: Readonly<Record<string, unknown>>
  readonly message?: string
}

/** Names the field and the mend. @param where 'body', 'querystring', … */
export const schemaFailure = (fault: SchemaFault, where: string): NodeError => {
  const path = clip(fault.instancePath.slice(1).replaceAll('/', '.'))
  const inside = path === '' ? where : `${path} of the ${where}`
  const named = (key: string) => clip(String(fault.params[key]))
  const failure = (field: string, message: string, code: ErrorCode = 'malformed') =>
    new NodeError(code, message, { details: { field, where } })
  const join = (name: string) => (path === '' ? name : `${path}.${name}`)
  switch (fault.keyword) {
    case 'additionalProperties':
      return failure(
        join(named('additionalProperty')),
        `unknown field ${JSON.stringify(named('additionalProperty'))} in ${inside}; see /api/v1/openapi.json for those that exist`,
      )
    case 'required':
      return failure(
        join(named('missingProperty')),
        `field ${named('missingProperty')} is missing in ${inside}; give it`,
      )
    case 'x-text-bytes-max':
      return failure(path, `${inside} is longer than ${named('limit')} bytes; shorten it`, 'too_large')
    case 'x-bytes-max':
      return failure(path, `${inside} is longer than ${named('limit')} bytes; shorten it`)
    default:
      return failure(path, `${inside} ${fault.message ?? 'does not fit'}`)
  }
}

/** @param writes whether the request was one that may change something. */
export const describeFailure = (error: unknown, writes: boolean, stage: WriteStage): Failure => {
  const known = asNodeError(error)
  const { status, code } = known
  const body: Record<string, unknown> = {
    error: known.word,
    message: code === 'not_found' ? NOT_FOUND_MESSAGE : known.message,
  }
  // What a refusal adds about an id would tell absent from invisible.
  if (code !== 'not_found') Object.assign(body, known.fields)
  if (writes && status >= 500 && body['local_committed'] === undefined)
    body['local_committed'] = stage === 'answered' || (stage === 'asked' && !(error instanceof NodeError))
  return { status, body, retry_after_seconds: retryAfterSeconds(status, known.fields) }
}

const retryAfterSeconds = (status: number, fields: Readonly<Record<string, unknown>>): number | null => {
  if (status !== 429 && status !== 503) return null
  const asked = fields['retry_after_ms']
  return typeof asked === 'number' && asked > 0 ? Math.ceil(asked / 1000) : 1
}

const asNodeError = (error: unknown): NodeError => {
  if (error instanceof NodeError) return error
  if (!isFastifyError(error)) return internal()
  const fault = error.validation?.[0]
  if (fault !== undefined)
    return schemaFailure(
      {
        keyword: fault.keyword,
        instancePath: fault.instancePath,
        params: fault.params,
        ...(fault.message === undefined ? {} : { message: fault.message }),
      },
      error.validationContext ?? 'request',
    )
  switch (error.statusCode) {
    case 413:
      return new NodeError('too_large', 'the request is larger than this route takes; send it in parts')
    case 415:
      return new NodeError(
        'unsupported_media_type',
        'the body has no content type this route takes; send application/json (application/octet-stream for mesh requests)',
      )
    default:
      return error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500
        ? new NodeError('malformed', clip(error.message))
        : internal()
  }
}

const internal = (): NodeError => new NodeError('internal', 'the peer failed to answer; its log has the cause')
const isFastifyError = (error: unknown): error is FastifyError => error instanceof Error && 'code' in error
const clip = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text)

/** Fastify's error handler. Logs what the caller cannot mend: failures that no `NodeError` names. */
export const answerFailure =
  (log: DoorLog) =>
  (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const writes = request.method !== 'GET' && request.method !== 'HEAD' && request.routeOptions.config.reads !== true
    const failure = describeFailure(error, writes, request.writeStage)
    if (failure.body['error'] === 'internal')
      log.error(
        { err: error, method: request.method, route: request.routeOptions.url, write_stage: request.writeStage },
        'request failed',
      )
    if (failure.retry_after_seconds !== null) void reply.header('retry-after', failure.retry_after_seconds)
    if (failure.status === 408) void reply.header('connection', 'close')
    if (failure.status === 401) void reply.header('www-authenticate', 'Bearer')
    const headers = {
      ...(reply.getHeaders() as OutgoingHttpHeaders),
      'content-type': 'application/json; charset=utf-8',
    }
    // A body that stood still is not waited for any longer.
    if (
      failure.status !== 408 &&
      answerUnread(request.raw, reply.raw, { status: failure.status, headers, body: JSON.stringify(failure.body) })
    )
      return void reply.hijack()
    void reply.code(failure.status).send(failure.body)
  }

/** The same shape, for where there is no reply to write it with: a socket. */
export const rawFailure = (status: number, reason: string, code: string, message: string): string => {
  const body = JSON.stringify({ error: code, message })
  return `HTTP/1.1 ${status} ${reason}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
}
