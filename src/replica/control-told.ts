/**
 * What the mesh is told of the control log, line by line: as far as it is whole here, and the other lines that are known.
 */
import { hashBorne } from '../../crdt/commit.ts'
import { ZERO_HASH, type CommitHash } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { MeshHost } from '../../transports/host.ts'
import type { CommitStore } from '../ports/store.ts'
import { controlReadTo, isControlChain, statementAt } from './control-places.ts'
import type { Replica } from './replica-types.ts'

export type ControlTold = Pick<
  MeshHost,
  'isControl' | 'controlLine' | 'knowsStatement' | 'controlLocator' | 'statementsTo' | 'statementHash'
>

export const createControlTold = (
  { index, branches }: Pick<Replica, 'index' | 'branches'>,
  store: Pick<CommitStore, 'commit'>,
): ControlTold => {
  const end = (): number => Math.min(index.control.seq, controlReadTo(index))
  const at = (place: number) => statementAt(index, store, place)
  const hashAt = (place: number): CommitHash =>
    place === 0
      ? (ZERO_HASH as CommitHash)
      : place === index.control.seq
        ? index.control.head!
        : (at(place)?.hash ?? (ZERO_HASH as CommitHash))
  const placeOf = (hash: CommitHash): number | null => {
    const place = index.control.seqByHash.get(hash)
    return place !== undefined && place <= end() ? place : null
  }

  return {
    isControl: (chain) => isControlChain(index, chain),
    controlLine: () => ({
      place: end(),
      head: hashAt(end()),
      others: branches.tips().slice(-limits.control_branches_told_max),
    }),
    knowsStatement: (hash) => placeOf(hash) !== null || branches.has(hash),
    controlLocator: () => {
      const hashes: CommitHash[] = []
      for (let place = end(), step = 1; place > 0 && hashes.length < limits.control_locator_hashes_max; place -= step) {
        hashes.push(hashAt(place))
        if (hashes.length > LAST_NAMED) step *= 2
      }
      return hashes
    },
    statementsTo: (head, known, bytesMax) => {
      const branch = branches.upTo(head) ?? []
      const fork = branch[0] === undefined ? end() : (index.control.seqByHash.get(branch[0].header.prev) ?? 0)
      const indexIn = new Map(branch.map(({ hash }, i) => [hash, fork + i + 1]))
      const placeOnWay = (hash: CommitHash): number | null => {
        const place = indexIn.get(hash) ?? placeOf(hash)
        return place === null || (place > fork && !indexIn.has(hash)) ? null : place
      }
      const from = known.map(placeOnWay).find((place) => place !== null) ?? 0
      const commits: Uint8Array[] = []
      for (
        let place = from + 1, bytes = 0;
        place <= fork + branch.length && commits.length < limits.control_want_commits_max;
        place++
      ) {
        const next = place <= fork ? at(place)?.bytes : branch[place - fork - 1]!.bytes
        if (next === undefined || (commits.length > 0 && bytes + next.length > bytesMax)) break
        bytes += next.length
        commits.push(next)
      }
      return commits
    },
    statementHash: hashBorne,
  }
}

/** One by one from the end, then at ever doubled distances: most who ask lack a few. */
const LAST_NAMED = 4
