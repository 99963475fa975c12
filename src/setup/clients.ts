/**
 * The programs that `setup` knows: where each keeps its configuration for this user, under which keys it looks for MCP servers, and in
 * which shape.
 *
 * Sources, as their makers document them: Claude Code (code.claude.com/docs/en/mcp, user scope; /settings), Claude Desktop
 * (modelcontextprotocol.io, "Connect to local MCP servers"), Cursor (cursor.com/docs/context/mcp), Codex (developers.openai.com/codex/mcp),
 * VS Code (code.visualstudio.com/docs/agents/reference/mcp-configuration), Gemini CLI (its docs/tools/mcp-server.md), OpenCode
 * (opencode.ai/docs/mcp-servers, /docs/migrate-v1: both shapes are read), Windsurf (docs.windsurf.com), Zed (zed.dev/docs/ai/mcp).
 */
import { isAbsolute, join } from 'node:path'
import type { Command } from './command.ts'

export type ClientName =
  'claude-code' | 'claude-desktop' | 'cursor' | 'codex' | 'vscode' | 'gemini-cli' | 'opencode' | 'windsurf' | 'zed'

/** Where this user's files are. */
export type Places = {
  readonly home: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly platform: string
}

export type Client = {
  readonly name: ClientName
  /** As its users call it. */
  readonly title: string
  readonly format: 'json' | 'toml'
  /** Its configuration files, the one to make first; of several that are there the last counts. */
  files(places: Places): readonly string[]
  /** Folders of which one is there when the program has been used on this machine. */
  folders(places: Places): readonly string[]
  /** The keys that lead to our entry. @param root what the file says, null where there is none. */
  keys(root: unknown): readonly string[]
  /** Our entry. */
  entry(command: Command): Readonly<Record<string, unknown>>
  /** What makes it read its configuration again. */
  readonly reload: string
}

/** The name under which it is entered, everywhere. */
export const ENTRY = 'mnemesh'

/** A first start brings a peer up before it answers; Codex gives up after 10 s by default. */
const CODEX_START_S = 30

const withEnv = ({ env }: Command, name = 'env'): Readonly<Record<string, unknown>> =>
  Object.keys(env).length === 0 ? {} : { [name]: env }
const plain = (command: Command): Readonly<Record<string, unknown>> => ({
  command: command.program,
  args: command.words,
  ...withEnv(command),
})
const typed = (command: Command): Readonly<Record<string, unknown>> => ({ type: 'stdio', ...plain(command) })
const at =
  (...keys: readonly string[]) =>
  (): readonly string[] => [...keys, ENTRY]

const given = (text: string | undefined): string | null => (text !== undefined && isAbsolute(text) ? text : null)
const xdgConfig = ({ home, env }: Places): string => given(env['XDG_CONFIG_HOME']) ?? join(home, '.config')
const roaming = ({ home, env }: Places): string => given(env['APPDATA']) ?? join(home, 'AppData', 'Roaming')
/** Where programs with a window keep what is a user's. */
const application = (places: Places): string =>
  places.platform === 'darwin'
    ? join(places.home, 'Library', 'Application Support')
    : places.platform === 'win32'
      ? roaming(places)
      : xdgConfig(places)
const zedFolder = (places: Places): string =>
  places.platform === 'win32'
    ? join(roaming(places), 'Zed')
    : join(places.platform === 'darwin' ? join(places.home, '.config') : xdgConfig(places), 'zed')
const claudeFolder = ({ home, env }: Places): string => given(env['CLAUDE_CONFIG_DIR']) ?? join(home, '.claude')
const codexFolder = ({ home, env }: Places): string => given(env['CODEX_HOME']) ?? join(home, '.codex')

/** The settings in which Claude Code looks for hooks. */
export const claudeSettings = (places: Places): string => join(claudeFolder(places), 'settings.json')

