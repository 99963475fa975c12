/**
 * Set-up on configuration files as people have them: our entry and nothing else comes in, twice changes nothing, and removal leaves the file
 * byte for byte as it was.
 */
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parse as parseJsonc, type ParseError } from 'jsonc-parser'
import { parse as parseToml } from 'smol-toml'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  applyChange,
  CLIENTS,
  clientOf,
  commandFor,
  lookAt,
  planRemoval,
  planSetup,
  targetOfHooks,
  targetOfServer,
  type Kept,
  type Places,
  type Target,
} from './index.ts'

let home = ''
let places: Places = { home, env: {}, platform: 'linux' }
let kept: Kept = { folder: '', clock: { now: () => 0 }, random: { bytes: (count) => new Uint8Array(count) } }
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mnemesh-setup-'))
  places = { home, env: {}, platform: 'linux' }
  let [now, seed] = [1_700_000_000_000, 0]
  kept = {
    folder: join(home, 'data', 'setup'),
    clock: { now: () => (now += 1_000) },
    random: { bytes: (count) => Uint8Array.from({ length: count }, () => seed++) },
  }
})
afterEach(() => rm(home, { recursive: true, force: true }))

const running = {
  node: '/opt/node/bin/node',
  main: '/opt/mnemesh/dist/src/cli/main.js',
  version: '1.2.3',
  env: {},
  platform: 'linux',
}
const command = commandFor(running, ['mcp'])
const targetOf = (name: string, by = command): Target => targetOfServer(clientOf(name)!, places, by)
const hooks = (): Target => targetOfHooks(places, (verb) => commandFor(running, verb))

const setUp = async (target: Target, replace = false) => applyChange(await planSetup(target, kept, { replace }), kept)
const takeAway = async (target: Target) => {
  const change = await planRemoval(target, kept)
  await applyChange(change, kept)
  return change
}
const put = async (path: string, bytes: string | Buffer, mode = 0o644): Promise<void> => {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, bytes, { mode })
}
const jsonc = (text: string): unknown => {
  const errors: ParseError[] = []
  const value: unknown = parseJsonc(text.replace(/^\uFEFF/, ''), errors, {
    allowTrailingComma: true,
    allowEmptyContent: true,
  })
  expect(errors).toEqual([])
  return value
}

