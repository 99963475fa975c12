/**
 * Coverage marks: the rare branches that every large run must have been through, and where they are in the code. A run of at
 * least `MARKED_RUN_MIN` schedules in which one of them was never hit proves less than it seems to, and fails.
 *
 * Marks cost nothing in production: they are what the world does, what its clients are told, and what the peers count anyway.
 */
import { firstExcluded } from '../../crdt/control.ts'
import { outOf } from '../model/forks.ts'
import type { World } from './world.ts'

/** Enough for the rarest mark, which about one schedule in 150 hits. */
export const MARKED_RUN_MIN = 1_000

/** By name: the place in the code that it stands for. */
export const MARKS: Readonly<Record<string, string>> = {
  'crash before PERSIST': 'src/replica/effects.ts perform: a flush that never began',
  'crash before PUSH': 'src/replica/effects.ts perform: persisting, nobody told',
  'crash before ACK': 'src/replica/effects.ts perform: durable here, unsaid',
  'crash before RESOLVE': 'src/replica/effects.ts perform: acknowledged by voters, the client never told',
  'crash before TAKEN': 'src/replica/effects.ts perform: taken in, credit never given back',
  'crash before GROWN': 'src/replica/effects.ts perform: in the log, not in the rows',
  'unsynced write: whole': 'src/replica/boot.ts: a batch on disk that nobody was told of',
  'unsynced write: torn': 'src/store: a batch of which a part was on disk',
  'unsynced write: nothing': 'src/store: a batch that was lost whole',
  'power loss': 'transports/heartbeat.ts: silence ends a link',
  'projection lost': 'src/projection/feed.ts open: rows begin anew',
  'stopped cleanly': 'src/service/incarnation.ts continueOrStart: chains are continued',
  'a failed write': 'src/replica/replica.ts giveUp, then a new incarnation',
  'full in the middle of a flush': 'src/replica/replica.ts flushFailed: it may be there',
  'log opened anew': 'src/store/healing.ts look, src/peer.ts onHealed',
  'room again': 'the same, where nothing had failed',
  'a failed batch at a start': 'src/store/reopen.ts: a batch that was refused, and is there',
  'disk: tight': 'src/store/healing.ts fail: the room looked at was not enough',
  'disk: eio': 'src/replica/replica.ts giveUp: nothing of the batch is there',
  'disk: eio_written': 'src/replica/replica.ts giveUp: all of the batch is there',
  'disk: full': 'src/service/writes.ts admitToQueue: 507',
  'checkpoint: read': 'src/service/checkpoints.ts restore: the rest of the log alone is read',
  'checkpoint: beside damage': 'src/service/recheck.ts: damage in what no start has read',
  'checkpoint: torn': 'src/service/checkpoints.ts restore: another digest, so the whole log is read',
  'checkpoint: an older one': 'the same, of an earlier log',
  rollback: 'src/service/incarnation.ts: an old folder begins a new incarnation',
  clone: 'transports/mesh.ts settleDuplicates: one key in two processes',
  'damage: commit head': 'src/replica/log-index.ts indexHole, src/replica/replica.ts takeParcels healing',
  'damage: commit middle': 'the same, in the middle',
  'damage: commit tail': 'the same, at the tail',
  'damage: missing tail': 'src/store scan: a record that is gone',
  'damage: body middle': 'src/replica/missing-bodies.ts add',
  'damage: fact middle': 'src/replica/mesh-host.ts: a cursor or address that cannot be read',
  'cut: one': 'transports/dialing.ts and pull.ts, one apart',
  'cut: minority': 'the same, a minority apart',
  'cut: majority': 'the same, a majority apart',
  'cut: bridge': 'transports/pull.ts: relayed over the one that both halves see',
  'cut: ring': 'transports/pull.ts: relayed around',
  'cut: one way': 'transports/heartbeat.ts: pings that nobody answers',
  'cut: half open': 'the same, one pair',
  'evil: junk_parcels': 'src/replica/intake.ts consecutiveRuns: malformed',
  'evil: changed_commit': 'src/replica/intake.ts: mislabelled or uncovered',
  'evil: foreign_signature': 'crdt/chain.ts coveredCommits: not covered',
  'evil: forged_acks': "src/replica/settling.ts onAck: another's, or of no voter",
  'evil: lying_digest': 'transports/pull.ts: a log that brings nothing',
  'evil: lying_clock': 'src/replica/clocks.ts: one of four tells another time',
  'told clock_off': 'src/replica/replica.ts startFlush: nothing is sealed by a clock that is off',
  'evil: lying_frontier': 'transports/fetches.ts: wanted in vain',
  'evil: equivocate': 'src/replica/forks.ts found',
  'evil: equivocate_episodes': 'src/service/feed-source.ts counts',
  'evil: equivocate_erasures': 'src/replica/log-index.ts isErased: an erasure on a branch',
  'evil: impersonate': 'src/replica/intake.ts: a name without its signature',
  'evil: stripped': 'src/replica/missing-bodies.ts: commits whose texts come later',
  'evil: junk_forks': 'src/replica/forks.ts learn: of nobody, and of nothing',
  'evil: many_forks': 'src/replica/forks.ts count: chains without measure',
  'a member whose forks are beyond measure': 'src/replica/log-index.ts out: nothing of it counts',
  'evil: far_acks': 'src/replica/settling.ts onAck: claims beyond what is here',
  'evil: many_chains': 'src/replica/chain-budget.ts',
  'evil: unreadable': 'src/service/texts.ts: not what its field allows',
  'a memory that cannot be read': 'src/service/rows.ts memoryRow: unreadable',
  'evil: late_texts': 'src/service/touched-commits.ts: texts behind their commit',
  'evil: foreign_addresses': 'transports/addresses.ts offer, transports/dialing.ts: another audience',
  'evil: ahead': 'crdt/hlc.ts observe: hours ahead',
  'evil: requests': 'transports/gate.ts, transports/work.ts: a price for each',
  'evil: frames': 'transports/decode.ts: over its budget',
  'evil: stranger': 'transports/crowd.ts, transports/decode.ts: before membership',
  join: 'src/service/membership.ts join: enrolled while the others write',
  revoke: 'src/service/membership.ts revoke',
  'left out by a revocation': 'crdt/control.ts firstExcluded: said before it was known',
  refusals: 'src/replica/intake.ts refuse',
  'frame repeated': 'crdt/secret-stream.ts: a frame that comes twice breaks the seal',
  reset: 'transports/mesh.ts closed: what was under way is sent again',
  'clock jump': 'crdt/hlc.ts tick and observe, src/peer.ts steadyTimers',
  'told quorum_not_met': 'src/replica/settling.ts giveUp',
  'told idempotency_conflict or existed': 'src/replica/author.ts plan: the record is here already',
  'told version_mismatch': 'src/service/writes.ts change: the memory is not what was read any more',
  'told disk_full': 'src/service/writes.ts admitToQueue',
  'told not_yet_here': 'src/service/reads.ts logCovers',
  'told internal': 'src/replica/replica.ts giveUp: not stored',
  twins: 'crdt/reading.ts readTwins: one request written by two peers',
  'list held against the model': 'src/service/reads.ts list',
  'recall held against the model': 'src/service/reads.ts fromShown',
  'memory held against the model': 'src/service/reads.ts get',
  'scan held against the log': 'src/service/log.ts events',
  'episodes held against the log': 'src/service/reads.ts episodes',
  'namespaces held against the model': 'src/service/reads.ts namespaces',
  'digests held against one another': 'src/service/status.ts digests',
  'recall refused: projection_unavailable': 'src/service/reads.ts fromRows: rows that are not there yet are no answer',
  conflicts: 'crdt/reading.ts foldRegisters: concurrent values',
  duplicates: 'src/replica/intake.ts keepVerified: delivered twice',
  'fetches stalled': 'transports/fetches.ts expire',
  'duplicate links': 'transports/mesh.ts settleDuplicates',
  'dial failures': 'transports/dialing.ts rest',
  erased: 'src/replica/past.ts erasedBy',
}

