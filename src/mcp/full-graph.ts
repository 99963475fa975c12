/** The profile `full`'s tool that follows links, also as they were, and how a link is shown. */
import { limits } from '../../crdt/limits.ts'
import { namespaceOf, recordId } from '../input/ids.ts'
import { utc } from '../input/keywords.ts'
import type { LinkRow } from '../ports/projection.ts'
import { boolean, id, integer, listOf, most, name, past, pastOf, readNamespace, text, time } from './fields.ts'
import { lagLine, seeingOwn } from './reading.ts'
import { firstChars } from './show.ts'
import { toldList } from './told.ts'
import { answer, object, READS, type Asked, type Tool } from './tool.ts'

type GraphAsked = {
  readonly from: string
  readonly depth?: number
  readonly relation?: string
  readonly direction?: 'out' | 'in' | 'both'
  readonly namespace?: string
  readonly as_of?: string
  readonly valid_at?: string
  readonly limit?: number
}
const GRAPH_DEFAULT = 30
export const graph: Tool = {
  name: 'graph',
  title: 'What hangs together',
  hints: READS,
  description:
    'Memories that hang together with one by their links, several steps far, also as the links held at another time. For direct links use links.',
  input: object(
    {
      from: id,
      depth: {
        type: 'integer',
        minimum: 0,
        maximum: limits.graph_depth_max,
        description: `steps (default ${limits.graph_depth_default})`,
      },
      relation: name('only links of this relation'),
      direction: { type: 'string', enum: ['out', 'in', 'both'] },
      namespace: { ...readNamespace, description: 'only of this one; all unless given' },
      ...past,
      valid_at: time('links that hold then, by what they say'),
      limit: most(GRAPH_DEFAULT, 200),
    },
    ['from'],
  ),
  output: answer(
    {
      notice: text,
      nodes: listOf({ type: 'object' }),
      links: listOf({ type: 'object' }),
      truncated: boolean,
      lag: integer,
    },
    ['nodes', 'links'],
  ),
  async run(
    asked: Asked,
    {
      from: start,
      depth = limits.graph_depth_default,
      relation,
      direction = 'both',
      namespace,
      as_of,
      valid_at,
      limit = GRAPH_DEFAULT,
    }: GraphAsked,
  ) {
    const { nodes, edges, truncated, lag } = await seeingOwn(asked, (options) =>
      asked.node.graph(
        {
          from: recordId(start),
          depth,
          direction,
          limit,
          ...(relation === undefined ? {} : { relation }),
          ...(namespace === undefined || namespace === '*' ? {} : { namespace: namespaceOf(namespace) }),
          ...pastOf(as_of),
          ...(valid_at === undefined ? {} : { valid_at: utc(valid_at) }),
        },
        options,
      ),
    )
    const shown = nodes.map(({ id: node, depth: steps, kind, title, excerpt, agent_id, namespace: where }) => ({
      id: node,
      depth: steps,
      kind,
      title: title ?? firstChars(excerpt ?? '', 160),
      author: agent_id,
      namespace: where,
    }))
    const arrows = edges.slice(0, EDGES_SHOWN_MAX).map(linkOf)
    const cut = truncated || arrows.length < edges.length
    return toldList(
      'graph',
      [...shown, ...arrows],
      'Nothing hangs together with it.',
      `${cut ? '\n(there is more; ask with a relation, less depth or a larger limit)' : ''}${lagLine(lag)}`,
      { nodes: shown, links: arrows, truncated: cut, lag },
    )
  },
}
const EDGES_SHOWN_MAX = 300

export const linkOf = ({ from: one, to, relation, agent_id, valid_from, valid_until, created_at }: LinkRow) => ({
  from: one,
  to,
  relation,
  author: agent_id,
  valid_from,
  valid_until,
  at: created_at,
})
