/**
 * What `doctor` does: looks at one thing after the other, tells what it found and what mends it. It starts nothing and changes nothing, but
 * for one memory that it writes and erases.
 */
import { createClient, type Target } from '../../sdk/client.ts'
import { userFolder } from '../../user-peer/folder.ts'
import { CliFailure } from '../failure.ts'
import { type Io, print } from '../io.ts'
import { keyOf } from '../keys.ts'
import type { ServerOptions } from '../options.ts'
import { clean, coloursFor, plural } from '../render.ts'
import { placesOf, runningOf } from '../setup/run.ts'
import { namedUrl } from '../target.ts'
import { clientsFound } from './clients.ts'
import { type Finding, wrong } from './finding.ts'
import { userPeerFound, versionsFound } from './machine.ts'
import { peerFound } from './peer.ts'
import { tried } from './trial.ts'

/** Who writes what is tried. */
const AGENT = 'mnemesh-doctor'
/** Of the longest name of what is looked at. */
const NAME_WIDTH = 14

export const runDoctor = async (options: ServerOptions, version: string, io: Io): Promise<void> => {
  const { target, findings: where } = await whereFound(options, io)
  const findings: Finding[] = [
    versionsFound(process.version, version),
    ...where,
    ...(target === null ? [] : await askedFound(target, options, version, io)),
    ...(await clientsFound(placesOf(io), runningOf(version, io))),
  ]
  const faults = findings.filter(({ state }) => state === 'wrong')
  await print(io, options.json === true ? JSON.stringify({ ok: faults.length === 0, findings }) : textOf(findings, io))
  if (faults.length > 0)
    throw new CliFailure(`${plural(faults.length, 'thing')} to mend: ${faults.map(({ what }) => what).join(', ')}`)
}

const askedFound = async (
  target: Target,
  options: ServerOptions,
  version: string,
  io: Io,
): Promise<readonly Finding[]> => {
  const client = createClient({ target: async () => target, agent: options.agent ?? AGENT })
  const { findings, answers } = await peerFound(client, version)
  return answers ? [...findings, ...(await tried(client, io))] : findings
}

/** The peer that is named, else this user's own. */
const whereFound = async (
  options: ServerOptions,
  io: Io,
): Promise<{ readonly target: Target | null; readonly findings: readonly Finding[] }> => {
  const url = namedUrl(options, io)
  if (url !== null) return { target: { url, key: (await keyOf(options, io)) ?? null }, findings: [] }
  const folder = userFolder(io.env, process.platform)
  if (folder === null)
    return {
      target: null,
      findings: [
        wrong(
          'peer',
          'this system does not say where your data lies',
          'set HOME, or XDG_DATA_HOME to a folder of yours',
        ),
      ],
    }
  return userPeerFound(folder, io.random)
}

const textOf = (findings: readonly Finding[], io: Io): string => {
  const colours = coloursFor(io.stdout, io.env)
  const shown = { ok: colours.green('ok   '), note: colours.yellow('note '), wrong: colours.red('WRONG') }
  const lines = findings.map(
    ({ what, state, found, mend }) =>
      `${colours.bold(what.padEnd(NAME_WIDTH))}  ${shown[state]}  ${clean(found)}${mend === null ? '' : `\n${' '.repeat(NAME_WIDTH)}  mend:  ${clean(mend)}`}`,
  )
  return lines.join('\n')
}
