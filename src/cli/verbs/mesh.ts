/**
 * The verbs on membership: mesh init, invite, join, members, revoke, leave-behind, level. They work on a peer's folder; nothing need run.
 */
import { type Command, InvalidArgumentError } from 'commander'
import { limits } from '../../../crdt/limits.ts'
import { type Io, note, print } from '../io.ts'
import { quoted } from '../../membership/quote.ts'
import { parseRecoveryPlan, type RecoveryPlan } from '../../membership/recovery-plan.ts'
import { duration, example } from '../options.ts'
import { clean, coloursFor, table } from '../render.ts'
import { appliedText } from './applied-text.ts'
import { oneOf } from './choice.ts'
import { addJoinVerb } from './mesh-join.ts'
import { addRecoveryVerbs } from './mesh-recovery.ts'

const OFFLINE =
  'also when the peer that holds the authority key is stopped: the statement is kept there, and proposed when it is started'
const NO_WAIT = 'answer when it is in force, and do not wait until the other voters that can be reached have it on disk'
const INVITE_TTL_MS = 24 * 3_600_000

export const addMeshVerbs = (program: Command, io: Io): void => {
  const mesh = program.command('mesh').description('make a mesh, invite to it, join it, see and revoke members')
  example(
    mesh,
    'mnemesh mesh init --data ./a --name a',
    'mnemesh mesh join "$(mnemesh mesh invite --data ./a)" --data ./b --name b',
  )
  addInit(mesh, io)
  addInvite(mesh, io)
  addJoinVerb(mesh, io, NO_WAIT)
  addMembers(mesh, io)
  addRevoke(mesh, io)
  addRecoveryVerbs(mesh, io)
  addLeaveBehind(mesh, io)
  addLevel(mesh, io)
}

const addInit = (mesh: Command, io: Io): void => {
  const verb = mesh.command('init').description("make a mesh: its authority key and the first peer's identity")
  verb
    .requiredOption('--data <dir>', "the first peer's folder")
    .requiredOption('--name <name>', "the first peer's name")
  verb.option(
    '--recovery <k/n>',
    'make n recovery keys of which k govern the mesh again when its authority key or most voters are lost; or none (default: 2/3)',
    recoveryPlan,
  )
  verb
    .option('--recovery-out <dir>', 'write them into this folder, one file a key, instead of printing them')
    .option('--json', 'print the answer as JSON')
  example(verb, 'mnemesh mesh init --data ./peer-1 --name berlin')
  verb.action(
    async (options: { data: string; name: string; recovery?: RecoveryPlan; recoveryOut?: string; json?: boolean }) => {
      const { initMesh, writeRecoveryKeys } = await import('../../membership/index.ts')
      const { recoveryOut: out } = options
      let files: readonly string[] = []
      const showKeys = async (secrets: readonly string[]): Promise<void> => {
        if (out !== undefined) files = await writeRecoveryKeys(out, secrets)
        else if (options.json !== true && secrets.length > 0) await print(io, secrets.join('\n'))
      }
      const made = await initMesh({
        dir: options.data,
        name: options.name,
        recovery: options.recovery ?? { threshold: 2, count: 3 },
        showKeys,
        clock: io.clock,
        random: io.random,
      })
      const { threshold, of, keys } = made.recovery
      if (options.json === true)
        return print(
          io,
          JSON.stringify({ ...made, recovery: { ...made.recovery, keys: out === undefined ? keys : [], files } }),
        )
      await print(io, `made mesh ${made.mesh_id}\npeer ${options.name} is ${made.peer_id}`)
      if (of > 0) await note(io, recoveryText(threshold, of, keys.length === 0 ? null : files))
      await note(io, `start it with: mnemesh serve --data ${quoted(options.data)} --port 7701`)
    },
  )
}

const recoveryPlan = (text: string): RecoveryPlan => {
  const plan = parseRecoveryPlan(text)
  if (plan !== null) return plan
  throw new InvalidArgumentError(
    `Give k/n with more than half of at most ${limits.recovery_keys_max} keys, like 2/3, or none.`,
  )
}

/** @param files null: the keys were shown by an attempt that was cut short. */
const recoveryText = (threshold: number, of: number, files: readonly string[] | null): string => {
  if (files === null)
    return `the ${of} recovery keys of this mesh were shown by the attempt that was cut short: without them begin again in another folder`
  const where = files.length === 0 ? 'The lines above are recovery keys' : `Recovery keys are in ${files.join(', ')}`
  return `${where}: any ${threshold} of the ${of} govern this mesh. Keep each offline and in another place, not beside the peers; they are shown once, and lie nowhere else.`
}

const addInvite = (mesh: Command, io: Io): void => {
  const verb = mesh.command('invite').description('print a token that enrols one peer, once')
  verb
    .requiredOption('--data <dir>', 'a folder that holds the authority key')
    .option('--role <role>', 'voter or observer (default: voter)', oneOf('voter', 'observer'))
    .option('--ttl <time>', 'how long it is worth something (default: 24h)', duration)
    .option(
      '--no-wait',
      'with --json: do not wait until the other voters that can be reached know the mesh as it is here',
    )
    .option('--json', 'print the token as JSON, with its end and the voters that know the mesh as it is here')
  example(verb, 'mnemesh mesh invite --data ./peer-1 --role observer --ttl 30m')
  verb.action(
    async (options: { data: string; role?: 'voter' | 'observer'; ttl?: number; wait: boolean; json?: boolean }) => {
      const { makeInvite, tellOfInvite } = await import('../../membership/index.ts')
      const token = await makeInvite({
        dir: options.data,
        role: options.role ?? 'voter',
        ttl_ms: options.ttl ?? INVITE_TTL_MS,
        clock: io.clock,
        random: io.random,
      })
      await print(
        io,
        options.json === true
          ? JSON.stringify(await tellOfInvite({ dir: options.data, token, wait: options.wait }))
          : token,
      )
    },
  )
}

