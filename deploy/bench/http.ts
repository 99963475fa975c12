/**
 * HTTP/1.1 over one connection that is kept, one request at a time, with next to no work of its own: on few cores the clients' work is
 * part of what is measured.
 */
import { connect, type Socket } from 'node:net'

export type Connection = {
  post(path: string, body: string): Promise<{ readonly status: number; readonly body: string }>
  close(): void
}

const HEAD_END = Buffer.from('\r\n\r\n')

export const openConnection = (host: string, port: number): Promise<Connection> =>
  new Promise((resolve, reject) => {
    const socket: Socket = connect(port, host)
    socket.setNoDelay(true)
    let pending: { resolve(answer: { status: number; body: string }): void; reject(error: Error): void } | null = null
    let received: Buffer = Buffer.alloc(0)
    const fail = (error: Error): void => {
      pending?.reject(error)
      pending = null
      reject(error)
    }
    socket.on('error', fail)
    socket.on('close', () => fail(new Error('the connection was closed')))
    socket.on('data', (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      const end = received.indexOf(HEAD_END)
      if (end < 0) return
      const head = received.toString('latin1', 0, end)
      const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
      if (length === undefined) return fail(new Error(`an answer without a length: ${head}`))
      const whole = end + HEAD_END.length + Number(length)
      if (received.length < whole) return
      const answer = {
        status: Number(head.slice(9, 12)),
        body: received.toString('utf8', end + HEAD_END.length, whole),
      }
      received = received.subarray(whole)
      const done = pending
      pending = null
      done?.resolve(answer)
    })
    socket.once('connect', () =>
      resolve({
        post: (path, body) =>
          new Promise((resolvePost, rejectPost) => {
            pending = { resolve: resolvePost, reject: rejectPost }
            socket.write(
              `POST ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
            )
          }),
        close: () => void socket.destroy(),
      }),
    )
  })
