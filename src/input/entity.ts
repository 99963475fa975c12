/**
 * An entity of a knowledge graph as a memory: its name is the title, its type the kind, its observations are the text, one a line.
 * What the importer of the reference MCP memory server's file writes and what the `graph` tools of MCP read is the same, by this file.
 *
 * An observation of several lines goes on behind a tab. A text that says what the plain form cannot (no observation is the name
 * itself, a lone empty one, a first that is a backslash) begins with a line of one backslash, or two.
 */
import { createHash } from 'node:crypto'
import { limits } from '../../crdt/limits.ts'

export type Entity = { readonly name: string; readonly entityType: string; readonly observations: readonly string[] }
export type EntityDraft = {
  readonly title: string
  readonly content: string
  readonly kind: string
  readonly tags: readonly string[]
  readonly source: 'mcp-memory'
  /** The type, where no kind can be called so. */
  readonly metadata?: { readonly entityType: string }
}

/** Of every node of a graph, whether it is an entity or only named by a relation. */
export const GRAPH_TAG = 'graph'

/** The tag by which a memory of this name is found; a long name stands there by its hash. */
export const nameTag = (kind: string, name: string): string => {
  const tag = `${kind}:${name}`
  return Buffer.byteLength(tag) <= limits.tag_bytes_max
    ? tag
    : `${kind}#${createHash('sha256').update(name).digest('base64url')}`
}

export const entityDraft = ({ name, entityType, observations }: Entity): EntityDraft => {
  const isKind = entityType !== '' && Buffer.byteLength(entityType) <= limits.name_bytes_max
  return {
    title: name,
    content: observationsText(observations, name),
    kind: isKind ? entityType : 'entity',
    tags: [GRAPH_TAG, nameTag(GRAPH_TAG, name)],
    source: 'mcp-memory',
    ...(isKind ? {} : { metadata: { entityType } }),
  }
}

/** Two, since with one of them the text may be just the name. */
const MARKS = ['\\\n', '\\\\\n']
const markOf = (text: string): string => MARKS.find((mark) => text.startsWith(mark)) ?? ''

/** Never empty. @param name of the entity: its text when there is no observation. */
export const observationsText = (observations: readonly string[], name: string): string => {
  if (observations.length === 0) return name
  const text = observations.map((one) => escaped(one).replaceAll('\n', '\n\t')).join('\n')
  if (text !== name && text !== '' && markOf(text) === '') return text
  return MARKS.map((mark) => mark + text).find((marked) => marked !== name) ?? text
}

export const observationsOf = (text: string, name: string): readonly string[] =>
  text === name
    ? []
    : text
        .slice(markOf(text).length)
        .split(/\n(?!\t)/)
        .map((part) => unescaped(part.replaceAll('\n\t', '\n')))

/** A tab at its start would look like the line before going on. */
const escaped = (one: string): string => (/^\\*\t/.test(one) ? `\\${one}` : one)
const unescaped = (one: string): string => (/^\\+\t/.test(one) ? one.slice(1) : one)
