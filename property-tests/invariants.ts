/**
 * What must hold of a mesh that has healed, as functions from evidence to violations, one sentence each. Used by the
 * simulated world; none of them asks the core how it reads.
 *
 *   I1  members hold the same commits and the same texts, sound            (G3)
 *   I2  frontier digests, document digests and rows are equal everywhere   (G3)
 *   I3  rows are what the dumb model reads from the history                (G3, G5)
 *   I4  an acknowledged write is there                                     (G2)
 *   I5  it lay on the disks of as many voters as it needed when answered   (G1)
 *   I6  receipts verify, and name that many voters                         (G9)
 *   I7  a request with a key is one memory, with the content that was asked (G6)
 *   I8  a read with a token saw what the token saw                         (G7)
 *   I9  what was said to be not committed is nowhere; what was said to be committed is there
 *   I10 nothing that no honest client said is anywhere                     (G4)
 *   I11 who forked is known to all alike, and nobody honest did            (G4, G8)
 *   I12 every log verifies, whoever was taken out and whatever was erased  (G8, G9)
 *   I13 of the changes of a memory as it was read on one peer, one is made
 *   I14 no answer knows less than its peer's log did, and does not tell: held while it happens (`sim/readers.ts`)
 */
import { refOf } from '../crdt/body.ts'
import { canonicalize, type Json } from '../crdt/canonical.ts'
import type { Commit } from '../crdt/commit.ts'
import { bodyRefs } from '../crdt/event.ts'
import type { AgentId, CommitHash, EventId, MeshId, PeerId, RecordId, Ref } from '../crdt/ids.ts'
import { verifyReceipt, type ReceiptJson } from '../crdt/receipt.ts'
import type { VerifyAnswer } from '../src/api.ts'
import type { ProjectionBatch } from '../src/ports/projection.ts'
import type { MemoryDisk } from '../src/store/memory.ts'
import { decodedOnce } from './model/decoded.ts'
import { countsAt, outOf, outsAlso, type ForkAt, type KnownForks } from './model/forks.ts'
import { heard, type Heard } from './model/history.ts'
import { readLinkOf, readMemoryOf, type TextOf } from './model/memory.ts'

export type Violations = readonly string[]

// ── I1: the same on every disk ──────────────────────────────────────────────────────────────────────────────────────────

/** @param forkAt of forked chains each may hold another branch. */
export const sameOnEveryDisk = (disks: readonly MemoryDisk[], forkAt: ForkAt): Violations => {
  const [first] = disks
  if (first === undefined) return ['no disk to look at']
  const hashesOn = (disk: MemoryDisk): string[] =>
    [...disk.placeByHash].flatMap(([hash, { chain, seq }]) => (countsAt(forkAt, chain, seq) ? [hash] : []))
  const recordsOn = (disk: MemoryDisk): number =>
    [...disk.commitByPlace.values()].filter(({ commit }) => countsAt(forkAt, commit.chain, commit.seq)).length
  const hashes = hashesOn(first).sort()
  const soundByHash = new Map<string, Uint8Array>()
  /** Bytes that decode to what they are kept as; equal bytes are decoded once. */
  const isSound = ({ hash, bytes }: { readonly hash: string; readonly bytes: Uint8Array }): boolean => {
    const sound = soundByHash.get(hash)
    if (sound !== undefined && Buffer.compare(sound, bytes) === 0) return true
    if (!decodesTo(bytes, hash)) return false
    soundByHash.set(hash, bytes)
    return true
  }
  return disks.flatMap((disk, index) => {
    const own = new Set(hashesOn(disk))
    const lacking = hashes.filter((hash) => !own.has(hash))
    const more = [...own].filter((hash) => !first.placeByHash.has(hash as CommitHash))
    const bad = [...disk.commitByPlace.values()].filter(
      ({ commit }) => countsAt(forkAt, commit.chain, commit.seq) && !isSound(commit),
    )
    const faults =
      lacking.length + more.length === 0
        ? []
        : [`I1 disk ${index} lacks ${lacking.length} commits that disk 0 has, and has ${more.length} more`]
    return [
      ...faults,
      ...(recordsOn(disk) === hashes.length
        ? []
        : [`I1 disk ${index} has ${recordsOn(disk)} records of ${hashes.length} commits`]),
      ...bad.map(({ commit }) => `I1 disk ${index}: commit ${commit.hash} is damaged`),
    ]
  })
}

