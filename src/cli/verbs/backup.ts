/**
 * `backup create|list|verify|restore`: a peer's folder, kept elsewhere. They work on folders; the peer may run or be stopped.
 */
import { readFile } from 'node:fs/promises'
import { type Command } from 'commander'
import type { ListedBackup } from '../../node/backup.ts'
import { fileFailure, usage } from '../failure.ts'
import { type Io, note, print } from '../io.ts'
import { example, wholeNumber } from '../options.ts'
import { startProgress } from '../progress.ts'
import { clean, coloursFor, plural, shortTime, table } from '../render.ts'

type Sealed = { readonly passphraseFile?: string }

export const addBackup = (program: Command, io: Io): void => {
  const backup = program.command('backup').description("keep a peer's folder elsewhere, while it runs, and put it back")
  example(
    backup,
    'mnemesh backup create --data .mnemesh/peer-1 --to /mnt/disk/mnemesh --keep 14',
    'mnemesh backup verify /mnt/disk/mnemesh',
  )
  addCreate(backup, io)
  addList(backup, io)
  addVerifyBackup(backup, io)
  addRestoreBackup(backup, io)
}

const addCreate = (backup: Command, io: Io): void => {
  const verb = sealed(
    backup
      .command('create')
      .description('back up the folder of a peer that runs or is stopped: what has changed since the last time'),
  )
  verb
    .requiredOption('--data <dir>', "the peer's folder")
    .requiredOption('--to <dir>', 'where backups lie; made when it is not there')
  verb
    .option(
      '--keep <n>',
      "keep so many of this peer's backups, and let older ones go (default: all)",
      wholeNumber(1, 1_000_000),
    )
    .option('--json', 'print the answer as JSON')
  example(
    verb,
    'mnemesh backup create --data .mnemesh/peer-1 --to /mnt/disk/mnemesh',
    'mnemesh backup create --data ./p --to ./b --keep 14 --passphrase-file ./secret',
  )
  verb.action(async (options: Sealed & { data: string; to: string; keep?: number; json?: boolean }) => {
    const { makeBackup } = await import('../../node/backup.ts')
    const made = await makeBackup({
      dir: options.data,
      to: options.to,
      ...(options.keep === undefined ? {} : { keep: options.keep }),
      ...(await passphraseOf(options)),
      clock: io.clock,
      random: io.random,
    })
    if (options.json === true) return print(io, JSON.stringify(made))
    await print(
      io,
      `${coloursFor(io.stdout, io.env).green('backed up')} ${plural(made.commits, 'commit')} as ${made.backup}: ${plural(made.bytes, 'byte')}, of which ${made.stored_bytes} were new${made.removed.length === 0 ? '' : `; ${plural(made.removed.length, 'older one')} let go`}`,
    )
    if (!made.encrypted)
      await note(
        io,
        `the peer's secret key and every text lie in ${clean(options.to)} as they are: keep it private, or give --passphrase-file`,
      )
  })
}

const addList = (backup: Command, io: Io): void => {
  const verb = backup
    .command('list')
    .description('the backups that are there')
    .argument('<dir>', 'where they lie')
    .option('--json', 'print the answer as JSON')
  example(verb, 'mnemesh backup list /mnt/disk/mnemesh')
  verb.action(async (dir: string, options: { json?: boolean }) => {
    const { listBackups } = await import('../../node/backup.ts')
    const backups = await listBackups(dir)
    await print(io, options.json === true ? JSON.stringify({ backups, count: backups.length }) : backupTable(backups))
  })
}

const addVerifyBackup = (backup: Command, io: Io): void => {
  const verb = backup
    .command('verify')
    .description('read every byte of the backups, and check it and their signatures')
    .argument('<dir>', 'where they lie')
  verb.option('--backup <name>', 'this one alone').option('--json', 'print the answer as JSON')
  example(verb, 'mnemesh backup verify /mnt/disk/mnemesh')
  verb.action(async (dir: string, options: { backup?: string; json?: boolean }) => {
    const { verifyBackups } = await import('../../node/backup.ts')
    const progress = startProgress(io, 'verifying', 'files')
    const verified = await verifyBackups({
      from: dir,
      ...(options.backup === undefined ? {} : { backup: options.backup }),
      onProgress: (done, total) => progress.update(done, total, ''),
    }).finally(() => progress.stop())
    await print(
      io,
      options.json === true
        ? JSON.stringify({ ok: true, backups: verified })
        : `${coloursFor(io.stdout, io.env).green('whole')}\n${backupTable(verified)}`,
    )
  })
}

const addRestoreBackup = (backup: Command, io: Io): void => {
  const verb = sealed(
    backup
      .command('restore')
      .description('put a backup into an empty folder; the peer whose it is must not run elsewhere')
      .argument('<dir>', 'where backups lie'),
  )
  verb
    .requiredOption('--data <dir>', "the peer's new folder")
    .option('--backup <name>', 'this one (default: the newest)')
    .option('--json', 'print the answer as JSON')
  example(verb, 'mnemesh backup restore /mnt/disk/mnemesh --data .mnemesh/peer-1')
  verb.action(async (dir: string, options: Sealed & { data: string; backup?: string; json?: boolean }) => {
    const { restoreBackup } = await import('../../node/restore.ts')
    const restored = await restoreBackup({
      from: dir,
      dir: options.data,
      ...(options.backup === undefined ? {} : { backup: options.backup }),
      ...(await passphraseOf(options)),
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
