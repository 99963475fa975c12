/**
 * `backup` and `snapshot`: a peer's folder, kept elsewhere or beside itself. They work on folders; the peer may run or be stopped.
 *
 * Both write the same thing. A snapshot lies beside the folder and not in it: what lies in a peer's folder is erased with a memory, and
 * lost with the folder.
 */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Command } from 'commander'
import type { ListedBackup } from '../../node/backup-read.ts'
import { userFolder } from '../../user-peer/folder.ts'
import { fileFailure, usage } from '../failure.ts'
import { type Io, note, print } from '../io.ts'
import { example, wholeNumber } from '../options.ts'
import { startProgress } from '../progress.ts'
import { clean, coloursFor, plural, shortTime, table } from '../render.ts'

type Sealed = { readonly passphraseFile?: string }
type Json = { readonly json?: boolean }
/** What differs between the two verbs. `beside`: where they lie unless a place is named. */
type Kind = { readonly verb: 'backup' | 'snapshot'; readonly beside: ((dir: string) => string) | null }

const BACKUP: Kind = { verb: 'backup', beside: null }
const SNAPSHOT: Kind = { verb: 'snapshot', beside: (dir) => `${dir.replace(/(?<=.)\/+$/, '')}.snapshots` }

export const addBackup = (program: Command, io: Io): void => {
  const backup = program
    .command('backup')
    .description("keep a peer's folder elsewhere, in a folder or a bucket of S3, while it runs; and put it back")
  example(
    backup,
    'mnemesh backup --data .mnemesh/peer-1 --to /mnt/disk/mnemesh --keep 14',
    'mnemesh backup --data .mnemesh/peer-1 --to s3://team-backups/mnemesh',
    'mnemesh backup verify /mnt/disk/mnemesh',
  )
  addVerbs(backup, BACKUP, io)
  const snapshot = program
    .command('snapshot')
    .description("keep a peer's folder as it is now, beside itself, and put it back into another")
  example(
    snapshot,
    'mnemesh snapshot create --data .mnemesh/peer-1',
    'mnemesh snapshot restore .mnemesh/peer-1.snapshots --data ./again',
  )
  addVerbs(snapshot, SNAPSHOT, io)
}

const addVerbs = (group: Command, kind: Kind, io: Io): void => {
  addCreate(group, kind, io)
  addList(group, kind, io)
  addVerifyBackup(group, kind, io)
  addRestoreBackup(group, kind, io)
}

const addCreate = (group: Command, kind: Kind, io: Io): void => {
  const verb = sealed(
    group
      .command('create', { isDefault: kind === BACKUP })
      .description('the folder of a peer that runs or is stopped: what has changed since the last time'),
  )
  verb.option('--data <dir>', "the peer's folder (default: that of your own peer)")
  if (kind.beside === null)
    verb.requiredOption('--to <place>', 'a folder, made when it is not there, or s3://BUCKET/PREFIX')
  else verb.option('--to <place>', 'a folder, or s3://BUCKET/PREFIX (default: the folder DIR.snapshots)')
  verb
    .option('--keep <n>', 'keep so many of this peer, and let older ones go (default: all)', wholeNumber(1, 1_000_000))
    .option('--json', 'print the answer as JSON')
  example(verb, `mnemesh ${kind.verb} create --data ./peer --to ./kept --keep 14 --passphrase-file ./secret`)
  verb.action(async (options: Sealed & Json & { data?: string; to?: string; keep?: number }) => {
    const { makeBackup } = await import('../../node/backup.ts')
    const dir = options.data ?? (await ownFolder(io))
    const to = options.to ?? kind.beside!(dir)
    const made = await makeBackup({
      dir,
      to,
      ...(options.keep === undefined ? {} : { keep: options.keep }),
      ...(await passphraseOf(options)),
      clock: io.clock,
      random: io.random,
      env: io.env,
    })
    if (options.json === true) return print(io, JSON.stringify(made))
    const older = made.removed.length === 0 ? '' : `; ${plural(made.removed.length, 'older one')} let go`
    await print(
      io,
      `${coloursFor(io.stdout, io.env).green('kept')} ${plural(made.commits, 'commit')}: ${plural(made.bytes, 'byte')}, of which ${made.stored_bytes} were new${older}\n${clean(made.manifest)}`,
    )
    if (!made.encrypted)
      await note(
        io,
        `the peer's secret key and every text lie in ${clean(to)} as they are: keep it private, or give --passphrase-file`,
      )
  })
}

const addList = (group: Command, kind: Kind, io: Io): void => {
  const verb = placed(group.command('list').description('those that are there'), kind)
  verb.option('--json', 'print the answer as JSON')
  example(verb, `mnemesh ${kind.verb} list /mnt/disk/mnemesh`)
  verb.action(async (place: string | undefined, options: Json & { data?: string }) => {
    const { listBackups } = await import('../../node/backup-read.ts')
    const backups = await listBackups({ from: await placeOf(place, options, kind, io), env: io.env })
    await print(io, options.json === true ? JSON.stringify({ backups, count: backups.length }) : backupTable(backups))
  })
}