const BOM = '\uFEFF'
const NODE = { command: running.node, args: [running.main, 'mcp'] }
/** name, file below home, text, what it says afterwards, and a piece of the text that must stand as it is. */
const FILES: readonly (readonly [string, string, string, string, object])[] = [
  [
    'Claude Code, with its history',
    'claude-code',
    '.claude.json',
    '{\n  "numStartups": 34,\n  "projects": {\n    "/src/a": { "mcpServers": {}, "history": ["a", "b"] }\n  },\n  "mcpServers": {\n    "github": {\n      "type": "http",\n      "url": "https://example.org/mcp"\n    }\n  },\n  "big": 12345678901234567890.10\n}\n',
    { mcpServers: { mnemesh: { type: 'stdio', ...NODE }, github: { type: 'http', url: 'https://example.org/mcp' } } },
  ],
  [
    'Claude Code, in one line',
    'claude-code',
    '.claude.json',
    '{"numStartups":1,"mcpServers":{"a":{"command":"x"}}}',
    { mcpServers: { mnemesh: { type: 'stdio', ...NODE }, a: { command: 'x' } } },
  ],
  [
    'Claude Code, an empty object',
    'claude-code',
    '.claude.json',
    '{}',
    { mcpServers: { mnemesh: { type: 'stdio', ...NODE } } },
  ],
  [
    'Claude Desktop, four blanks, CRLF',
    'claude-desktop',
    '.config/Claude/claude_desktop_config.json',
    '{\r\n    "globalShortcut": "",\r\n    "mcpServers": {\r\n    }\r\n}\r\n',
    { globalShortcut: '', mcpServers: { mnemesh: NODE } },
  ],
  [
    'Claude Desktop, a byte order mark, no end of line',
    'claude-desktop',
    '.config/Claude/claude_desktop_config.json',
    `${BOM}{"scale": 1,\n "mcpServers": {}}`,
    { scale: 1, mcpServers: { mnemesh: NODE } },
  ],
  [
    'Cursor, tabs',
    'cursor',
    '.cursor/mcp.json',
    '{\n\t"mcpServers": {\n\t\t"files": {\n\t\t\t"command": "npx",\n\t\t\t"args": ["-y", "x"]\n\t\t}\n\t}\n}',
    { mcpServers: { mnemesh: NODE, files: { command: 'npx', args: ['-y', 'x'] } } },
  ],
  ['Cursor, an empty file', 'cursor', '.cursor/mcp.json', '', { mcpServers: { mnemesh: NODE } }],
  [
    'Codex, comments and odd tables',
    'codex',
    '.codex/config.toml',
    '# my model\nmodel = "gpt-5"   # the large one\n\n[mcp_servers.docs]\ncommand = "npx"\nargs = [\n  "-y", # yes\n  "docs",\n]\n\n[ history ]\npersistence = "none"\nid = 9007199254740993\nat = 1979-05-27T07:32:00Z',
    {
      model: 'gpt-5',
      mcp_servers: { docs: { command: 'npx', args: ['-y', 'docs'] }, mnemesh: { ...NODE, startup_timeout_sec: 30 } },
    },
  ],
  [
    'Codex, CRLF',
    'codex',
    '.codex/config.toml',
    'model = "o"\r\n\r\n',
    { model: 'o', mcp_servers: { mnemesh: { ...NODE, startup_timeout_sec: 30 } } },
  ],
  [
    'Codex, an empty file',
    'codex',
    '.codex/config.toml',
    '',
    { mcp_servers: { mnemesh: { ...NODE, startup_timeout_sec: 30 } } },
  ],
  [
    'VS Code, comments, a trailing comma',
    'vscode',
    '.config/Code/User/mcp.json',
    '{ // mine\n  "servers": { // all of them\n    /* two\n       lines */ "a": {"command": "x",}, // the first\n    "b": {"url": "http://localhost"},\n  },\n  "inputs": [],\n}\n',
    {
      servers: { mnemesh: { type: 'stdio', ...NODE }, a: { command: 'x' }, b: { url: 'http://localhost' } },
      inputs: [],
    },
  ],
  [
    'Gemini CLI, odd indentation',
    'gemini-cli',
    '.gemini/settings.json',
    '{\n   "theme" : "Dracula"\n ,   "mcpServers"\n :\n    { "git" :{"command":"uvx"} , }\n      }\n\n\n',
    { theme: 'Dracula', mcpServers: { mnemesh: NODE, git: { command: 'uvx' } } },
  ],
  [
    'Gemini CLI, nothing but a comment',
    'gemini-cli',
    '.gemini/settings.json',
    '// nothing yet',
    { mcpServers: { mnemesh: NODE } },
  ],
  [
    'OpenCode, first version',
    'opencode',
    '.config/opencode/opencode.json',
    '{\n  "$schema": "https://opencode.ai/config.json",\n  "mcp": {}\n}\n',
    {
      $schema: 'https://opencode.ai/config.json',
      mcp: { mnemesh: { type: 'local', command: [running.node, running.main, 'mcp'] } },
    },
  ],
  [
    'OpenCode, second version, comments',
    'opencode',
    '.config/opencode/opencode.jsonc',
    '{\n  // mine\n  "mcp": {\n    "servers": {\n      // one\n      "a": { "type": "local", "command": ["x"], },\n    },\n  },\n}\n',
    {
      mcp: {
        servers: {
          mnemesh: { type: 'local', command: [running.node, running.main, 'mcp'] },
          a: { type: 'local', command: ['x'] },
        },
      },
    },
  ],
  [
    'Windsurf',
    'windsurf',
    '.codeium/windsurf/mcp_config.json',
    '{"mcpServers": {\n}}',
    { mcpServers: { mnemesh: NODE } },
  ],
  [
    'Zed, comments above and between',
    'zed',
    '.config/zed/settings.json',
    '// Zed settings\n//\n// For information, see the documentation\n{\n  "ui_font_size": 16, // large\n  /* assistant */\n  "theme": {\n    "mode": "system",\n  },\n}\n',
    { ui_font_size: 16, theme: { mode: 'system' }, context_servers: { mnemesh: { source: 'custom', ...NODE } } },
  ],
]

