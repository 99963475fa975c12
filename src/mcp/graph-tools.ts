/**
 * The profile `graph`: the nine tools of the reference MCP memory server, name for name and shape for shape, so that who used it changes one
 * line of a configuration. Source: github.com/modelcontextprotocol/servers, src/memory, 2026.8.31.
 */
import { NodeError } from '../errors.ts'
import type { Entity } from '../input/entity.ts'
import { listOf } from './fields.ts'
import { knowledgeGraph, type Graph, type KnowledgeGraph, type Relation } from './graph.ts'
import type { Listed, Resources } from './resource.ts'
import { answer, READS, type Asked, type Hints, type JsonSchema, type Told, type Tool } from './tool.ts'

const text = (description?: string): JsonSchema => ({
  type: 'string',
  ...(description === undefined ? {} : { description }),
})
/** As that server's: what it does not know it passes over. */
const shape = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema =>
  answer(properties, Object.keys(properties))
const entity = shape({
  name: text('The name of the entity'),
  entityType: text('The type of the entity'),
  observations: { ...listOf(text()), description: 'An array of observation contents associated with the entity' },
})
const relation = shape({
  from: text('The name of the entity where the relation starts'),
  to: text('The name of the entity where the relation ends'),
  relationType: text('The type of the relation'),
})
const graph = shape({ entities: listOf(entity), relations: listOf(relation) })
const done = shape({ success: { type: 'boolean' }, message: text() })
const ADDS: Hints = { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false }
const DELETES: Hints = { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false }

/** Beyond it an answer is of no use to a model, and costs the peer a long turn. */
const ANSWER_CHARS_MAX = 1_000_000
const told = (shown: unknown, data: Told['data']): Told => {
  const json = JSON.stringify(shown, null, 2)
  if (json.length > ANSWER_CHARS_MAX)
    throw new NodeError(
      'too_large',
      `the graph is longer than ${ANSWER_CHARS_MAX} characters; use search_nodes or open_nodes`,
    )
  return { text: json, data }
}
const whole = (found: Graph): Told => told(found, { ...found })
const deleted = (what: string): Told => {
  const message = `${what} deleted successfully`
  return { text: message, data: { success: true, message } }
}

type Spec<Args> = Omit<Tool, 'run' | 'title'> & { readonly ask: (graph: KnowledgeGraph, args: Args) => Promise<Told> }
const tool = <Args>({ ask, ...spec }: Spec<Args>): Tool => ({
  ...spec,
  title: spec.name
    .split('_')
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join(' '),
  run: (asked: Asked, args: Args) => {
    const work = () => ask(knowledgeGraph(asked), args)
    return spec.hints.readOnlyHint ? work() : asked.alone(work)
  },
})

type Contents = { readonly entityName: string; readonly contents: readonly string[] }
type Deletion = { readonly entityName: string; readonly observations: readonly string[] }

export const graphTools: readonly Tool[] = [
  tool<{ readonly entities: readonly Entity[] }>({
    name: 'create_entities',
    description: 'Create multiple new entities in the knowledge graph',
    hints: ADDS,
    input: shape({ entities: listOf(entity) }),
    output: shape({ entities: listOf(entity) }),
    ask: async (all, { entities }) => {
      const made = (await all.createEntities(entities)).map(({ name, entityType, observations }) => ({
        name,
        entityType,
        observations,
      }))
      return told(made, { entities: made })
    },
  }),
  tool<{ readonly relations: readonly Relation[] }>({
    name: 'create_relations',
    hints: ADDS,
    description:
      'Create multiple new relations between entities in the knowledge graph. Relations should be in active voice',
    input: shape({ relations: listOf(relation) }),
    output: shape({ relations: listOf(relation) }),
    ask: async (all, { relations }) => {
      const made = (await all.createRelations(relations)).map(({ from, to, relationType }) => ({
        from,
        to,
        relationType,
      }))
      return told(made, { relations: made })
    },
  }),
  tool<{ readonly observations: readonly Contents[] }>({
    name: 'add_observations',
    description: 'Add new observations to existing entities in the knowledge graph',
    hints: ADDS,
    input: shape({
      observations: listOf(
        shape({
          entityName: text('The name of the entity to add the observations to'),
          contents: { ...listOf(text()), description: 'An array of observation contents to add' },
        }),
      ),
    }),
    output: shape({ results: listOf(shape({ entityName: text(), addedObservations: listOf(text()) })) }),
    ask: async (all, { observations }) => {
      const added = await all.addObservations(
        observations.map(({ entityName, contents }) => ({ entityName, observations: contents })),
      )
      if ('missing' in added) return { text: `Entity with name ${added.missing} not found`, data: {}, isError: true }
      const results = added.map(({ entityName, observations: addedObservations }) => ({
        entityName,
        addedObservations,
      }))
      return told(results, { results })
    },
  }),
  tool<{ readonly entityNames: readonly string[] }>({
    name: 'delete_entities',
    description: 'Delete multiple entities and their associated relations from the knowledge graph',
    hints: DELETES,
    input: shape({ entityNames: { ...listOf(text()), description: 'An array of entity names to delete' } }),
    output: done,
    ask: async (all, { entityNames }) => {
      await all.deleteEntities(entityNames)
      return deleted('Entities')
    },
  }),
  tool<{ readonly deletions: readonly Deletion[] }>({
    name: 'delete_observations',
    description: 'Delete specific observations from entities in the knowledge graph',
    hints: DELETES,
    input: shape({
      deletions: listOf(
        shape({
          entityName: text('The name of the entity containing the observations'),
          observations: { ...listOf(text()), description: 'An array of observations to delete' },
        }),
      ),
    }),
    output: done,
    ask: async (all, { deletions }) => {
      await all.deleteObservations(deletions)
      return deleted('Observations')
    },
  }),
  tool<{ readonly relations: readonly Relation[] }>({
    name: 'delete_relations',
    description: 'Delete multiple relations from the knowledge graph',
    hints: DELETES,
    input: shape({ relations: { ...listOf(relation), description: 'An array of relations to delete' } }),
    output: done,
    ask: async (all, { relations }) => {
      await all.deleteRelations(relations)
      return deleted('Relations')
    },
  }),
  tool({
    name: 'read_graph',
    description: 'Read the entire knowledge graph',
    hints: READS,
    input: shape({}),
    output: graph,
    ask: async (all) => whole(await all.read()),
  }),
  tool<{ readonly query: string }>({
    name: 'search_nodes',
    description: 'Search for nodes in the knowledge graph based on a query',
    hints: READS,
    output: graph,
    input: shape({ query: text('The search query to match against entity names, types, and observation content') }),
    ask: async (all, { query }) => whole(await all.search(query)),
  }),
  tool<{ readonly names: readonly string[] }>({
    name: 'open_nodes',
    description: 'Open specific nodes in the knowledge graph by their names',
    hints: READS,
    output: graph,
    input: shape({ names: { ...listOf(text()), description: 'An array of entity names to retrieve' } }),
    ask: async (all, { names }) => whole(await all.open(names)),
  }),
]

const listed: Listed = {
  name: 'knowledge-graph',
  title: 'Knowledge Graph',
  uri: 'memory://knowledge-graph',
  description: 'The full knowledge graph with all entities and relations',
  mimeType: 'application/json',
}
export const graphResources: Resources = {
  templates: [],
  list: async () => ({ resources: [listed], next_cursor: null }),
  read: async (asked, uri) =>
    uri === listed.uri ? { mimeType: listed.mimeType, text: whole(await knowledgeGraph(asked).read()).text } : null,
  complete: async () => [],
}