export const sameTexts = (
  disks: readonly MemoryDisk[],
  commits: readonly Commit[],
  isErased: (commit: Commit, ref: Ref) => boolean,
): Violations =>
  commits.flatMap((commit) =>
    commit.events
      .flatMap(({ event }) => bodyRefs(event))
      .flatMap(({ ref }) =>
        disks.flatMap((disk, index) => {
          const body = disk.bodyByRef.get(ref)
          if (isErased(commit, ref))
            return body === undefined ? [] : [`I1 disk ${index} still has the erased text ${ref}`]
          return body !== undefined && refOf(body.salt, body.text) === ref
            ? []
            : [`I1 disk ${index} lacks the text ${ref}`]
        }),
      ),
  )

const decodesTo = (bytes: Uint8Array, hash: string): boolean => {
  return decodedOnce(bytes)?.hash === hash
}

/** Every commit of a disk, in arrival order. */
export const commitsOn = (disk: MemoryDisk): Commit[] =>
  disk.arrivals.flatMap(({ chain, seq }) => {
    const kept = disk.commitByPlace.get(`${chain}/${seq}`)
    const commit = kept && decodedOnce(kept.commit.bytes)
    return commit ? [commit] : []
  })

// ── I2, I3: readings ────────────────────────────────────────────────────────────────────────────────────────────────────

export type Digests = {
  readonly frontier: string
  readonly documents: string | null
  readonly projection: string | null
  readonly log: number
}

/** @param forked branches that count nowhere lie on some disks: logs then differ in length. */
export const equalDigests = (digests: readonly Digests[], forked: boolean): Violations =>
  (['frontier', 'documents', 'projection', ...(forked ? [] : (['log'] as const))] as const).flatMap((which) =>
    new Set(digests.map((digest) => digest[which])).size <= 1
      ? []
      : [`I2 ${which} differs: ${digests.map((digest) => String(digest[which]).slice(0, 12)).join(' ')}`],
  )

/** What is kept up to date is what the documents say. */
export const digestsAsDocuments = ({ documents }: Digests, { all }: { readonly all: string }): Violations =>
  documents === all
    ? []
    : [
        `I2 the kept digest of documents is ${String(documents).slice(0, 12)}, that of the documents ${all.slice(0, 12)}`,
      ]

export const rowsAsTheModel = (
  history: Heard,
  rows: Pick<ProjectionBatch, 'memories' | 'links' | 'events' | 'conflicts'> & { readonly episodes: number },
  textOf: TextOf,
): Violations => {
  const ids = (kind: string): Set<RecordId> =>
    new Set(history.says.flatMap(({ event }) => (event.kind === kind && 'record' in event ? [event.record] : [])))
  const [memories, links] = [ids('memory.put'), ids('link.put')]
  const episodes = history.happened.filter(({ first }) => first.event.kind === 'episode.append').length
  const told = new Set(
    rows.events.map(({ event_id, commit, kind, record, agent_id, peer_id, hlc }) =>
      [commit, event_id, kind, record, agent_id, peer_id, hlc].join(' '),
    ),
  )
  const said = new Set(
    history.says.map(({ event, commit, peer, hlc }) =>
      [commit, event.id, event.kind, 'record' in event ? event.record : null, event.agent, peer, hlc].join(' '),
    ),
  )
  return [
    ...differing(
      'memory',
      memories,
      new Map(rows.memories.map(({ version: _version, ...row }) => [row.id, row])),
      (id) => readMemoryOf(history, id, textOf),
    ),
    ...differing('link', links, new Map(rows.links.map((row) => [row.id, row])), (id) => readLinkOf(history, id)),
    ...(rows.episodes === episodes ? [] : [`I3 ${rows.episodes} episodes in the rows, ${episodes} in the history`]),
    ...[...told]
      .filter((event) => !said.has(event))
      .map((event) => `I3 event ${event} is in the rows and in nobody's history`),
    ...[...said].filter((event) => !told.has(event)).map((event) => `I3 event ${event} is in no row`),
    ...rows.memories.flatMap(({ id, conflicts }) => {
      const fields = new Set(rows.conflicts.flatMap(({ memory, field }) => (memory === id ? [field] : [])))
      return fields.size === conflicts
        ? []
        : [`I3 memory ${id} has ${conflicts} conflicts, the rows name ${fields.size}: ${[...fields].join()}`]
    }),
  ]
}

