/**
 * Links between notes as Obsidian writes them: `[[note]]`, `[[folder/note#heading|shown]]`, `![[note]]`.
 *
 * A note is found by its path's end, else by its name, else by one of its aliases; of several the one in the same folder, then the one with the
 * shortest path. A heading that is not there leads to the note itself. Case and the form of accents don't count.
 */
import { cliLimits } from '../limits.ts'

/** What a link may lead to: a section's name. */
type Note = { readonly path: string; readonly first: string; readonly byHeading: Map<string, string> }

export type NoteIndex = {
  /** Sections in their file's order. */
  add(path: string, headings: readonly string[], aliases: readonly string[], name: string): void
  /** The section's name; null where no note is meant that is there. @param from the path of the note that says it. */
  find(target: string, from: string): string | null
}

/** Targets of the links in a text, each once; none out of code, and none that is a picture or another attachment. */
export const wikilinks = (text: string): readonly string[] => [
  ...new Set(
    [...withoutCode(text).matchAll(/\[\[([^[\]|\n]{1,1000})(?:\|[^[\]\n]{0,1000})?\]\]/g)]
      .map(([, target = '']) => target.replace(/\\$/, '').trim())
      .filter((target) => target !== '' && !ATTACHMENT.test(target.split('#', 1)[0] ?? '')),
  ),
]

export const withoutCode = (text: string): string =>
  text.replace(/```[\s\S]*?(?:```|$)/g, ' ').replace(/`[^`\n]*`/g, ' ')

const ATTACHMENT =
  /\.(png|jpe?g|gif|bmp|svg|webp|avif|pdf|canvas|base|excalidraw|mp3|wav|m4a|ogg|flac|mp4|webm|mov|mkv|zip|csv|docx?|xlsx?|pptx?)$/i

export const noteIndex = (): NoteIndex => {
  const noteByPath = new Map<string, Note>()
  const notesByName = new Map<string, Note[]>()
  const noteByAlias = new Map<string, Note>()
  let sections = 0

  return {
    add(path, headings, aliases, name) {
      // Beyond it links lead nowhere, and are counted so.
      if (++sections > cliLimits.import_names_max) return
      const known = noteByPath.get(path)
      const note = known ?? { path: plain(path), first: name, byHeading: new Map<string, string>() }
      const heading = plain(headings.at(-1) ?? '')
      if (heading !== '' && !note.byHeading.has(heading)) note.byHeading.set(heading, name)
      if (known !== undefined) return
      noteByPath.set(path, note)
      const own = nameOf(note.path)
      notesByName.set(own, [...(notesByName.get(own) ?? []), note])
      for (const alias of aliases) if (!noteByAlias.has(plain(alias))) noteByAlias.set(plain(alias), note)
    },
    find(target, from) {
      const [called = '', ...headings] = target.split('#')
      const wanted = plain(called.replace(/^(\.{0,2}\/)+/, ''))
      const folder = folderOf(plain(from))
      const note =
        wanted === ''
          ? noteByPath.get(from)
          : ((notesByName.get(nameOf(wanted)) ?? [])
              .filter(({ path }) => endsWith(path, wanted))
              .sort((a, b) => byNearness(folder, a, b))[0] ?? noteByAlias.get(wanted))
      return note === undefined ? null : (note.byHeading.get(plain(headings.at(-1) ?? '')) ?? note.first)
    },
  }
}

const NOTE = /\.(md|markdown|mdown|mdx|txt)$/
/** Without what a link cannot hold, as a link to a heading leaves it out. */
const plain = (text: string): string =>
  text
    .normalize('NFC')
    .toLowerCase()
    .replace(NOTE, '')
    .replace(/[#^|:%[\]\\]+/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))
const endsWith = (path: string, end: string): boolean => path === end || path.endsWith(`/${end}`)

const byNearness = (folder: string, a: Note, b: Note): number =>
  Number(folderOf(b.path) === folder) - Number(folderOf(a.path) === folder) ||
  a.path.length - b.path.length ||
  (a.path < b.path ? -1 : 1)
