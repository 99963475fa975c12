/**
 * Members that come and go under load, and strangers that send nonsense.
 */
import { connect } from 'node:net'
import { listIn, expecting } from '../../local/http.ts'
import type { ChaosPeer } from '../peers.ts'
import type { Draw } from '../random.ts'
import type { Fault, FaultClass, Stage } from './fault.ts'

const joining = ({ mesh, round }: Stage): Fault => {
  const name = `late${round}`
  let late: ChaosPeer | null = null
  return {
    shown: 'a peer joins and is revoked',
    hit: [],
    begin: async () => {
      late = await mesh.join(name)
    },
    proof: async () =>
      listIn(await expecting(200, mesh.peers[0].call('GET', '/peers')), 'peers').some(
        (peer) => peer['name'] === name && peer['revoked'] === false,
      )
        ? `${name} is a member`
        : null,
    end: async () => {
      if (late !== null) await mesh.revoke(late)
    },
  }
}

const CALLERS = 6
const BYTES_MAX = 60_000
const EVERY_MS = 20

const noise = (draw: Draw, bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, () => draw.whole(256)))
/** Nonsense, half requests, and WebSockets that are opened to send nonsense in frames. */
const shout = (draw: Draw): Buffer => {
  const upgrade =
    'GET /mesh HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
  const bytes = noise(draw, 1 + draw.whole(BYTES_MAX))
  const length = Buffer.alloc(10)
  length.set([0x82, 0xff])
  length.writeUInt32BE(bytes.length, 6)
  const frame = Buffer.concat([length, Buffer.from([0, 0, 0, 0]), bytes])
  return draw.one([
    bytes,
    Buffer.from(
      `POST /api/v1/memories HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${draw.whole(1_000_000)}\r\n\r\n{"content":`,
    ),
    Buffer.concat([Buffer.from(upgrade), frame]),
    Buffer.concat([Buffer.from(upgrade), frame.subarray(0, 1 + draw.whole(frame.length))]),
  ])
}

const shouting = ({ mesh, draw }: Stage): Fault => {
  let isOver = false
  let [sent, closed] = [0, 0]
  let running: Promise<unknown> = Promise.resolve()
  const call = (port: number): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' }, () => {
        sent++
        socket.write(shout(draw))
      })
      const timer = setTimeout(() => socket.destroy(), 1_000)
      socket.on('data', () => undefined).on('error', () => undefined)
      socket.on('end', () => void closed++)
      socket.on('close', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  const caller = async (): Promise<void> => {
    while (!isOver) {
      await call(draw.one(mesh.peers).port)
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
    }
  }
  return {
    shown: 'strangers send nonsense',
    hit: [],
    begin: async () => {
      running = Promise.all(Array.from({ length: CALLERS }, caller))
    },
    proof: async () => (sent > 0 && closed > 0 ? `${sent} connections, ${closed} ended by the peer` : null),
    end: async () => {
      isOver = true
      await running
    },
  }
}

export const MEMBER_CLASSES: readonly FaultClass[] = [
  { name: 'members', what: 'a peer joins under load and is taken out', needsCalm: true, plan: joining },
  { name: 'hostile', what: 'strangers send nonsense to every door', isCalm: true, plan: shouting },
]
