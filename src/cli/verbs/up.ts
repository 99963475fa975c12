/**
 * `up` and `down`: one peer for this user, in the background, which every verb finds without `--url`.
 */
import type { Command } from 'commander'
import { type Io, print } from '../io.ts'
import { example } from '../options.ts'
import { coloursFor } from '../render.ts'
import { requireUserFolder, userTools } from '../target.ts'

type UpOptions = { readonly json?: boolean }

export const addUserPeerVerbs = (program: Command, io: Io): void => {
  const up = program.command('up').description('start a peer for you in the background; every verb finds it without --url').option('--json', 'print the answer as JSON')
  example(up, 'mnemesh up', 'mnemesh store "I prefer tabs"').action((options: UpOptions) => start(options, io))
  const down = program.command('down').description('stop the peer that `up` started; what it remembers stays').option('--json', 'print the answer as JSON')
  example(down, 'mnemesh down').action((options: UpOptions) => stop(options, io))
}

const start = async (options: UpOptions, io: Io): Promise<void> => {
  const folder = requireUserFolder(io)
  const { ensureUserPeer } = await import('../../user-peer/index.ts')
  const { url, pid, started } = await ensureUserPeer(folder, userTools(io))
  if (options.json === true) return print(io, JSON.stringify({ url, pid, started, data: folder.peer, log: folder.log }))
  const colours = coloursFor(io.stdout, io.env)
  await print(io, `${started ? colours.green('your peer is up') : 'your peer is up already'} at ${url} ${colours.dim(`(process ${pid}, data in ${folder.peer})`)}`)
}

const stop = async (options: UpOptions, io: Io): Promise<void> => {
  const folder = requireUserFolder(io)
  const { stopUserPeer } = await import('../../user-peer/index.ts')
  const stopped = await stopUserPeer(folder, userTools(io))
  if (options.json === true) return print(io, JSON.stringify({ stopped }))
  await print(io, stopped ? 'your peer has stopped; what it remembers stays, and `mnemesh up` starts it again' : 'your peer does not run')
}