/** What a world that is over has been through besides what it was made to. Counted into `world.happened`. */
export const markWhatHappened = (world: World): void => {
  const note = (mark: string, times: number): void => {
    if (times > 0) world.happened.set(mark, (world.happened.get(mark) ?? 0) + times)
  }
  for (const [code, times] of world.evidence.codes) note(`told ${code}`, times)
  const asked = [...world.evidence.keyed.values()]
  note('told idempotency_conflict or existed', asked.filter(({ attempts }) => attempts.length > 1).length)
  for (const { process, rows } of world.machines) {
    const peer = process?.peer
    if (!peer) continue
    const counters = peer.mesh.counters()
    note('refusals', peer.replica.intake.counters.refused)
    note('duplicates', peer.replica.intake.counters.duplicates)
    note('fetches stalled', counters['fetches_stalled'] ?? 0)
    note('dial failures', counters['dial_failures'] ?? 0)
    note('duplicate links', (counters['closed_duplicate'] ?? 0) + (counters['closed_by_peer_duplicate'] ?? 0))
    note('conflicts', rows.memories().filter(({ conflicts }) => conflicts > 0).length)
    note('a member whose forks are beyond measure', outOf(peer.replica.forks.all()).size)
    note('a memory that cannot be read', rows.memories().filter(({ unreadable }) => unreadable !== undefined).length)
    note('erased', rows.memories().filter(({ erased }) => erased).length)
    note(
      'left out by a revocation',
      [...peer.replica.index.chains.values()].filter(
        (chain) => firstExcluded(peer.replica.index.control, chain) <= chain.seq,
      ).length,
    )
    note('twins', [...peer.replica.index.segmentsByRecord.values()].filter(Array.isArray).length)
  }
}

/** The marks that a run has not hit; none are expected of a small one. */
export const missedMarks = (happened: ReadonlyMap<string, number>, schedules: number): readonly string[] =>
  schedules < MARKED_RUN_MIN ? [] : Object.keys(MARKS).filter((mark) => !happened.has(mark))
