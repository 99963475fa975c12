/**
 * Options that many verbs share, and the parsers of their values. A value that cannot be right is refused here, before
 * anything is sent: wrong usage, exit status 2.
 */
import { randomUUID } from 'node:crypto'
import { type Command, InvalidArgumentError } from 'commander'
import { parseNamespace } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { createClient, DEFAULT_URL, type Client } from '../sdk/client.ts'
import { given, targetOf } from './target.ts'
import { usage } from './failure.ts'
import type { Io } from './io.ts'
import { keyOption } from './keys.ts'
import { cliLimits } from './limits.ts'

export type ServerOptions = {
  readonly url?: string
  readonly keyFile?: string
  readonly agent?: string
  readonly json?: boolean
}

/** Adds what every verb that talks to a peer takes. */
export const overHttp = (command: Command): Command =>
  command
    .option(
      '--url <url>',
      `the peer to ask (default: $MNEMESH_URL, else the peer that \`up\` started, else ${DEFAULT_URL})`,
    )
    .option('--key-file <file>', "a file with the peer's API key, or - for standard input (default: $MNEMESH_KEY)")
    .addOption(keyOption())
    .option('--agent <id>', 'who is speaking, like ai:alice (default: $MNEMESH_AGENT)')
    .option('--json', 'print the answer as JSON')

export const clientFor = (options: ServerOptions, io: Io): Client =>
  createClient({ target: () => targetOf(options, io), agent: options.agent ?? given(io.env['MNEMESH_AGENT']) })

/** Adds the lines of an example below a verb's help. */
export const example = (command: Command, ...lines: readonly string[]): Command =>
  command.addHelpText(
    'after',
    `\nExample${lines.length === 1 ? '' : 's'}:\n${lines.map((line) => `  $ ${line}`).join('\n')}`,
  )

// ── fields of a memory ──────────────────────────────────────────────────────────────────────────────────────────────

export type FieldOptions = {
  readonly title?: string
  readonly kind?: string
  readonly tier?: string
  readonly tag?: readonly string[]
  readonly priority?: number
  readonly confidence?: number
  readonly source?: string
  readonly scope?: string
  readonly runId?: string
  readonly occurredAt?: string
  readonly expiresAt?: string
  readonly metadata?: Readonly<Record<string, unknown>>
}

export const fieldOptions = (command: Command): Command =>
  command
    .option('--title <text>', 'one line')
    .option('--kind <name>', 'fact, decision, …')
    .option('--tier <name>', 'short, mid, long')
    .option('--tags, --tag <tags>', 'a tag, or several with commas; may be repeated', collectTags)
    .option('--priority <n>', '1 to 10', wholeNumber(1, 10))
    .option('--confidence <n>', '0 to 1', fraction)
    .option('--source <text>', 'where it comes from')
    .option('--scope <name>', 'for whom it is meant')
    .option('--run-id <id>', 'the run it belongs to')
    .option('--occurred-at <time>', 'when it was so (RFC 3339)', time)
    .option('--expires-at <time>', 'until when it is so (RFC 3339)', time)
    .option('--metadata <json>', 'a JSON object', jsonObject)

/** Only what was given. */
export const fieldsOf = (options: FieldOptions): Record<string, unknown> => {
  const fields: Record<string, unknown> = {
    title: options.title,
    kind: options.kind,
    tier: options.tier,
    tags: options.tag,
    priority: options.priority,
    confidence: options.confidence,
    source: options.source,
    scope: options.scope,
    run_id: options.runId,
    occurred_at: options.occurredAt,
    expires_at: options.expiresAt,
    metadata: options.metadata,
  }
  for (const name of Object.keys(fields)) if (fields[name] === undefined) delete fields[name]
  return fields
}

// ── reading and writing ─────────────────────────────────────────────────────────────────────────────────────────────

export type FilterOptions = {
  readonly namespace?: string
  readonly tag?: readonly string[]
  readonly by?: string
  readonly runId?: string
  readonly since?: string
  readonly until?: string
  readonly storedSince?: string
  readonly storedUntil?: string
}

export const filterOptions = (command: Command): Command =>
  command
    .option('--namespace <name>', 'only this namespace', namespace)
    .option('--tags, --tag <tags>', 'only with all of these; several with commas', collectTags)
    .option('--by <agent>', 'only what this agent said')
    .option('--run-id <id>', 'only of this run')
    .option('--since <time>', 'what happened from this time on (RFC 3339)', time)
    .option('--until <time>', 'what happened before this time', time)
    .option('--stored-since <time>', 'what was stored from this time on, whenever it happened', time)
    .option('--stored-until <time>', 'what was stored before this time', time)

