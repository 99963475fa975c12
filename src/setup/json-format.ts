/**
 * JSON with comments and trailing commas, as editors keep it. `jsonc-parser` says what stands where; an entry is put at the head of its
 * object, behind a comment that stands there, in the indentation and line ends of the file. An
 * element of a list is put in first.
 */
import { createScanner, getNodeValue, parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser'
import { NodeError } from '../errors.ts'
import { LIST, type Format, type Insertion } from './edit.ts'

/** Of `jsonc-parser`'s SyntaxKind, which is a const enum. */
const [COMMA, LINE_COMMENT, BLOCK_COMMENT, LINE_BREAK, TRIVIA] = [5, 12, 13, 14, 15]
const BOM = '\uFEFF'

const parseJson = (text: string, file: string): Node | null => {
  const errors: ParseError[] = []
  const root = parseTree(unmarked(text), errors, { allowTrailingComma: true, allowEmptyContent: true })
  const [error] = errors
  if (error !== undefined) {
    const line = text.slice(0, error.offset).split('\n').length
    throw new NodeError(
      'malformed',
      `${file} is no JSON (line ${line}: ${printParseErrorCode(error.error)}): mend that line first; nothing was changed`,
    )
  }
  return root ?? null
}

/** A byte order mark is a blank to the parser, so that places stay what they are. */
const unmarked = (text: string): string => (text.startsWith(BOM) ? ` ${text.slice(1)}` : text)

export const jsonFormat: Format = {
  parse(text, file) {
    const root = parseJson(text, file)
    return root === null ? null : (getNodeValue(root) as unknown)
  },

  insertion(text, { keys }, value, file) {
    const root = parseJson(text, file)
    const eol = text.includes('\r\n') ? '\r\n' : '\n'
    if (root === null) {
      const gap = text.replace(BOM, '').trim() === '' || text.endsWith('\n') ? '' : eol
      return { at: text.length, text: `${gap}${printed(wrapped(keys, value), '', '  ', eol)}${eol}` }
    }
    let parent = root
    let depth = 0
    for (; depth < keys.length - 1; depth++) {
      const child = childOf(parent, keys.slice(0, depth + 1), file)
      if (child === null) break
      parent = child
    }
    requireKind(parent, keys.slice(0, depth + 1), file)
    return atHead(text, parent, keys[depth]!, wrapped(keys.slice(depth + 1), value), { unit: unitOf(text, root), eol })
  },

  without(text, { keys, isOurs }, made) {
    const file = 'the configuration'
    const root = parseJson(text, file)
    if (root === null) return null
    const path = [root]
    for (const [depth, key] of keys.entries()) {
      const last = path.at(-1)!
      const child =
        key !== LIST
          ? childOf(last, keys.slice(0, depth + 1), file)
          : ((last.children ?? []).find((element) => isOurs(getNodeValue(element))) ?? null)
      if (child === null) return null
      path.push(child)
    }
    // And as many above it as were made for it and hold nothing else.
    let depth = keys.length
    while (depth > 1 && keys.length - depth < made && path[depth - 1]!.children?.length === 1) depth--
    const node = path[depth]!
    return cut(text, node.parent?.type === 'property' ? node.parent : node)
  },
}

const wrapped = (keys: readonly string[], value: unknown): unknown =>
  keys.toReversed().reduce<unknown>((inner, key) => (key === LIST ? [inner] : { [key]: inner }), value)

/** @param keys the last is to be found in `node`. @throws NodeError where that is no object, or no list. */
const requireKind = (node: Node, keys: readonly string[], file: string): void => {
  const kind = keys.at(-1) === LIST ? 'array' : 'object'
  if (node.type === kind) return
  const where = keys.slice(0, -1)
  throw new NodeError(
    'malformed',
    `${file} has ${node.type} where ${kind} is due${where.length === 0 ? '' : `, under ${where.join('.')}`}: mend that first; nothing was changed`,
  )
}

/** The value of the last key. @throws NodeError where it stands twice: programs differ in which of them they take. */
const childOf = (node: Node, keys: readonly string[], file: string): Node | null => {
  requireKind(node, keys, file)
  const key = keys.at(-1)!
  const found = (node.children ?? []).filter((property) => property.children?.[0]?.value === key)
  if (found.length > 1)
    throw new NodeError(
      'malformed',
      `${file} has the key ${JSON.stringify(key)} twice in one object: take one of them out first; nothing was changed`,
    )
  return found[0]?.children?.[1] ?? null
}

type Style = { readonly unit: string; readonly eol: string }

const atHead = (text: string, object: Node, key: string, value: unknown, { unit, eol }: Style): Insertion => {
  const first = object.children?.[0]
  const open = object.offset + 1
  const close = object.offset + object.length - 1
  const more = first === undefined ? '' : ','
  const name = key === LIST ? '' : `${JSON.stringify(key)}: `
  const { at, isLineEnd } = behindComment(text, open)
  const outer = indentOf(text, object.offset)
  if (
    !isLineEnd &&
    (first !== undefined ||
      /\S/.test(text.slice(open, close)) ||
      (!text.trim().includes('\n') && object.parent !== undefined))
  ) {
    return { at, text: `${at > open || text[open] === ' ' ? ' ' : ''}${name}${JSON.stringify(value)}${more}` }
  }
  const ownLine = first !== undefined && /^[ \t]*$/.test(lineBefore(text, first.offset))
  const indent = ownLine ? indentOf(text, first.offset) : outer + unit
  const end = isLineEnd ? '' : eol + outer
  return { at, text: `${eol}${indent}${name}${printed(value, indent, unit, eol)}${more}${end}` }
}

/** Behind the comments that stand on the line of `from`, so that they stay with what they are about. */
const behindComment = (text: string, from: number): { readonly at: number; readonly isLineEnd: boolean } => {
  const scanner = createScanner(text, false)
  scanner.setPosition(from)
  for (let at = from; ;) {
    const kind: number = scanner.scan()
    if (kind === LINE_BREAK) return { at: scanner.getTokenOffset(), isLineEnd: true }
    if (kind !== TRIVIA && kind !== LINE_COMMENT && kind !== BLOCK_COMMENT) return { at, isLineEnd: false }
    if (kind !== TRIVIA) at = scanner.getTokenOffset() + scanner.getTokenLength()
  }
}

const printed = (value: unknown, indent: string, unit: string, eol: string): string =>
  JSON.stringify(value, null, unit).replaceAll('\n', eol + indent)

const lineBefore = (text: string, at: number): string => text.slice(text.lastIndexOf('\n', at - 1) + 1, at)
const indentOf = (text: string, at: number): string => /^\uFEFF?([ \t]*)/.exec(lineBefore(text, at))?.[1] ?? ''

/** How far the file indents: as its first property does. JSON.stringify takes ten letters at most. */
const unitOf = (text: string, root: Node): string => {
  const first = root.children?.[0]
  if (first === undefined || !/^[ \t]+$/.test(lineBefore(text, first.offset))) return '  '
  return indentOf(text, first.offset).slice(indentOf(text, root.offset).length).slice(0, 10) || '  '
}

/** A property, or an element of a list, with the comma that belongs to it and the line that it had for itself. */
const cut = (text: string, property: Node): string => {
  const scanner = createScanner(text, true)
  let [from, to] = [property.offset, property.offset + property.length]
  scanner.setPosition(to)
  if ((scanner.scan() as number) === COMMA) to = scanner.getTokenOffset() + 1
  else if (property.parent?.children?.[0] !== property) from = commaBefore(text, property)
  const blankBefore = /(\r?\n)?[ \t]*$/.exec(text.slice(0, from))?.[0] ?? ''
  return text.slice(0, from - blankBefore.length) + text.slice(to)
}

const commaBefore = (text: string, property: Node): number => {
  const siblings = property.parent!.children!
  const before = siblings[siblings.indexOf(property) - 1]!
  const scanner = createScanner(text, true)
  scanner.setPosition(before.offset + before.length)
  scanner.scan()
  return scanner.getTokenOffset()
}
