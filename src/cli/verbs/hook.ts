/**
 * `hook`: what an agent's program calls at a session's start and end, and before it compacts the conversation.
 */
import { Argument, type Command } from 'commander'
import type { Io } from '../io.ts'
import { keyOption } from '../keys.ts'
import { example } from '../options.ts'
import type { HookOptions, HookVerb } from '../setup/hook.ts'

export const addHook = (program: Command, io: Io): void => {
  const verb = program
    .command('hook')
    .description(
      "called by the hooks that `setup claude-code --hooks` writes: tells a session what is known, keeps what was decided; its input is the program's JSON",
    )
    .addArgument(new Argument('<event>', 'what happens').choices(['session-start', 'pre-compact', 'session-end']))
    .option('--url <url>', 'the peer to ask (default: $MNEMESH_URL, else yours)')
    .option('--key-file <file>', "a file with that peer's API key (default: $MNEMESH_KEY)")
    .addOption(keyOption())
    .option('--stay', 'keep what was decided in this process, not in one of its own in the background')
    .option('--json', 'with --stay: print how many were kept, and how many left out for a secret')
  example(verb, `echo '{"cwd": "/src/project"}' | mnemesh hook session-start`)
  verb.action(async (event: HookVerb, options: HookOptions) =>
    (await import('../setup/hook.ts')).runHook(event, options, io),
  )
}
