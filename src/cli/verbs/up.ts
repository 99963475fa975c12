/**
 * `up` and `down`: one peer for this user, in the background, which every verb finds without `--url`; and its login service.
 */
import type { Command } from 'commander'
import { usage } from '../failure.ts'
import { type Io, print } from '../io.ts'
import { example } from '../options.ts'
import { coloursFor } from '../render.ts'
import { requireUserFolder, userTools } from '../target.ts'

type UpOptions = { readonly json?: boolean; readonly service?: boolean; readonly dryRun?: boolean }

export const addUserPeerVerbs = (program: Command, io: Io, version: string): void => {
  const up = withService(
    program.command('up').description('start a peer for you in the background; every verb finds it without --url'),
    'also whenever you log in, by a systemd user unit or a launchd agent',
  )
  example(up, 'mnemesh up', 'mnemesh up --service', 'mnemesh store "I prefer tabs"').action(
    async (options: UpOptions) => {
      if (await withLogin(options, 'addService', version, io)) await start(options, io)
    },
  )
  const down = withService(
    program.command('down').description('stop the peer that `up` started; what it remembers stays'),
    'and start it no more when you log in',
  )
  example(down, 'mnemesh down').action(async (options: UpOptions) => {
    if (await withLogin(options, 'dropService', version, io)) await stop(options, io)
  })
}

const withService = (command: Command, service: string): Command =>
  command
    .option('--service', service)
    .option('--dry-run', 'with --service: print what would be written and run, and do nothing')
    .option('--json', 'print the answer as JSON')

/** Answers whether the verb itself is to go on. */
const withLogin = async (
  options: UpOptions,
  what: 'addService' | 'dropService',
  version: string,
  io: Io,
): Promise<boolean> => {
  if (options.service === true) return (await import('../login-service.ts'))[what](options, version, io)
  if (options.dryRun === true) throw usage('--dry-run goes with --service')
  return true
}

const start = async (options: UpOptions, io: Io): Promise<void> => {
  const folder = requireUserFolder(io)
  const { ensureUserPeer } = await import('../../user-peer/index.ts')
  const { url, pid, started } = await ensureUserPeer(folder, userTools(io))
  if (options.json === true) return print(io, JSON.stringify({ url, pid, started, data: folder.peer, log: folder.log }))
  const colours = coloursFor(io.stdout, io.env)
  await print(
    io,
    `${started ? colours.green('your peer is up') : 'your peer is up already'} at ${url} ${colours.dim(`(process ${pid}, data in ${folder.peer})`)}`,
  )
}

const stop = async (options: UpOptions, io: Io): Promise<void> => {
  const folder = requireUserFolder(io)
  const { stopUserPeer } = await import('../../user-peer/index.ts')
  const stopped = await stopUserPeer(folder, userTools(io))
  if (options.json === true) return print(io, JSON.stringify({ stopped }))
  await print(
    io,
    stopped
      ? 'your peer has stopped; what it remembers stays, and `mnemesh up` starts it again'
      : 'your peer does not run',
  )
}
