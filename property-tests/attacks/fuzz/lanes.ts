/**
 * Lanes: connections that carry inputs to the peer one after the other. A link that was closed is dialed anew; what is left
 * unanswered is left behind after a moment.
 */
import { openConnection, type Connection } from '../raw-http.ts'
import { publicKeyHex } from '../../../crdt/signature.ts'
import { authenticate, connect, openLink, type MeshLink, type RawLink } from '../../hostile/mesh-link.ts'
import type { Stage } from '../attack.ts'
import { frameInput, requestInput, type Phase } from './inputs.ts'

export type Tally = { sent: number; readonly outcomes: Record<string, number>; lastIndex: number }
export const emptyTally = (): Tally => ({ sent: 0, outcomes: {}, lastIndex: -1 })

/** Frames on one link before it is ended: what they leave behind there must not pile up for ever. */
const FRAMES_PER_LINK = 40
const ANSWER_MS_MAX = 250
/** Dials that fail one after the other mean that nobody is there any more. */
const FAILURES_MAX = 20
const OUTCOMES_MAX = 64

const count = (tally: Tally, index: number, outcome: string): void => {
  tally.sent++
  tally.lastIndex = Math.max(tally.lastIndex, index)
  const name = outcome in tally.outcomes || Object.keys(tally.outcomes).length < OUTCOMES_MAX ? outcome : 'other'
  tally.outcomes[name] = (tally.outcomes[name] ?? 0) + 1
}

/** Sends those inputs whose index `next` hands out, until it hands out null. */
export const frameLane = async (stage: Stage, seed: number, next: () => number | null, tally: Tally): Promise<void> => {
  let failures = 0
  for (let index = next(); index !== null;) {
    const { phase } = frameInput(seed, index)
    const link = await dialed(stage, phase).catch(() => null)
    if (link === null) {
      if (++failures > FAILURES_MAX) throw new Error('the peer takes no link any more')
      await stage.pause(100)
      continue
    }
    failures = 0
    for (let sent = 0; index !== null && sent < FRAMES_PER_LINK; sent++) {
      const input = frameInput(seed, index)
      if (input.phase !== phase) break
      if (phase === 'greeting') (link as RawLink).send(input.bytes)
      else (link as MeshLink).say(input.bytes)
      const closed = await link.closed(phase === 'member' ? 1 : 20)
      count(tally, index, `${phase}: ${closed === 'still open' ? 'borne' : closed}`)
      index = next()
      if (closed !== 'still open') break
    }
    link.end()
  }
}

/** Not by the stage, which remembers every link for its end: here are hundreds of thousands. */
const dialed = async (stage: Stage, phase: Phase): Promise<RawLink | MeshLink> => {
  const { keys } = stage.member
  const raw = await connect(
    `${stage.victim.url.replace('http', 'ws')}/mesh`,
    phase === 'member' ? { 'x-mnemesh-peer': publicKeyHex(keys) } : {},
  )
  try {
    if (phase === 'greeting') return raw
    const link = await authenticate(raw, stage.facts, phase === 'stranger' ? stage.stranger() : keys)
    return phase === 'stranger' ? link : await openLink(link)
  } catch (error) {
    raw.end()
    throw error
  }
}

export const requestLane = async (
  stage: Stage,
  seed: number,
  next: () => number | null,
  tally: Tally,
): Promise<void> => {
  let connection: Connection | null = null
  let failures = 0
  for (let index = next(); index !== null;) {
    connection ??= await openConnection(stage.victim.url).catch(() => null)
    if (connection === null) {
      if (++failures > FAILURES_MAX) throw new Error('the peer takes no connection any more')
      await stage.pause(100)
      continue
    }
    failures = 0
    connection.write(requestInput(seed, index))
    const status = await connection.status(ANSWER_MS_MAX)
    count(tally, index, status)
    index = next()
    // Answers are told apart by their connection: the next request has one of its own.
    connection.end()
    connection = null
  }
}
