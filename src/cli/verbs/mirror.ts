/**
 * `mirror`: a folder of Markdown files and a namespace in step, both ways. `mirror status` tells how it stands.
 */
import { InvalidArgumentError, type Command } from 'commander'
import { parseAgentId } from '../../../crdt/ids.ts'
import type { Io } from '../io.ts'
import type { RunOptions } from '../mirror/run.ts'
import { example, namespace, overHttp } from '../options.ts'

const collected = (one: string, all: readonly string[] = []): readonly string[] => [...all, one]
const agents = (one: string, all: readonly string[] = []): readonly string[] => {
  if (parseAgentId(one) === null) throw new InvalidArgumentError('Give the name of an agent, like ai:alice.')
  return [...all, one]
}

export const addMirror = (program: Command, io: Io): void => {
  const group = program
    .command('mirror')
    .description('keep a folder of Markdown files and a namespace in step, both ways, on as many machines as run it')
  const verb = overHttp(group.argument('<folder>', 'a folder; of what is in it only .md files are touched'))
    .option(
      '--namespace <name>',
      "with which (default: the one it was mirrored with before, else the repository's name, else default)",
      namespace,
    )
    .option('--once', 'bring both in step and end')
    .option('--dry-run', 'say what would be done, and do nothing')
    .option(
      '--exclude <pattern>',
      'leave out, as in .gitignore; may be repeated (also: lines of .mnemeshignore in the folder)',
      collected,
    )
    .option(
      '--accept-instructions-from <agent>',
      'take over files that tell agents what to do (CLAUDE.md, AGENTS.md, rules, skills) when this agent wrote them; may be repeated',
      agents,
    )
    .option(
      '--allow-secrets <path>',
      'send this file although it holds what looks like a key or a password; may be repeated',
      collected,
    )
    .option('--allow-deletions', 'let the deletions that wait go on, however many they are')
  example(
    verb,
    'mnemesh mirror ./memory --namespace team/notes',
    'mnemesh mirror ./memory --once --dry-run',
    'mnemesh mirror status ./memory',
  )
  verb.addHelpText(
    'after',
    '\nWhere both sides changed the same lines both stay, between marks. More than a tenth of the files is not deleted at once without a yes.',
  )
  verb.action(async (folder: string, options: RunOptions) =>
    (await import('../mirror/run.ts')).runMirror(folder, options, io),
  )

  const status = group
    .command('status')
    .description('whether a mirror runs on a folder, and what is not in step')
    .argument('<folder>', 'the folder')
    .option('--json', 'print the answer as JSON')
  example(status, 'mnemesh mirror status ./memory')
  status.action(async (folder: string, _options: unknown, command: Command) =>
    (await import('../mirror/status.ts')).showMirror(folder, command.optsWithGlobals(), io),
  )
}
