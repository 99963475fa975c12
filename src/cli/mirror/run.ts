/**
 * What `mirror` does: takes the folder's lock, makes sure that it meets the mesh that it met before, and makes pass after pass until it is told to
 * stop. A pass under way is finished first; a second signal ends it where it is, which costs nothing but time at the next start.
 */
import type { Health } from '../../api.ts'
import { secretFinder } from '../../hooks/index.ts'
import { openFolder } from '../../mirror/folder.ts'
import { mirrorLimits } from '../../mirror/limits.ts'
import { createMesh } from '../../mirror/mesh.ts'
import { createMirror, type Mirror, type Pass } from '../../mirror/mirror.ts'
import { MeshRefusal } from '../../mirror/ports.ts'
import { openRecords } from '../../mirror/records.ts'
import type { Client } from '../../sdk/client.ts'
import { CallFailure } from '../../sdk/failure.ts'
import { CliFailure } from '../failure.ts'
import { type Io, note, print } from '../io.ts'
import { projectNamespace } from '../mcp/project.ts'
import { given } from '../target.ts'
import { clientFor, type ServerOptions } from '../options.ts'
import { clean, coloursFor, plural } from '../render.ts'
import { readExcludes } from './excludes.ts'
import {
  assertFolder,
  lockFolder,
  makeOwnFolder,
  ownFolder,
  readBinding,
  writeBinding,
  writeStanding,
  type Standing,
} from './state.ts'

export type RunOptions = ServerOptions & {
  readonly namespace?: string
  readonly once?: boolean
  readonly dryRun?: boolean
  readonly exclude?: readonly string[]
  readonly acceptInstructionsFrom?: readonly string[]
  readonly allowSecrets?: readonly string[]
  readonly allowDeletions?: boolean
}
type Running = {
  readonly folder: string
  readonly namespace: string
  readonly options: RunOptions
  readonly io: Io
  readonly mirror: Mirror
  readonly stop: AbortSignal
}

const AGENT = 'mirror'
/** A first meeting of two full folders takes some passes; more than so many, and something never comes to rest. */
const ONCE_PASSES_MAX = 2_000
/** Of what is told a pass. */
const LINES_SHOWN_MAX = 20

export const runMirror = async (folder: string, options: RunOptions, io: Io): Promise<void> => {
  await assertFolder(folder)
  const isDry = options.dryRun === true
  if (!isDry) await makeOwnFolder(folder)
  const lock = isDry ? null : await lockFolder(folder)
  const stop = new AbortController()
  const unlisten = io.onStopSignal(() =>
    stop.signal.aborted ? io.exitNow(130) : stop.abort(new CliFailure('told to stop')),
  )
  try {
    const client = clientFor({ ...options, agent: options.agent ?? given(io.env['MNEMESH_AGENT']) ?? AGENT }, io)
    const namespace = await bind(folder, options, client)
    const mirror = await mirrorOf(folder, namespace, options, client, io)
    if (options.allowDeletions === true) mirror.allowDeletions()
    if (options.json !== true) await note(io, `mirroring ${folder} ${isDry ? 'would change' : 'with'} ${namespace}`)
    const running: Running = { folder, namespace, options, io, mirror, stop: stop.signal }
    await (options.once === true || isDry ? once(running) : keepOn(running))
  } finally {
    unlisten()
    await lock?.release()
  }
}

/** The namespace; a folder that met another mesh is refused, as all its files would be gone there. */
const bind = async (folder: string, options: RunOptions, client: Client): Promise<string> => {
  const { mesh_id } = await client.call<Health>('GET', '/health', { accept: [503] })
  const before = await readBinding(folder)
  const namespace = options.namespace ?? before?.namespace ?? (await projectNamespace(folder)) ?? 'default'
  const mend = `remove ${ownFolder(folder)} to begin anew: both sides are merged then`
  if (before !== null && before.mesh_id !== mesh_id)
    throw new CliFailure(`${folder} was mirrored with another mesh; ask a peer of that one, or ${mend}`)
  if (before !== null && before.namespace !== namespace)
    throw new CliFailure(`${folder} was mirrored with namespace ${before.namespace}; give that one, or ${mend}`)
  if (before === null && options.dryRun !== true) await writeBinding(folder, { namespace, mesh_id })
  return namespace
}