describe('configuration files as people have them', () => {
  test.each(FILES)('%s', async (_, name, file, before, says) => {
    const path = join(home, file)
    await put(path, before, 0o640)
    expect((await lookAt(targetOf(name))).state).toBe('absent')
    const copy = await setUp(targetOf(name))
    expect(await readFile(copy!, 'utf8')).toBe(before)
    expect((await stat(copy!)).mode & 0o777).toBe(0o600)
    const after = await readFile(path, 'utf8')
    expect(name === 'codex' ? parseToml(after, { integersAsBigInt: 'asNeeded' }) : jsonc(after)).toMatchObject(says)
    // Most of these programs read strict JSON: a file that was that stays it.
    if (isStrict(before)) expect(isStrict(after)).toBe(true)
    // Nothing of it is gone: what was there is what remains without the pieces that came in.
    expect(subsequence(before, after)).toBe(true)
    if (before.includes('\r\n')) expect(after.replaceAll('\r\n', '')).not.toContain('\n')
    expect((await stat(path)).mode & 0o777).toBe(0o640)
    expect((await lookAt(targetOf(name))).state).toBe('set up')

    expect((await planSetup(targetOf(name), kept, { replace: false })).diff).toBeNull()
    await setUp(targetOf(name))
    expect(await readFile(path, 'utf8')).toBe(after)

    // Another installation takes its place, and the file is as it was after it all the same.
    await setUp(targetOf(name, commandFor({ ...running, node: '/usr/bin/node' }, ['mcp'])))
    expect(await readFile(path, 'utf8')).toContain('/usr/bin/node')
    expect((await takeAway(targetOf(name))).note).toBeNull()
    expect(await readFile(path)).toEqual(Buffer.from(before))
    expect((await planRemoval(targetOf(name), kept)).diff).toBeNull()
  })

  test.each(FILES)(
    '%s: without the record, or changed since, the entry alone is taken out',
    async (_, name, file, before) => {
      const path = join(home, file)
      const parse = (text: string): unknown =>
        name === 'codex' ? parseToml(text, { integersAsBigInt: 'asNeeded' }) : (jsonc(text) ?? {})
      await put(path, before)
      await setUp(targetOf(name))
      await rm(kept.folder, { recursive: true })
      expect((await takeAway(targetOf(name))).note).toMatch(/entry alone/)
      expect(without(parse(await readFile(path, 'utf8')))).toEqual(without(parse(before)))
      await setUp(targetOf(name))
      const changed = `${await readFile(path, 'utf8')}${name === 'codex' ? '\n[added]\nsince = 1\n' : '\n'}`
      await writeFile(path, changed)
      await takeAway(targetOf(name))
      const after = await readFile(path, 'utf8')
      expect(after).not.toContain('mnemesh')
      expect(without(parse(after))).toMatchObject(without(parse(before)) as object)
      if (name === 'codex') expect(parse(after)).toMatchObject({ added: { since: 1 } })
    },
  )

  test.each(CLIENTS.map(({ name }) => name))(
    '%s: none yet: the file is made for its owner alone, and goes with the entry',
    async (name) => {
      await setUp(targetOf(name))
      const { file, state } = await lookAt(targetOf(name))
      expect([state, (await stat(file)).mode & 0o777]).toEqual(['set up', 0o600])
      await takeAway(targetOf(name))
      expect(await readdir(dirname(file))).not.toContain(file.slice(dirname(file).length + 1))
    },
  )
})

