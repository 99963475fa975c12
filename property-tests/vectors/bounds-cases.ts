/**
 * Vectors of what is left out of documents: by a segment's bounds, and by a revocation or a fork.
 *
 * A full segment takes too many bytes to write down. It is told as a recipe: commit n of `full` has the events `template` with each of
 * `numbers` in place of `#` (12 hex digits), its header is the chain's next, and its hash and change hash are given.
 */
import type { Json } from '../../crdt/canonical.ts'
import type { Commit } from '../../crdt/commit.ts'
import { firstExcluded } from '../../crdt/control.ts'
import { isDocumentEvent, type Event } from '../../crdt/event.ts'
import { bytesToHex, segmentId, type ChangeHash, type SegmentId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { applyCommit, derive, documentHeads, excludeCommit, openSegment } from '../../crdt/segment.ts'
import { body, createReplica, cutting, hlcAt, meshOf, NOW_MS, NS, record, said } from '../../crdt/test-support.ts'

export type BoundsVectors = {
  readonly mesh: string
  readonly control: readonly string[]
  readonly seed: string
  readonly incarnation: string
  readonly segment: string
  readonly template: Json
  readonly full: readonly {
    readonly rule: string
    readonly name: string
    readonly from: number
    readonly count: number
    readonly hlc: number
    readonly hash: string
    readonly change_hash: string
    readonly left_out: string | null
  }[]
}
export type LeavingVectors = {
  readonly mesh: string
  readonly namespace: string
  readonly segment: string
  /** In a log's order, the control log first. */
  readonly log: readonly { readonly name: string; readonly bytes: string; readonly hash: string }[]
  /** Each from the log as it is, with `statement` (a revocation) behind it, or with the chain of `fork` proven forked at `at`. */
  readonly endings: readonly {
    readonly rule: string
    readonly name: string
    readonly statement: string | null
    readonly fork: { readonly chain: string; readonly at: number } | null
    /** Hashes, in the log's order. */
    readonly left_out: readonly string[]
    readonly heads: readonly string[]
  }[]
}

const digits = (n: number): string => n.toString(16).padStart(12, '0')
const putOf = (n: number): Event => ({ ...said('memory.put', n), record: record(n), set: { content: body('text') } })

export const makeBoundsVectors = (): BoundsVectors => {
  const mesh = meshOf(1)
  const a = createReplica(mesh, 1)
  const home = segmentId(a.peer, 0)
  const full: BoundsVectors['full'][number][] = []
  const write = (name: string, from: number, count: number): void => {
    const hlc = hlcAt(NOW_MS, full.length + 1)
    const events = Array.from({ length: count }, (_, i) => putOf(from + i))
    const commit = a.seal(hlc, home, events, { changeHash: unbounded(a, home, events) })
    const verdict = a.take(commit.bytes)
    if (verdict.kind !== 'admitted') throw new Error(`${name} is not admitted: mend the case`)
    full.push({
      rule: 'CH10',
      name,
      from,
      count,
      hlc,
      hash: commit.hash,
      change_hash: commit.header.changeHash!,
      left_out: verdict.left_out ?? null,
    })
  }
  const half = limits.memories_per_segment_max / 2
  write('the first half', 1, half)
  write('all but one', 1 + half, half - 1)
  write('two more: none of them counts', 2 * half, 2)
  return {
    mesh: mesh.id,
    control: mesh.control.map(({ bytes }) => bytesToHex(bytes)),
    seed: '01'.repeat(32),
    incarnation: a.incarnation,
    segment: home,
    template: templateOf(),
    full,
  }
}

/** The hash of the change that the events would make, were there no bound: nothing else is wrong with the commit. */
const unbounded = (a: ReturnType<typeof createReplica>, home: SegmentId, events: readonly Event[]): ChangeHash => {
  const segment = a.segment(home)
  const uncounted = [...segment.changesByActor].map(
    ([actor, infos]) => [actor, infos.map((info) => ({ ...info, created: { memories: 0, links: 0 } }))] as const,
  )
  const made = derive(
    { ...segment, changesByActor: new Map(uncounted) },
    { peer: a.peer, incarnation: a.incarnation, chain: a.chainOf(NS).id },
    [...segment.heads].sort(),
    events.filter(isDocumentEvent),
  )
  if ('refused' in made) throw new Error(`the bounds vectors have no change: ${made.refused}`)
  return made.hash
}

const templateOf = (): Json => JSON.parse(JSON.stringify(putOf(1)).replaceAll(digits(1), '#')) as Json

export const makeLeavingVectors = (): LeavingVectors => {
  const mesh = meshOf(1, 2)
  const [a, b] = [createReplica(mesh, 1), createReplica(mesh, 2)]
  const home = segmentId(a.peer, 0)
  const log: { name: string; commit: Commit }[] = mesh.control.map((commit) => ({ name: 'genesis', commit }))
  let time = 0
  const say = (name: string, author: typeof a, event: Event): Commit => {
    const commit = author.write(hlcAt(NOW_MS, ++time), home, event)
    for (const other of [a, b]) if (other !== author) other.take(commit.bytes)
    log.push({ name, commit })
    return commit
  }
  const patch = (n: number, priority: number): Event => ({
    ...said('memory.patch', n),
    record: record(1),
    set: { priority },
  })
  say('A puts', a, putOf(1))
  const kept = say('B patches: number 1 of its chain', b, patch(2, 2))
  say('A patches on top', a, patch(3, 3))
  const aside = a.seal(hlcAt(NOW_MS, ++time), home, [putOf(4)])
  say('B patches: number 2', b, patch(5, 5))
  a.take(aside.bytes)
  b.take(aside.bytes)
  log.push({ name: 'A puts beside it, not knowing that', commit: aside })
  say('A patches on top of both', a, patch(6, 6))
  const chain = kept.chain
  const segments = (excludes: (commit: Commit) => boolean) => {
    const segment = openSegment(NS, home)
    const leftOut: string[] = []
    for (const { commit } of log) {
      if (commit.header.segment === null) continue
      if (excludes(commit)) excludeCommit(segment, commit.hash, 'excluded')
      else applyCommit(segment, commit)
      if (segment.refused.has(commit.hash)) leftOut.push(commit.hash)
    }
    return { left_out: leftOut, heads: documentHeads(segment) }
  }
  const revoked = (name: string, n: number, last: Readonly<Record<string, number>>) => {
    const fork = meshOf(1, 2)
    const statement = fork.say(...cutting('peer.revoke', n, b.peer, last))
    const state = createReplica(fork, 1).control()
    return {
      rule: 'CL7',
      name,
      statement: bytesToHex(statement.bytes),
      fork: null,
      ...segments(
        ({ header, chain: of }) => header.seq >= firstExcluded(state, { id: of, peer: header.peer, begunAt: null }),
      ),
    }
  }
  const forked = (name: string, at: number) => ({
    rule: 'CL7',
    name,
    statement: null,
    fork: { chain, at },
    ...segments((commit) => commit.chain === chain && commit.header.seq >= at),
  })
  return {
    mesh: mesh.id,
    namespace: NS,
    segment: home,
    log: log.map(({ name, commit }) => ({ name, bytes: bytesToHex(commit.bytes), hash: commit.hash })),
    endings: [
      { rule: 'CH10', name: 'as it is', statement: null, fork: null, ...segments(() => false) },
      revoked('B is out, its chain counts up to 1', 0x30, { [chain]: 1 }),
      revoked('B is out, its chain is not named', 0x40, {}),
      revoked('B is out, all counts', 0x50, { [chain]: 2 }),
      forked('its chain is forked at 2', 2),
      forked('at 1', 1),
    ],
  }
}
