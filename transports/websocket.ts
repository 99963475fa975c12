/**
 * The network in production: the socket port over WebSocket (`ws`, RFC 6455), with Node's zlib and timers beside it.
 *
 * permessage-deflate stays off (measured 25× slower; the mesh compresses catch-up itself). Automatic pongs are off: the mesh
 * has its own pings, sealed, and a flood of foreign ones costs nothing. Every error of `ws` becomes one line, once: here.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { WebSocket, WebSocketServer, type RawData } from 'ws'
import { parsePeerId, type PeerId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import type { Compression, Dialer, Socket, SocketEvents, Timers } from './ports.ts'

/** WebSocket close code of the mesh's own reasons; the reason is the close frame's text. */
const CLOSE_CODE = 4000
/** The close frame gets this long to be answered, then the socket is torn down. */
const CLOSE_MS_MAX = 2_000
/** The same for sockets that give way to others: as many as come may go at a time, so they must not fill the door's pool. */
const CROWDED_MS_MAX = 200
/** Names the dialer in the upgrade's request (PROTOCOL WK3). */
const PEER_HEADER = 'x-mnemesh-peer'
/** Half the memory of level 6 and a third of its time, at a few per cent more bytes. */
const DEFLATE_LEVEL = 1

export const systemTimers: Timers = {
  now: () => Date.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}

export const zlibCompression: Compression = {
  deflate: (bytes) => deflateRawSync(bytes, { level: DEFLATE_LEVEL }),
  inflate: (bytes, maxBytes) => {
    try {
      return inflateRawSync(bytes, { maxOutputLength: maxBytes })
    } catch {
      // Damaged, or a bomb: the port answers both with null, and the link closes as 'bad_compression'.
      return null
    }
  },
}

const WS_OPTIONS = { perMessageDeflate: false, maxPayload: limits.frame_bytes_max, autoPong: false } as const

/** @param self named to whom it dials, so that a member gets in where its address has used up its work. */
export const createWebSocketDialer = (timers: Timers, self: PeerId | null = null): Dialer => ({
  dial: (url, opened, failed) => {
    let settled = false
    const settle = (call: () => void): void => {
      if (settled) return
      settled = true
      call()
    }
    let ws: WebSocket
    try {
      ws = new WebSocket(url, {
        ...WS_OPTIONS,
        handshakeTimeout: limits.handshake_ms_max,
        followRedirects: false,
        headers: self === null ? {} : { [PEER_HEADER]: self },
      })
    } catch (error) {
      return timers.after(0, () => settle(() => failed(describe(error))))
    }
    ws.once('open', () => settle(() => opened(wrap(ws, addressOf(url), timers))))
    ws.on('error', (error) => settle(() => failed(describe(error))))
    return () => {
      settled = true
      ws.terminate()
    }
  },
})

export type WebSocketAcceptor = {
  /** For an HTTP server's 'upgrade' event; answers 404 off `/mesh`, 431 for a heap of headers, 503 for an address that has used up its work (WK3). */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Tears down what is still open and accepts nothing more. */
  close(): void
}

/** Whether another socket from that address may be made now. @param claimed whom the dialer says that it is. */
export type Admits = (address: string, claimed: PeerId | null) => boolean

/** @param admits without it every socket is made. */
export const createWebSocketAcceptor = (
  timers: Timers,
  accept: (socket: Socket) => void,
  admits: Admits = () => true,
): WebSocketAcceptor => {
  const server = new WebSocketServer({ ...WS_OPTIONS, noServer: true, clientTracking: true })
  let closing = false
  return {
    handleUpgrade: (request, socket, head) => {
      const path = (request.url ?? '').split('?', 1)[0]
      if (closing) return refuse(socket, '503 Service Unavailable')
      if (path !== '/mesh') return refuse(socket, '404 Not Found')
      if (request.rawHeaders.length > 2 * limits.upgrade_headers_max)
        return refuse(socket, '431 Request Header Fields Too Large')
      const address = request.socket.remoteAddress ?? ''
      if (!admits(address, claimedBy(request))) return refuse(socket, '503 Service Unavailable')
      server.handleUpgrade(request, socket, head, (ws) => accept(wrap(ws, address, timers)))
    },
    close: () => {
      closing = true
      for (const ws of server.clients) ws.terminate()
      server.close()
    },
  }
}

const claimedBy = ({ headers }: IncomingMessage): PeerId | null => {
  const text = headers[PEER_HEADER]
  return typeof text === 'string' ? parsePeerId(text) : null
}

const refuse = (socket: Duplex, status: string): void => {
  // The socket may die while it is told; there is nobody left to tell.
  socket.once('error', () => socket.destroy())
  // One that keeps its own side open would hold a place among the upgraded ones for as long as it likes.
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy())
}

const addressOf = (url: string): string => (URL.canParse(url) ? new URL(url).hostname : '')

/** A `ws` socket as the port wants it. */
const wrap = (ws: WebSocket, remoteAddress: string, timers: Timers): Socket => {
  let events: SocketEvents | null = null
  let failure = ''
  let cancelTeardown: () => void = () => {}
  let over: string | null = null
  const early: Uint8Array[] = []

  const close = (reason: string): void => {
    if (ws.readyState !== WebSocket.OPEN) return
    ws.close(CLOSE_CODE, reason.slice(0, 123))
    cancelTeardown = timers.after(reason === 'too_many_sockets' ? CROWDED_MS_MAX : CLOSE_MS_MAX, () => ws.terminate())
  }
  ws.on('message', (data: RawData, isBinary: boolean) => {
    if (!isBinary || !(data instanceof Uint8Array)) return close('malformed_frame')
    if (events === null) early.push(data)
    else events.message(data)
  })
  ws.on('error', (error) => {
    failure = describe(error)
  })
  ws.once('close', (code, reason) => {
    cancelTeardown()
    over = reason.length > 0 ? reason.toString() : failure !== '' ? failure : `closed with code ${code}`
    events?.closed(over)
  })
  return {
    remoteAddress,
    listen: (given) => {
      events = given
      for (const frame of early.splice(0)) given.message(frame)
      if (over !== null) given.closed(over)
    },
    send: (frame) => {
      if (ws.readyState !== WebSocket.OPEN) return
      // A failed send is followed by 'close'; the callback only notices when the buffer has run empty.
      ws.send(frame, { binary: true, compress: false }, () => {
        if (ws.bufferedAmount === 0 && ws.readyState === WebSocket.OPEN) events?.drained()
      })
    },
    bufferedBytes: () => ws.bufferedAmount,
    close,
  }
}

const describe = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error)
  return text.replaceAll(/\s+/g, ' ').slice(0, 200)
}
