/**
 * What the peer says of the files: their memories by id, looked at again whenever an event touches them; up to a limit, past which the whole
 * mirror is refused, since a file whose memory is not known here would look as if it were gone.
 *
 * That a memory is gone is believed only of an event that says so. A peer that has not heard of it yet, another mesh, or a key that may
 * not see it answer alike, and no file goes for that.
 */
import { FILE_TAG, fileDraft } from '../input/memory-file.ts'
import { mirrorLimits } from './limits.ts'
import { isInstruction, pathFor } from './names.ts'
import { MeshRefusal, type Mesh, type Row } from './ports.ts'
import { byAge, together, type Remote } from './remote.ts'

export type View = {
  names(): Iterable<string>
  /** Whether it is known what the peer has under this name: not when one of its memories, or the one that was there last, could not be looked at. */
  isKnown(name: string, id: string | null): boolean
  file(name: string): Promise<Remote | null>
  /** Looks again. Answers the names that it touches. */
  look(id: string): Promise<readonly string[]>
  /** Looks at all of them anew. Answers the names that it touches. */
  relist(ids: readonly string[]): Promise<readonly string[]>
}

const TOO_MANY = `the namespace has more than ${mirrorLimits.rows_max} files or ${mirrorLimits.rows_bytes_max / 2 ** 20} MiB of them, more than a mirror holds, and so nothing is mirrored; give another --namespace, or forget some`

const bytesOf = ({ content, metadata }: Row): number => (content?.length ?? 0) + JSON.stringify(metadata).length

/** @param newKey of a request. */
export const createView = (mesh: Mesh, newKey: () => string): View => {
  const rowById = new Map<string, Row>()
  const idsByName = new Map<string, Set<string>>()
  const unsure = new Set<string>()

  let bytes = 0

  const forgetRow = (id: string): string | null => {
    const before = rowById.get(id)
    const name = before?.title ?? null
    if (before !== undefined) bytes -= bytesOf(before)
    rowById.delete(id)
    const ids = name === null ? undefined : idsByName.get(name)
    ids?.delete(id)
    if (ids?.size === 0) idsByName.delete(name!)
    return name
  }
  const put = (row: Row): readonly string[] => {
    const others = rowById.has(row.id) ? rowById.size - 1 : rowById.size
    const held = rowById.get(row.id)
    // Before anything of it is believed: what is not known here would look deleted.
    if (
      others >= mirrorLimits.rows_max ||
      bytes - (held ? bytesOf(held) : 0) + bytesOf(row) > mirrorLimits.rows_bytes_max
    )
      throw new MeshRefusal('refused', TOO_MANY)
    const before = forgetRow(row.id)
    const names = before === null ? [] : [before]
    if (row.title === null || 'refused' in pathFor(row.title)) return names
    rowById.set(row.id, row)
    bytes += bytesOf(row)
    idsByName.set(row.title, (idsByName.get(row.title) ?? new Set()).add(row.id))
    return [...names, row.title]
  }
  const isFile = (row: Row): boolean =>
    row.title !== null && row.tags.includes(FILE_TAG) && row.tags.includes(fileDraft(row.title).tags[1]!)

  const look = async (id: string): Promise<readonly string[]> => {
    let found = await mesh.look(id)
    if (found.row === null && found.why === 'contested' && rowById.has(id)) {
      // Somebody edited what somebody else forgot, and neither knew: the edit stays.
      await mesh.restore(id, newKey())
      found = await mesh.look(id)
    }
    const known = rowById.get(id)?.title ?? null
    if (found.row !== null && isFile(found.row)) {
      unsure.delete(id)
      return put(found.row)
    }
    if (found.row === null && found.why === 'gone') {
      unsure.delete(id)
      forgetRow(id)
    } else if (found.row === null || known !== null) unsure.add(id)
    return known === null ? [] : [known]
  }

  return {
    names: () => idsByName.keys(),
    isKnown: (name, id) =>
      !(id !== null && unsure.has(id)) && ![...(idsByName.get(name) ?? [])].some((one) => unsure.has(one)),
    look,
    file: async (name) => {
      const absent = [...(idsByName.get(name) ?? [])].filter((id) => rowById.get(id)!.content === null)
      for (const id of absent) await look(id)
      const rows = [...(idsByName.get(name) ?? [])].map((id) => rowById.get(id)!).sort(byAge)
      if (rows.length === 0) return null
      const isSimple = rows.length === 1 && rows[0]!.conflicts === 0 && !isInstruction(name)
      return together(
        await Promise.all(
          rows.map(async (row) => {
            if (row.content === null) throw new MeshRefusal('later', 'its text has not arrived at this peer yet')
            const heads = isSimple ? [{ content: row.content, agent: '' }] : await mesh.heads(row)
            return { row, heads, versions: heads.length > 1 ? await mesh.versions(row.id) : [] }
          }),
        ),
      )
    },
    relist: async (ids) => {
      const unlisted = new Set([...rowById.keys(), ...ids])
      const names = new Set<string>()
      await mesh.list((rows) => {
        for (const row of rows) {
          unlisted.delete(row.id)
          if (isFile(row)) for (const name of put(row)) names.add(name)
        }
      })
      for (const id of unlisted) for (const name of await look(id)) names.add(name)
      return [...names]
    },
  }
}
