/**
 * Epochs of the control log: a recovery begins one, behind any statement, and with it a chain of its own. So it can take the place of
 * statements that were certified before, and of those that a fork certified twice.
 *
 * Invariants: a chain of a later epoch is named by its first commit (what it follows, its time, its events), so two recoveries share none;
 * of two lines that have their last epoch from different recoveries exactly one outranks the other, whoever compares them and whenever.
 */
import { CONTROL_INCARNATION, chainId, controlChainId, epochOf, type Commit, type CommitHeader } from './commit.ts'
import type { ChainState } from './chain.ts'
import { sha256 } from './hash.ts'
import {
  bytesToHex,
  CONTROL_NAMESPACE,
  hexToBytes,
  type ChainId,
  type CommitHash,
  type Incarnation,
  type MeshId,
} from './ids.ts'

/** Places of a line, from `from` on, that lie in one chain. `by`: the recovery that began it; null in epoch 0. */
export type LinePart = {
  readonly from: number
  readonly chain: ChainId
  readonly epoch: number
  readonly by: CommitHash | null
}
/** Of the control log as it is followed, in order. */
export type Line = readonly LinePart[]

export const EPOCHS_MAX = 2 ** 16 - 1

/** Whether recovery keys certify it, not voters. Nobody votes on such a one: it is signed by a key that anybody may have made. */
export const isRecovery = (commit: Pick<Commit, 'events' | 'header'>): boolean =>
  commit.header.seq > 1 && commit.events[0]?.event.kind === 'mesh.recover'

/** Of the chain that a recovery begins: the epoch ‖ 6 bytes that its other fields make. */
export const epochIncarnation = (
  epoch: number,
  { prev, hlc, eventsRoot }: Pick<CommitHeader, 'prev' | 'hlc' | 'eventsRoot'>,
): Incarnation => {
  const time = new Uint8Array(8)
  new DataView(time.buffer).setBigUint64(0, BigInt(hlc))
  const name = sha256('mnemesh/epoch/1', hexToBytes(prev), time, hexToBytes(eventsRoot))
  return `${epoch.toString(16).padStart(4, '0')}${bytesToHex(name.subarray(0, 6))}` as Incarnation
}

/** Whether the recovery stands in the chain that it begins, of an epoch behind that of the line before it. */
export const beginsEpoch = (line: Line, { header, chain }: Pick<Commit, 'header' | 'chain'>): boolean => {
  const epoch = epochOf(header)
  const before = line.findLast(({ from }) => from < header.seq)?.epoch ?? 0
  return (
    epoch > before &&
    header.incarnation === epochIncarnation(epoch, header) &&
    chain === chainId(header.mesh as string as Parameters<typeof chainId>[0], header.incarnation, CONTROL_NAMESPACE)
  )
}

/** The chain in which place `seq` lies, or is to lie. */
export const controlChainAt = ({ mesh, line }: { readonly mesh: MeshId; readonly line: Line }, seq: number): ChainId =>
  line.findLast(({ from }) => from <= seq)?.chain ?? controlChainId(mesh)

/** The control chain's state as that of a chain that goes on behind it. */
export const branchedOff = <C extends ChainState>(chain: C, incarnation: Incarnation): C =>
  incarnation === chain.incarnation
    ? chain
    : { ...chain, incarnation, id: chainId(chain.peer, incarnation, chain.namespace), begunAt: null }

/** Whether a line is followed in place of the other: the higher last epoch, of two recoveries into one the lower hash. */
export const outranks = (a: Line, b: Line): boolean => {
  const [one, other] = [a.at(-1), b.at(-1)]
  const [epoch, against] = [one?.epoch ?? 0, other?.epoch ?? 0]
  return epoch > against || (epoch === against && (one?.by ?? '') < (other?.by ?? ''))
}

/** The line with one more statement. */
export const lineWith = (line: Line, { header, chain, hash }: Pick<Commit, 'header' | 'chain' | 'hash'>): Line =>
  line.at(-1)?.chain === chain
    ? line
    : [
        ...line,
        {
          from: header.seq,
          chain,
          epoch: epochOf(header),
          by: header.incarnation === CONTROL_INCARNATION ? null : hash,
        },
      ]
