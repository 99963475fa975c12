/**
 * A hostile mesh client, for tests of one peer in this process and for attacks on real ones: the handshake and seals are the product's own, what is said through them is up to the attacker.
 * What comes back is read by the fuzzers' reader, so that no decoder under attack judges itself.
 */
import { inflateRawSync } from 'node:zlib'
import { WebSocket } from 'ws'
import { concat } from '../../crdt/hash.ts'
import { bytesToHex, hexToBytes, type MeshId, type PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { KeyPair } from '../../crdt/signature.ts'
import { dialHandshake, type Authenticated } from '../../transports/handshake.ts'
import { createNonces } from '../../transports/nonces.ts'
import { createSeal } from '../../transports/seal.ts'
import { TAGS } from '../../transports/messages.ts'
import { readStrictly, writeNode, type Node } from '../fuzz/dumb/msgpack.ts'
import { randomBytes } from 'node:crypto'

export type MeshFacts = { readonly mesh: MeshId; readonly victim: PeerId }

/** A WebSocket to the mesh's door, before anything was said. */
export type RawLink = {
  readonly ws: WebSocket
  send(frame: Uint8Array | string): void
  /** The next frame. @throws after `ms`, or with the reason for which the other side closed. */
  next(ms?: number): Promise<Uint8Array>
  /** Null while it is open. */
  reason(): string | null
  /** Resolves with the reason for which the other side closed; with `still open` after `ms`. */
  closed(ms?: number): Promise<string>
  onFrame(take: (frame: Uint8Array) => void): void
  /** Resolves at the next frame or the end; with false after `ms`. */
  wait(ms: number): Promise<boolean>
  end(): void
}

export type MeshLink = Pick<RawLink, 'ws' | 'reason' | 'closed' | 'end'> & {
  readonly session: Authenticated
  /** Seals and sends. */
  say(content: Uint8Array): void
  tell(message: Node): void
  /** Sends bytes as they are. */
  sendSealed(frame: Uint8Array): void
  seal(content: Uint8Array): Uint8Array
  /** Frames of this tag so far; each is the whole array. The last `HEARD_MAX` of each tag are kept. */
  heard(tag: number): readonly (readonly Node[])[]
  /** The next frame of this tag that was not yet waited for. @throws when the link closes, or after `ms`. */
  await(tag: number, ms?: number): Promise<readonly Node[]>
  /** From here on pings and control messages are left unanswered. */
  fallSilent(): void
}

const ANSWER_MS = 10_000
const HEARD_MAX = 5_000
const VALUES_MAX = 1_000_000

export const connect = (url: string, headers: Readonly<Record<string, string>> = {}): Promise<RawLink> =>
  new Promise((resolve, reject) => {
    const ws = new WebSocket(url, { perMessageDeflate: false, headers, maxPayload: 64 * 1024 * 1024 })
    const frames: Uint8Array[] = []
    const waiting: (() => void)[] = []
    let take: ((frame: Uint8Array) => void) | null = null
    let reason: string | null = null
    let failure = ''
    const wake = (): void => waiting.splice(0).forEach((call) => call())
    ws.on('message', (data: Buffer) => {
      if (take !== null) take(data)
      else frames.push(data)
      wake()
    })
    ws.on('error', (error) => {
      failure = error.message
      reject(error)
    })
    ws.once('close', (code, text) => {
      reason = text.length > 0 ? text.toString() : code === 1006 ? `lost ${failure}`.trim() : `code ${code}`
      wake()
    })
    const wait = (ms: number): Promise<boolean> =>
      new Promise((woken) => {
        const timer = setTimeout(() => woken(false), ms)
        waiting.push(() => {
          clearTimeout(timer)
          woken(true)
        })
      })
    const link: RawLink = {
      ws,
      send: (frame) => ws.send(frame, () => undefined),
      next: async (ms = ANSWER_MS) => {
        for (;;) {
          const frame = frames.shift()
          if (frame !== undefined) return frame
          if (reason !== null) throw new Error(reason)
          if (!(await wait(ms))) throw new Error(`no frame within ${ms} ms`)
        }
      },
      reason: () => reason,
      closed: async (ms = ANSWER_MS) => {
        const endMs = performance.now() + ms
        while (reason === null && performance.now() < endMs) await wait(Math.max(1, endMs - performance.now()))
        return reason ?? 'still open'
      },
      onFrame: (given) => {
        take = given
        for (const frame of frames.splice(0)) given(frame)
      },
      wait,
      end: () => ws.terminate(),
    }
    ws.once('open', () => resolve(link))
  })

/** The dialer's side of an honest handshake. @throws with the reason of a refusal. */
export const authenticate = async (
  raw: RawLink,
  { mesh }: Pick<MeshFacts, 'mesh'>,
  keys: KeyPair,
  audience: PeerId | null = null,
): Promise<MeshLink> => {
  const handshake = dialHandshake({
    mesh,
    self: keys,
    audience,
    nonces: createNonces(16, 1_000),
    random: randomBytes(64),
    nowMs: Date.now(),
  })
  raw.send(handshake.first!)
  const step = handshake.receive(await raw.next(), Date.now())
  if (step.kind !== 'done') throw new Error(`our handshake ended as ${step.kind}`)
  raw.send(step.send!)
  return sealed(raw, step.session)
}

const sealed = (raw: RawLink, session: Authenticated): MeshLink => {
  const seal = createSeal(session.seal)
  const heard = new Map<number, (readonly Node[])[]>()
  const read = new Map<number, number>()
  let silent = false
  const say = (content: Uint8Array): void => raw.send(seal.seal(content))
  const tell = (message: Node): void => say(writeNode(message))
  const take = (message: readonly Node[]): void => {
    const [tag, first] = message
    if (typeof tag !== 'number') return
    if (!silent && tag === TAGS.ping) tell([TAGS.pong, first ?? 0, 0, new Uint8Array(16), Date.now()])
    if (!silent && tag === TAGS.control) tell([TAGS.control, first ?? 0])
    // Whoever tells the other's own line back holds no statement that it lacks: an honest peer of the same control log.
    if (!silent && tag === TAGS.line) tell(message)
    const before = heard.get(tag)
    if (before === undefined) return void heard.set(tag, [message])
    before.push(message)
    if (before.length <= HEARD_MAX) return
    before.shift()
    read.set(tag, Math.max(0, (read.get(tag) ?? 0) - 1))
  }
  raw.onFrame((frame) => {
    const content = seal.open(frame)
    if (content === null) return
    const message = messageOf(content)
    if (message !== null) take(message)
  })
  return {
    ws: raw.ws,
    reason: raw.reason,
    closed: raw.closed,
    end: raw.end,
    session,
    say,
    tell,
    sendSealed: raw.send,
    seal: seal.seal,
    heard: (tag) => heard.get(tag) ?? [],
    await: async (tag, ms = ANSWER_MS) => {
      const endMs = performance.now() + ms
      for (;;) {
        const at = read.get(tag) ?? 0
        const found = heard.get(tag)?.[at]
        if (found !== undefined) {
          read.set(tag, at + 1)
          return found
        }
        if (raw.reason() !== null) throw new Error(raw.reason()!)
        const leftMs = endMs - performance.now()
        if (leftMs <= 0) throw new Error(`no frame of tag ${tag} within ${ms} ms`)
        await raw.wait(leftMs)
      }
    },
    fallSilent: () => {
      silent = true
    },
  }
}

/** A frame's array, inflated where it came deflated; null when it is none. */
const messageOf = (content: Uint8Array): readonly Node[] | null => {
  const outer = listOf(readStrictly(content, VALUES_MAX))
  if (outer?.[0] !== TAGS.deflated) return outer
  return outer[2] instanceof Uint8Array ? listOf(readStrictly(inflateRawSync(outer[2]), VALUES_MAX)) : null
}

const listOf = (node: Node | undefined): readonly Node[] | null =>
  Array.isArray(node) ? (node as readonly Node[]) : null

/** Says what an honest member says until both sides are open. @throws with the reason of a refusal. */
export const openLink = async (link: MeshLink): Promise<MeshLink> => {
  await link.await(TAGS.control)
  link.tell(OPEN)
  await link.await(TAGS.open)
  return link
}

/** The member's `open`: of another log, nothing in it. */
export const OPEN: Node = [
  TAGS.open,
  new Uint8Array(16).fill(0xcd),
  0,
  new Uint8Array(16),
  new Uint8Array(8),
  Date.now(),
]

/** Successive commits of one chain with their bodies, as a frame. @param bodies salt ‖ text each. */
export const parcelsFrame = (
  chain: string,
  from: number,
  commits: readonly { readonly bytes: Uint8Array; readonly bodies: readonly Uint8Array[] }[],
): Node => [
  TAGS.parcels,
  hexToBytes(chain),
  from,
  commits.flatMap(({ bytes, bodies }) => [bytes, bodies.length, ...bodies]),
]

/** Waits until the other side has read everything before this: it answers pings in order. */
export const settled = async (link: MeshLink, ms?: number): Promise<void> => {
  link.tell([TAGS.ping, 7, 0, new Uint8Array(16)])
  await link.await(TAGS.pong, ms)
}

/** The victim's frontier as it tells it, by chain. */
export const frontierOf = async (
  link: MeshLink,
): Promise<ReadonlyMap<string, { readonly seq: number; readonly hash: string }>> => {
  const headByChain = new Map<string, { readonly seq: number; readonly hash: string }>()
  const prefixes: Uint8Array[] = [new Uint8Array(0)]
  while (prefixes.length > 0) {
    link.tell([TAGS.frontier_ask, prefixes.splice(-limits.frontier_nodes_per_frame_max)])
    const [, nodes] = await link.await(TAGS.frontier)
    const told = listOf(nodes) ?? []
    for (let at = 0; at < told.length; at += 3) {
      const [prefix, isLeaf, content] = told.slice(at, at + 3) as [Uint8Array, boolean, unknown]
      const list = isLeaf ? (listOf(content as never) ?? []) : []
      for (let n = 0; n < list.length; n += 3)
        headByChain.set(bytesToHex(list[n] as Uint8Array), {
          seq: list[n + 1] as number,
          hash: bytesToHex(list[n + 2] as Uint8Array),
        })
      if (!isLeaf) for (let digit = 0; digit < 16; digit++) prefixes.push(concat(prefix, Uint8Array.of(digit)))
    }
  }
  return headByChain
}

export const joined = (...parts: readonly Uint8Array[]): Uint8Array => concat(...parts)
