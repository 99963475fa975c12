/**
 * A knowledge graph over memories, as the reference MCP memory server keeps it in a file: entities by their names, observations, relations.
 * A relation may name what is no entity (yet); such a name is a node that no answer lists.
 */
import type { RecordId } from '../../crdt/ids.ts'
import { entityDraft, GRAPH_TAG, nameTag, observationsOf, observationsText, type Entity } from '../input/entity.ts'
import type { LinkRow } from '../ports/projection.ts'
import { namedTexts, type Named, type NamedTexts } from './named.ts'
import type { Asked } from './tool.ts'

export type Relation = { readonly from: string; readonly to: string; readonly relationType: string }
export type Graph = { readonly entities: readonly Entity[]; readonly relations: readonly Relation[] }
export type Observations = { readonly entityName: string; readonly observations: readonly string[] }

export type KnowledgeGraph = {
  createEntities(entities: readonly Entity[]): Promise<readonly Entity[]>
  createRelations(relations: readonly Relation[]): Promise<readonly Relation[]>
  /** Null with the first name that is no entity: then nothing was added. */
  addObservations(additions: readonly Observations[]): Promise<{ readonly missing: string } | readonly Observations[]>
  deleteEntities(names: readonly string[]): Promise<void>
  deleteObservations(deletions: readonly Observations[]): Promise<void>
  deleteRelations(relations: readonly Relation[]): Promise<void>
  read(): Promise<Graph>
  search(query: string): Promise<Graph>
  open(names: readonly string[]): Promise<Graph>
}

const ONLY_NAMED_TAG = 'graph-only-named'
const isEntity = ({ row }: Named): boolean => !row.tags.includes(ONLY_NAMED_TAG)