const addMembers = (mesh: Command, io: Io): void => {
  const verb = mesh
    .command('members')
    .description('who belongs to the mesh')
    .requiredOption('--data <dir>', "a member's folder")
    .option('--json', 'print the answer as JSON')
  example(verb, 'mnemesh mesh members --data ./peer-1')
  verb.action(async (options: { data: string; json?: boolean }) => {
    const { listMembers } = await import('../../membership/index.ts')
    const members = await listMembers({ dir: options.data })
    if (options.json === true) return print(io, JSON.stringify({ members }))
    const rows = members.map((member) => [
      member.peer_id,
      clean(member.name),
      member.revoked ? 'revoked' : member.role,
      [member.self ? 'this peer' : '', member.authority ? 'authority' : ''].filter((part) => part !== '').join(', '),
    ])
    await print(io, table([['PEER', 'NAME', 'ROLE', ''], ...rows], [null, coloursFor(io.stdout, io.env).bold]))
  })
}

const addRevoke = (mesh: Command, io: Io): void => {
  const verb = mesh
    .command('revoke')
    .description('take a member out of the mesh, for good')
    .argument('<peer>', "the member's id or name")
  verb
    .requiredOption('--data <dir>', 'a folder that holds the authority key')
    .option(
      '--force',
      'take out also the peer that holds the authority key: nobody can be invited or taken out after that',
    )
    .option('--offline', OFFLINE)
    .option('--no-wait', NO_WAIT)
    .option('--json', 'print the answer as JSON')
  example(verb, 'mnemesh mesh revoke paris --data ./peer-1')
  verb.action(
    async (
      peer: string,
      options: { data: string; force?: boolean; offline?: boolean; wait: boolean; json?: boolean },
    ) => {
      const { revokeMember } = await import('../../membership/index.ts')
      const revoked = await revokeMember({
        dir: options.data,
        peer,
        force: options.force === true,
        offline: options.offline === true,
        wait: options.wait,
        clock: io.clock,
        random: io.random,
      })
      if (options.json === true) return print(io, JSON.stringify(revoked))
      await print(
        io,
        `${revoked.proposed ? 'is to be revoked: ' : 'revoked '}${clean(revoked.name)} ${revoked.peer_id.slice(0, 12)}\n${appliedText(revoked)}`,
      )
    },
  )
}

const addLeaveBehind = (mesh: Command, io: Io): void => {
  const verb = mesh
    .command('leave-behind')
    .description(
      'of a member whose clock was wrong: what it wrote in the future is left out, and it writes that again itself',
    )
    .argument('<peer>', "the member's id or name")
  verb
    .requiredOption('--data <dir>', 'a folder that holds the authority key')
    .option('--no-wait', NO_WAIT)
    .option('--json', 'print the answer as JSON')
  example(verb, 'mnemesh mesh leave-behind paris --data ./peer-1')
  verb.action(async (peer: string, options: { data: string; wait: boolean; json?: boolean }) => {
    const { leaveBehind } = await import('../../membership/index.ts')
    const left = await leaveBehind({ dir: options.data, peer, wait: options.wait, clock: io.clock, random: io.random })
    if (options.json === true) return print(io, JSON.stringify(left))
    await print(
      io,
      `${clean(left.name)} ${left.peer_id.slice(0, 12)} leaves behind what it wrote in the future, and writes it again\n${appliedText(left)}`,
    )
  })
}

const addLevel = (mesh: Command, io: Io): void => {
  const verb = mesh
    .command('level')
    .description('raise the format level of the mesh, when all voters run a version that reads it; it never falls')
    .argument('<level>', 'the level, one that `mnemesh status` of every voter names as read')
  verb
    .requiredOption('--data <dir>', 'a folder that holds the authority key')
    .option('--offline', OFFLINE)
    .option('--no-wait', NO_WAIT)
    .option('--json', 'print the answer as JSON')
  example(verb, 'mnemesh mesh level 2 --data ./peer-1')
  verb.action(async (level: string, options: { data: string; offline?: boolean; wait: boolean; json?: boolean }) => {
    const { raiseLevel } = await import('../../membership/index.ts')
    const raised = await raiseLevel({
      dir: options.data,
      level: Number(level),
      offline: options.offline === true,
      wait: options.wait,
      clock: io.clock,
      random: io.random,
    })
    if (options.json === true) return print(io, JSON.stringify(raised))
    await print(
      io,
      `${raised.proposed ? 'is to write' : 'the mesh writes'} format level ${raised.level}\n${appliedText(raised)}`,
    )
    const below = raised.observers_below.map(({ name }) => clean(name))
    if (below.length > 0)
      await note(
        io,
        `observers that show no memories written from now on, until they are upgraded: ${below.join(', ')}`,
      )
  })
}
