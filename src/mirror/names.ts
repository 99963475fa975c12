/**
 * A memory's name ↔ a file's path below the folder, so that every name can stand on every system and comes back as it was.
 *
 * What some system forbids stands as `%XX`, and so does what is not ASCII in a name that is not in the normal form NFC, which some systems would
 * change. Of names that differ in case alone all but one get `~` and eight digits of their hash. Names come from anybody: what would
 * lie outside the folder, in a dot folder, or is no `.md`, has no path.
 */
import { createHash } from 'node:crypto'
import { pathOf, ROOT } from '../input/memory-file.ts'

/** Bytes of one part of a path: ext4 and APFS take 255, and a temporary name is longer than its file's. */
const PART_BYTES_MAX = 200
/** Of a whole path below the folder: what Windows takes, with room for the folder. */
const PATH_BYTES_MAX = 800
const DEPTH_MAX = 16

const FORBIDDEN = /[<>:"\\|?*]|%(?=[0-9A-F]{2})|\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}|^ |[. ]$/gu
/** Devices of Windows, whatever follows a dot. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|$)/i
const NOT_ASCII = /[^\0-\x7f]/gu

/** A U+FFFD that it decodes was written as one. */
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const escaped = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
const toPart = (part: string): string => {
  const safe = part.replaceAll(FORBIDDEN, escaped).replace(DEVICE, (name) => `${escaped(name[0]!)}${name.slice(1)}`)
  return part === part.normalize('NFC') ? safe : safe.replaceAll(NOT_ASCII, escaped)
}
const fromPart = (part: string): string => {
  const plain = part.normalize('NFC')
  const read = plain.replaceAll(/(%[0-9A-F]{2})+/g, (bytes) => {
    try {
      return strict.decode(Buffer.from(bytes.replaceAll('%', ''), 'hex'))
    } catch {
      // No UTF-8, so nothing that `toPart` wrote: somebody's name has these characters.
      return bytes
    }
  })
  return toPart(read) === plain ? read : plain
}

/** What two names must not share on a system that does not tell case: equal for paths that may be one file somewhere. */
export const folded = (path: string): string => path.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFC')

const hashOf = (name: string): string => createHash('sha256').update(name).digest('hex').slice(0, 8)

/** Why a memory of this name has no place in a folder, or its path there. */
export const pathFor = (name: string): { readonly path: string } | { readonly refused: string } => {
  const safe = pathOf(name)
  if (safe === null || safe === ROOT || safe !== name) return { refused: `its name is no path below ${ROOT}` }
  if (!/\.md$/i.test(name)) return { refused: 'it is no .md' }
  const parts = name.slice(ROOT.length + 1).split('/')
  if (parts.some((part) => part.startsWith('.') || folded(part).startsWith('.')))
    return { refused: 'a part of its path begins with a dot' }
  const path = parts.map(toPart).join('/')
  if (
    parts.length > DEPTH_MAX ||
    Buffer.byteLength(path) > PATH_BYTES_MAX ||
    path.split('/').some((part) => Buffer.byteLength(part) > PART_BYTES_MAX)
  )
    return {
      refused: `its path is longer than ${PATH_BYTES_MAX} bytes, a part of it than ${PART_BYTES_MAX}, or deeper than ${DEPTH_MAX} folders`,
    }
  return { path }
}

/** Beside another that is the same but for case. */
export const twinPath = (path: string, name: string): string =>
  path.replace(/(\.md)$/i, (end) => `~${hashOf(name)}${end}`)

/** @param known names that are there, among which a twin's own is looked for. */
export const nameOf = (path: string, known: Iterable<string> = []): string => {
  const name = `${ROOT}/${path.split('/').map(fromPart).join('/')}`
  const hash = /~([0-9a-f]{8})\.md$/i.exec(path)?.[1]
  if (hash !== undefined)
    for (const one of known) if (hashOf(one) === hash && folded(twinPath(one, one)) === folded(name)) return one
  return name
}

const INSTRUCTIONS =
  /^(claude|agents?|gemini|skill|qwen|warp|codex|copilot|cursor|rules?|conventions|instructions?|system[-_ ]?prompt|soul|tools|identity|user|heartbeat|bootstrap)(\.[^/]*)?\.md$|[.-](instructions?|rules?|prompt|chatmode|agent|mode)\.md$/
const INSTRUCTION_FOLDERS =
  /^(rules?|commands?|agents?|skills?|hooks?|prompts?|instructions?|workflows?|plugins?|output-styles|chatmodes|steering)$/

/** Whether some agent's program takes the file for what it has to do, wherever in the folder it lies. */
export const isInstruction = (path: string): boolean => {
  const parts = folded(nameOf(path).slice(ROOT.length + 1))
    .split('/')
    .map((part) => part.replace(/~[0-9a-f]{8}(?=\.md$)/, ''))
  return INSTRUCTIONS.test(parts.at(-1)!) || parts.slice(0, -1).some((part) => INSTRUCTION_FOLDERS.test(part))
}
