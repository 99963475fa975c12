/**
 * Where the statements of the control log lie: by place, in the chains of the line that is followed (`crdt/epoch.ts`).
 *
 * What was followed before a recovery took its place stays in the store, in its own chain, and counts nowhere. So whoever reads the log
 * asks here whether a control commit is of the line, and which chain the next one belongs to.
 */
import { emptyChain, type ChainState } from '../../crdt/chain.ts'
import { controlChainId, decodeCommit, type CommitHeader, type VerifiedCommit } from '../../crdt/commit.ts'
import { reduceControl, type ControlState } from '../../crdt/control.ts'
import type { Reads } from '../../crdt/event-schema.ts'
import { branchedOff, controlChainAt, type Line } from '../../crdt/epoch.ts'
import { bytesToHex, hexToBytes, type ChainId, type CommitHash, type MeshId } from '../../crdt/ids.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'
import type { CommitStore, StoreBatch, StoredCommit } from '../ports/store.ts'

/** `left`: chains that were followed once. */
export type FollowedLine = { readonly line: Line; readonly left: readonly ChainId[] }
type Followed = { readonly mesh: MeshId; readonly followed: FollowedLine }
/** What is asked here of the log's index. */
type Index = Followed & {
  readonly reads: Reads
  control: ControlState
  readonly chains: ReadonlyMap<ChainId, ChainState>
  readonly holes: ReadonlyMap<string, { readonly chain: ChainId; readonly seq: number }>
}

export const firstLine = (mesh: MeshId): FollowedLine => ({
  line: [{ from: 1, chain: controlChainId(mesh), epoch: 0, by: null }],
  left: [],
})

/** The chain in which the control log ends. */
export const controlChain = ({ followed }: Followed): ChainId => followed.line.at(-1)!.chain

/** Of the line that is followed, or of one that was. */
export const isControlChain = ({ followed }: Followed, chain: ChainId): boolean =>
  followed.line.some((part) => part.chain === chain) || followed.left.includes(chain)

/** Whether a place in a control chain is one of the line. */
export const isOfLine = ({ mesh, followed }: Followed, chain: ChainId, seq: number): boolean =>
  controlChainAt({ mesh, line: followed.line }, seq) === chain

/** Whether a statement of the line is damaged. */
export const hasControlHole = (index: Index): boolean =>
  index.holes.size > 0 && [...index.holes.values()].some(({ chain }) => isControlChain(index, chain))

/** How far the control log can be read: what is behind damage is fetched again before it is told. */
export const controlReadTo = (index: Index): number => {
  let first = Number.POSITIVE_INFINITY
  for (const { chain, seq } of index.holes.values()) if (isControlChain(index, chain)) first = Math.min(first, seq)
  return first - 1
}

export const statementAt = (index: Followed, store: Pick<CommitStore, 'commit'>, place: number): StoredCommit | null =>
  store.commit(controlChainAt({ mesh: index.mesh, line: index.followed.line }, place), place)

/** What a control chain goes on from that is not in the index yet: for one that a recovery begins, the chain before. */
export const beginningOf = (
  index: Index,
  chain: ChainId,
  header: Pick<CommitHeader, 'peer' | 'incarnation' | 'namespace'>,
): ChainState => {
  const part = index.followed.line.findIndex((each) => each.chain === chain)
  const before = part > 0 ? index.chains.get(index.followed.line[part - 1]!.chain) : undefined
  return before === undefined
    ? emptyChain(chain, header.peer, header.incarnation, header.namespace)
    : { ...branchedOff(before, header.incarnation), id: chain }
}

/**
 * The statements of a line with several chains, before the log is read in the order of its arrival: a commit may have arrived before the
 * statement that it names was one of the line.
 */
export const readStatements = (index: Index, store: Pick<CommitStore, 'commit'>): void => {
  if (index.followed.line.length === 1) return
  for (let place = index.control.seq + 1; ; place++) {
    const stored = statementAt(index, store, place)
    const decoded = stored && decodeCommit(stored.bytes)
    if (!decoded?.ok) return
    index.control = reduceControl(index.control, decoded.commit as VerifiedCommit, index.reads)
  }
}

// ── the fact ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const LINE = 'control/line'

export const lineFact = ({ line, left }: FollowedLine): NonNullable<StoreBatch['facts']>[number] => [
  LINE,
  pack([
    line.map(({ from, chain, epoch, by }) => [from, hexToBytes(chain), epoch, hexToBytes(by ?? '')]),
    left.map(hexToBytes),
  ]),
]

/** The first line where there was no recovery, or the fact is damaged: then statements are missing, and are fetched again. */
export const followedIn = (mesh: MeshId, store: Pick<CommitStore, 'fact'>): FollowedLine => {
  const fact = store.fact(LINE)
  const value = fact instanceof Uint8Array ? unpack(fact) : null
  const [line, left] = Array.isArray(value) ? value : []
  if (!Array.isArray(line) || !Array.isArray(left)) return firstLine(mesh)
  const parts = line.flatMap((part): Line => {
    const [from, chain, epoch, by] = Array.isArray(part) ? part : []
    return typeof from === 'number' &&
      chain instanceof Uint8Array &&
      typeof epoch === 'number' &&
      by instanceof Uint8Array
      ? [
          {
            from,
            chain: bytesToHex(chain) as ChainId,
            epoch,
            by: by.length === 0 ? null : (bytesToHex(by) as CommitHash),
          },
        ]
      : []
  })
  return parts.length === 0
    ? firstLine(mesh)
    : {
        line: parts,
        left: left.flatMap((chain) => (chain instanceof Uint8Array ? [bytesToHex(chain) as ChainId] : [])),
      }
}

/** With another line in its place. */
export const nowFollowing = ({ line: before, left }: FollowedLine, line: Line): FollowedLine => ({
  line,
  left: [...new Set([...left, ...before.map(({ chain }) => chain)])].filter(
    (chain) => !line.some((part) => part.chain === chain),
  ),
})
