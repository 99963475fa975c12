/** Files that nobody but this peer's user may read: those that the embedded database makes, as it makes them, and those that are there. */
import type { PGlite } from '@electric-sql/pglite'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import { chmodSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const FILE = 0o600
const FOLDER = 0o700
/** The bits of a mode that are rights; the others say what it is. */
const RIGHTS = 0o7777

/** Emscripten's, as far as it is needed: what makes a file or folder of that mode, and what changes it, which opening a new one does too. */
type MakeNode = (parent: unknown, name: string, mode: number, device: number) => unknown
type Change = (of: unknown, to: { readonly mode?: number | null }) => void
type Driver = { readonly node_ops: { mknod: MakeNode; setattr: Change }; readonly stream_ops: { setattr: Change } }
type Module = { readonly FS: { readonly filesystems: { readonly NODEFS: Driver }; isDir(mode: number): boolean } }

/** The database's folder, with its rights kept: it asks for 0666 itself, and a thread has no umask of its own. */
export class PrivateFolder extends NodeFS {
  override async init(pg: PGlite, given: Parameters<NodeFS['init']>[1]): ReturnType<NodeFS['init']> {
    const { emscriptenOpts } = await super.init(pg, given)
    const before = emscriptenOpts.preRun ?? []
    return {
      emscriptenOpts: { ...emscriptenOpts, preRun: [keepRights, ...(Array.isArray(before) ? before : [before])] },
    }
  }
}

const keepRights = ({ FS }: Module): void => {
  const kept = (mode: number): number => (mode & ~RIGHTS) | (FS.isDir(mode) ? FOLDER : FILE)
  const { node_ops: ofNodes, stream_ops: ofStreams } = FS.filesystems.NODEFS
  const { mknod } = ofNodes
  ofNodes.mknod = (parent, name, mode, device) => mknod(parent, name, kept(mode), device)
  for (const operations of [ofNodes, ofStreams]) {
    const { setattr } = operations
    operations.setattr = (of, to) => setattr(of, typeof to.mode === 'number' ? { ...to, mode: kept(to.mode) } : to)
  }
}

/** Takes others' rights from a folder and all that is in it: copies have those of what they were copied from. */
export const makePrivate = (folder: string): void => {
  chmodSync(folder, FOLDER)
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const found = lstatSync(path)
    if (found.isDirectory()) makePrivate(path)
    else if (found.isFile() && (found.mode & RIGHTS) !== FILE) chmodSync(path, FILE)
  }
}
