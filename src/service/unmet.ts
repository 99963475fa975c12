/**
 * A quorum that was not met, in one line: what became of the write, who is away, and what helps.
 */
import type { PeerId } from '../../crdt/ids.ts'
import type { WriteOutcome } from '../replica/types.ts'

/** A voter that cannot be reached. `urls`: where it said that it listens. */
export type Away = {
  readonly peer: PeerId
  readonly name: string
  readonly urls: readonly string[]
  /** Its link is open, and silent. */ readonly silent: boolean
}

type Outcome = Extract<WriteOutcome, { kind: 'quorum_not_met' }>
type Counts = Pick<Outcome, 'got' | 'needed'>

/** Names in one line; the rest is counted. */
const NAMED_MAX = 3
const STAYS = 'what is stored stays and goes on replicating; do not repeat it without an Idempotency-Key'

export const unmetMessage = (
  { got, needed, cause }: Counts & { readonly cause: Exclude<Outcome['cause'], 'refused'> },
  away: readonly Away[],
): string => {
  const stored = `stored here, acknowledged by ${got} of ${needed} voters`
  switch (cause) {
    case 'too_few':
      return `${stored}, and the mesh has no more: write with a smaller ?quorum, or start this peer with a smaller --quorum; ${STAYS}`
    case 'away':
      if (away.length === 0) return `${stored} before others could be reached: ${STAYS}`
      return `${stored}: ${awayText(away)}; start ${away.length === 1 ? 'it' : 'them'} (\`mnemesh serve --data FOLDER --port PORT\`, with the folder there), or write with ?quorum=${Math.max(1, got)}; ${STAYS}`
    case 'timeout':
      return `${stored} in time${away.length === 0 ? '' : `: ${awayText(away)}`}: ${STAYS}`
    case 'stopping':
      return `${stored} before this peer stopped: ${STAYS}`
  }
}

/** What became of a write that the mesh does not take. @param by who refuses it, of whom `self` is this peer. */
export const refusedMessage = (
  { got, needed }: Counts,
  by: readonly { readonly peer_id: PeerId; readonly name: string; readonly reason: string }[],
  self: PeerId,
): string => {
  const own = by.find(({ peer_id }) => peer_id === self)
  if (own !== undefined)
    return `stored here and counted nowhere (${own.reason}): ${OWN_MENDS[own.reason] ?? 'see `mnemesh status`'}; write it again there`
  const named = by.slice(0, NAMED_MAX).map(({ name, reason }) => `${name} (${reason})`)
  const more = by.length - named.length
  return `stored here, acknowledged by ${got} of ${needed} voters, and refused by ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}: another wait does not help; see \`mnemesh status\`, upgrade the older of them, or write to another peer with the same Idempotency-Key`
}
const OWN_MENDS: Readonly<Record<string, string>> = {
  forked:
    "this peer's key wrote two histories (a copied folder?): join again in a new folder, or write to another peer",
  revoked: 'this peer was taken out of the mesh: write to another peer',
}

/** The reason that most gave; of several the first by name. */
export const commonReason = (by: readonly { readonly reason: string }[]): string => {
  const counts = new Map<string, number>()
  for (const { reason } of by) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))[0]?.[0] ?? 'refused'
}

/** `paris (ws://10.0.0.2:7701/mesh) cannot be reached`. */
export const awayText = (away: readonly Away[]): string => {
  const named = away.slice(0, NAMED_MAX).map(({ name, urls, silent }) => {
    const at = urls[0] === undefined ? '' : ` (${urls[0]})`
    return `${name}${at}${silent ? ' answers nothing' : ''}`
  })
  const more = away.length - named.length
  return `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''} cannot be reached`
}
