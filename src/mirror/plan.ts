/**
 * What is to be done with one file, as a pure function of what both sides were made from and what they are now. Nothing that somebody saved or
 * that a peer acknowledged is lost by it: an edit wins over a deletion, and two edits are merged.
 */
import { merge } from './merge.ts'

export type Side = {
  readonly text: string
  /** Whether it already is one text in one memory. */ readonly isSettled: boolean
}
export type Step =
  | { readonly do: 'nothing' }
  /** Both are equal: remember that. */
  | { readonly do: 'note'; readonly text: string }
  | { readonly do: 'receive'; readonly text: string }
  | { readonly do: 'send'; readonly text: string }
  | { readonly do: 'forget' }
  | { readonly do: 'delete' }
  /** Neither has it any more. */
  | { readonly do: 'drop' }
  | { readonly do: 'hold'; readonly why: string }

export type Facts = {
  /** Null when both have not met yet. */
  readonly base: string | null
  readonly local: string | null
  readonly remote: Side | null
  /** Texts that the memory once had. */
  readonly past: readonly string[]
  /** `send`: what tells agents what to do goes out and does not come in. `both`: all else, and what is accepted. */
  readonly way: 'both' | 'send'
}

export const decide = ({ base, local, remote, past, way }: Facts): Step => {
  if (remote === null) {
    if (local === null) return base === null ? { do: 'nothing' } : { do: 'drop' }
    return base === local && way === 'both'
      ? { do: 'delete' }
      : base === local
        ? { do: 'hold', why: ONLY_SENT }
        : { do: 'send', text: local }
  }
  if (way === 'send') return sendOnly(base, local, remote)
  if (local === null)
    return base !== null && remote.text === base && remote.isSettled
      ? { do: 'forget' }
      : bring(remote.text, null, remote)
  if (local === base || (base === null && local !== remote.text && past.includes(local)))
    return bring(remote.text, local, remote)
  return bring(merge(base, local, remote.text), local, remote)
}

/** Both sides get the text, whichever lack it. */
const bring = (text: string, local: string | null, remote: Side): Step => {
  if (text !== remote.text || !remote.isSettled) return { do: 'send', text }
  return text === local ? { do: 'note', text } : { do: 'receive', text }
}

const ONLY_SENT = 'it tells agents what to do, and so is only sent; take it over with --accept-instructions-from AGENT'

const sendOnly = (base: string | null, local: string | null, remote: Side): Step => {
  if (local === remote.text) return { do: 'note', text: local }
  if (local === null)
    return remote.text === base && remote.isSettled ? { do: 'forget' } : { do: 'hold', why: ONLY_SENT }
  return base === null || local === base ? { do: 'hold', why: ONLY_SENT } : { do: 'send', text: local }
}