const mirrorOf = async (
  folder: string,
  namespace: string,
  options: RunOptions,
  client: Client,
  io: Io,
): Promise<Mirror> => {
  const own = ownFolder(folder)
  const allowed = new Set(options.allowSecrets)
  let find: Promise<(text: string) => Promise<boolean>> | null = null
  return createMirror({
    folder: await openFolder({ root: folder, own, now: io.clock.now }),
    records: openRecords(own),
    mesh: createMesh(client, namespace),
    now: io.clock.now,
    newKey: () => `mirror-${Buffer.from(io.random.bytes(16)).toString('hex')}`,
    isExcluded: await readExcludes(folder, options.exclude ?? []),
    accepts: new Set(options.acceptInstructionsFrom),
    isSecret: async (path, text) => !allowed.has(path) && (await (find ??= secretFinder()))(text),
    isDry: options.dryRun === true,
  })
}

const once = async ({ folder, namespace, options, io, mirror, stop }: Running): Promise<void> => {
  const done: Pass['done'][number][] = []
  for (let round = 0; round < ONCE_PASSES_MAX; round++) {
    const pass = await mirror.pass()
    for (const one of pass.done) done.push(one)
    if (stop.aborted) throw new CliFailure('told to stop before all was in step; run it again')
    const isLater = pass.isMore && options.dryRun !== true && (pass.done.length > 0 || round < ONCE_WAITS)
    if (isLater) {
      await io.sleep(mirrorLimits.pass_ms)
      continue
    }
    if (await askedToDelete(pass, options, io)) {
      mirror.allowDeletions()
      continue
    }
    return report(pass, done, { folder, namespace, options, io })
  }
  throw new CliFailure('the folder does not come to rest: something writes to it all the time; run it without --once')
}
/** Passes without anything done, while a file is still being written to or was sent just now. */
const ONCE_WAITS = 20

const askedToDelete = async ({ waiting }: Pass, { dryRun }: RunOptions, io: Io): Promise<boolean> => {
  if (waiting.length === 0 || dryRun === true || io.ask === null) return false
  const answer = await io.ask(
    `${plural(waiting.length, 'file')} would be deleted at once, ${clean(waiting.slice(0, 3).join(', '))} among them. Go on? [y/N] `,
  )
  return /^y(es)?$/i.test(answer.trim())
}

const report = async (
  pass: Pass,
  done: Pass['done'],
  { folder, namespace, options, io }: Pick<Running, 'folder' | 'namespace' | 'options' | 'io'>,
): Promise<void> => {
  if (options.dryRun !== true) await writeStanding(folder, standing(namespace, pass, null, io))
  const count = (what: Pass['done'][number]['what']): number => done.filter((one) => one.what === what).length
  const counts = {
    sent: count('sent'),
    received: count('received'),
    forgotten: count('forgotten'),
    deleted: count('deleted'),
  }
  if (options.json === true)
    await print(
      io,
      JSON.stringify({
        namespace,
        dry_run: options.dryRun === true,
        ...counts,
        files: pass.files,
        conflicts: pass.conflicts,
        held: pass.held,
        deletions_waiting: pass.waiting,
        ...(options.dryRun === true && { would: done }),
      }),
    )
  else {
    if (options.dryRun === true) for (const { what, path } of done) await print(io, clean(`${what.padEnd(9)} ${path}`))
    await print(
      io,
      `${options.dryRun === true ? 'would be' : coloursFor(io.stdout, io.env).green('in step')}: ${counts.sent} sent, ${counts.received} received, ${counts.forgotten} forgotten, ${counts.deleted} deleted; ${plural(pass.files, 'file')}`,
    )
    await tellOpen(pass, io)
  }
  if (pass.waiting.length > 0)
    throw new CliFailure(
      `${plural(pass.waiting.length, 'deletion')} at once ${pass.waiting.length === 1 ? 'waits' : 'wait'} for a yes: if they are meant, run it again with --allow-deletions`,
    )
  if (options.dryRun !== true && pass.held.length > 0)
    throw new CliFailure(
      `${plural(pass.held.length, 'file')} ${pass.held.length === 1 ? 'is' : 'are'} not in step, named above`,
    )
}

