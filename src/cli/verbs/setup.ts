/**
 * `setup`: gives this memory to the programs that people use.
 */
import { Argument, type Command } from 'commander'
import type { Io } from '../io.ts'
import { example } from '../options.ts'
import { CLIENTS } from '../../setup/clients.ts'
import type { SetupOptions } from '../setup/run.ts'

export const addSetup = (program: Command, io: Io, version: string): void => {
  const verb = program
    .command('setup')
    .description('give this memory to a program that you use; alone, list those on this machine')
    .addArgument(new Argument('[program]', 'which').choices(CLIENTS.map(({ name }) => name)))
    .option('--yes', 'write it without asking')
    .option('--dry-run', 'show the change, write nothing')
    .option('--remove', 'take it out again')
    .option('--replace', 'also an entry of this name that set-up did not write')
    .option(
      '--hooks',
      "claude-code: also recall at a session's start, and keep what was decided before compaction and at its end",
    )
    .option('--instructions', 'print ten lines for your AGENTS.md: when to remember, when to recall')
    .option('--json', 'print the answer as JSON')
  example(
    verb,
    'mnemesh setup',
    'mnemesh setup claude-code --yes',
    'mnemesh setup codex --dry-run',
    'mnemesh setup --instructions >> AGENTS.md',
  )
  verb.action(async (name: string | undefined, options: SetupOptions) =>
    (await import('../setup/run.ts')).runSetup(name, options, version, io),
  )
}
