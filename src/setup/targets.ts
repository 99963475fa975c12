/**
 * What set-up puts into which file: the entry of the server, and for Claude Code the hooks.
 */
import { CLIENTS, claudeSettings, type Client, type Places } from './clients.ts'
import { shellLine, type Command } from './command.ts'
import { isRecord, LIST, type Format, type Place } from './edit.ts'
import { jsonFormat } from './json-format.ts'
import { tomlFormat } from './toml-format.ts'

/** One file, and what belongs into it. */
export type Target = {
  /** Of the record, and for people. */
  readonly name: string
  readonly files: readonly string[]
  readonly format: Format
  entries(root: unknown): readonly Entry[]
}
export type Entry = Place & { readonly value: unknown }

export const targetOfServer = (client: Client, places: Places, command: Command): Target => ({
  name: client.name,
  files: client.files(places),
  format: client.format === 'toml' ? tomlFormat : jsonFormat,
  entries: (root) => [{ keys: client.keys(root), isOurs: () => true, value: client.entry(command) }],
})

/** When Claude Code calls which verb of ours, and for which of the matcher's names. */
const HOOKS = [
  { event: 'SessionStart', verb: 'session-start', matcher: 'startup|resume|clear|compact' },
  { event: 'PreCompact', verb: 'pre-compact', matcher: '' },
  { event: 'SessionEnd', verb: 'session-end', matcher: '' },
] as const

/** Ours end by themselves after 2 s; loading takes the rest on a slow machine. In s. */
const HOOK_TIMEOUT_S = 10

/** @param commandOf the command of a verb. */
export const targetOfHooks = (places: Places, commandOf: (verb: readonly string[]) => Command): Target => ({
  name: `${CLIENTS[0]!.name}-hooks`,
  files: [claudeSettings(places)],
  format: jsonFormat,
  entries: () =>
    HOOKS.map(({ event, verb, matcher }) => ({
      keys: ['hooks', event, LIST],
      isOurs: (value) => isHookOf(value, verb),
      value: {
        ...(matcher === '' ? {} : { matcher }),
        hooks: [
          { type: 'command', command: shellLine(commandOf(['hook', verb]), places.platform), timeout: HOOK_TIMEOUT_S },
        ],
      },
    })),
})

/** Of whichever installation, as long as nothing else is in it. */
const isHookOf = (value: unknown, verb: string): boolean => {
  const hooks = isRecord(value) && Array.isArray(value['hooks']) ? (value['hooks'] as readonly unknown[]) : []
  const [hook] = hooks
  return (
    hooks.length === 1 &&
    isRecord(hook) &&
    typeof hook['command'] === 'string' &&
    new RegExp(`(mnemesh\\S*|main\\.(js|ts))['"]? hook ${verb}$`).test(hook['command'])
  )
}
