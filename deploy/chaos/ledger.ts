/**
 * What clients were told of each memory, and so what must be found of it, may be, and must not.
 *
 * Each word of an answer is taken for true: acknowledged, or `local_committed: true`: it is there; `local_committed: false`: it is
 * not, unless `may_be_elsewhere: true` stands beside it; no answer at all: nobody knows.
 */
export type Presence = 'must' | 'may' | 'must not'

export type Entry = {
  readonly key: string
  presence: Presence
  /** Texts of which one is shown, once, when it is there. */
  contents: readonly string[]
  /** Known once a write of it was answered with it. */
  id: string | null
  /** Who said what of it, for a report. */
  readonly told: string[]
}

/** What an answer says of the change that was asked for. */
export type Word = 'done' | 'not done' | 'unknown' | 'no word'

/** @param status null when there was no answer. */
export const wordOf = (status: number | null, body: Readonly<Record<string, unknown>>): Word => {
  if (status === null) return 'unknown'
  if (status < 300) return 'done'
  if (status < 500) return 'not done'
  if (body['local_committed'] === true) return 'done'
  if (body['local_committed'] !== false) return 'no word'
  return body['may_be_elsewhere'] === true ? 'unknown' : 'not done'
}

/** A text was asked to be stored: under one key as often as one likes. */
export const stored = (entry: Entry, word: Word): void => {
  if (word === 'done') entry.presence = 'must'
  else if (word !== 'not done' && entry.presence === 'must not') entry.presence = 'may'
}

/** An existing text was asked to be replaced. */
export const replaced = (entry: Entry, content: string, word: Word): void => {
  if (word === 'done') entry.contents = [content]
  else if (word !== 'not done') entry.contents = [...entry.contents, content]
}

/** It was asked to be forgotten. */
export const forgotten = (entry: Entry, word: Word): void => {
  if (word === 'done') entry.presence = 'must not'
  else if (word !== 'not done') entry.presence = 'may'
}