export const knowledgeGraph = (asked: Asked): KnowledgeGraph => {
  const nodes = namedTexts(asked, GRAPH_TAG)
  const { node } = asked
  const by = { agent: asked.session.agent }

  const linksOf = async (id: RecordId): Promise<readonly LinkRow[]> => {
    const links: LinkRow[] = []
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await node.links(id, cursor === undefined ? {} : { cursor })
      for (const link of page.rows) if (!link.removed) links.push(link)
      cursor = page.next_cursor
    }
    return links
  }
  /** Those that one of `around` has, by names. @param known names that are read already. */
  const relationsOf = async (around: readonly Named[], known: readonly Named[]): Promise<readonly Relation[]> => {
    const nameById = new Map(
      known.flatMap(({ name, row, twins }) => [row, ...twins].map(({ id }): [RecordId, string] => [id, name])),
    )
    const nameOf = async (id: RecordId): Promise<string | null> => {
      if (!nameById.has(id))
        nameById.set(
          id,
          await node.get(id, {}).then(
            ({ memory }) => memory.title ?? '',
            () => '',
          ),
        )
      return nameById.get(id) || null
    }
    const linkById = new Map<RecordId, LinkRow>()
    for (const { row, twins } of around)
      for (const { id } of [row, ...twins]) for (const link of await linksOf(id)) linkById.set(link.id, link)
    const relations = new Map<string, Relation>()
    for (const link of [...linkById.values()].sort(byAge)) {
      const [from, to] = [await nameOf(link.from), await nameOf(link.to)]
      if (from !== null && to !== null)
        relations.set(JSON.stringify([from, to, link.relation]), { from, to, relationType: link.relation })
    }
    return [...relations.values()]
  }
  const graphOf = async (entities: readonly Named[], known: readonly Named[]): Promise<Graph> => ({
    entities: entities.map(entityOf),
    relations: await relationsOf(entities, known),
  })
  const found = async (names: readonly string[]): Promise<readonly Named[]> => {
    const all: Named[] = []
    for (const name of new Set(names)) {
      const one = await nodes.find(name)
      if (one !== null) all.push(one)
    }
    return all
  }
  const nodeFor = async (name: string): Promise<RecordId> =>
    (await nodes.find(name))?.row.id ?? nodes.create(name, onlyNamed(name))

  return {
    createEntities: async (entities) => {
      const created: Entity[] = []
      for (const entity of entities) {
        const there = await nodes.find(entity.name)
        if (there !== null && isEntity(there)) continue
        const { metadata, ...draft } = entityDraft(entity)
        const input = { ...draft, metadata: { ...metadata, order: created.length } }
        if (there === null) await nodes.create(entity.name, input)
        else await nodes.change(there, input)
        created.push(entity)
      }
      return created
    },
    createRelations: async (relations) => {
      const created: Relation[] = []
      for (const relation of relations) {
        const { from, to, relationType } = relation
        const ends = { from: await nodeFor(from), to: await nodeFor(to), relation: relationType }
        if (
          (await linksOf(ends.from)).some(
            (link) => link.from === ends.from && link.to === ends.to && link.relation === relationType,
          )
        )
          continue
        await node.link(ends, by)
        created.push(relation)
      }
      return created
    },
    addObservations: async (additions) => {
      const entities = new Map<string, Named>()
      for (const { entityName } of additions) {
        const entity = await nodes.find(entityName)
        if (entity === null || !isEntity(entity)) return { missing: entityName }
        entities.set(entityName, entity)
      }
      const added: Observations[] = []
      const observationsByName = new Map(
        [...entities].map(([name, entity]) => [name, [...entityOf(entity).observations]]),
      )
      for (const { entityName, observations } of additions) {
        const there = observationsByName.get(entityName)!
        const fresh = observations.filter((one) => !there.includes(one))
        for (const one of fresh) there.push(one)
        added.push({ entityName, observations: fresh })
      }
      for (const [name, entity] of entities) await rewrite(nodes, entity, observationsByName.get(name)!)
      return added
    },
    deleteEntities: async (names) => {
      for (const entity of await found(names)) {
        for (const { id } of [entity.row, ...entity.twins])
          for (const { from, to, relation } of await linksOf(id)) await node.unlink({ from, to, relation }, by)
        await nodes.forget(entity)
      }
    },
    deleteObservations: async (deletions) => {
      for (const { entityName, observations } of deletions) {
        const entity = await nodes.find(entityName)
        if (entity !== null && isEntity(entity))
          await rewrite(
            nodes,
            entity,
            entityOf(entity).observations.filter((one) => !observations.includes(one)),
          )
      }
    },
    deleteRelations: async (relations) => {
      for (const { from, to, relationType } of relations) {
        for (const { row, twins } of await found([from])) {
          const ends = new Set((await found([to])).flatMap((end) => [end.row.id, ...end.twins.map(({ id }) => id)]))
          for (const { id } of [row, ...twins])
            for (const link of await linksOf(id)) {
              if (link.from === id && ends.has(link.to) && link.relation === relationType) await node.unlink(link, by)
            }
        }
      }
    },
    read: async () => {
      const all = await nodes.all()
      const { relations } = await graphOf(all, all)
      return { entities: all.filter(isEntity).map(entityOf), relations }
    },
    search: async (query) => {
      const all = await nodes.all()
      const words = query.toLowerCase()
      const has = (text: string): boolean => text.toLowerCase().includes(words)
      const matches = ({ name, entityType, observations }: Entity): boolean =>
        has(name) || has(entityType) || observations.some(has)
      return graphOf(
        all.filter((one) => isEntity(one) && matches(entityOf(one))),
        all,
      )
    },
    open: async (names) => {
      const all = (await found(names)).filter(isEntity)
      return graphOf(all, all)
    },
  }
}

const byAge = (a: LinkRow, b: LinkRow): number => a.created_at.localeCompare(b.created_at) || (a.id < b.id ? -1 : 1)

const onlyNamed = (name: string) => ({
  title: name,
  content: name,
  kind: 'entity',
  source: 'mcp-memory',
  tags: [GRAPH_TAG, nameTag(GRAPH_TAG, name), ONLY_NAMED_TAG],
})

/** All that was observed, also by several at once. */
const entityOf = ({ name, row, texts }: Named): Entity => {
  const given = row.metadata['entityType']
  return {
    name,
    entityType: typeof given === 'string' ? given : row.kind,
    observations: [...new Set(texts.flatMap((text) => observationsOf(text, name)))],
  }
}

const rewrite = async (nodes: NamedTexts, entity: Named, observations: readonly string[]): Promise<void> => {
  const content = observationsText(observations, entity.name)
  if (content !== entity.row.content || entity.texts.length > 1) await nodes.change(entity, { content })
}
