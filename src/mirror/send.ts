/**
 * One write to the mesh that survives a crash: what is to be sent is kept first, sent under its own key, and only then taken for done. After a
 * crash it is sent again: a peer answers a key that it knows as it did before.
 */
import { kept, parentsOf } from '../input/memory-file.ts'
import { MeshRefusal, type Intent, type Known, type Mesh, type Records } from './ports.ts'
import type { Remote } from './remote.ts'

type Sender = { readonly mesh: Mesh; readonly records: Records; readonly newKey: () => string }
type File = {
  readonly name: string
  readonly path: string
  readonly known: Known | null
  readonly local: string | null
  readonly remote: Remote | null
}

/** @returns what is known afterwards, or null when something else is there by now. */
export const sendText = async (
  sender: Sender,
  { name, path, known, local, remote }: File,
  text: string,
): Promise<Known | null> => {
  const content = kept(text)
  const metadata = { ...remote?.row.metadata, ...parentsOf(remote?.contents ?? []) }
  const intent: Intent = {
    op: remote === null ? 'create' : 'change',
    key: sender.newKey(),
    local,
    text: content,
    id: remote?.row.id ?? null,
    version: remote?.row.version ?? null,
    metadata,
  }
  return play(sender, { name, path, id: known?.id ?? null, base: known?.base ?? null, intent })
}

export const sendForget = async (sender: Sender, known: Known, remote: Remote): Promise<Known | null> =>
  play(sender, {
    ...known,
    intent: {
      op: 'forget',
      key: sender.newKey(),
      local: null,
      text: null,
      id: remote.row.id,
      version: remote.row.version,
      metadata: {},
    },
  })

/** A write that was under way when the mirror stopped. */
export const sendAgain = (sender: Sender, known: Known): Promise<Known | null> => perform(sender, known, known.intent!)

const play = async (sender: Sender, known: Known): Promise<Known | null> => {
  await sender.records.put(known)
  return perform(sender, known, known.intent!)
}

const perform = async ({ mesh, records }: Sender, known: Known, intent: Intent): Promise<Known | null> => {
  const { name, path, base } = known
  try {
    let id = intent.id
    if (intent.op === 'create') id = await mesh.create(name, intent.text!, intent.metadata, intent.key)
    else if (intent.op === 'change') await mesh.change(id!, intent.version!, intent.text!, intent.metadata, intent.key)
    else {
      await mesh.forget(id!, intent.version, intent.key)
      await records.remove(name)
      return { name, path, id: null, base: null }
    }
    // What was in the folder is in the memory now, and may be changed in both from here on.
    const done: Known = { name, path, id, base: intent.local ?? base }
    await records.put(done)
    return done
  } catch (error) {
    if (!(error instanceof MeshRefusal) || error.kind === 'later') throw error
    // It was not written, and never will be under this key.
    await records.put({ name, path, id: known.id, base })
    if (error.kind === 'refused') throw error
    return null
  }
}
