/**
 * `up --service` and `down --service`: the login service is written and made known to the system by its own tool where that is there; what
 * the tool refuses is said, with the command to give by hand.
 */
import { execFile } from 'node:child_process'
import { homedir } from 'node:os'
import { removeService, type Service, serviceOf, writeService } from '../user-peer/index.ts'
import { CliFailure } from './failure.ts'
import { type Io, note, print } from './io.ts'
import { runningOf } from './setup/run.ts'
import { commandFor } from '../setup/index.ts'

export type ServiceOptions = { readonly dryRun?: boolean; readonly json?: boolean }

/** `up` waits for a large log. */
const TOOL_MS_MAX = 120_000

const requireService = (version: string, io: Io): Service => {
  const place = {
    platform: process.platform,
    home: io.env['HOME'] || homedir(),
    env: io.env,
    uid: process.getuid?.() ?? 0,
  }
  const service = serviceOf(commandFor(runningOf(version, io), []), place)
  if (service === null)
    throw new CliFailure('no login service is known for this system; have `mnemesh up` run when you log in')
  return service
}

/** Answers whether `up` itself is to go on. */
export const addService = async (options: ServiceOptions, version: string, io: Io): Promise<boolean> => {
  const service = requireService(version, io)
  if (options.dryRun === true) {
    await tell(options, service, service.enable, io)
    return false
  }
  await writeService(service)
  for (const words of service.forget) await runTool(words, io)
  const failed = await runAll(service.enable, io)
  await note(
    io,
    failed === null
      ? `it starts whenever you log in (${service.file})`
      : `${service.file} is written, and not in force: ${failed}`,
  )
  return true
}

export const dropService = async (options: ServiceOptions, version: string, io: Io): Promise<boolean> => {
  const service = requireService(version, io)
  if (options.dryRun === true) {
    await tell(options, { ...service, text: '' }, service.disable, io)
    return false
  }
  const failed = await runAll(service.disable, io)
  const removed = await removeService(service)
  await note(
    io,
    !removed
      ? 'there is no login service'
      : `it starts no more when you log in${failed === null ? '' : ` (${failed})`}`,
  )
  return true
}

const tell = (
  options: ServiceOptions,
  { file, text }: Service,
  commands: readonly (readonly string[])[],
  io: Io,
): Promise<void> => {
  const lines = commands.map((words) => words.join(' '))
  if (options.json === true)
    return print(io, JSON.stringify({ file, text: text === '' ? null : text, commands: lines }))
  return print(
    io,
    `${text === '' ? `takes away ${file}` : `${file}\n\n${text.trimEnd()}`}\n\n${lines.map((line) => `$ ${line}`).join('\n')}`,
  )
}

/** What was refused, in one line with the mend; null when all went well. */
const runAll = async (commands: readonly (readonly string[])[], io: Io): Promise<string | null> => {
  for (const words of commands) {
    const refused = await runTool(words, io)
    if (refused !== null) return `${refused}; give \`${words.join(' ')}\` yourself`
  }
  return null
}

const runTool = ([program, ...words]: readonly string[], io: Io): Promise<string | null> =>
  new Promise((resolve) => {
    execFile(program!, words, { timeout: TOOL_MS_MAX, env: io.env }, (error, _out, err) => {
      if (error === null) return resolve(null)
      resolve(
        error.code === 'ENOENT'
          ? `there is no ${program} here`
          : `${program} said: ${(err.trim().split('\n')[0] ?? '') || error.message}`.slice(0, 300),
      )
    })
  })
