/**
 * The peer's log: one line an event, with time, level, a sentence and fields; text for people, JSON for collectors (`serve --log json`).
 *
 * pino writes the lines; what goes out has lost every secret that it was told of, and whatever looks like one: credentials in addresses,
 * bearer tokens, fields by the names that secrets have. Lines end with a line feed, and hold none.
 */
import { pino, stdTimeFunctions } from 'pino'
import type { Fields, PeerLog } from '../ports/log.ts'

export type LogFormat = 'text' | 'json'
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export type LogOptions = {
  readonly format: LogFormat
  /** What is below it is not written. */
  readonly level: LogLevel
  /** Given whole lines. */
  readonly write: (line: string) => void
  /** API keys and the like: each is replaced wherever it stands. */
  readonly secrets: readonly string[]
}

/** Fields whose value nobody may read, one level deep as well. */
const SECRET_FIELDS = ['key', 'keys', 'token', 'secret', 'password', 'authorization', 'seed', 'authority_seed'].flatMap(
  (name) => [name, `*.${name}`],
)
const HIDDEN = '[redacted]'
/** A shorter one stands in too many words by chance. */
const SECRET_CHARS_MIN = 4
/** One line; longer ones are cut. */
const LINE_CHARS_MAX = 4_096

export const createLog = ({ format, level, write, secrets }: LogOptions): PeerLog => {
  const hide = hiding(secrets)
  const shown = format === 'json' ? cutJson : asText
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_FIELDS, censor: HIDDEN },
    },
    { write: (line: string) => write(`${hide(shown(line.trimEnd()))}\n`) },
  )
  return logger
}

/** Drivers report in lines. */
export const lineLog =
  (log: PeerLog, fields: Fields = {}) =>
  (line: string): void =>
    log.warn(fields, line)

const hiding = (secrets: readonly string[]): ((text: string) => string) => {
  const known = [...new Set(secrets)]
    .filter((secret) => secret.length >= SECRET_CHARS_MIN)
    .sort((a, b) => b.length - a.length)
  return (text) => {
    let hidden = text
      .replaceAll(/(\w:\/\/)[^\s/@"]*:[^\s/"]*@/g, `$1${HIDDEN}@`)
      .replaceAll(/\b(bearer)\s+[^\s"]+/gi, `$1 ${HIDDEN}`)
    for (const secret of known) hidden = hidden.replaceAll(secret, HIDDEN)
    return hidden
  }
}

const cutJson = (line: string): string => {
  if (line.length <= LINE_CHARS_MAX) return line
  const { time, level, message } = readLine(line)
  return JSON.stringify({ time, level, message: message.slice(0, LINE_CHARS_MAX / 2), cut: true })
}

/** `2026-11-29T18:00:00.000Z warn  the link to paris is down  reason="lost" peer=1f2e…`. */
const asText = (line: string): string => {
  const { time, level, message, fields } = readLine(line)
  const rest = Object.entries(fields).map(
    ([name, value]) =>
      ` ${name}=${typeof value === 'string' && /^[\w.:/-]+$/.test(value) ? value : JSON.stringify(value)}`,
  )
  const text = `${time} ${level.padEnd(5)} ${message.replaceAll(/\s*[\r\n]+\s*/g, ' | ')}${rest.length === 0 ? '' : ` ${rest.join('')}`}`
  return text.length <= LINE_CHARS_MAX ? text : `${text.slice(0, LINE_CHARS_MAX)}…`
}

type Line = { readonly time: string; readonly level: LogLevel; readonly message: string }

/** What pino wrote. */
const readLine = (line: string): Line & { readonly fields: Fields } => {
  const { time, level, message, ...fields } = JSON.parse(line) as Line & Fields
  return { time, level, message, fields }
}
