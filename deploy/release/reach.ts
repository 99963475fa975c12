/** Which files of a built package an entry loads: static imports, dynamic ones, and the modules that threads start from. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** In the shapes that the compiler writes them. */
const NAMES = /(?:\bfrom|\bimport|import\(|new URL\()\s*['"](\.[^'"]+\.js)['"]/g

/** Path → text of every file that is reached from `entries`. */
export const reach = (entries: readonly string[]): ReadonlyMap<string, string> => {
  const texts = new Map<string, string>()
  const waiting = [...entries]
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (texts.has(path) || !existsSync(path)) continue
    const text = readFileSync(path, 'utf8')
    texts.set(path, text)
    for (const [, name] of text.matchAll(NAMES)) waiting.push(join(dirname(path), name!))
  }
  return texts
}

/** Whether a module does something: one that holds only types is empty once it is compiled. */
export const doesSomething = (text: string): boolean =>
  text
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/^\/\/.*$/gm, '')
    .replaceAll(/export \{\};?/g, '')
    .trim() !== ''
