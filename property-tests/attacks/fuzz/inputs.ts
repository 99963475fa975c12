/**
 * Inputs for a whole process: frames of the mesh and requests of HTTP, as samples of the right shape, mutated. Each follows from
 * (seed, index) alone, so that one can be made again without those before it.
 */
import { deflateRawSync } from 'node:zlib'
import { encode, TAGS } from '../../../transports/messages.ts'
import { writeNode } from '../../fuzz/dumb/msgpack.ts'
import { createDraw, type Draw } from '../../fuzz/draw.ts'
import { mutateBytes, rawBytes } from '../../fuzz/mutate-bytes.ts'
import { mutateJson } from '../../fuzz/mutate-json.ts'
import { mutatePacked } from '../../fuzz/mutate-packed.ts'
import { REQUESTS, requestBodies } from '../../fuzz/requests.ts'
import { mutant } from '../../fuzz/target.ts'
import { sampleMessages } from '../../fuzz/targets/frames.ts'

/** Whom the frame comes from: nobody yet, one with a fresh key, or an enrolled member whose link is open. */
export type Phase = 'greeting' | 'stranger' | 'member'
export type FrameInput = { readonly phase: Phase; readonly bytes: Uint8Array }

let samples: readonly Uint8Array[] | null = null

/** Frames in a row that come from one and the same, so that a link is dialed for many of them and not for each. */
export const FRAMES_PER_PHASE = 40

export const frameInput = (seed: number, index: number): FrameInput => {
  const phase = phaseOf(seed, Math.floor(index / FRAMES_PER_PHASE))
  const draw = createDraw(seed, 'process frames', index)
  return { phase, bytes: phase === 'greeting' ? greeting(draw) : sealedContent(draw) }
}

const phaseOf = (seed: number, run: number): Phase => {
  const way = createDraw(seed, 'process phases', run).below(20)
  return way === 0 ? 'greeting' : way < 8 ? 'stranger' : 'member'
}

const greeting = (draw: Draw): Uint8Array => {
  const [version, kind] = [
    draw.chance(6) ? draw.below(256) : 1,
    draw.chance(6) ? draw.below(256) : draw.pick([1, 2, 3]),
  ]
  const frame = new Uint8Array([version, kind, ...draw.bytes(draw.chance(4) ? draw.small(300) : draw.pick([160, 64]))])
  return draw.chance(4) ? mutateBytes(draw, frame, frame) : frame
}

const sealedContent = (draw: Draw): Uint8Array => {
  samples ??= sampleMessages().map(encode)
  const content = mutant(draw, samples, mutatePacked)
  return draw.chance(6) ? deflated(draw, content) : content
}

/** Inflated it may be huge, of another length than told, cut, or damaged. */
const deflated = (draw: Draw, content: Uint8Array): Uint8Array => {
  const inner = draw.chance(30) ? (content.length === 0 ? content : grown(draw, content)) : content
  const bytes = new Uint8Array(deflateRawSync(inner, { level: 1 }))
  return writeNode([
    TAGS.deflated,
    draw.chance(5) ? draw.pick([0, 1, inner.length + 1, 4 * 1024 * 1024, 2 ** 32]) : inner.length,
    draw.chance(5) ? mutateBytes(draw, bytes, content) : bytes,
  ])
}

/** The content over and over, up to what a frame may hold. */
const grown = (draw: Draw, content: Uint8Array): Uint8Array => {
  const all = new Uint8Array(draw.pick([65_536, 1024 * 1024, 4 * 1024 * 1024]))
  for (let at = 0; at < all.length; at += content.length) all.set(content.subarray(0, all.length - at), at)
  return all
}

/** A request as bytes on the wire. */
export const requestInput = (seed: number, index: number): Uint8Array => {
  const draw = createDraw(seed, 'process requests', index)
  const at = draw.below(REQUESTS.length + READS.length)
  const request = at < REQUESTS.length ? posted(draw, at) : read(draw, READS[at - REQUESTS.length]!)
  if (draw.chance(8)) return mutateBytes(draw, request, posted(draw, draw.below(REQUESTS.length)))
  return draw.chance(60) ? rawBytes(draw) : request
}

const ID = '0000000a-0000-4000-8000-000000000001'
const READS = [
  '/health',
  '/memories?namespace=team/api&limit=10',
  `/memories/${ID}`,
  `/memories/${ID}/history`,
  '/recall?q=deploy&namespace=team/api',
  '/search?q=key',
  '/namespaces',
  '/stats',
  '/capabilities',
  '/peers',
  '/quorum',
  '/events?limit=5',
  '/digests',
  '/openapi.json',
  `/links/${ID}`,
  `/memories?as_of=2026-01-01T00:00:00.000Z`,
  '/agents/ai:alice/memory/episodic?limit=3',
]
const HEADERS = [
  'x-agent-id: ai:alice',
  'x-causal-token: AAAA',
  'x-causal-wait: 10',
  'idempotency-key: k',
  'if-match: "1"',
  'accept: text/event-stream',
  'origin: https://evil.example',
  'content-encoding: gzip',
  'expect: 100-continue',
  'transfer-encoding: chunked',
  'upgrade: websocket',
  'x-api-key: k',
  'range: bytes=0-1',
]
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'CONNECT', 'PROPFIND', 'get', '']

const posted = (draw: Draw, at: number): Uint8Array => {
  const { method, path } = REQUESTS[at]!
  const body = mutant(draw, [requestBodies()[at]!], mutateJson)
  const length = draw.chance(20) ? draw.pick([0, 1, body.length + 1, body.length - 1, -1, 2 ** 32]) : body.length
  return joined(head(draw, method, path, ['content-type: application/json', `content-length: ${length}`]), body)
}
const read = (draw: Draw, path: string): Uint8Array => head(draw, 'GET', path, [])

const head = (draw: Draw, method: string, path: string, headers: readonly string[]): Uint8Array => {
  const verb = draw.chance(15) ? draw.pick(METHODS) : method
  const target = draw.chance(6)
    ? Buffer.from(mutateBytes(draw, encoder.encode(path), encoder.encode(path))).toString('latin1')
    : path
  const more = Array.from({ length: draw.small(3) }, () => draw.pick(HEADERS))
  return encoder.encode(
    [`${verb} /api/v1${target} HTTP/1.1`, 'host: 127.0.0.1', ...headers, ...more, '', ''].join('\r\n'),
  )
}

const encoder = new TextEncoder()
const joined = (a: Uint8Array, b: Uint8Array): Uint8Array => new Uint8Array([...a, ...b])
