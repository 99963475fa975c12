/** Which path stands for which name in one folder: what was seen or kept stays, what comes new gets a path that no other has on any system. */
import type { Known, Seen } from './ports.ts'
import { folded, nameOf, pathFor, twinPath } from './names.ts'

export type Paths = {
  readonly pathByName: ReadonlyMap<string, string>
  /** Files that would be one memory with another. */
  readonly twins: readonly { readonly path: string; readonly of: string }[]
}

/** @param names of the peer's files, of which those without a path get one. */
export const assignPaths = (files: readonly Seen[], known: Iterable<Known>, names: Iterable<string>): Paths => {
  const pathByName = new Map<string, string>()
  const nameByPath = new Map<string, string>()
  const taken = new Set<string>()
  const spelling = new Map<string, string>()
  const take = (name: string, path: string): void => {
    pathByName.set(name, path)
    nameByPath.set(path, name)
    taken.add(folded(path))
    const parts = path.split('/')
    for (let depth = 1; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/')
      if (!spelling.has(folded(folder))) spelling.set(folded(folder), folder)
    }
  }
  for (const { name, path } of known) take(name, path)
  const remote = [...names].sort()
  const twins: { path: string; of: string }[] = []
  for (const { path } of files) {
    if (nameByPath.has(path)) continue
    const name = nameOf(path, remote)
    const other = pathByName.get(name)
    if (other === undefined) take(name, path)
    else if (files.some((file) => file.path === other)) twins.push({ path, of: other })
    else take(name, path)
  }
  for (const name of remote) {
    const found = pathByName.has(name) ? null : pathFor(name)
    if (found === null || 'refused' in found) continue
    const path = spelled(found.path, spelling)
    take(name, taken.has(folded(path)) ? twinPath(path, name) : path)
  }
  return { pathByName, twins }
}

/** In the folders that are there already, however they are spelled. */
const spelled = (path: string, spelling: ReadonlyMap<string, string>): string => {
  const parts = path.split('/')
  for (let depth = parts.length - 1; depth > 0; depth--) {
    const folder = spelling.get(folded(parts.slice(0, depth).join('/')))
    if (folder !== undefined) return [folder, ...parts.slice(depth)].join('/')
  }
  return path
}