export const CLIENTS: readonly Client[] = [
  {
    name: 'claude-code',
    title: 'Claude Code',
    format: 'json',
    // Beside its folder, but in the one that CLAUDE_CONFIG_DIR names.
    files: (places) => [join(given(places.env['CLAUDE_CONFIG_DIR']) ?? places.home, '.claude.json')],
    folders: (places) => [claudeFolder(places)],
    keys: at('mcpServers'),
    entry: typed,
    reload: 'start a new session',
  },
  {
    name: 'claude-desktop',
    title: 'Claude Desktop',
    format: 'json',
    files: (places) => [join(application(places), 'Claude', 'claude_desktop_config.json')],
    folders: (places) => [join(application(places), 'Claude')],
    keys: at('mcpServers'),
    entry: plain,
    reload: 'quit it and open it again',
  },
  {
    name: 'cursor',
    title: 'Cursor',
    format: 'json',
    files: ({ home }) => [join(home, '.cursor', 'mcp.json')],
    folders: ({ home }) => [join(home, '.cursor')],
    keys: at('mcpServers'),
    entry: plain,
    reload: 'restart it',
  },
  {
    name: 'codex',
    title: 'Codex',
    format: 'toml',
    files: (places) => [join(codexFolder(places), 'config.toml')],
    folders: (places) => [codexFolder(places)],
    keys: at('mcp_servers'),
    entry: (command) => ({ ...plain(command), startup_timeout_sec: CODEX_START_S }),
    reload: 'start a new session',
  },
  {
    name: 'vscode',
    title: 'VS Code',
    format: 'json',
    files: (places) => [join(application(places), 'Code', 'User', 'mcp.json')],
    folders: (places) => [join(application(places), 'Code')],
    keys: at('servers'),
    entry: typed,
    reload: 'run "MCP: List Servers" and start it there',
  },
  {
    name: 'gemini-cli',
    title: 'Gemini CLI',
    format: 'json',
    files: ({ home }) => [join(home, '.gemini', 'settings.json')],
    folders: ({ home }) => [join(home, '.gemini')],
    keys: at('mcpServers'),
    entry: plain,
    reload: 'start a new session',
  },
  {
    name: 'opencode',
    title: 'OpenCode',
    format: 'json',
    files: (places) => ['opencode.json', 'opencode.jsonc'].map((name) => join(xdgConfig(places), 'opencode', name)),
    folders: (places) => [join(xdgConfig(places), 'opencode')],
    // Its second version may keep servers one level deeper; what it keeps there it reads there alone.
    keys: (root) => ['mcp', ...(hasServers(root) ? ['servers'] : []), ENTRY],
    entry: (command) => ({
      type: 'local',
      command: [command.program, ...command.words],
      ...withEnv(command, 'environment'),
    }),
    reload: 'start a new session',
  },
  {
    name: 'windsurf',
    title: 'Windsurf',
    format: 'json',
    files: ({ home }) => [join(home, '.codeium', 'windsurf', 'mcp_config.json')],
    folders: ({ home }) => [join(home, '.codeium', 'windsurf')],
    keys: at('mcpServers'),
    entry: plain,
    reload: 'refresh its MCP servers, or restart it',
  },
  {
    name: 'zed',
    title: 'Zed',
    format: 'json',
    files: (places) => [join(zedFolder(places), 'settings.json')],
    folders: (places) => [zedFolder(places)],
    // Versions before 2026 take an entry for their own only with its source.
    keys: at('context_servers'),
    entry: (command) => ({ source: 'custom', ...plain(command) }),
    reload: 'nothing: it reads its settings at once',
  },
]

export const clientOf = (name: string): Client | null => CLIENTS.find((client) => client.name === name) ?? null

const hasServers = (root: unknown): boolean => {
  const servers = fieldOf(fieldOf(root, 'mcp'), 'servers')
  // A server that is called `servers` has a type.
  return typeof servers === 'object' && servers !== null && fieldOf(servers, 'type') === undefined
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined
