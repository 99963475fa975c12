/** How a tool reads: after its agent's own writes, and not before a search index that is just opening. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Node, ReadOptions } from '../api.ts'
import { NodeError } from '../errors.ts'
import type { Asked } from './tool.ts'

/** What was just written is searchable within some ms; where it takes longer the answer says how far behind it is. */
const OWN_WRITES_MS = 1_000
/** A peer that has just started opens its search index within some seconds. */
const OPENING_MS_MAX = 5_000
const LOOK_MS = 100

/** Asks for an answer that shows this agent's own writes; where they are late, for one that does not. */
export const seeingOwn = async <T>({ own }: Asked, ask: (options: ReadOptions) => Promise<T>): Promise<T> => {
  if (own.token === undefined) return ask({})
  try {
    return await ask({ ...own, wait_ms: OWN_WRITES_MS })
  } catch (error) {
    if (error instanceof NodeError && error.code === 'not_yet_here') return ask({})
    throw error
  }
}

/** What is found by a question, the agent's own writes among it; an index that is opening is waited for. */
export const recalled = (asked: Asked, question: Parameters<Node['recall']>[0]): ReturnType<Node['recall']> =>
  whenOpen(asked, () => seeingOwn(asked, (options) => asked.node.recall(question, options)))

/** Waits a little for a search index that is opening. */
const whenOpen = async <T>({ node }: Asked, ask: () => Promise<T>): Promise<T> => {
  for (const from = performance.now(); ; await pause(LOOK_MS)) {
    try {
      return await ask()
    } catch (error) {
      if (!isUnavailable(error) || performance.now() - from > OPENING_MS_MAX) throw error
      if ((await node.health()).search !== 'opening') throw error
    }
  }
}

export const isUnavailable = (error: unknown): boolean =>
  error instanceof NodeError && error.code === 'projection_unavailable'

/** Told where rows may lack something. */
export const lagLine = (lag: number): string => (lag === 0 ? '' : `\n(${lag} newer commits are not searchable yet)`)