const isStrict = (text: string): boolean => {
  try {
    JSON.parse(text.replace(BOM, ''))
    return true
  } catch {
    return false
  }
}
const subsequence = (part: string, whole: string): boolean => {
  let at = 0
  for (const letter of whole) if (letter === part[at]) at++
  return at === part.length
}
/** Objects that hold nothing say nothing. */
const without = (value: unknown): unknown =>
  typeof value !== 'object' ||
  value === null ||
  Array.isArray(value) ||
  Object.keys(value).length === 0 ||
  value instanceof Date
    ? value
    : Object.fromEntries(
        Object.entries(value)
          .map(([key, inner]) => [key, without(inner)] as const)
          .filter(
            ([, inner]) =>
              typeof inner !== 'object' || inner === null || inner instanceof Date || Object.keys(inner).length > 0,
          ),
      )

describe('where a file lies', () => {
  test('a link stays, and the file that it leads to is changed', async () => {
    await put(join(home, 'dotfiles', 'claude.json'), '{\n}\n', 0o600)
    await symlink('dotfiles/claude.json', join(home, '.claude.json'))
    await setUp(targetOf('claude-code'))
    expect((await lstat(join(home, '.claude.json'))).isSymbolicLink()).toBe(true)
    expect(await readlink(join(home, '.claude.json'))).toBe('dotfiles/claude.json')
    expect(await readFile(join(home, 'dotfiles', 'claude.json'), 'utf8')).toContain('"mnemesh"')
    await takeAway(targetOf('claude-code'))
    expect(await readFile(join(home, 'dotfiles', 'claude.json'), 'utf8')).toBe('{\n}\n')
    expect(await readdir(join(home, 'dotfiles'))).toEqual(['claude.json'])
  })

  test('variables of the programs move it', () => {
    const moved: Places = {
      home,
      platform: 'linux',
      env: { CLAUDE_CONFIG_DIR: '/c', CODEX_HOME: '/x', XDG_CONFIG_HOME: '/cfg' },
    }
    const fileOf = (name: string, where: Places) => clientOf(name)!.files(where)[0]
    expect(['claude-code', 'codex', 'zed', 'vscode'].map((name) => fileOf(name, moved))).toEqual([
      '/c/.claude.json',
      '/x/config.toml',
      '/cfg/zed/settings.json',
      '/cfg/Code/User/mcp.json',
    ])
    expect(
      ['claude-desktop', 'vscode', 'zed'].map((name) => fileOf(name, { home: '/me', env: {}, platform: 'darwin' })),
    ).toEqual([
      '/me/Library/Application Support/Claude/claude_desktop_config.json',
      '/me/Library/Application Support/Code/User/mcp.json',
      '/me/.config/zed/settings.json',
    ])
  })
})