/** Lists go with commas, as the server reads them. */
export const filterQuery = (options: FilterOptions): Record<string, string | undefined> => ({
  namespace: options.namespace,
  tags: options.tag?.join(','),
  agent_id: options.by,
  run_id: options.runId,
  since: options.since,
  until: options.until,
  stored_since: options.storedSince,
  stored_until: options.storedUntil,
})

export type CausalOptions = { readonly token?: string; readonly wait?: number }

/** A read that must see what an earlier write's `token` saw. */
export const causalOptions = (command: Command): Command =>
  command
    .option('--token <token>', 'answer only from a state that includes this write (a write prints it with --json)')
    .option(
      '--wait <ms>',
      `wait this long for it (default: ${limits.causal_wait_ms_default})`,
      wholeNumber(0, limits.causal_wait_ms_max),
    )

export const causalHeaders = (options: CausalOptions): Record<string, string | undefined> => ({
  'x-causal-token': options.token,
  'x-causal-wait': options.wait?.toString(),
})

export type PastOptions = { readonly asOf?: string }

/** A read of what was. */
export const pastOption = (command: Command): Command =>
  command.option('--as-of <time>', 'as of then: what was said by this time, and nothing since (RFC 3339)', time)
export const pastQuery = ({ asOf }: PastOptions): { readonly as_of: string | undefined } => ({ as_of: asOf })

/** Of everything that writes. */
export const repeatOption = (command: Command): Command =>
  command.option('--idempotency-key <key>', 'said twice with one key, on whichever peer, it is written once')
export type RepeatOptions = { readonly idempotencyKey?: string }
export const repeatHeaders = ({ idempotencyKey }: RepeatOptions): { readonly 'idempotency-key': string } => ({
  'idempotency-key': idempotencyKey ?? randomUUID(),
})

export const quorumOption = (command: Command): Command =>
  command.option('--quorum <n>', 'voters that must have it on disk before the answer', wholeNumber(1, 1_000))

// ── values ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export const namespace = (text: string): string => {
  if (parseNamespace(text) !== null) return text
  throw new InvalidArgumentError(
    "A namespace is like 'team/api': lower-case letters, digits, '.', '_', '-', at most 8 parts.",
  )
}

export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`)
  }

const fraction = (text: string): number => {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (value >= 0 && value <= 1) return value
  throw new InvalidArgumentError('Give a number from 0 to 1.')
}

const RFC3339 = /^\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2})?)?$/

/** A day alone is its first moment, a time without zone is UTC; answers RFC 3339 in UTC. */
export const time = (text: string): string => {
  const parsed = RFC3339.test(text)
    ? Date.parse(text.length === 10 ? text : /([Zz]|[+-]\d{2}:\d{2})$/.test(text) ? text : `${text}Z`)
    : Number.NaN
  if (Number.isFinite(parsed)) return new Date(parsed).toISOString()
  throw new InvalidArgumentError('Give a time like 2026-11-20 or 2026-11-20T14:30:00Z.')
}

const DURATION_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `90s`, `30m`, `24h`, `7d` → ms. */
export const duration = (text: string): number => {
  const [, digits, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? []
  const ms = Number(digits ?? 0) * (DURATION_MS[unit ?? ''] ?? 0)
  if (ms > 0) return ms
  throw new InvalidArgumentError('Give a duration like 90s, 30m, 24h or 7d.')
}

const jsonObject = (text: string): Record<string, unknown> => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new InvalidArgumentError('That is not JSON.')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new InvalidArgumentError('Give a JSON object, like \'{"ticket": 42}\'.')
}

export const collectTags = (text: string, before: readonly string[] = []): string[] => {
  const tags = text
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '')
  return [...new Set([...before, ...tags])]
}

export const collect = (text: string, before: readonly string[] = []): string[] => [...before, text]

/** Words of the command line, or standard input for `-` or nothing. Rejects when there is neither. */
export const textOf = async (words: readonly string[], io: Io, what: string): Promise<string> => {
  const joined = words.join(' ')
  if (joined !== '' && joined !== '-') return joined
  if (io.stdin === null) throw usage(`no ${what} given; write it behind the verb, or send it on standard input`)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of io.stdin) {
    chunks.push(chunk)
    size += chunk.byteLength
    if (size > cliLimits.cli_stdin_bytes_max)
      throw usage(
        `standard input is larger than ${limits.content_bytes_max / 1024} KiB; use \`mnemesh import\` for long texts`,
      )
  }
  const text = Buffer.concat(chunks).toString('utf8').trimEnd()
  if (text === '') throw usage(`no ${what} given: standard input was empty`)
  return text
}
