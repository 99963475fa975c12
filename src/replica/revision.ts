/**
 * The revision of what the log says: one more each time something already read reads differently (a fork or a revocation left
 * it out, a text or a damaged commit came late). It is written with the very flush that does it, and so is where to look for
 * what that touched (`touched.ts`). Rows name the revision that they show: whatever crashes in between, what the later ones
 * touched is projected again, and nothing else.
 *
 * Invariant: of every revision after `base` it is known what it touched; rows of `base` or older are gone through whole.
 */
import { isControlCommit, type Commit, type VerifiedCommit } from '../../crdt/commit.ts'
import { firstExcluded, freshlyCut, reduceControl, type Member } from '../../crdt/control.ts'
import type { ChainId, PeerId, Ref } from '../../crdt/ids.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'
import type { CommitStore, StoreBatch } from '../ports/store.ts'
import { isControlChain } from './control-places.ts'
import { placeKey, type LogIndex } from './log-index.ts'
import { decodeTouched, encodeTouched, type Place, type TouchedOrAll } from './touched.ts'

export type Revision = {
  current(): number
  /** What the flush that changes the past makes durable besides. */
  facts(touched: TouchedOrAll): NonNullable<StoreBatch['facts']>
  /** It is on disk. */
  applied(): void
  /** What the revisions after `revision` touched, oldest first. */
  after(revision: number): readonly TouchedOrAll[]
  /** The rows show this one: what it and older ones touched need not be kept. */
  shown(revision: number): void
}

const FACT = 'log/revision'
const factOf = (revision: number): string => `log/touched/${revision}`
/** Above all that forks and late texts count up to. */
const AFTER_DAMAGE = 2 ** 40
/** Revisions of which it is kept what they touched: 16 MiB at most. Rows that are further behind are gone through whole. */
const KEPT_MAX = 256

export const createRevision = (store: CommitStore): Revision => {
  let { current, base } = restored(store)
  let shown = 0
  const baseAfter = (): number => Math.max(base, Math.min(shown, current), current + 1 - KEPT_MAX)
  return {
    current: () => current,
    facts: (touched) => {
      const [next, from] = [current + 1, baseAfter()]
      const passed = Array.from({ length: from - base }, (_, i) => [factOf(base + 1 + i), null] as const)
      return [[FACT, pack([next, from])], [factOf(next), encodeTouched(touched)], ...passed]
    },
    applied: () => {
      base = baseAfter()
      current++
    },
    after: (revision) =>
      revision < base
        ? ['everything']
        : Array.from({ length: current - revision }, (_, i) => decodeTouched(store.fact(factOf(revision + 1 + i)))),
    shown: (revision) => {
      shown = revision
    },
  }
}

const restored = (store: CommitStore): { current: number; base: number } => {
  const bytes = store.fact(FACT)
  const value = bytes instanceof Uint8Array ? unpack(bytes) : null
  if (Array.isArray(value) && typeof value[0] === 'number' && typeof value[1] === 'number' && value[1] <= value[0])
    return { current: value[0], base: value[1] }
  // Which it was nobody knows: one that no cursor names has all rows gone through.
  const current = bytes === null ? 0 : AFTER_DAMAGE + store.arrivals()
  return { current, base: current }
}

/** What a flush brings that belongs to the past. */
export type LateComing = {
  /** Commits that go to the disk as new ones. */
  readonly commits: readonly Commit[]
  /** Damaged ones that are given again. */
  readonly healed: readonly Place[]
  readonly forked: readonly ChainId[]
  /** Texts that were missing, or may have been. */
  readonly texts: readonly Ref[]
}

/**
 * What the flush touches of what was read before; null when nothing: all that it brings is new.
 * @param placesOf commits that name a missing text; empty when it is not known which, null when the text is not missing.
 */
export const touchedBy = (
  index: LogIndex,
  { commits, healed, forked, texts }: LateComing,
  placesOf: (ref: Ref) => readonly Place[] | null,
): TouchedOrAll | null => {
  const late = texts.map((ref) => ({ ref, places: placesOf(ref) })).filter(({ places }) => places !== null)
  const comeBack = commits
    .filter(({ chain, header }) => index.setAside.has(placeKey(chain, header.seq)))
    .map(({ chain, header }) => ({ chain, seq: header.seq }))
  const revoked = leftOutBy(index, commits)
  if (late.length + comeBack.length + revoked.length + healed.length + forked.length === 0) return null
  // A text whose namer nobody remembers, or a control commit that came back: it may have touched anything.
  if (late.some(({ places }) => places!.length === 0) || healed.some(({ chain }) => isControlChain(index, chain)))
    return 'everything'
  return {
    commits: [...comeBack, ...healed],
    forked,
    revoked,
    texts: late.flatMap(({ ref, places }) => places!.map((place) => ({ ...place, ref }))),
  }
}

/** Members of whom these statements leave out commits that are in documents already, or come into them with it. */
const leftOutBy = (index: LogIndex, fresh: readonly Commit[]): readonly PeerId[] => {
  const next = fresh.filter((commit) => isControlCommit(commit) && commit.header.seq > index.control.seq)
  if (next.length === 0) return []
  const control = next.reduce(
    (state, commit) =>
      commit.header.seq === state.seq + 1 ? reduceControl(state, commit as VerifiedCommit, index.reads) : state,
    index.control,
  )
  const isReached = ({ peer }: Member): boolean =>
    [...index.chains.values()].some((chain) => chain.peer === peer && chain.seq >= firstExcluded(control, chain)) ||
    fresh.some(({ header }) => header.peer === peer)
  return freshlyCut(index.control, control)
    .filter(isReached)
    .map(({ peer }) => peer)
}