const differing = (
  what: string,
  ids: ReadonlySet<RecordId>,
  rowById: ReadonlyMap<RecordId, object>,
  model: (id: RecordId) => object | null,
): Violations => [
  ...[...ids].flatMap((id) => {
    const [row, wanted] = [fieldsOf(rowById.get(id) ?? null), fieldsOf(model(id))]
    const fields = [...new Set([...row.keys(), ...wanted.keys()])].filter(
      (field) => row.get(field) !== wanted.get(field),
    )
    return fields.map(
      (field) =>
        `I3 ${what} ${id}: ${field} reads ${row.get(field) ?? 'nothing'}, the model says ${wanted.get(field) ?? 'nothing'}`,
    )
  }),
  ...[...rowById.keys()]
    .filter((id) => !ids.has(id))
    .map((id) => `I3 ${what} ${id} is in the rows and in nobody's history`),
]

const fieldsOf = (row: object | null): ReadonlyMap<string, string> =>
  new Map(Object.entries(row ?? {}).map(([field, value]) => [field, canonicalize(value as Json)]))

// ── I4 … I10: what clients were told ────────────────────────────────────────────────────────────────────────────────────

export type AcknowledgedWrite = {
  readonly what: string
  readonly record: RecordId | null
  readonly events: readonly EventId[]
  readonly needed: number
  readonly acks: number
  readonly receipt: ReceiptJson | null
  /** Members on whose disks it lay when it was answered. */
  readonly holders: readonly number[]
}

/** @param spoiled members whose disks were rolled back or damaged since: what only they held may be lost. */
export const acknowledgedIsThere = (
  writes: readonly AcknowledgedWrite[],
  history: Heard,
  spoiled: ReadonlySet<number>,
): Violations => {
  const events = new Set(history.says.map(({ event }) => event.id))
  const records = new Set(history.says.flatMap(({ event }) => ('record' in event ? [event.record] : [])))
  return writes.flatMap(({ what, record, events: own, holders, receipt, needed }) => {
    const survives = receipt === null ? needed > spoiled.size : holders.some((holder) => !spoiled.has(holder))
    if (!survives) return []
    const lost = own.filter((event) => !events.has(event))
    if (record !== null && !records.has(record)) return [`I4 lost: ${what}, record ${record}`]
    return lost.map((event) => `I4 lost: ${what}, event ${event}`)
  })
}

/** @param liars voters that lie about their disks: an ack of theirs stands for nothing. */
export const heldByQuorum = (
  writes: readonly AcknowledgedWrite[],
  spoiled: ReadonlySet<number>,
  liars: number,
): Violations =>
  writes.flatMap(({ what, needed, receipt, holders }) =>
    receipt === null || new Set([...holders, ...spoiled]).size >= needed - liars
      ? []
      : [`I5 ${what} was acknowledged for ${needed} voters while it lay on ${holders.length} disks`],
  )

export const receiptsVerify = (
  writes: readonly AcknowledgedWrite[],
  mesh: MeshId,
  voters: ReadonlySet<PeerId>,
): Violations =>
  writes.flatMap(({ what, receipt, needed, acks }) => {
    if (receipt === null) return []
    const shown = verifyReceipt(receipt, mesh)
    if (!shown.ok) return [`I6 the receipt of ${what} does not verify: ${shown.fault}`]
    const vouching = shown.voters.filter((voter) => voters.has(voter)).length
    return vouching >= needed && vouching === acks
      ? []
      : [`I6 the receipt of ${what} has ${vouching} good acks of ${acks} claimed, ${needed} needed`]
  })

export type KeyedRequest = { readonly record: RecordId; readonly content: string; readonly attempts: number }
/** A retried request is never more events than it had attempts, and its twins say the same. */
export const onceOnly = (requests: readonly KeyedRequest[], history: Heard, textOf: TextOf): Violations =>
  requests.flatMap(({ record, content, attempts }) => {
    const puts = history.says.flatMap(({ event }) =>
      event.kind === 'memory.put' && event.record === record ? [event] : [],
    )
    // Every attempt has a salt of its own.
    const texts = new Set(puts.flatMap(({ set }) => textOf(set.content.ref) ?? []))
    return [
      ...(puts.length <= attempts
        ? []
        : [`I7 ${attempts} attempts of one request made ${puts.length} events of record ${record}`]),
      ...(new Set(puts.map(({ id }) => id)).size <= 1
        ? []
        : [`I7 one request made events of different ids, record ${record}`]),
      ...[...texts]
        .filter((text) => text !== content)
        .map((text) => `I7 record ${record} reads '${text}', asked was '${content}'`),
    ]
  })

export const causalReads = (
  reads: readonly { readonly machine: number; readonly event: EventId; readonly seen: boolean }[],
): Violations =>
  reads.flatMap(({ machine, event, seen }) =>
    seen ? [] : [`I8 a read on peer ${machine} answered without event ${event}, which its token had seen`],
  )

