/**
 * The verbs for a mesh that nobody governs any more: mesh recover, sign, submit. They work on a stopped peer's folder and on a file that
 * travels to where recovery keys are kept; nothing need run.
 */
import { readFile, rename, writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { quoted } from '../../membership/quote.ts'
import { usage } from '../failure.ts'
import { type Io, note, print } from '../io.ts'
import { collect, example, textOf } from '../options.ts'
import { clean } from '../render.ts'

export const addRecoveryVerbs = (mesh: Command, io: Io): void => {
  addRecover(mesh, io)
  addSign(mesh, io)
  addSubmit(mesh, io)
}

type RecoverOptions = {
  data: string
  without?: readonly string[]
  with?: readonly string[]
  at?: string | null
  key?: readonly string[]
  out?: string
  json?: boolean
}

const addRecover = (mesh: Command, io: Io): void => {
  const verb = mesh
    .command('recover')
    .description(
      'govern a mesh again whose authority key or most of whose voters are lost for good, or end a fork of its control log, with its recovery keys',
    )
  verb.requiredOption(
    '--data <dir>',
    'the folder of a voter that stays, stopped: it gets the key that governs from then on',
  )
  verb.option('--without <peer>', "a lost member's id or name, to be taken out; may be repeated", collect)
  verb.option(
    '--with <peer>',
    'a member by the other branch of a forked control log, to be taken in; may be repeated',
    collect,
  )
  verb.option(
    '--at <statement>',
    'the last statement of the control log that stays, by its number or the beginning of its hash (default: the last that no branch disputes); what this folder holds behind it is said again',
  )
  verb.option('--key <file>', 'a file with a recovery key, or - for standard input; may be repeated', collect)
  verb
    .option(
      '--out <file>',
      'write what is to be signed into this file, for `mesh sign` where the keys are kept, then `mesh submit`',
    )
    .option('--json', 'print the answer as JSON')
  example(
    verb,
    'mnemesh mesh recover --data ./peer-3 --without berlin --without paris --key ./k1 --key ./k3',
    'mnemesh mesh recover --data ./peer-3 --without berlin --out ./recovery',
  )
  verb.action(async ({ data, without = [], with: enrolling = [], at = null, key = [], out, json }: RecoverOptions) => {
    if (out === undefined && key.length === 0)
      throw usage('give the recovery keys with --key FILE, or --out FILE to have it signed elsewhere')
    const { prepareRecovery, signRecoveryFile, submitRecovery } = await import('../../membership/index.ts')
    const keys: string[] = []
    for (const path of key) keys.push(await keyIn(path, io))
    const { text, ...prepared } = await prepareRecovery({
      dir: data,
      without,
      enrolling,
      at,
      clock: io.clock,
      random: io.random,
    })
    const signed = keys.reduce((file, each) => signRecoveryFile({ text: file, key: each }).text, text)
    if (out !== undefined) await writeWhole(out, signed)
    const says = out === undefined ? await submitRecovery({ dir: data, text: signed }) : null
    if (json === true) return print(io, JSON.stringify({ ...prepared, in_force: says !== null && says.waits !== true }))
    const who =
      prepared.out.length === 0
        ? 'nobody is taken out'
        : `${prepared.out.map(clean).join(', ')} ${says === null ? 'is to be' : 'is'} taken out`
    await print(
      io,
      says === null
        ? `wrote ${out}: ${who}`
        : `recovered${says.waits === true ? ' when the peer is started' : ''}: ${who}; the key that governs is in ${data}`,
    )
    await note(
      io,
      says === null
        ? `${prepared.needed} of ${prepared.of} recovery keys sign it: mnemesh mesh sign ${quoted(out!)} --key KEYFILE; then: mnemesh mesh submit ${quoted(out!)} --data ${quoted(data)}`
        : afterwards(data),
    )
    if (prepared.said_again > 0)
      await note(
        io,
        `it begins behind statement ${prepared.behind} of the control log, and says again ${prepared.said_again} that this folder holds behind it`,
      )
    if (prepared.not_said_again > 0)
      await note(
        io,
        `${prepared.not_said_again} more do not fit, and hold no longer: say them again with \`mnemesh mesh invite\` and \`mnemesh mesh revoke\` when the mesh is governed`,
      )
    for (const name of prepared.waiting)
      await note(
        io,
        `${clean(name)} is a member by the other branch alone: what it wrote waits until it is one here; give --with ${quoted(name)}, or let it join again with \`mnemesh mesh join\``,
      )
    for (const name of prepared.revoke_again)
      await note(
        io,
        `${clean(name)} has more chains than fit one statement: when the mesh is governed again, mnemesh mesh revoke ${quoted(name)} --data ${quoted(data)} takes out the rest of what it wrote`,
      )
    if (prepared.voters.length > 1)
      await note(
        io,
        `the voters that are left: ${prepared.voters.map(clean).join(', ')}; most of them must run for anything to be decided`,
      )
  })
}

const addSign = (mesh: Command, io: Io): void => {
  const verb = mesh
    .command('sign')
    .description('sign a recovery with a recovery key; needs no folder and no network')
    .argument('<file>', 'what `mesh recover --out` wrote')
  verb
    .requiredOption('--key <file>', 'a file with a recovery key, or - for standard input')
    .option('--json', 'print the answer as JSON')
  example(verb, 'mnemesh mesh sign ./recovery --key ./k1')
  verb.action(async (file: string, options: { key: string; json?: boolean }) => {
    const { signRecoveryFile } = await import('../../membership/index.ts')
    const { text, says } = signRecoveryFile({ text: await contentOf(file), key: await keyIn(options.key, io) })
    await writeWhole(file, text)
    if (options.json === true) return print(io, JSON.stringify(says))
    await print(
      io,
      `signed, ${says.signed_by.length} in all: mesh ${says.mesh_id}, statement ${says.place}, epoch ${says.epoch}, behind ${says.behind}\ngoverns: ${says.authority}\ntakes out: ${says.takes_out.length === 0 ? 'nobody' : says.takes_out.join(' ')}\nenrols: ${says.enrols.length === 0 ? 'nobody' : says.enrols.map(clean).join(', ')}`,
    )
  })
}

const addSubmit = (mesh: Command, io: Io): void => {
  const verb = mesh
    .command('submit')
    .description('put a signed recovery into the log of the folder in which it was prepared')
    .argument('<file>', 'what `mesh recover --out` wrote, signed')
  verb.requiredOption('--data <dir>', 'that folder, its peer stopped').option('--json', 'print the answer as JSON')
  example(verb, 'mnemesh mesh submit ./recovery --data ./peer-3')
  verb.action(async (file: string, options: { data: string; json?: boolean }) => {
    const { submitRecovery } = await import('../../membership/index.ts')
    const says = await submitRecovery({ dir: options.data, text: await contentOf(file) })
    if (options.json === true) return print(io, JSON.stringify(says))
    await print(
      io,
      says.waits === true
        ? `it takes effect when the peer is started: the key that governs from then on is in ${options.data}`
        : `recovered: the key that governs is in ${options.data}`,
    )
    await note(io, afterwards(options.data))
  })
}

const afterwards = (dir: string): string =>
  `start it with: mnemesh serve --data ${quoted(dir)} --port 7701\nthe others that are left hear of it from this peer; invite new ones with \`mnemesh mesh invite\`, as who was taken out cannot come back`

const keyIn = async (path: string, io: Io): Promise<string> =>
  path === '-' ? textOf([], io, 'recovery key') : contentOf(path)
const contentOf = (path: string): Promise<string> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw usage(`cannot read ${path}: ${error.code ?? error.message}`)
  })
/** A crash leaves the old file or the new one. */
const writeWhole = async (path: string, text: string): Promise<void> => {
  const failed = (error: NodeJS.ErrnoException): never => {
    throw usage(`cannot write ${path}: ${error.code ?? error.message}`)
  }
  await writeFile(`${path}.new`, text, { mode: 0o600, flush: true }).catch(failed)
  await rename(`${path}.new`, path).catch(failed)
}
