/**
 * `mesh join`: a new peer in a folder, or this user's own peer, which `up` made, with all that it remembers.
 */
import type { Command } from 'commander'
import { userFolder, type UserFolder } from '../../user-peer/folder.ts'
import { quoted } from '../../membership/quote.ts'
import { usage } from '../failure.ts'
import { type Io, note, print } from '../io.ts'
import { example } from '../options.ts'
import { userTools } from '../target.ts'
import { appliedText } from './applied-text.ts'

type JoinOptions = {
  readonly data?: string
  readonly name?: string
  readonly from?: string
  readonly leave?: boolean
  readonly wait: boolean
  readonly json?: boolean
}

export const addJoinVerb = (mesh: Command, io: Io, noWait: string): void => {
  const verb = mesh
    .command('join')
    .description("make a peer's identity and enrol it; memories that the folder holds come along")
    .argument('<token>', 'what `mesh invite` printed')
  verb
    .option(
      '--data <dir>',
      "the new peer's folder (default: that of the peer that `up` starts, which is started again)",
    )
    .option('--name <name>', "the new peer's name (default: the name that it has)")
    .option(
      '--from <dir>',
      'the folder of the peer that gave the token, when it is stopped and on this machine (default: looked for beside --data)',
    )
    .option('--leave', 'leave the mesh that the folder is a member of, where others stay in it')
    .option('--no-wait', noWait)
    .option('--json', 'print the answer as JSON')
  example(verb, 'mnemesh mesh join TOKEN --data ./peer-2 --name paris', 'mnemesh mesh join TOKEN')
  verb.action((token: string, options: JoinOptions) => joinBy(token, options, io))
}

const joinBy = async (token: string, options: JoinOptions, io: Io): Promise<void> => {
  if (options.data !== undefined) {
    const joined = await join(token, options.data, options.name, options, io)
    await tell(joined, options, io)
    if (options.json !== true) await note(io, `start it with: mnemesh serve --data ${quoted(options.data)} --port 7702`)
    return
  }
  const folder = ownFolder(io)
  const { peerName, whileUserPeerStopped } = await import('../../user-peer/index.ts')
  const { done, started } = await whileUserPeerStopped(folder, userTools(io), async (hasName) =>
    join(token, folder.peer, options.name ?? (hasName ? undefined : peerName()), options, io),
  )
  await tell(done, options, io)
  if (options.json !== true)
    await note(io, started === null ? 'start it with: mnemesh up' : `it runs again at ${started.url}`)
}

const ownFolder = (io: Io): UserFolder => {
  const folder = userFolder(io.env, process.platform)
  if (folder === null) throw usage('give --data: this system does not say where your data lies')
  return folder
}

const join = async (token: string, dir: string, name: string | undefined, options: JoinOptions, io: Io) => {
  const { joinFolder } = await import('../../node/join-folder.ts')
  return joinFolder({
    token: token.trim(),
    dir,
    ...(name === undefined ? {} : { name }),
    ...(options.from === undefined ? {} : { from: options.from }),
    ...(options.leave === true && { leave: true }),
    wait: options.wait,
    clock: io.clock,
    random: io.random,
  })
}

const tell = async (joined: Awaited<ReturnType<typeof join>>, { json }: JoinOptions, io: Io): Promise<void> => {
  if (json === true) return print(io, JSON.stringify(joined))
  await print(
    io,
    `${joined.proposed ? 'is to join' : 'joined'} mesh ${joined.mesh_id}, ${joined.members} members\npeer ${joined.name} is ${joined.peer_id}\n${appliedText(joined)}`,
  )
  const { brought } = joined
  if (brought === null) return
  await print(io, `brought along: ${brought.memories} memories with their history, ${brought.events} events in all`)
  await note(
    io,
    `receipts given before are of the mesh that was left, and stay with its log in ${brought.left}; delete that folder when you need them no more`,
  )
}