export type ToldWrite = {
  readonly what: string
  readonly machine: number
  readonly localCommitted: unknown
  readonly mayBeElsewhere: boolean
  readonly event: EventId | null
  /** Who answered. */ readonly peer: PeerId
}
/** What a peer said that it did not commit, it did not: the same event from another, asked again under the same key, is that one's. */
export const toldTheTruth = (told: readonly ToldWrite[], history: Heard, spoiled: ReadonlySet<number>): Violations => {
  const events = new Set(history.says.map(({ event }) => event.id))
  const byAuthor = new Set(history.says.map(({ event, peer }) => `${event.id} ${peer}`))
  return told.flatMap(({ what, machine, localCommitted, mayBeElsewhere, event, peer }) => {
    if (event === null) return []
    if (localCommitted === true && !events.has(event) && !spoiled.has(machine))
      return [`I9 ${what} was said to be committed, and is lost`]
    return localCommitted === false && !mayBeElsewhere && byAuthor.has(`${event} ${peer}`)
      ? [`I9 ${what} was said to be not committed, and is there`]
      : []
  })
}

/** @param mayHaveSaid whether a peer may have said what this agent says. */
export const nothingForged = (history: Heard, mayHaveSaid: (peer: PeerId, agent: AgentId) => boolean): Violations =>
  history.says.flatMap(({ event, peer, commit }) =>
    mayHaveSaid(peer, event.agent) ? [] : [`I10 event ${event.id} in commit ${commit} is of a peer that never said it`],
  )

/** @param known by member: the forks it holds proofs of. @param liars who may have forked. */
export const forksKnown = (
  known: readonly KnownForks[],
  disks: readonly MemoryDisk[],
  liars: ReadonlySet<PeerId>,
): Violations => {
  // Of whoever is out, each holds the proofs that came to it first; that it is out is what all must know.
  const told = (forks: KnownForks): string => {
    const out = outOf(forks)
    return [
      ...[...out].sort().map((peer) => `${peer} is out`),
      ...forks.flatMap(({ chain, peer, at }) => (out.has(peer) ? [] : [`${chain}@${at}`])).sort(),
    ].join(' ')
  }
  const first = told(known[0] ?? [])
  const forkAt = outsAlso(known[0] ?? [], disks.flatMap(commitsOn))
  const hashByPlace = new Map<string, CommitHash>()
  const unproven = disks.flatMap((disk) =>
    [...disk.placeByHash].flatMap(([hash, { chain, seq }]) => {
      const place = `${chain}/${seq}`
      const before = hashByPlace.get(place)
      hashByPlace.set(place, hash)
      return before === undefined || before === hash || !countsAt(forkAt, chain, seq)
        ? []
        : [`I11 two commits stand at ${place}, and nobody says so`]
    }),
  )
  return [
    ...known.flatMap((forks, index) =>
      told(forks) === first ? [] : [`I11 peer ${index} knows other forks than peer 0: ${told(forks)} against ${first}`],
    ),
    ...known
      .flat()
      .filter(({ peer }) => !liars.has(peer))
      .map(({ peer, chain, at }) => `I11 the honest peer ${peer} is said to have forked ${chain} at ${at}`),
    ...new Set(unproven),
  ]
}

/** @param log with what a revocation leaves out. */
export const historyOf = (commits: readonly Commit[], log: readonly Commit[]): Heard => heard(commits, log)

// ── I12: the operator's own look ────────────────────────────────────────────────────────────────────────────────────────

export const logsVerify = (answers: readonly VerifyAnswer[]): Violations =>
  answers.flatMap(({ problems }, index) => problems.map(({ what, where }) => `I12 peer ${index}: ${what}: ${where}`))

// ── I13: preconditions ──────────────────────────────────────────────────────────────────────────────────────────────────

export type Matched = {
  readonly machine: number
  readonly record: RecordId
  readonly version: string
  /** It stands in the log. */ readonly isMade: boolean
}

/** @param spoiled disks that may have lost what they had said. */
export const oneOfThoseThatMatch = (matched: readonly Matched[], spoiled: ReadonlySet<number>): Violations => {
  const made = new Map<string, number>()
  for (const { machine, record, version, isMade } of matched) {
    const key = `memory ${record} at version ${version} on peer ${machine}`
    if (isMade && !spoiled.has(machine)) made.set(key, (made.get(key) ?? 0) + 1)
  }
  return [...made].flatMap(([key, times]) => (times <= 1 ? [] : [`I13 ${times} changes were made of ${key}`]))
}