const addVerifyBackup = (group: Command, kind: Kind, io: Io): void => {
  const verb = placed(group.command('verify').description('read every byte, and check it and the signatures'), kind)
  verb.option('--backup <name>', 'this one alone').option('--json', 'print the answer as JSON')
  example(verb, `mnemesh ${kind.verb} verify /mnt/disk/mnemesh`)
  verb.action(async (place: string | undefined, options: Json & { data?: string; backup?: string }) => {
    const { verifyBackups } = await import('../../node/backup-read.ts')
    const from = await placeOf(place, options, kind, io)
    const progress = startProgress(io, 'verifying', 'files')
    const verified = await verifyBackups({
      from,
      backup: options.backup,
      onProgress: (done, total) => progress.update(done, total, ''),
      env: io.env,
    }).finally(() => progress.stop())
    await print(
      io,
      options.json === true
        ? JSON.stringify({ ok: true, backups: verified })
        : `${coloursFor(io.stdout, io.env).green('whole')}\n${backupTable(verified)}`,
    )
  })
}

const addRestoreBackup = (group: Command, kind: Kind, io: Io): void => {
  const verb = sealed(
    group
      .command('restore')
      .description('put one into an empty folder; the peer whose it is must not run elsewhere')
      .argument('<place>', "where they lie, or one's manifest"),
  )
  verb
    .requiredOption('--data <dir>', "the peer's new folder")
    .option('--backup <name>', 'this one (default: the newest)')
    .option('--json', 'print the answer as JSON')
  example(verb, `mnemesh ${kind.verb} restore /mnt/disk/mnemesh --data .mnemesh/peer-1`)
  verb.action(async (place: string, options: Sealed & Json & { data: string; backup?: string }) => {
    const { restoreBackup } = await import('../../node/restore.ts')
    const restored = await restoreBackup({
      from: place,
      backup: options.backup,
      dir: options.data,
      ...(await passphraseOf(options)),
      env: io.env,
    })
    if (options.json === true) return print(io, JSON.stringify(restored))
    await print(
      io,
      `${coloursFor(io.stdout, io.env).green('restored')} ${plural(restored.commits, 'commit')} of ${shortTime(restored.made_at)} into ${clean(restored.dir)}`,
    )
    await note(
      io,
      `start it with: mnemesh serve --data ${restored.dir}; it shows nothing until it has caught up with the other voters`,
    )
  })
}

/** Where they lie: named, or beside the folder. */
const placed = (verb: Command, { beside }: Kind): Command =>
  beside === null
    ? verb.argument('<place>', 'where they lie: a folder, s3://BUCKET/PREFIX, or the manifest of one')
    : verb
        .argument('[place]', 'where they lie (default: DIR.snapshots)')
        .option('--data <dir>', "the peer's folder (default: that of your own peer)")

const placeOf = async (place: string | undefined, { data }: { data?: string }, kind: Kind, io: Io): Promise<string> =>
  place ?? kind.beside!(data ?? (await ownFolder(io)))

/** The folder of this user's own peer. @throws CliFailure (wrong usage) where there is none */
const ownFolder = async (io: Io): Promise<string> => {
  const folder = userFolder(io.env, process.platform)?.peer
  if (folder !== undefined && (await stat(join(folder, 'identity.json')).catch(() => null)) !== null) return folder
  throw usage("name the peer's folder: --data DIR")
}

const sealed = (verb: Command): Command =>
  verb.option('--passphrase-file <file>', "encrypt with the passphrase that is this file's first line, or open with it")

const PASSPHRASE_CHARS_MIN = 12
const passphraseOf = async ({ passphraseFile }: Sealed): Promise<{ readonly passphrase?: string }> => {
  if (passphraseFile === undefined) return {}
  const text = await readFile(passphraseFile, 'utf8').catch((error: unknown) => {
    throw fileFailure(error, 'read', passphraseFile)
  })
  const [passphrase = ''] = text.split(/\r?\n/, 1)
  if (passphrase.length < PASSPHRASE_CHARS_MIN)
    throw usage(
      `the first line of ${passphraseFile} is no passphrase: give at least ${PASSPHRASE_CHARS_MIN} characters`,
    )
  return { passphrase }
}

const backupTable = (backups: readonly ListedBackup[]): string =>
  table(
    backups.map(({ backup, name, commits, bytes, encrypted }) => [
      backup,
      clean(name),
      plural(commits, 'commit'),
      plural(bytes, 'byte'),
      encrypted ? 'encrypted' : '',
    ]),
    [],
  )
