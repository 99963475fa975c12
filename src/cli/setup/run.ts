/**
 * What `setup` does: shows the change of a program's configuration, asks, writes it or takes it out again, and lists the programs.
 */
import { homedir } from 'node:os'
import { join } from 'node:path'
import {
  applyChange,
  CLIENTS,
  clientOf,
  commandFor,
  exists,
  INSTRUCTIONS,
  lookAt,
  planRemoval,
  planSetup,
  targetOfHooks,
  targetOfServer,
  type Change,
  type Kept,
  type Places,
  type Running,
  type Target,
} from '../../setup/index.ts'
import { CliFailure, usage } from '../failure.ts'
import { type Io, note, print } from '../io.ts'
import { coloursFor, table } from '../render.ts'
import { mainFile, requireUserFolder } from '../target.ts'

export type SetupOptions = {
  readonly yes?: boolean
  readonly dryRun?: boolean
  readonly remove?: boolean
  readonly replace?: boolean
  readonly hooks?: boolean
  readonly instructions?: boolean
  readonly json?: boolean
}

export const runSetup = async (
  name: string | undefined,
  options: SetupOptions,
  version: string,
  io: Io,
): Promise<void> => {
  if (options.instructions === true)
    return print(io, options.json === true ? JSON.stringify({ instructions: INSTRUCTIONS }) : INSTRUCTIONS.trimEnd())
  const running = runningOf(version, io)
  if (name === undefined) return list(options, running, io)
  if (options.hooks === true && name !== 'claude-code')
    throw usage(`${name} has no hooks that mnemesh knows; they are for claude-code`)
  await change(targetsOf(name, options, running, io), name, options, io)
}

/** How this program runs. */
export const runningOf = (version: string, io: Io): Running => ({
  node: process.execPath,
  main: mainFile(),
  version,
  env: io.env,
  platform: process.platform,
})

/** Where this user's files are. */
export const placesOf = (io: Io): Places => ({
  home: io.env['HOME'] || io.env['USERPROFILE'] || homedir(),
  env: io.env,
  platform: process.platform,
})

/** Removal takes the hooks out too, whether they are asked for or not. */
const targetsOf = (name: string, options: SetupOptions, running: Running, io: Io): readonly Target[] => {
  const places = placesOf(io)
  const server = targetOfServer(clientOf(name)!, places, commandFor(running, ['mcp']))
  const hooks = targetOfHooks(places, (verb) => commandFor(running, verb))
  if (name !== 'claude-code') return [server]
  return options.hooks === true || options.remove === true ? [server, hooks] : [server]
}

const change = async (targets: readonly Target[], name: string, options: SetupOptions, io: Io): Promise<void> => {
  const kept: Kept = { folder: join(requireUserFolder(io).base, 'setup'), clock: io.clock, random: io.random }
  const changes: Change[] = []
  for (const target of targets)
    changes.push(
      options.remove === true
        ? await planRemoval(target, kept)
        : await planSetup(target, kept, { replace: options.replace === true }),
    )
  const pending = changes.filter(({ diff }) => diff !== null)
  if (options.json !== true)
    for (const { diff, note: said } of pending) {
      await print(io, coloured(diff!.trimEnd(), io))
      if (said !== null) await note(io, said)
    }
  const write = pending.length > 0 && options.dryRun !== true
  if (write && options.yes !== true && !(await isAgreed(options, io))) throw new CliFailure('nothing was changed')
  const files = []
  for (const one of changes) {
    const copy = write && one.diff !== null ? await applyChange(one, kept) : null
    files.push({
      file: one.file.path,
      changed: write && one.diff !== null,
      diff: one.diff,
      copy,
      ...(one.note === null ? {} : { note: one.note }),
    })
  }
  if (options.json === true)
    return print(
      io,
      JSON.stringify({
        program: name,
        changed: files.some(({ changed }) => changed),
        dry_run: options.dryRun === true,
        files,
      }),
    )
  const { title, reload } = clientOf(name)!
  if (pending.length === 0)
    return print(
      io,
      options.remove === true
        ? `${title} is not set up: nothing to take out`
        : `${title} is set up already: nothing to do`,
    )
  if (!write) return note(io, 'nothing was written (--dry-run)')
  for (const { file, copy } of files) if (copy !== null) await note(io, `${file} as it was: ${copy}`)
  await print(
    io,
    options.remove === true ? `taken out of ${title}` : `${title} is set up; so that it takes effect: ${reload}`,
  )
}

const isAgreed = async (options: SetupOptions, io: Io): Promise<boolean> => {
  if (io.ask === null || options.json === true)
    throw usage('nobody can be asked here: add --yes to write it, or --dry-run to see it alone')
  return /^y(es)?$/i.test((await io.ask('Write this? [y/N] ')).trim())
}

/** `unknown`: it cannot be told, `reason` says why. */
type Listed = {
  readonly program: string
  readonly found: boolean
  readonly state: string
  readonly file: string
  readonly reason?: string
}

const list = async (options: SetupOptions, running: Running, io: Io): Promise<void> => {
  const command = commandFor(running, ['mcp'])
  const programs: Listed[] = []
  for (const client of CLIENTS)
    programs.push(
      await listed(client.name, targetOfServer(client, placesOf(io), command), client.folders(placesOf(io))),
    )
  if (options.json === true)
    return print(
      io,
      JSON.stringify({
        command: { program: command.program, args: command.words, env: command.env, by: command.by },
        programs,
      }),
    )
  const rows = programs.map(({ program, found, state, file, reason }) => [
    program,
    found ? 'found' : '-',
    reason === undefined ? state : 'cannot be read',
    reason ?? file,
  ])
  await print(
    io,
    table([['PROGRAM', 'HERE', 'MEMORY', 'CONFIGURATION'], ...rows], [coloursFor(io.stdout, io.env).bold]),
  )
  await note(
    io,
    `set one up with: mnemesh setup PROGRAM   (it is given: ${[command.program, ...command.words].join(' ')})`,
  )
}

const listed = async (program: string, target: Target, folders: readonly string[]): Promise<Listed> => {
  try {
    const { file, there, state } = await lookAt(target)
    return {
      program,
      found: there || (await exists(folders)),
      state: state === 'other' ? 'set up otherwise' : state === 'absent' ? 'not set up' : state,
      file,
    }
  } catch (error) {
    return {
      program,
      found: true,
      state: 'unknown',
      file: target.files[0]!,
      reason: error instanceof Error ? error.message : String(error),
    }
  }
}

const coloured = (diff: string, io: Io): string => {
  const colours = coloursFor(io.stdout, io.env)
  return diff
    .split('\n')
    .map((line) => (line.startsWith('+') ? colours.green(line) : line.startsWith('-') ? colours.red(line) : line))
    .join('\n')
}
