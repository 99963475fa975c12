/**
 * What machines and operators do to a peer's folder: bits, cuts, old copies, clones, modes, descriptors. Tried on a peer of the same
 * mesh that nobody is a client of; afterwards it holds what the others hold, verifies, and takes in what is written.
 */
import { spawnSync } from 'node:child_process'
import { chmod, cp, lstat, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { allMemories, expecting, textIn } from '../../../deploy/local/http.ts'
import type { Peer } from '../../../deploy/local/peer.ts'
import { until } from '../../../deploy/local/until.ts'
import type { Attack, Stage } from '../attack.ts'
import { HEALTHY_NAMESPACE, metric } from '../snapshot.ts'

const OWN_PEER = 'starts a peer of its own, again and again'
const WHOLE = 'whole again'
const HEAL_MS = 45_000
const OPEN_SOCKETS = 60
const DESCRIPTORS_LEFT = 4

const writeOn = async (peer: Peer, content: string): Promise<string> =>
  textIn(
    await expecting(201, peer.call('POST', '/memories?quorum=1', { body: { content, namespace: HEALTHY_NAMESPACE } })),
    'id',
  )

/** Resolves when `patient` verifies, shows what the victim shows, and has what is written now and all of `ids`. */
const wholeAgain = async (stage: Stage, patient: Peer, ids: readonly string[] = []): Promise<string> => {
  const fresh = await writeOn(stage.victim, `written while ${patient.name} heals`)
  const lists = (peer: Peer): Promise<string> =>
    Promise.all(['attacked', 'default'].map((namespace) => allMemories(peer.call, namespace))).then((all) =>
      JSON.stringify(all.map((list) => list.map(({ id, content, version }) => [id, content, version]))),
    )
  let seen = ''
  await until(
    `${patient.name} is whole again`,
    HEAL_MS,
    async () => {
      const [health, verified] = [await patient.health(), await expecting(200, patient.call('POST', '/verify'))]
      const missing = []
      for (const id of [fresh, ...ids])
        if ((await patient.call('GET', `/memories/${id}`)).status !== 200) missing.push(id)
      seen = JSON.stringify([health['status'], health['reasons'], verified, missing])
      return health['status'] === 'ok' &&
        verified['ok'] === true &&
        missing.length === 0 &&
        (await lists(patient)) === (await lists(stage.victim))
        ? true
        : null
    },
    () => seen,
  )
  return WHOLE
}

const noFork = async (stage: Stage, whole: string): Promise<string> =>
  (await metric(stage.victim, 'mnemesh_forks_seen')) === stage.forksBefore ? `${whole}, no fork` : 'a fork'

/** The largest files of the log's database, the largest first. */
const largest = async (dir: string): Promise<readonly string[]> => {
  const db = join(dir, 'log', 'db')
  const files = await Promise.all(
    (await readdir(db))
      .filter((name) => /\.(ldb|log)$/.test(name))
      .map(async (name) => ({ path: join(db, name), size: (await stat(join(db, name))).size })),
  )
  return files.toSorted((a, b) => b.size - a.size).map(({ path }) => path)
}

/** Stops the patient, changes its folder, starts it. */
const treated =
  (treat: (patient: Peer) => Promise<void>, projection: 'none' | 'pglite' = 'none') =>
  async (stage: Stage): Promise<string> => {
    const patient = await stage.spare()
    await wholeAgain(stage, patient)
    await patient.stop()
    await treat(patient)
    await patient.start({ projection })
    return wholeAgain(stage, patient)
  }
const damaged = (change: (bytes: Buffer) => Buffer) =>
  treated(async ({ dir }) => {
    const [path] = await largest(dir)
    if (path === undefined) throw new Error('the log has no file')
    const bytes = await readFile(path)
    const changed = change(Buffer.from(bytes))
    if (changed.equals(bytes)) throw new Error('nothing was damaged')
    await writeFile(path, changed)
  })
const flipped = (place: (size: number) => number) =>
  damaged((bytes) => {
    const at = place(bytes.length)
    bytes[at] = bytes[at]! ^ 0x10
    return bytes
  })
const row = (
  id: string,
  what: string,
  expect: string | RegExp,
  run: Attack['run'],
  needs?: Attack['needs'],
): Attack => ({ id, who: 'operator', what, expect, run, slow: OWN_PEER, onSpare: true, ...(needs && { needs }) })

/** What is written on the patient makes chains; these rows judge it themselves. */
const writing = (id: string, what: string, expect: string, run: Attack['run']): Attack => ({
  ...row(id, what, expect, run),
  writes: true,
})

export const operatorAttacks: readonly Attack[] = [
  row(
    'st-bit-head',
    "a bit flipped in the head of the log's largest file",
    WHOLE,
    flipped(() => 30),
  ),
  row(
    'st-bit-middle',
    'a bit flipped in its middle',
    WHOLE,
    flipped((size) => size >> 1),
  ),
  row(
    'st-bit-tail',
    'a bit flipped in its tail',
    WHOLE,
    flipped((size) => size - 30),
  ),
  row(
    'st-cut',
    'the largest file cut to 60 %',
    WHOLE,
    damaged((bytes) => bytes.subarray(0, Math.floor(bytes.length * 0.6))),
  ),
  row(
    'st-zeroed',
    'a fifth of the largest file zeroed',
    WHOLE,
    damaged((bytes) => bytes.fill(0, Math.floor(bytes.length * 0.4), Math.floor(bytes.length * 0.6))),
  ),
  row(
    'st-swapped',
    'two blocks of the largest file swapped',
    WHOLE,
    damaged((bytes) => {
      const half = bytes.length >> 1
      return Buffer.concat([bytes.subarray(half), bytes.subarray(0, half)])
    }),
  ),
  row(
    'st-log-gone',
    'the log deleted',
    WHOLE,
    treated(({ dir }) => rm(join(dir, 'log'), { recursive: true })),
  ),
  writing(
    'st-old-folder',
    'an old copy of the folder put back, written on from there',
    `${WHOLE}, no fork`,
    async (stage) => {
      const patient = await stage.spare()
      await wholeAgain(stage, patient)
      await patient.stop()
      const copy = `${patient.dir}.old`
      stage.later(() => rm(copy, { recursive: true, force: true }))
      await cp(patient.dir, copy, { recursive: true })
      await patient.start({ projection: 'none' })
      const before = await writeOn(patient, 'written before the old copy was put back')
      await wholeAgain(stage, patient, [before])
      await until('the victim has it', HEAL_MS, async () =>
        (await stage.victim.call('GET', `/memories/${before}`)).status === 200 ? true : null,
      )
      await patient.stop()
      await rm(patient.dir, { recursive: true })
      await rename(copy, patient.dir)
      await patient.start({ projection: 'none' })
      const after = await writeOn(patient, 'written after the old copy was put back')
      return noFork(stage, await wholeAgain(stage, patient, [before, after]))
    },
  ),
  writing('st-clone', 'a folder copied, and both run and written to', `${WHOLE}, no fork`, async (stage) => {
    const patient = await stage.spare()
    await wholeAgain(stage, patient)
    await patient.stop()
    const clone = await stage.place('clone')
    await cp(patient.dir, clone.dir, { recursive: true })
    stage.later(() => (clone.running() ? clone.kill() : undefined))
    await Promise.all([patient, clone].map((peer) => peer.start({ projection: 'none' })))
    const ids = await Promise.all([patient, clone].map((peer) => writeOn(peer, `by ${peer.name}`)))
    for (const id of ids)
      await until('both have come to the victim', HEAL_MS, async () =>
        (await stage.victim.call('GET', `/memories/${id}`)).status === 200 ? true : null,
      )
    await clone.stop()
    return noFork(stage, await wholeAgain(stage, patient, ids))
  }),
  row(
    'st-projection-gone',
    'the search index deleted',
    WHOLE,
    treated(({ dir }) => rm(join(dir, 'projection'), { recursive: true, force: true }), 'pglite'),
  ),
  row('st-projection-file', 'a file where the search index was', `the mend is named, ${WHOLE}`, async (stage) => {
    const patient = await stage.spare()
    await patient.stop()
    const projection = join(patient.dir, 'projection')
    await rm(projection, { recursive: true, force: true })
    await writeFile(projection, 'no folder')
    const starting = patient.start({ projection: 'pglite' }).catch(() => undefined)
    await until(
      'the peer names the mend',
      HEAL_MS,
      async () => (patient.output().includes('is no folder: remove it') ? true : null),
      () => patient.output(),
    )
    await patient.stop()
    await starting
    await rm(projection)
    await patient.start({ projection: 'pglite' })
    return `the mend is named, ${await wholeAgain(stage, patient)}`
  }),
  row('st-modes', 'every file open to all users of the machine', 'closed again', async (stage) => {
    const patient = await stage.spare()
    await patient.stop()
    const paths = async (): Promise<readonly string[]> =>
      (await readdir(patient.dir, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name))
    for (const path of await paths()) await chmod(path, 0o666)
    await patient.start({ projection: 'none' })
    const open = []
    for (const path of await paths()) if (((await lstat(path)).mode & 0o077) !== 0) open.push(path)
    await wholeAgain(stage, patient)
    return open.length === 0 ? 'closed again' : `${open.length} open to others`
  }),
  row(
    'st-descriptors',
    'no descriptor left, connections come, writes go on',
    `lived, ${WHOLE}`,
    async (stage) => {
      const patient = await stage.spare()
      const pid = patient.pid()
      const limit = (soft: number): void => {
        const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--nofile=${soft}:`], {
          encoding: 'utf8',
        })
        if (status !== 0) throw new Error(`prlimit: ${stderr}`)
      }
      const before = Number(/^Max open files +(\d+)/m.exec(await readFile(`/proc/${pid}/limits`, 'utf8'))?.[1])
      limit(readdirSync(`/proc/${pid}/fd`).length + DESCRIPTORS_LEFT)
      stage.later(() => (patient.running() ? limit(before) : undefined))
      const asked = await Promise.all(
        Array.from({ length: OPEN_SOCKETS }, () =>
          fetch(`${patient.url}/api/v1/health`, {
            headers: { connection: 'close' },
            signal: AbortSignal.timeout(3_000),
          }).then(
            () => true,
            () => false,
          ),
        ),
      )
      await writeOn(stage.victim, 'written while no descriptor is left')
      await stage.pause(500)
      if (!patient.running() || patient.pid() !== pid) return `ended: ${patient.output()}`
      limit(before)
      return `${asked.length === OPEN_SOCKETS ? 'lived' : 'unasked'}, ${await wholeAgain(stage, patient)}`
    },
    () => (spawnSync('prlimit', ['--version']).status === 0 ? null : 'prlimit (util-linux) is not here'),
  ),
  row(
    'st-read-only',
    'a folder that cannot be written to',
    `refused in one line, ${WHOLE}`,
    async (stage) => {
      const patient = await stage.spare()
      await wholeAgain(stage, patient)
      await patient.stop()
      const undo = readOnly(patient.dir)
      const refused = await patient.start({ projection: 'none' }).then(
        () => 'started',
        (error: unknown) => String(error),
      )
      if (patient.running()) await patient.stop()
      undo()
      await patient.start({ projection: 'none' })
      const lines = refused.split('\n').filter((line) => line.trim() !== '').length
      return `${lines === 1 && /error: .*(EROFS|EACCES|read-only|may not|permission)/i.test(refused) ? 'refused in one line' : refused}, ${await wholeAgain(stage, patient)}`
    },
    () => whyNotReadOnly(),
  ),
]

/** Root passes over modes, so for it the folder is mounted upon itself. */
const readOnly = (dir: string): (() => void) => {
  const run = (command: string, ...words: readonly string[]): void => {
    const { status, stderr } = spawnSync(command, words, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${stderr.trim()}`)
  }
  if (process.getuid?.() !== 0) {
    run('chmod', '-R', 'a-w', dir)
    return () => run('chmod', '-R', 'u+w', dir)
  }
  run('mount', '--bind', dir, dir)
  try {
    run('mount', '-o', 'remount,ro,bind', dir)
  } catch (error) {
    run('umount', dir)
    throw error
  }
  return () => run('umount', dir)
}

const whyNotReadOnly = async (): Promise<string | null> => {
  const dir = await mkdtemp(join(tmpdir(), 'mnemesh-read-only-'))
  try {
    readOnly(dir)()
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    await rm(dir, { recursive: true })
  }
}