describe('what is refused, by name, and leaves the file as it is', () => {
  const refusals: readonly (readonly [string, string, string | Buffer, RegExp])[] = [
    ['no JSON', 'claude-code', '{"a": 1,, }', /\.claude\.json is no JSON \(line 1: .+\): mend/],
    ['no object', 'claude-code', '[1]', /has array where object is due/],
    [
      'no object under the key',
      'claude-code',
      '{"mcpServers": null}',
      /has null where object is due, under mcpServers/,
    ],
    ['a key twice', 'claude-code', '{"mcpServers": {}, "mcpServers": {}}', /key "mcpServers" twice/],
    [
      'another entry of that name',
      'claude-code',
      '{"mcpServers": {"mnemesh": {"command": "mine"}}}',
      /set-up did not write.*--replace/,
    ],
    ['no UTF-8', 'claude-code', Buffer.from([0xff, 0xfe, 0x7b, 0, 0x7d, 0]), /no text in UTF-8/],
    ['no TOML', 'codex', 'a = \n', /config\.toml is no TOML/],
    ['a table in one line', 'codex', 'mcp_servers = { a = { command = "x" } }\n', /in one line/],
  ]
  test.each(refusals)('%s', async (_, name, text, why) => {
    const path = clientOf(name)!.files(places)[0]!
    await put(path, text)
    await expect(planSetup(targetOf(name), kept, { replace: false })).rejects.toThrow(why)
    expect(await readFile(path)).toEqual(Buffer.from(text))
  })

  test('a read-only file, in and out', async () => {
    const path = join(home, '.claude.json')
    await put(path, '{}', 0o444)
    await expect(planSetup(targetOf('claude-code'), kept, { replace: false })).rejects.toThrow(
      /\.claude\.json is read-only/,
    )
    expect([await readFile(path, 'utf8'), (await stat(path)).mode & 0o777]).toEqual(['{}', 0o444])
  })

  test('a link that leads nowhere, a folder in its place', async () => {
    await symlink('gone.json', join(home, '.claude.json'))
    await expect(planSetup(targetOf('claude-code'), kept, { replace: false })).rejects.toThrow(/leads nowhere/)
    await mkdir(join(home, '.cursor', 'mcp.json'), { recursive: true })
    await expect(planSetup(targetOf('cursor'), kept, { replace: false })).rejects.toThrow(/is no file/)
  })

  test('a file that its program changed meanwhile', async () => {
    const path = join(home, '.claude.json')
    await put(path, '{"a": 1}')
    const change = await planSetup(targetOf('claude-code'), kept, { replace: false })
    await writeFile(path, '{"a": 2}')
    await expect(applyChange(change, kept)).rejects.toThrow(/changed by another program meanwhile/)
    expect(await readFile(path, 'utf8')).toBe('{"a": 2}')
    expect(await readdir(home)).toEqual(['.claude.json', 'data'])
  })

  test('with --replace another entry gives way, and is not brought back', async () => {
    await put(join(home, '.claude.json'), '{"mcpServers": {"mnemesh": {"command": "mine"}}, "a": 1}')
    await setUp(targetOf('claude-code'), true)
    expect((await lookAt(targetOf('claude-code'))).state).toBe('set up')
    await takeAway(targetOf('claude-code'))
    expect(jsonc(await readFile(join(home, '.claude.json'), 'utf8'))).toMatchObject({ a: 1 })
  })
})

describe('hooks of Claude Code', () => {
  const others =
    '{\n  "permissions": {"allow": []},\n  "hooks": {\n    // mine\n    "SessionStart": [\n      {"hooks": [{"type": "command", "command": "date"}]}, // first\n    ],\n    "Stop": []\n  }\n}\n'
  test.each([
    ['none yet', null],
    ['others', others],
    ['no hooks', '{"a":1}'],
    ['hooks without ours', '{\n  "hooks": {}\n}\n'],
  ])('%s', async (_, before) => {
    const path = join(home, '.claude', 'settings.json')
    if (before !== null) await put(path, before)
    await setUp(hooks())
    const said = jsonc(await readFile(path, 'utf8')) as { hooks: Record<string, { hooks: { command: string }[] }[]> }
    expect(
      Object.keys(said.hooks)
        .filter((event) => said.hooks[event]!.some(({ hooks: [hook] }) => hook!.command.includes(' hook ')))
        .sort(),
    ).toEqual(['PreCompact', 'SessionEnd', 'SessionStart'])
    expect(said.hooks['SessionStart']![0]!.hooks[0]!.command).toBe(
      '/opt/node/bin/node /opt/mnemesh/dist/src/cli/main.js hook session-start',
    )
    expect((await planSetup(hooks(), kept, { replace: false })).diff).toBeNull()
    await takeAway(hooks())
    expect(await readFile(path, 'utf8').catch(() => null)).toBe(before)
    if (before === null) return
    await setUp(hooks())
    await rm(kept.folder, { recursive: true })
    await takeAway(hooks())
    expect(without(jsonc(await readFile(path, 'utf8')))).toEqual(without(jsonc(before)))
  })
})

test('the command is this installation, or npx where npx clears it away, with the folder of the data where that was moved', () => {
  expect(commandFor({ ...running, env: { XDG_DATA_HOME: '/data' } }, ['mcp'])).toEqual({
    program: running.node,
    words: [running.main, 'mcp'],
    env: { XDG_DATA_HOME: '/data' },
    by: 'node',
  })
  expect(
    commandFor({ ...running, main: '/cache/_npx/0a1b/node_modules/mnemesh/dist/src/cli/main.js' }, ['mcp']),
  ).toEqual({ program: '/opt/node/bin/npx', words: ['-y', 'mnemesh@1.2.3', 'mcp'], env: {}, by: 'npx' })
})
