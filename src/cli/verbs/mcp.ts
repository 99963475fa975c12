/**
 * `mcp`: the Model Context Protocol over standard input and output, for programs that start it. Ends with its input; nothing but the
 * protocol is on standard output.
 */
import { Option, type Command } from 'commander'
import { write, type Io } from '../io.ts'
import { bridge } from '../mcp/bridge.ts'
import { projectNamespace } from '../mcp/project.ts'
import { example, namespace } from '../options.ts'
import { keyOf, keyOption } from '../keys.ts'
import { given, namedUrl, requireUserFolder, userTarget } from '../target.ts'
import { usage } from '../failure.ts'

type McpOptions = {
  readonly namespace?: string
  readonly agent?: string
  readonly readOnly?: boolean
  readonly profile?: string
  readonly url?: string
  readonly keyFile?: string
}

export const addMcp = (program: Command, io: Io): void => {
  const verb = program
    .command('mcp')
    .description(
      'a memory for an agent: Model Context Protocol over standard input and output; starts your peer when it does not run',
    )
    .option(
      '--namespace <name>',
      "where its memories belong (default: the git repository's name, else default)",
      namespace,
    )
    .option('--agent <id>', "who is speaking (default: $MNEMESH_AGENT, else the client's name)")
    .addOption(
      new Option('--profile <name>', 'which tools it shows')
        .choices(['core', 'full', 'graph', 'files', 'search'])
        .default('core'),
    )
    .option('--read-only', 'leave out every tool that writes')
    .option('--url <url>', 'the peer to ask (default: $MNEMESH_URL, else yours)')
    .option('--key-file <file>', "a file with that peer's API key (default: $MNEMESH_KEY)")
    .addOption(keyOption())
  example(verb, 'mnemesh mcp', 'mnemesh mcp --namespace team/api --agent ai:reviewer --read-only').action(
    (options: McpOptions) => serve(options, io),
  )
}

const serve = async (options: McpOptions, io: Io): Promise<void> => {
  if (options.keyFile === '-') throw usage('standard input carries the protocol; give the key in a file')
  if (io.stdin === null)
    throw usage(
      'mcp speaks to a program over standard input; `mnemesh setup` writes it into the configuration of yours',
    )
  const into = options.namespace ?? (await projectNamespace(process.cwd()))
  await bridge({
    input: io.stdin,
    write: (line) => write(io.stdout, `${line}\n`),
    find: async () => {
      const url = namedUrl(options, io)
      return url === null
        ? userTarget(options, requireUserFolder(io), io)
        : { url: url.replace(/\/+$/, ''), key: (await keyOf(options, io)) ?? null }
    },
    query: {
      ...(options.profile === undefined || options.profile === 'core' ? {} : { profile: options.profile }),
      ...(into === null ? {} : { namespace: into }),
      ...(options.readOnly === true ? { read_only: 'true' } : {}),
    },
    agent: options.agent ?? given(io.env['MNEMESH_AGENT']) ?? null,
    sleep: (ms, signal) => io.sleep(ms, signal),
  })
}
