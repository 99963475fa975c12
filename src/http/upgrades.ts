/**
 * Upgrades to WebSockets: found by path, guarded like a write, handed to whoever speaks that protocol. API keys
 * are that handler's business: the mesh's handshake needs none, and a browser cannot send one in a header.
 */
import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'

import type { Access } from './access.ts'
import type { Connections } from './connections.ts'
import { rawFailure } from './failure.ts'

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** @returns what destroys the sockets that were handed over and are still open. */
export const routeUpgrades = (
  server: Server,
  handlerByPath: Readonly<Record<string, UpgradeHandler>>,
  { access, connections }: { readonly access: Access; readonly connections: Pick<Connections, 'upgrade'> },
): { readonly destroyAll: () => void } => {
  const open = new Set<Duplex>()
  server.on('upgrade', (request, socket, head) => {
    const path = (request.url ?? '').split('?', 1)[0]!
    const handler = Object.hasOwn(handlerByPath, path) ? handlerByPath[path] : undefined
    if (handler === undefined)
      return refuse(
        socket,
        rawFailure(
          404,
          'Not Found',
          'not_found',
          'nothing here can be upgraded; send plain HTTP/1.1 without an Upgrade header',
        ),
      )
    const refusal = access.refuseUpgrade(request) ?? connections.upgrade(socket, path)
    if (refusal !== null)
      return refuse(
        socket,
        rawFailure(refusal.status, STATUS_CODES[refusal.status] ?? '', refusal.code, refusal.message),
      )
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    // From here on the protocol minds its own silence.
    request.socket.setTimeout(0)
    handler(request, socket, head)
  })
  return { destroyAll: () => open.forEach((socket) => socket.destroy()) }
}

const refuse = (socket: Duplex, answer: string): void => {
  // The other side may be gone already; then there is nobody to tell.
  socket.once('error', () => socket.destroy())
  socket.end(answer, () => socket.destroy())
}
