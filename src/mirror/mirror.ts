/**
 * A folder and a namespace in step: passes that each look at what has changed on either side and bring every file of it in step.
 *
 * A file is decided by `plan.ts`; what is done about it is kept before it is begun, so that a mirror that is killed goes on where it was. Nothing is
 * written over that has not been read, neither here nor there.
 */
import { createDeletions } from './deletions.ts'
import { mirrorLimits } from './limits.ts'
import { isInstruction } from './names.ts'
import { assignPaths } from './paths.ts'
import { decide } from './plan.ts'
import { MeshRefusal, type Folder, type Held, type Known, type Mesh, type Records, type Seen } from './ports.ts'
import type { Remote } from './remote.ts'
import { isUnsettled, merge } from './merge.ts'
import { sendAgain, sendForget, sendText } from './send.ts'
import { createView } from './view.ts'
import { written } from '../input/memory-file.ts'

export type MirrorOptions = {
  readonly folder: Folder
  readonly records: Records
  readonly mesh: Mesh
  /** Wall clock in ms. */
  readonly now: () => number
  readonly newKey: () => string
  readonly isExcluded: (path: string) => boolean
  /** Agents whose instructions are taken over. */
  readonly accepts: ReadonlySet<string>
  /** Whether a text must not leave this machine. */
  readonly isSecret: (path: string, text: string) => Promise<boolean>
  /** Tells what would be done, and does nothing. */
  readonly isDry: boolean
}

export type Done = { readonly what: 'sent' | 'received' | 'forgotten' | 'deleted'; readonly path: string }
export type Pass = {
  readonly done: readonly Done[]
  /** Whether another pass has something to do at once. */
  readonly isMore: boolean
  readonly files: number
  readonly held: readonly Held[]
  /** Files that hold lines which were changed at the same time. */
  readonly conflicts: readonly string[]
  /** Deletions that wait for a yes. */
  readonly waiting: readonly string[]
}

export type Mirror = {
  /** @throws MeshRefusal when the peer cannot be asked. */
  pass(): Promise<Pass>
  allowDeletions(): void
}

type Deletion = { readonly known: Known; readonly remote: Remote | null; readonly local: string | null }

