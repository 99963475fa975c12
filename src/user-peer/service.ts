/**
 * A login service for this user's peer: a systemd user unit, or a launchd agent, which runs `mnemesh up` when the user logs in. That
 * one finds folder, key and port as always, so that there is one peer whoever starts it; the service itself watches nothing.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import { NodeError } from '../errors.ts'

type Words = readonly string[]
/** What the service runs: a program, its first words, and what it must be told of the environment. */
export type ServiceCommand = {
  readonly program: string
  readonly words: Words
  readonly env: Readonly<Record<string, string>>
}
export type ServicePlace = {
  readonly platform: string
  readonly home: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly uid: number
}

export type Service = {
  readonly file: string
  readonly text: string
  /** Where one was there before: its command may fail. */
  readonly forget: readonly Words[]
  /** Commands that make the system know it, and that make it stop and forget it. */
  readonly enable: readonly Words[]
  readonly disable: readonly Words[]
}

/** By it a file is known as ours, to be written again or taken away. */
const MARK = 'written by `mnemesh up --service`'
const UNIT = 'mnemesh.service'
const LABEL = 'mnemesh.peer'
/** A peer with a large log opens it first: what `up` waits at most, and a little. */
const START_S_MAX = 90

/** Null where neither is at home. */
export const serviceOf = (command: ServiceCommand, { platform, home, env, uid }: ServicePlace): Service | null => {
  if (platform === 'linux') {
    const config = env['XDG_CONFIG_HOME']
    const folder = config !== undefined && isAbsolute(config) ? config : join(home, '.config')
    return {
      file: join(folder, 'systemd', 'user', UNIT),
      text: unitOf(command),
      forget: [],
      enable: [
        ['systemctl', '--user', 'daemon-reload'],
        ['systemctl', '--user', 'enable', '--now', UNIT],
      ],
      disable: [['systemctl', '--user', 'disable', '--now', UNIT]],
    }
  }
  if (platform !== 'darwin') return null
  const file = join(home, 'Library', 'LaunchAgents', `${LABEL}.plist`)
  const stop = ['launchctl', 'bootout', `gui/${uid}/${LABEL}`]
  return {
    file,
    text: agentOf(command),
    forget: [stop],
    enable: [['launchctl', 'bootstrap', `gui/${uid}`, file]],
    disable: [stop],
  }
}

/** `KillMode=process`: the peer is stopped by `down`, which has it write what it holds, and not along with `up`, which has ended. */
const unitOf = (command: ServiceCommand): string => {
  const line = (verb: string): string =>
    [command.program, ...command.words, verb].map((word) => systemdWord(word)).join(' ')
  return [
    `# ${MARK}; \`mnemesh down --service\` takes it away`,
    '[Unit]',
    "Description=This user's mnemesh peer, a memory for AI agents",
    '',
    '[Service]',
    'Type=oneshot',
    'RemainAfterExit=yes',
    'KillMode=process',
    'UMask=0077',
    `TimeoutStartSec=${START_S_MAX}`,
    ...Object.entries(command.env).map(([name, value]) => `Environment=${systemdWord(`${name}=${value}`, false)}`),
    `ExecStart=${line('up')}`,
    `ExecStop=${line('down')}`,
    '',
    '[Install]',
    'WantedBy=default.target',
    '',
  ].join('\n')
}

/** In quotes, as systemd.syntax(7) reads them; `%` is a specifier, and in a command `$` a variable. */
const systemdWord = (word: string, isCommand = true): string => {
  const escaped = word
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('%', '%%')
  return `"${isCommand ? escaped.replaceAll('$', '$$$$') : escaped}"`
}

/** `AbandonProcessGroup`: the peer stays when `up` has ended. */
const agentOf = (command: ServiceCommand): string => {
  const strings = [command.program, ...command.words, 'up'].map((word) => `    <string>${xml(word)}</string>`)
  const env = Object.entries(command.env).flatMap(([name, value]) => [
    `    <key>${xml(name)}</key>`,
    `    <string>${xml(value)}</string>`,
  ])
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<!-- ${MARK} -->`,
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    '<dict>',
    '  <key>Label</key>',
    `  <string>${LABEL}</string>`,
    '  <key>ProgramArguments</key>',
    '  <array>',
    ...strings,
    '  </array>',
    ...(env.length === 0 ? [] : ['  <key>EnvironmentVariables</key>', '  <dict>', ...env, '  </dict>']),
    '  <key>RunAtLoad</key>',
    '  <true/>',
    '  <key>AbandonProcessGroup</key>',
    '  <true/>',
    '  <key>Umask</key>',
    '  <integer>63</integer>',
    '</dict>',
    '</plist>',
    '',
  ].join('\n')
}
const xml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** Answers whether anything changed. @throws NodeError when a file of that name is not ours. */
export const writeService = async ({ file, text }: Service): Promise<boolean> => {
  const found = await ours(file)
  if (found === text) return false
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const next = `${file}.next`
  await writeFile(next, text, { mode: 0o644 })
  await rename(next, file)
  return true
}

/** Answers whether there was one. @throws NodeError when it is not ours. */
export const removeService = async ({ file }: Service): Promise<boolean> => {
  if ((await ours(file)) === null) return false
  await rm(file, { force: true })
  return true
}

const ours = async (file: string): Promise<string | null> => {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw new NodeError('internal', `cannot read ${file} (${error.code ?? error.message}): see to its rights`)
  })
  if (text !== null && !text.includes(MARK))
    throw new NodeError('conflict', `${file} was not written by mnemesh: take it away first; nothing was changed`)
  return text
}
