/** A connection to a server that speaks in lines: what is sent, and who waits for the next line that answers. */
import { connect } from 'node:net'

export type LineSocket = {
  send(text: string | Buffer): void
  /** The next line, without its end. Rejects when the connection is closed. */
  line(): Promise<string>
  close(): void
}

export const openLines = (port: number): Promise<LineSocket> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.setNoDelay(true)
    const lines: string[] = []
    const waiting: { resolve(line: string): void; reject(error: Error): void }[] = []
    let rest = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\r\n')
      rest = parts.pop() ?? ''
      for (const line of parts) {
        const next = waiting.shift()
        if (next === undefined) lines.push(line)
        else next.resolve(line)
      }
    })
    const fail = (error: Error): void => {
      reject(error)
      for (const one of waiting.splice(0)) one.reject(error)
    }
    socket.on('error', fail)
    socket.on('close', () => fail(new Error('the connection was closed')))
    socket.once('connect', () =>
      resolve({
        send: (text) => void socket.write(text),
        line: () => {
          const line = lines.shift()
          return line !== undefined
            ? Promise.resolve(line)
            : new Promise((resolveLine, rejectLine) => waiting.push({ resolve: resolveLine, reject: rejectLine }))
        },
        close: () => void socket.destroy(),
      }),
    )
  })
