/**
 * All verbs on one program, and how a run of it ends.
 *
 * Each verb registers itself from its own file; what is heavy (the node, the importers) is loaded by the verb that needs it,
 * so that `mnemesh recall` starts fast.
 */
import { Command } from 'commander'
import { errorCode, explain, failureFacts, type ExitStatus } from './failure.ts'
import type { Io } from './io.ts'
import { example } from './options.ts'
import { coloursFor } from './render.ts'
import { addDoctor } from './verbs/doctor.ts'
import { addBackup } from './verbs/backup.ts'
import { addExport } from './verbs/export.ts'
import { addFindingVerbs } from './verbs/finding.ts'
import { addFleet } from './verbs/fleet.ts'
import { addHook } from './verbs/hook.ts'
import { addImport } from './verbs/import.ts'
import { addLinkVerbs } from './verbs/links.ts'
import { addMcp } from './verbs/mcp.ts'
import { addMemoryVerbs } from './verbs/memories.ts'
import { addMeshVerbs } from './verbs/mesh.ts'
import { addMigrate } from './verbs/migrate.ts'
import { addMirror } from './verbs/mirror.ts'
import { addProject } from './verbs/project.ts'
import { addProofVerbs } from './verbs/proof.ts'
import { addServe } from './verbs/serve.ts'
import { addSetup } from './verbs/setup.ts'
import { addStateVerbs } from './verbs/state.ts'
import { addStatus } from './verbs/status.ts'
import { addUserPeerVerbs } from './verbs/up.ts'
import { addVerify } from './verbs/verify.ts'
import { addVersionVerbs } from './verbs/versions.ts'

/** @param version of the package. */
export const createProgram = (io: Io, version: string, json = false): Command => {
  const program = new Command('mnemesh')
    .description('a replicated, signed, searchable memory for AI agents')
    .version(version)
  settle(program, io, json)
  addMemoryVerbs(program, io)
  addFindingVerbs(program, io)
  addLinkVerbs(program, io)
  addVersionVerbs(program, io)
  addImport(program, io)
  addExport(program, io)
  addMirror(program, io)
  addStateVerbs(program, io)
  addStatus(program, io)
  addVerify(program, io)
  addBackup(program, io)
  addProofVerbs(program, io)
  addProject(program, io)
  addMigrate(program, io)
  addMeshVerbs(program, io)
  addUserPeerVerbs(program, io, version)
  addMcp(program, io)
  addSetup(program, io, version)
  addDoctor(program, io, version)
  addHook(program, io)
  addServe(program, io)
  addFleet(program, io)
  return example(
    program,
    'mnemesh store "The deploy key rotates on Fridays"',
    'mnemesh recall "when does the deploy key rotate?"',
    'mnemesh serve --data .mnemesh/peer-1 --port 7701',
  )
}

/** Errors are thrown, not exited on, and take one line; verbs made later inherit this. */
const settle = (program: Command, io: Io, json: boolean): void => {
  program
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
      outputError: (text, print) =>
        print(
          json
            ? `${JSON.stringify({ error: 'usage', message: plain(text) })}\n`
            : `${coloursFor(io.stderr, io.env).red('error:')} ${plain(text)}\n`,
        ),
    })
}

const plain = (text: string): string =>
  text
    .replace(/^error: /, '')
    .trim()
    .replace(/\s*\n\s*/g, ' ')

/** Who asks for JSON gets it on failure too: one object a line, on standard error, so that what stands on standard output is data alone. */
const wantsJson = (words: readonly string[]): boolean => {
  const end = words.indexOf('--')
  return (end < 0 ? words : words.slice(0, end)).includes('--json')
}

/**
 * Runs one command line. Resolves with the exit status; nothing is thrown.
 * @param words what follows `mnemesh`.
 */
export const run = async (words: readonly string[], io: Io, version: string): Promise<ExitStatus> => {
  const program = createProgram(io, version, wantsJson(words))
  if (words.length === 0) {
    program.outputHelp({ error: true })
    return 2
  }
  try {
    await program.parseAsync(words, { from: 'user' })
    return 0
  } catch (error) {
    if (errorCode(error) === 'EPIPE') return 0
    const { line, exit } = explain(error, (io.env['MNEMESH_DEBUG'] ?? '') !== '')
    if (line !== null && wantsJson(words))
      io.stderr.write(`${JSON.stringify({ ...failureFacts(error, exit), message: line })}\n`)
    else if (line !== null) io.stderr.write(`${coloursFor(io.stderr, io.env).red('error:')} ${line}\n`)
    return exit
  }
}