export const createMirror = (options: MirrorOptions): Mirror => {
  const { folder, records, mesh, now, newKey, isExcluded, accepts, isSecret, isDry } = options
  const view = createView(mesh, newKey)
  const sender = { mesh, records, newKey }
  const deletions = createDeletions(now)
  const knownByName = new Map<string, Known>()
  const stampByName = new Map<string, string>()
  const sentAt = new Map<string, number>()
  const heldByName = new Map<string, string>()
  const conflicts = new Set<string>()
  const again = new Set<string>()
  let cursor: string | null = null
  let isStarted = false

  let bytes = 0
  const sizeOf = (name: string): number => Buffer.byteLength(knownByName.get(name)?.base ?? '')
  const note = async (known: Known): Promise<void> => {
    bytes += Buffer.byteLength(known.base ?? '') - sizeOf(known.name)
    if (!isDry) await records.put(known)
    knownByName.set(known.name, known)
  }
  const drop = async (name: string): Promise<void> => {
    if (!isDry) await records.remove(name)
    bytes -= sizeOf(name)
    knownByName.delete(name)
    stampByName.delete(name)
    conflicts.delete(name)
  }

  const start = async (): Promise<void> => {
    for (const known of await records.all()) {
      knownByName.set(known.name, known)
      bytes += Buffer.byteLength(known.base ?? '')
    }
    const saved = await records.cursor()
    // A place in another peer's log, or in one that was made anew, is none in this one.
    cursor =
      saved === null
        ? null
        : await mesh.changes(saved).then(
            ({ next }) => next,
            (error: unknown) =>
              error instanceof MeshRefusal && error.kind === 'refused'
                ? null
                : Promise.reject(error instanceof Error ? error : new Error(String(error))),
          )
    // From here on the log tells what the list does not.
    cursor ??= (await mesh.changes(null)).next
    await view.relist([...knownByName.values()].flatMap(({ id }) => (id === null ? [] : [id])))
    for (const known of knownByName.values()) if (known.intent !== undefined && !isDry) await sentBefore(known)
    isStarted = true
  }
  const sentBefore = async (known: Known): Promise<void> => {
    try {
      const done = await sendAgain(sender, known)
      const id = done === null ? known.intent!.id : done.id
      knownByName.set(known.name, done ?? { name: known.name, path: known.path, id: known.id, base: known.base })
      if (done?.base === null && known.intent!.op === 'forget') await drop(known.name)
      if (id !== null) await view.look(id)
    } catch (error) {
      if (!(error instanceof MeshRefusal) || error.kind === 'later') throw error
      knownByName.set(known.name, { name: known.name, path: known.path, id: known.id, base: known.base })
    }
  }
  /** Lines that were written over come back beside those that stand there now. */
  const restoreOvertaken = async (): Promise<void> => {
    for (const { path, text, expected, done } of isDry ? [] : await folder.overtaken()) {
      const there = await folder.read(path)
      if (there !== null && 'refused' in there) continue
      const whole = there === null ? text : merge(expected, text, there.text)
      if (whole === there?.text || (await folder.replace(path, whole, there?.text ?? null))) await done()
    }
  }

  const bring = async (
    name: string,
    path: string,
    seen: Seen | undefined,
    found: Done[],
    removals: Deletion[],
  ): Promise<void> => {
    const known = knownByName.get(name) ?? null
    const local = seen === undefined ? null : await folder.read(path)
    if (local !== null && 'refused' in local) throw new MeshRefusal('refused', local.refused)
    if (!view.isKnown(name, known?.id ?? null))
      throw new MeshRefusal(
        'refused',
        'the peer does not know its memory, or does not show it, and nobody is known to have forgotten it',
      )
    const remote = await view.file(name)
    const base = known?.base ?? null
    const text = local?.text ?? null
    const isBound = isInstruction(name) || isInstruction(path)
    const way =
      isBound && !(remote !== null && remote.agents.length > 0 && remote.agents.every((agent) => accepts.has(agent)))
        ? 'send'
        : 'both'
    const past =
      base === null && text !== null && remote !== null && text !== remote.text
        ? (await mesh.versions(remote.row.id)).flatMap(({ content }) => (content === null ? [] : [written(content)]))
        : []
    const step = decide({ base, local: text, remote, past, way })
    if (step.do === 'hold') throw new MeshRefusal('refused', step.why)
    if (step.do === 'drop') return drop(name)
    if (step.do === 'delete' || step.do === 'forget') return void removals.push({ known: known!, remote, local: text })
    if (step.do === 'nothing') return
    if (known === null && (knownByName.size >= mirrorLimits.files_max || bytes > mirrorLimits.files_bytes_max))
      throw new MeshRefusal(
        'refused',
        `the folder has ${mirrorLimits.files_max} files or ${mirrorLimits.files_bytes_max / 2 ** 20} MiB, the most that a mirror takes; exclude some`,
      )
    if (isUnsettled(step.text)) conflicts.add(name)
    else conflicts.delete(name)
    if (step.do === 'note') {
      if (known?.base !== step.text || known.id !== remote!.row.id)
        await note({ name, path, id: remote!.row.id, base: step.text })
      return
    }
    if (step.do === 'send') {
      if (seen?.isQuiet === false || now() - (sentAt.get(name) ?? 0) < mirrorLimits.send_ms_min)
        return void again.add(name)
      if (Buffer.byteLength(step.text) > mirrorLimits.file_bytes_max)
        throw new MeshRefusal(
          'refused',
          `it has more than ${mirrorLimits.file_bytes_max} bytes, or has with what others wrote; part it`,
        )
      if (await isSecret(path, step.text))
        throw new MeshRefusal(
          'refused',
          'it holds what looks like a key or a password, and so is not sent; take it out, or allow the file with --allow-secrets PATH',
        )
      if (found.length >= mirrorLimits.writes_per_pass_max) return void again.add(name)
      found.push({ what: 'sent', path })
      if (isDry) return
      sentAt.set(name, now())
      const done = await sendText(sender, { name, path, known, local: text, remote }, step.text)
      const id = done?.id ?? remote?.row.id
      knownByName.set(name, done ?? { name, path, id: known?.id ?? null, base })
      if (done !== null)
        for (const twin of remote?.twins ?? [])
          await mesh
            .forget(twin.id, twin.version, newKey())
            .then(() => view.look(twin.id))
            .catch(passing)
      if (id !== undefined) await view.look(id)
      if (done === null || step.text !== text) again.add(name)
      // With the log's next page it is looked at anyway; here, what was sent is noted at once.
      else await note(done)
      return
    }
    found.push({ what: 'received', path })
    if (isDry) return
    if (!(await folder.replace(path, step.text, text))) return void again.add(name)
    await note({ name, path, id: remote!.row.id, base: step.text })
    stampByName.delete(name)
    again.add(name)
  }

  const carryOut = async ({ known, remote, local }: Deletion, found: Done[]): Promise<void> => {
    const { name, path } = known
    found.push({ what: remote === null ? 'deleted' : 'forgotten', path })
    if (isDry) return
    if (remote === null) {
      if (await folder.replace(path, null, local)) await drop(name)
      else again.add(name)
      return
    }
    const done = await sendForget(sender, known, remote)
    if (done === null) again.add(name)
    else await drop(name)
    await view.look(remote.row.id)
  }

  /** What goes wrong with one file is its own matter; a peer that cannot be asked is everybody's. */
  const guarded = async (name: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work()
      heldByName.delete(name)
    } catch (error) {
      if (!(error instanceof MeshRefusal)) throw error
      heldByName.set(name, error.message)
      if (error.kind === 'later') again.add(name)
    }
  }

  const pass = async (): Promise<Pass> => {
    if (!isStarted) await start()
    await restoreOvertaken()
    const { ids, next } = await mesh.changes(cursor)
    const dirty = new Set(again)
    again.clear()
    for (const id of ids) for (const name of await view.look(id)) dirty.add(name)
    const scan = await folder.scan()
    const files = scan.files.filter(({ path }) => !isExcluded(path))
    const { pathByName, twins } = assignPaths(files, knownByName.values(), view.names())
    const seenByPath = new Map(files.map((file) => [file.path, file]))
    const refused = new Set(scan.refused.map(({ path }) => path))
    for (const [name, path] of pathByName)
      if (stampByName.get(name) !== (seenByPath.get(path)?.stamp ?? '')) dirty.add(name)

    const found: Done[] = []
    const removals: Deletion[] = []
    const todo = [...dirty].flatMap((name) => {
      const path = pathByName.get(name)
      return path === undefined || refused.has(path) || isExcluded(path) ? [] : [{ name, path }]
    })
    let unmet: unknown = null
    const work = async (): Promise<void> => {
      for (let one = todo.pop(); one !== undefined; one = todo.pop()) {
        const { name, path } = one
        const seen = seenByPath.get(path)
        stampByName.set(name, seen?.stamp ?? '')
        await guarded(name, () => bring(name, path, seen, found, removals)).catch((error: unknown) => (unmet ??= error))
      }
    }
    await Promise.all(Array.from({ length: isDry ? 1 : mirrorLimits.at_once }, work))
    if (unmet !== null) throw unmet instanceof Error ? unmet : new Error('a file could not be brought in step')
    const waiting: string[] = []
    if (deletions.mayGo(removals.length, knownByName.size)) {
      for (const one of removals) await guarded(one.known.name, () => carryOut(one, found))
      deletions.went(removals.length)
    } else {
      for (const { known } of removals) {
        waiting.push(known.path)
        stampByName.set(known.name, 'waits')
      }
    }
    // Behind it everything that the events touched has been looked at, or is looked at again.
    if (next !== cursor && !isDry) await records.putCursor(next)
    cursor = next
    const held = inOrder([
      ...scan.refused,
      ...twins.map(({ path, of }) => ({ path, why: `it has the same name as ${of} on some systems; rename one` })),
      ...[...heldByName].flatMap(([name, why]) => (pathByName.has(name) ? [{ path: pathByName.get(name)!, why }] : [])),
    ])
    return {
      done: found,
      isMore: again.size > 0,
      files: knownByName.size,
      held,
      conflicts: [...conflicts].map((name) => pathByName.get(name) ?? name).sort(),
      waiting,
    }
  }

  return { pass, allowDeletions: deletions.allow }
}

const inOrder = (held: readonly Held[]): readonly Held[] => held.toSorted((a, b) => (a.path < b.path ? -1 : 1))

/** Done by somebody else meanwhile, or by the next pass. */
const passing = (error: unknown): void => {
  if (!(error instanceof MeshRefusal)) throw error
}
