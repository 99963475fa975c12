/** Answers what the protocol asks about resources. */
import { ResourceNotFoundError, type Server } from '@modelcontextprotocol/server'
import type { Resources } from './resource.ts'
import type { Asked } from './tool.ts'

/** Of one answer (the protocol's own bound). */
const COMPLETIONS_MAX = 100
const URI_CHARS_SHOWN = 200

/** @param ask does what it is given for whoever asks, and tells failures as the protocol does. */
export const serveResources = (
  server: Server,
  resources: Resources,
  ask: <T>(what: string, work: (asked: Asked) => Promise<T>) => Promise<T>,
): void => {
  server.setRequestHandler('resources/list', ({ params }) =>
    ask('resources/list', async (asked) => {
      const { resources: listed, next_cursor } = await resources.list(asked, params?.cursor)
      return { resources: [...listed], ...(next_cursor === null ? {} : { nextCursor: next_cursor }) }
    }),
  )
  server.setRequestHandler('resources/templates/list', () => ({ resourceTemplates: [...resources.templates] }))
  server.setRequestHandler('resources/read', ({ params: { uri } }) =>
    ask('resources/read', async (asked) => {
      const found = await resources.read(asked, uri)
      if (found === null) throw new ResourceNotFoundError(uri.slice(0, URI_CHARS_SHOWN))
      return { contents: [{ uri, ...found }] }
    }),
  )
  server.setRequestHandler('completion/complete', ({ params: { ref, argument, context } }) =>
    ask('completion/complete', async (asked) => {
      const isOurs =
        ref.type === 'ref/resource' && resources.templates.some(({ uriTemplate }) => uriTemplate === ref.uri)
      const all = isOurs
        ? await resources.complete(asked, {
            template: ref.uri,
            variable: argument.name,
            beginning: argument.value,
            given: context?.arguments ?? {},
          })
        : []
      return {
        completion: { values: all.slice(0, COMPLETIONS_MAX), total: all.length, hasMore: all.length > COMPLETIONS_MAX },
      }
    }),
  )
}
