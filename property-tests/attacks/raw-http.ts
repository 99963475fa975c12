/** HTTP as bytes on a TCP connection: for requests that no client library would send. */
import { connect, type Socket } from 'node:net'

export type Connection = {
  readonly socket: Socket
  write(bytes: string | Uint8Array): void
  /** The status line's number of the first answer; `closed` when the connection ended without one, `no answer` after `ms`. */
  status(ms?: number): Promise<string>
  /** All that came so far. */
  received(): string
  isClosed(): boolean
  end(): void
}

const RECEIVED_MAX = 4 * 1024 * 1024

/** @param url `http://host:port`. */
export const openConnection = (url: string): Promise<Connection> => {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) })
    let received = ''
    let closed = false
    const waiting: (() => void)[] = []
    const wake = (): void => waiting.splice(0).forEach((call) => call())
    socket.on('data', (bytes) => {
      if (received.length < RECEIVED_MAX) received += bytes.toString('latin1')
      wake()
    })
    socket.on('error', (error) => {
      closed = true
      wake()
      reject(error)
    })
    socket.on('close', () => {
      closed = true
      wake()
    })
    socket.once('connect', () =>
      resolve({
        socket,
        write: (bytes) => void socket.write(bytes, () => undefined),
        received: () => received,
        isClosed: () => closed,
        status: async (ms = 10_000) => {
          const endMs = performance.now() + ms
          for (;;) {
            const found = /^HTTP\/1\.1 (\d{3})/.exec(received)?.[1]
            if (found !== undefined) return found
            if (closed) return 'closed'
            const leftMs = endMs - performance.now()
            if (leftMs <= 0) return 'no answer'
            await new Promise<void>((woken) => {
              const timer = setTimeout(woken, leftMs)
              waiting.push(() => {
                clearTimeout(timer)
                woken()
              })
            })
          }
        },
        end: () => socket.destroy(),
      }),
    )
  })
}
