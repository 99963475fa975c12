/**
 * One live event stream: catches up page by page, then waits for the log to grow.
 *
 * Invariants: at most one page is in memory, and the next is read only when the socket has taken the last (backpressure); a
 * page whose events were all filtered out still moves the cursor; a reader that takes nothing for `event_stall_ms_max` is
 * cut, one that is quiet is kept awake by comments. Growth that comes while a page is being read is not missed: it is noted
 * and looked at before waiting.
 */
import type { ServerResponse } from 'node:http'

import type { LogEntry, Node } from '../api.ts'
import { NodeError } from '../errors.ts'
import type { DoorLog } from './failure.ts'
import { httpLimits } from './limits.ts'

type Page = Awaited<ReturnType<Node['events']>>
type StreamOptions = {
  readonly first: Page
  readonly filter: Parameters<Node['events']>[1]
  readonly out: ServerResponse
  readonly log: DoorLog
}

/** Starts the stream. `end` finishes it; `ended` resolves when the socket is done with, and never rejects. */
export const streamEvents = (
  node: Pick<Node, 'events' | 'onLogGrown'>,
  { first, filter, out, log }: StreamOptions,
): { readonly end: () => void; readonly ended: Promise<void> } => {
  let over = false
  let grown = false
  let wake: () => void = () => undefined
  let cursor = first.next

  const end = () => {
    over = true
    wake()
  }
  const unsubscribe = node.onLogGrown(() => {
    grown = true
    wake()
  })
  out.once('close', end)
  const keepAlive = setInterval(() => {
    if (!out.writableNeedDrain) out.write(`: still here\nid: ${cursor}\n\n`)
  }, httpLimits.event_keep_alive_ms)

  const growth = async (): Promise<void> => {
    while (!grown && !over) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    grown = false
  }

  const run = async (): Promise<void> => {
    out.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    out.write(': open\n\n')
    let page = first
    while (!over) {
      await send(out, page.events)
      cursor = page.next
      if (over) break
      grown = false
      const next = await node.events(cursor, filter)
      const moved = next.events.length > 0 || next.next !== cursor
      page = next
      if (!moved) await growth()
    }
  }

  const ended = run()
    .catch((error: unknown) => {
      const known = error instanceof NodeError
      if (!known) log.error({ err: error }, 'event stream failed')
      if (!out.destroyed)
        out.write(
          `event: error\ndata: ${JSON.stringify(known ? { error: error.code, message: error.message } : { error: 'internal', message: 'the stream broke; come back with Last-Event-ID' })}\n\n`,
        )
    })
    .finally(() => {
      clearInterval(keepAlive)
      unsubscribe()
      out.off('close', end)
      out.end()
    })
  return { end, ended }
}

/** Writes a page; resolves when the socket can take more. */
const send = async (out: ServerResponse, events: readonly LogEntry[]): Promise<void> => {
  if (events.length === 0 || out.destroyed) return
  let text = ''
  for (const event of events) text += `id: ${event.cursor}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`
  if (!out.write(text)) await drained(out)
}

/** Resolves when the buffer is empty or the socket gone; destroys the socket when its reader takes nothing. */
const drained = (out: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const stalled = setTimeout(() => out.destroy(), httpLimits.event_stall_ms_max)
    const done = () => {
      clearTimeout(stalled)
      out.off('drain', done)
      out.off('close', done)
      resolve()
    }
    out.once('drain', done)
    out.once('close', done)
  })
