/**
 * The Model Context Protocol's door, loaded when it is first asked: the library takes 0.3 s of processor and 25 MB, which a peer that
 * nobody asks over it has no use for.
 */
import type { Node } from '../api.ts'
import type { PeerLog } from '../ports/log.ts'
import type { McpDoor } from './door.ts'

export type { McpDoor } from './door.ts'

export const createLazyMcpDoor = (
  node: Node,
  version: string,
  log: Pick<PeerLog, 'error'>,
  now: () => number,
): McpDoor => {
  let door: Promise<McpDoor> | null = null
  const loaded = (): Promise<McpDoor> =>
    (door ??= import('./door.ts').then(({ createMcpDoor }) => createMcpDoor(node, version, log, now)))
  return {
    answer: async (request, body) => (await loaded()).answer(request, body),
    close: async () => {
      await (await door)?.close()
    },
  }
}
