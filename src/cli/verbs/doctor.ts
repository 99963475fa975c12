/**
 * `doctor`: says what is wrong with this memory on this machine, and what mends it. Exit status 1 when something is.
 */
import type { Command } from 'commander'
import type { Io } from '../io.ts'
import { example, overHttp, type ServerOptions } from '../options.ts'

export const addDoctor = (program: Command, io: Io, version: string): void => {
  const verb = overHttp(
    program
      .command('doctor')
      .description(
        'say what is wrong with this memory on this machine, and what mends it; a write and a recall are tried',
      ),
  )
  example(verb, 'mnemesh doctor', 'mnemesh doctor --url http://127.0.0.1:7702 --json')
  verb.action(async (options: ServerOptions) => (await import('../doctor/run.ts')).runDoctor(options, version, io))
}
