/**
 * The control log on one link (PROTOCOL MB6–MB9): both tell where theirs ends, and whoever does not know that statement asks for what leads to it.
 *
 * A line of the control log is named by its last statement. Whoever asks names some of its own statements, the last ones and then ever fewer
 * towards the beginning, so that the other answers with what stands behind the last that both hold, whether one line is only
 * longer or they differ. Lines that the other knows and does not follow are told of as well, so that a fork reaches all.
 *
 * Invariants: one question is under way at a time, and an answer that nobody asked for is passed over; a line is asked for again only when
 * the answer before brought something new, the other side told anew or some time has passed; whatever the other side is, it is told nothing
 * but certified statements.
 */
import { ZERO_HASH, type CommitHash } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import type { MeshHost } from './host.ts'
import type { Message } from './messages.ts'
import { priceOfBytes } from './prices.ts'

type Of<Type extends Message['type']> = Extract<Message, { readonly type: Type }>

export type ControlLines = {
  /** Tells where ours ends, unless it has been told so. */
  tell(): void
  told(line: Of<'line'>, nowMs: number): void
  asked(question: Of<'want_line'>): void
  /** @param done called when what came has been taken in. */
  came(answer: Of<'statements'>, nowMs: number, done: (call: () => void) => () => void): void
  /** Asks again where an answer does not come. */
  tick(nowMs: number): void
  /** Whether we hold the other's line, and whether it is ours; null before it was told. */
  standing(): 'same' | 'known' | 'unknown' | null
}

export type ControlLinesOptions = {
  readonly host: Pick<
    MeshHost,
    | 'controlLine'
    | 'knowsStatement'
    | 'controlLocator'
    | 'statementsTo'
    | 'statementHash'
    | 'receiveStatements'
    | 'peer'
  >
  readonly peer: Parameters<MeshHost['receiveStatements']>[0]
  readonly send: (message: Message) => void
  /** What reading for the other side took is its to pay. */
  readonly charge: (units: number) => void
  /** Something was taken in, or told: whether the link may open now is another matter. */
  readonly moved: () => void
  readonly count: (name: string, by: number) => void
}

/** An answer is one frame of what lies on a disk: three times until `control_ms_max` ends a link that is not open. */
const ASK_AGAIN_MS = limits.control_ms_max / 3
/** The other side may only now have what leads to a line that it told of: once in the time that a whole fetch may take. */
const ASK_ANEW_MS = limits.control_ms_max

export const createControlLines = ({ host, peer, send, charge, moved, count }: ControlLinesOptions): ControlLines => {
  let toldAs = ''
  let theirs: Of<'line'> | null = null
  let asking: { readonly head: CommitHash; readonly atMs: number; isAnswered: boolean } | null = null
  /** Lines that the other side could not lead us to, and until when they are not asked for. */
  const given = new Map<CommitHash, number>()

  const isKnown = (hash: CommitHash): boolean => hash === ZERO_HASH || host.knowsStatement(hash)
  const ask = (nowMs: number, last: CommitHash | null): void => {
    if (asking !== null || theirs === null) return
    const head = [theirs.head, ...theirs.others].find((hash) => !isKnown(hash) && (given.get(hash) ?? 0) <= nowMs)
    if (head === undefined) return
    asking = { head, atMs: nowMs, isAnswered: false }
    send({
      type: 'want_line',
      head,
      known: [...(last === null ? [] : [last]), ...host.controlLocator()].slice(0, limits.control_locator_hashes_max),
    })
  }

  const tell = (): void => {
    const { place, head, others } = host.controlLine()
    const now = `${place} ${head} ${others.join(' ')}`
    if (now === toldAs) return
    toldAs = now
    send({ type: 'line', place, head, others })
  }

  return {
    tell,
    told: (line, nowMs) => {
      theirs = line
      tell()
      given.clear()
      ask(nowMs, null)
      moved()
    },
    asked: ({ head, known }) => {
      const commits = host.statementsTo(head, known, limits.control_frame_bytes_target)
      charge(commits.reduce((sum, bytes) => sum + priceOfBytes(bytes.length), known.length / 4))
      send({ type: 'statements', commits })
    },
    came: ({ commits }, nowMs, done) => {
      if (asking === null || asking.isAnswered) return count('statements_unasked', commits.length)
      const { head } = asking
      asking.isAnswered = true
      const last = commits.at(-1)
      const hash = last === undefined ? null : host.statementHash(last)
      const wasKnown = hash === null || isKnown(hash)
      host.receiveStatements(
        peer,
        commits,
        done(() => {
          asking = null
          if (hash === null || wasKnown || !isKnown(hash)) given.set(head, nowMs + ASK_ANEW_MS)
          ask(nowMs, hash)
          moved()
        }),
      )
    },
    tick: (nowMs) => {
      if (asking !== null && !asking.isAnswered && nowMs - asking.atMs > ASK_AGAIN_MS) asking = null
      ask(nowMs, null)
    },
    standing: () =>
      theirs === null
        ? null
        : theirs.head === host.controlLine().head
          ? 'same'
          : isKnown(theirs.head)
            ? 'known'
            : 'unknown',
  }
}