const tellOpen = async ({ held, conflicts }: Pick<Pass, 'held' | 'conflicts'>, io: Io): Promise<void> => {
  for (const path of conflicts.slice(0, LINES_SHOWN_MAX))
    await note(io, clean(`${path}: the same lines were changed at the same time; both stand there between marks`))
  for (const { path, why } of held.slice(0, LINES_SHOWN_MAX)) await note(io, clean(`${path}: ${why}`))
  if (held.length > LINES_SHOWN_MAX)
    await note(io, `and ${held.length - LINES_SHOWN_MAX} more; see \`mnemesh mirror status\``)
}

const standing = (namespace: string, pass: Pass | null, trouble: string | null, io: Io): Standing => ({
  at: new Date(io.clock.now()).toISOString(),
  namespace,
  files: pass?.files ?? 0,
  conflicts: pass?.conflicts ?? [],
  held: pass?.held ?? [],
  deletions_waiting: pass?.waiting ?? [],
  trouble,
})

const keepOn = async (running: Running): Promise<void> => {
  const { folder, namespace, options, io, mirror, stop } = running
  let [last, told, wait] = ['', '', mirrorLimits.retry_ms_min as number]
  let latest: Pass | null = null
  const stand = async (pass: Pass | null, trouble: string | null): Promise<void> => {
    const now = standing(namespace, pass, trouble, io)
    const same = JSON.stringify({ ...now, at: '' })
    if (same === last) return
    last = same
    await writeStanding(folder, now)
  }
  while (!stop.aborted) {
    const from = io.clock.now()
    try {
      const pass: Pass = await mirror.pass()
      wait = mirrorLimits.retry_ms_min
      latest = pass
      await stand(pass, null)
      await tellDone(pass, options, io)
      const open = JSON.stringify([pass.held, pass.conflicts, pass.waiting.length])
      if (open !== told && options.json !== true) await tellOpen(pass, io)
      if (open !== told && pass.waiting.length > 0 && io.ask === null)
        await note(
          io,
          `${plural(pass.waiting.length, 'deletion')} at once wait for a yes: if they are meant, start the mirror with --allow-deletions`,
        )
      if (open !== told && (await askedToDelete(pass, options, io))) mirror.allowDeletions()
      told = open
      const took = io.clock.now() - from
      await pause(
        io,
        pass.isMore ? mirrorLimits.pass_ms : Math.max(mirrorLimits.pass_ms, took * mirrorLimits.scan_share),
        stop,
      )
    } catch (error) {
      if (!(error instanceof MeshRefusal && error.kind !== 'refused') && !(error instanceof CallFailure)) throw error
      const line = `${error.message}; what is edited here is kept, and sent when the peer answers`
      if (line !== told) await note(io, clean(line))
      told = line
      await stand(latest, error.message)
      await pause(io, wait, stop)
      wait = Math.min(wait * 2, mirrorLimits.retry_ms_max)
    }
  }
}

const tellDone = async ({ done }: Pass, options: RunOptions, io: Io): Promise<void> => {
  if (options.json === true) for (const one of done) await print(io, JSON.stringify(one))
  else for (const { what, path } of done.slice(0, LINES_SHOWN_MAX)) await print(io, clean(`${what} ${path}`))
  if (options.json !== true && done.length > LINES_SHOWN_MAX)
    await print(io, `and ${done.length - LINES_SHOWN_MAX} more`)
}

const pause = (io: Io, ms: number, stop: AbortSignal): Promise<void> =>
  io.sleep(ms, stop).catch((error: unknown) => {
    if (!stop.aborted) throw error
  })
