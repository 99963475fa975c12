/**
 * The profile `files`: Anthropic's memory tool (`memory_20250818`), each file a memory, each edit an event with its history. Folders are what
 * files' paths have in common. What two peers wrote to a file at once is shown together until the next edit writes it down.
 */
import { limits } from '../../crdt/limits.ts'
import { FILE_TAG, fileDraft, kept, parentsOf, pathOf, ROOT, written as asWritten } from '../input/memory-file.ts'
import { text } from './fields.ts'
import { inserted, merged, missing, replaced, shownFile, shownFolder, type Edited } from './file-text.ts'
import { namedTexts, type Named, type NamedTexts } from './named.ts'
import { answer, object, READS, type Asked, type Hints, type JsonSchema, type Told, type Tool } from './tool.ts'

type Args = {
  readonly command: string
  readonly path?: string
  readonly view_range?: readonly [number, number]
  readonly file_text?: string
  readonly old_str?: string
  readonly new_str?: string
  readonly insert_line?: number
  readonly insert_text?: string
  readonly old_path?: string
  readonly new_path?: string
}
type Command = (files: NamedTexts, args: Args) => Promise<Told>

const LINES_MAX = 999_999

const done = (told: string): Told => ({ text: told, data: { result: told } })
const refused = (told: string): Told => ({ text: told, data: {}, isError: true })

const textOf = ({ texts }: Named): string => merged(texts.map(asWritten))
const below = async (files: NamedTexts, folder: string): Promise<readonly Named[]> =>
  (await files.all()).filter(({ name }) => name.startsWith(`${folder}/`))

const view: Command = async (files, { path: given, view_range }) => {
  const path = pathOf(given)
  if (path === null) return refused(missing(given ?? ''))
  const file = path === ROOT ? null : await files.find(path)
  if (file !== null) {
    const content = textOf(file)
    if (content.split('\n').length > LINES_MAX)
      return refused(`File ${path} exceeds maximum line limit of 999,999 lines.`)
    const shown = shownFile(path, content, view_range)
    return done(
      file.texts.length > 1
        ? `${shown}\n(Several wrote to it at once: what the others wrote stands at its end. Edit it to settle that.)`
        : shown,
    )
  }
  const there = await below(files, path)
  if (there.length === 0 && path !== ROOT) return refused(missing(path))
  return done(
    shownFolder(
      path,
      there.map((one) => ({ path: one.name, bytes: Buffer.byteLength(textOf(one)) })),
    ),
  )
}

const foldersOf = (path: string): readonly string[] => {
  const parts = path.split('/')
  return parts.slice(3).map((_part, depth) => parts.slice(0, depth + 3).join('/'))
}

const create: Command = async (files, { path: given, file_text = '' }) => {
  const path = pathOf(given)
  if (path === null || path === ROOT) return refused(`Error: The path ${given ?? ''} must be a file below ${ROOT}`)
  if ((await files.find(path)) !== null || (await below(files, path)).length > 0)
    return refused(`Error: File ${path} already exists`)
  for (const folder of foldersOf(path))
    if ((await files.find(folder)) !== null) return refused(`Error: ${folder} is a file`)
  await files.create(path, { ...fileDraft(path), content: kept(file_text), kind: 'file', source: 'memory-tool' })
  return done(`File created successfully at: ${path}`)
}

const edit = async (
  files: NamedTexts,
  given: string | undefined,
  absent: string,
  change: (path: string, content: string) => Edited,
): Promise<Told> => {
  const path = pathOf(given)
  const file = path === null || path === ROOT ? null : await files.find(path)
  if (path === null || file === null) return refused(absent)
  const edited = change(path, textOf(file))
  if ('refused' in edited) return refused(edited.refused)
  await files.change(file, { content: kept(edited.text), metadata: { ...file.row.metadata, ...parentsOf(file.texts) } })
  return done(edited.told)
}

const strReplace: Command = (files, { path, old_str = '', new_str = '' }) =>
  edit(files, path, `Error: ${missing(path ?? '')}`, (at, content) => replaced(at, content, old_str, new_str))
const insert: Command = (files, { path, insert_line = 0, insert_text = '' }) =>
  edit(files, path, `Error: The path ${path ?? ''} does not exist`, (at, content) =>
    inserted(at, content, insert_line, insert_text),
  )

/** A file, or all that lie in a folder. */
const at = async (files: NamedTexts, path: string): Promise<readonly Named[]> => {
  const file = await files.find(path)
  return file === null ? below(files, path) : [file]
}

const remove: Command = async (files, { path: given }) => {
  const path = pathOf(given)
  if (path === ROOT) return refused(`Error: The path ${ROOT} itself cannot be deleted`)
  const all = path === null ? [] : await at(files, path)
  if (path === null || all.length === 0) return refused(`Error: The path ${given ?? ''} does not exist`)
  for (const file of all) await files.forget(file)
  return done(`Successfully deleted ${path}`)
}

const rename: Command = async (files, { old_path, new_path }) => {
  const [from, to] = [pathOf(old_path), pathOf(new_path)]
  const all = from === null || from === ROOT ? [] : await at(files, from)
  if (from === null || all.length === 0) return refused(`Error: The path ${old_path ?? ''} does not exist`)
  if (to === null || to === ROOT || to.startsWith(`${from}/`))
    return refused(`Error: The path ${new_path ?? ''} must be another below ${ROOT}`)
  if ((await at(files, to)).length > 0) return refused(`Error: The destination ${to} already exists`)
  for (const file of all)
    await files.change(file, { ...fileDraft(to + file.name.slice(from.length)), content: kept(textOf(file)) })
  return done(`Successfully renamed ${from} to ${to}`)
}

const COMMANDS: Readonly<Record<string, Command>> = {
  view,
  create,
  str_replace: strReplace,
  insert,
  delete: remove,
  rename,
}

const path: JsonSchema = { type: 'string', 'x-bytes-max': limits.title_bytes_max, description: `below ${ROOT}` }
const written: JsonSchema = { type: 'string', 'x-text-bytes-max': limits.content_bytes_max }
const viewed = {
  path,
  view_range: {
    type: 'array',
    items: { type: 'integer', minimum: -1 },
    minItems: 2,
    maxItems: 2,
    description: 'first and last line, -1 is the end',
  },
}
const EDITS: Hints = { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false }

const tool = (
  commands: readonly string[],
  description: string,
  fields: Readonly<Record<string, JsonSchema>>,
  hints: Hints,
): Tool => ({
  name: 'memory',
  title: 'Memory files',
  description,
  hints,
  input: object({ command: { type: 'string', enum: commands }, ...fields }, ['command']),
  output: answer({ result: text }, ['result']),
  run: (asked: Asked, args: Args) => {
    const work = () => COMMANDS[args.command]!(namedTexts(asked, FILE_TAG), args)
    return args.command === 'view' ? work() : asked.alone(work)
  },
})

export const fileTools: readonly Tool[] = [
  tool(
    Object.keys(COMMANDS),
    `Files that last beyond this session, under ${ROOT}. view shows a file or a folder (look there when a task begins); create makes a file; str_replace changes a text ` +
      'that stands in it once; insert adds text behind a line; delete and rename take a file or a folder.',
    {
      ...viewed,
      file_text: written,
      old_str: written,
      new_str: written,
      insert_line: { type: 'integer', minimum: 0 },
      insert_text: written,
      old_path: path,
      new_path: path,
    },
    EDITS,
  ),
]
export const readOnlyFileTools: readonly Tool[] = [
  tool(['view'], `Files that last beyond this session, under ${ROOT}: view shows a file or a folder.`, viewed, READS),
]
