/**
 * The replica: every input changes the state and answers what is to be done; the one decision is `startFlush`, which runs
 * whenever the disk is free.
 *
 * Invariants:
 * 1. At most one flush is in flight; everything that came meanwhile is the next batch (group commit without a timer).
 * 2. Nothing is acknowledged, announced, indexed or shown before its flush returned.
 * 3. A flush that failed leaves no trace here: its chains, documents and incarnation are given up, since others may already
 *    hold what it tried to write.
 * 4. A request ends exactly once: acknowledged, refused, or quorum not met.
 */
import type { Body } from '../../crdt/body.ts'
import { commitHash, isControlCommit, type AdmittedCommit, type VerifiedCommit } from '../../crdt/commit.ts'
import { freshlyCut, freshlyRevoked, isWriter } from '../../crdt/control.ts'
import { isRecovery } from '../../crdt/epoch.ts'
import { HLC_ZERO, observe, type Hlc } from '../../crdt/hlc.ts'
import {
  CONTROL_NAMESPACE,
  nextIncarnation,
  type ChainId,
  type CommitHash,
  type EventId,
  type PeerId,
  type RecordId,
  type Ref,
} from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { publicKeyHex } from '../../crdt/signature.ts'
import type { StoreFailure } from '../ports/store.ts'
import { createAdopting } from './adopting.ts'
import { authorBatch, type Authored } from './author.ts'
import { budgetsOf } from './budgets.ts'
import { createClockGate } from './clock-gate.ts'
import { createCommits } from './commits.ts'
import { createControlBranches, type Outranking } from './control-branches.ts'
import { controlChain, isControlChain } from './control-places.ts'
import { createDocumentDigests } from './document-digests.ts'
import { createDocuments } from './documents.ts'
import { commitIn, parcelOf, recordsIn, storedForm } from './forms.ts'
import {
  addToFlush,
  completeFlush,
  createLogView,
  documentsChangedBy,
  emptyFlush,
  type Flush,
  type InFlight,
} from './inflight.ts'
import { createExclusion } from './exclusion.ts'
import { flushFailed } from './flush-failed.ts'
import { createFrontierDigests } from './frontier-digest.ts'
import { createForks } from './forks.ts'
import { createGovernance } from './governance.ts'
import { createHistories } from './histories.ts'
import { createIncoming } from './incoming.ts'
import { createIntake, type Rival } from './intake.ts'
import {
  createLogIndex,
  hasHoleIn,
  placeKey,
  indexCommit,
  isLeftOut,
  latest,
  markHole,
  readsOf,
  whyLeftOut,
} from './log-index.ts'
import { createMissingBodies } from './missing-bodies.ts'
import { createPast } from './past.ts'
import { createMayWrite } from './may-write.ts'
import { nameOf } from './read-log.ts'
import { createLookBehind } from './left-behind.ts'
import { createReoffers, reoffer } from './reoffer.ts'
import { restoreReadLevel } from './read-level.ts'
import { createRevision, touchedBy } from './revision.ts'
import { createReach } from './reach.ts'
import { aboutOurs, refusalsToTell } from './refusals.ts'
import { createSettling } from './settling.ts'
import { refuse, STOPPING, taken, type Effect, type Input, type RequestId, type WriteRequest } from './types.ts'
import { createWriteQueue } from './write-queue.ts'
import type { Replica, ReplicaOptions } from './replica-types.ts'

/** Commits of others taken into one flush: bounds the time between two turns of the event loop to some 50 ms. */
const RECEIVED_PER_FLUSH_MAX = 512
/** Requests authored in one flush, for the same reason: up to 0.2 ms each, on a slow machine. */
const REQUESTS_PER_FLUSH_MAX = 256

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

export const createReplica = (options: ReplicaOptions): Replica => {
  const { store, keys, mesh } = options
  const self = publicKeyHex(keys) as PeerId
  const index = createLogIndex(mesh, options.reads)
  const frontier = createFrontierDigests(index)
  const commits = createCommits(store, (header) => readsOf(index, header))
  const histories = createHistories(index, commits)
  const documentDigests = createDocumentDigests(index, commits, store)
  const documents = createDocuments(index, commits, documentDigests.take)
  const intake = createIntake(undefined, index.reads)
  const forks = createForks({ mesh, store, commits, wasWriter: (peer) => isWriter(index.control, peer) })
  const missing = createMissingBodies(store, (chain, seq) => isLeftOut(index, chain, seq))
  const past = createPast(index, documents, commits, store)
  const mayWrite = createMayWrite(index, forks, store, self)
  const revision = createRevision(store)
  let incarnation = options.incarnation
  let hlc: Hlc = HLC_ZERO
  let flush: Flush = emptyFlush()
  let flushId = 0
  let inFlight: InFlight | null = null
  const log = createLogView(index, store, forks, () => flush)
  const writes = createWriteQueue()
  /** Said again, since what it was written on is left out. */
  const reoffers = createReoffers(index, documents)
  const lookBehind = createLookBehind(index, documents, commits, forks, self)
  const exclusion = createExclusion(index, documents, forks, lookBehind, store, documentDigests.take)
  const incoming = createIncoming(index, (chain) => log.chain(chain)?.seq ?? 0)
  /** Taken in, and on their way to the disk with the next flush: until then they count against their sender's credit. */
  let deliveries: number[] = []
  let lastFailure: StoreFailure | null = null
  /** After a failed flush: when what nobody else will ask for again (proofs, what is said again) is tried once more. */
  let retryAtMs: number | null = null

  const hashOf = (chain: ChainId, seq: number): CommitHash | null => {
    const state = index.chains.get(chain)
    if (state === undefined || seq > state.seq) return null
    return state.seq === seq ? state.hash : log.hashAt(chain, seq)
  }
  /** What would be sealed waits for clocks: it is no reason to make a flush. */
  let isHeld = false
  const waitingToSeal = (): number => writes.waiting().requests + governance.waiting() + reoffers.ready
  const isSomethingQueued = (): boolean => (isHeld ? 0 : waitingToSeal()) + incoming.waitingBodies() > 0
  const reach = createReach()
  const branches = createControlBranches(index, store, log)
  const governance = createGovernance({
    index,
    branches,
    self,
    keys,
    authority: options.authority,
    store,
    reach,
    isControlWhole: mayWrite.isControlWhole,
  })
  const adopting = createAdopting({ index, self, store, branches, mayWrite, past, revision, documentDigests })
  const gate = createClockGate(self, index, () => settling.voters(), options.monotonic ?? null)
  const settling = createSettling({
    reach,
    mesh,
    self,
    keys,
    index,
    quorum: options.quorum,
    hashOf,
    headerOf: (chain, seq) => commits.at(chain, seq)?.headerBytes ?? null,
    tie: histories.tie,
    isFrozen: forks.isFrozen,
    isWhole: (chain) => !missing.isMissingIn(chain) && !hasHoleIn(index, chain),
    leftOut: ({ chain, seq }) => whyLeftOut(index, self, chain, seq),
  })

  // ── the decision: what the next flush holds ────────────────────────────────────────────────────────────────────────

  const startFlush = (nowMs: number): Effect[] => {
    if (inFlight !== null) return []
    flush = emptyFlush()
    const next = adopting.next()
    if (next !== null) return adopt(next)
    const { agreedMs, isEarly, off } = gate.at(nowMs)
    isHeld = isEarly || off !== null
    const again = isHeld ? [] : reoffers.take(REQUESTS_PER_FLUSH_MAX)
    const requests = writes.take(isEarly || again.length > 0 ? 0 : REQUESTS_PER_FLUSH_MAX)
    if (!isHeld) sealControls(nowMs)
    const unsealed = isEarly || off === null ? [] : governance.refuse(off)
    if (again.length > 0) author(again, nowMs, agreedMs)
    const mayNot = mayWrite.refusal() ?? off
    const authored =
      mayNot !== null
        ? requests.map((request): Authored => ({ request: request.id, refusal: mayNot }))
        : requests.length === 0
          ? []
          : author(requests, nowMs, agreedMs)
    // The control log is never told before it is on disk: after a crash its one writer would say something else in that place.
    const own = flush.commits
      .filter(({ header }) => header.namespace !== CONTROL_NAMESPACE)
      .map((commit) => parcelOf(commit, flush.bodies))
    const onRival = ({ chain, at, commits: theirs, waiting }: Rival): void =>
      void forks.found(chain, at, theirs, waiting)
    intake.drain(log, agreedMs, RECEIVED_PER_FLUSH_MAX, onRival, (commit, chain, policySeq, bodies) => {
      // It begins another line, which is taken in as one.
      if (isControlCommit(commit) && isRecovery(commit)) return branches.met(commit)
      if (commit.header.namespace !== CONTROL_NAMESPACE) hlc = observe(hlc, commit.header.hlc, agreedMs)
      addToFlush(flush, commit, chain, policySeq, bodies, false)
    })
    const told = refusalsToTell(intake.takeRefused(), reach.linked, (chain) => isControlChain(index, chain))
    const healed = incoming.takeHealing(RECEIVED_PER_FLUSH_MAX)
    // With the commits that erase, in one batch: a crash in between would leave texts that nobody erases any more.
    const whole = [...flush.commits, ...healed.flatMap(({ bytes }) => commitIn(bytes))]
    const erased = past.erasedBy(whole)
    const isGone = ({ ref }: Body): boolean => erased.has(ref) || isErased(ref)
    const erase = [...erased].filter((ref) => !isErased(ref))
    // Whether the texts of a commit that is healed were here nobody could know while it was not.
    const unread = healed.flatMap((parcel) => parcel.bodies.filter((body) => store.body(body.ref) === null))
    const loose = incoming.takeBodies(RECEIVED_PER_FLUSH_MAX)
    // A text may come behind its commit and be on its way to the disk with it: nobody needs to bring it again.
    completeFlush(flush, loose)
    const bodies = [...loose.filter(({ ref }) => missing.has(ref) && !flush.bodies.has(ref)), ...unread].filter(
      (body) => !isGone(body),
    )
    const refusals = [
      ...unsealed,
      ...authored.flatMap((answer): Effect[] => ('refusal' in answer ? [refuse(answer.request, answer.refusal)] : [])),
    ]
    const forkFacts = forks.takeFacts()
    const governed = governance.facts()
    const nothing =
      flush.commits.length + bodies.length + erase.length + healed.length + forkFacts.length + governed.length === 0
    const under = deliveries
    deliveries = []
    if (nothing) {
      const settled = [
        ...told,
        ...governance.sends(),
        ...refusals,
        ...under.map(taken),
        ...settle(authored, new Map(requests.map((request) => [request.id, request])), nowMs),
      ]
      // What was taken came to nothing; what still waits must not wait for an input that may never come.
      return isSomethingQueued() ? [...settled, ...startFlush(nowMs)] : settled
    }

    const isHealing =
      healed.length > 0 || flush.commits.some(({ chain, header }) => index.setAside.has(placeKey(chain, header.seq)))
    const id = ++flushId
    const kept = [...flush.bodies.values()].filter((body) => !isGone(body))
    // Texts and commits that came late belong to rows that were projected without them.
    const touched = touchedBy(
      index,
      { commits: flush.commits, healed, forked: forks.writing(), texts: [...kept, ...bodies].map(({ ref }) => ref) },
      missing.placesOf,
    )
    inFlight = {
      id,
      revises: touched !== null,
      adopts: null,
      pushed: false,
      flush,
      again,
      authored,
      requests: new Map(requests.map((request) => [request.id, request])),
      bodies: [...kept, ...bodies].map(({ ref }) => ref),
      erased: erase,
      healed,
      deliveries: under,
    }
    const commits = [
      ...flush.commits.map(storedForm),
      ...healed.map((parcel) => ({
        chain: parcel.chain,
        seq: parcel.seq,
        hash: index.holes.get(placeKey(parcel.chain, parcel.seq))!.hash,
        bytes: parcel.bytes,
      })),
    ]
    const persist: Effect = {
      kind: 'PERSIST',
      flush: id,
      opens: documentsChangedBy(index, flush),
      batch: {
        commits,
        bodies: [...kept, ...bodies],
        erase,
        facts: [
          ...missing.factsAfter(whole, kept, bodies, erase),
          ...forkFacts,
          ...governed,
          ...forks.headerFacts(flush.commits),
          ...mayWrite.factsAfter(flush.commits),
          ...documentDigests.facts(isHealing),
          ...(touched === null ? [] : revision.facts(touched)),
        ],
      },
    }
    return [
      ...told,
      ...refusals,
      persist,
      ...(own.length > 0 ? [{ kind: 'PUSH', flush: id, parcels: own } satisfies Effect] : []),
    ]
  }

  /** Nothing else goes with it: whatever waits is judged by what it brings. */
  const adopt = (next: Outranking): Effect[] => {
    const under = deliveries
    deliveries = []
    inFlight = {
      id: ++flushId,
      flush,
      adopts: next,
      revises: false,
      pushed: false,
      again: [],
      authored: [],
      requests: new Map(),
      bodies: [],
      erased: [],
      healed: [],
      deliveries: under,
    }
    return [{ kind: 'PERSIST', flush: flushId, opens: [], batch: adopting.batch(next) }]
  }

  const onAdopted = (next: Outranking, under: readonly number[], nowMs: number): Effect[] => {
    const out = adopting.adopted(next)
    hlc = latest(index, hlc)
    // What we wrote may end elsewhere now.
    beginAnew(nowMs)
    forks.membersChanged()
    intake.wake()
    reoffers.grown()
    sayAgain(nowMs)
    documentDigests.refresh()
    return [
      ...under.map(taken),
      ...settling.announce([controlChain(index)], null),
      { kind: 'MEMBERSHIP' },
      ...governance.sends(),
      ...settling.votersChanged(out),
      { kind: 'GROWN', arrivals: index.arrivals },
      ...startFlush(nowMs),
    ]
  }

  const author = (requests: readonly WriteRequest[], nowMs: number, agreedMs: number): readonly Authored[] => {
    const context = {
      self,
      keys,
      incarnation: () => incarnation,
      index,
      documents,
      chain: log.chain,
      isMade: (record: RecordId) => past.isMade(record, flush.commits),
      said: (event: EventId) => past.said(event, flush.commits),
      text: textIn,
      accept: (
        commit: AdmittedCommit,
        chain: Parameters<typeof addToFlush>[2],
        policySeq: number,
        bodies: Iterable<Body>,
      ) => addToFlush(flush, commit, chain, policySeq, bodies, true),
    }
    const batch = authorBatch(context, requests, hlc, nowMs, agreedMs)
    hlc = batch.hlc
    return batch.authored
  }

  const textIn = (ref: Ref): string | null => {
    const body = flush.bodies.get(ref) ?? store.body(ref)
    return body === null || typeof body === 'string' ? null : utf8.decode(body.text)
  }

  const sealControls = (nowMs: number): void => {
    const next = governance.next(nowMs)
    if (next === null) return
    addToFlush(flush, next.commit, next.chain, next.chain.seq, [], true)
  }

  // ── after the flush ────────────────────────────────────────────────────────────────────────────────────────────────

  const onPersisted = (id: number, failure: StoreFailure | null, nowMs: number): Effect[] => {
    if (inFlight?.id !== id) return []
    const done = inFlight
    inFlight = null
    flush = emptyFlush()
    lastFailure = failure
    if (failure !== null) {
      forks.failed()
      reoffers.failed(done.again)
      retryAtMs = nowMs + limits.flush_retry_ms
      const refusals = giveUp(done, failure, nowMs)
      return [
        ...done.deliveries.map(taken),
        ...refusals,
        ...governance.failed(failure),
        ...(isSomethingQueued() || intake.ready() ? startFlush(nowMs) : []),
      ]
    }
    if (done.adopts !== null) return onAdopted(done.adopts, done.deliveries, nowMs)
    const controlBefore = index.control
    const touched = new Set<ChainId>()
    if (done.revises) revision.applied()
    const again = done.flush.commits.flatMap(
      (commit) => index.setAside.get(placeKey(commit.chain, commit.header.seq)) ?? [],
    )
    let arrival = store.arrivals() - (done.flush.commits.length - again.length)
    for (const commit of done.flush.commits) {
      // What had been set aside keeps its number, as in the store.
      const place = placeKey(commit.chain, commit.header.seq)
      indexCommit(index, commit, index.setAside.get(place)?.n ?? ++arrival, self)
      index.setAside.delete(place)
      commits.keep(commit)
      touched.add(commit.chain)
      if (done.flush.own.has(commit.hash)) {
        lookBehind.said(commit)
        documentDigests.written(commit)
      } else exclusion.merge(commit)
    }
    documents.landed()
    // An erased text is waited for no longer: nobody has it any more.
    missing.persisted(
      [...done.flush.commits, ...done.healed.flatMap(({ bytes }) => commitIn(bytes))],
      [...done.bodies, ...done.erased],
    )
    const outBefore = new Set(index.out)
    const forked = forks.applied()
    for (const fork of forked) exclusion.fork(fork)
    if (done.healed.length > 0) {
      const lost = [...index.lost.values()]
      past.reindex(self)
      documentDigests.read(lost)
      hlc = latest(index, hlc)
    }
    // What was healed brings back whatever rested on it.
    reoffers.grown(done.healed.length > 0 ? undefined : recordsIn(done.flush.commits))
    branches.persisted()
    const revoked = index.control === controlBefore ? [] : freshlyRevoked(controlBefore, index.control)
    const membership = index.control !== controlBefore
    mayWrite.persisted()
    if (membership) forks.membersChanged()
    if (membership || forked.length + done.healed.length > 0) intake.wake()
    const cut = membership
      ? new Set(freshlyCut(controlBefore, index.control).map(({ peer }) => peer))
      : new Set<PeerId>()
    if (cut.size > 0) documents.dropThose((_chain, peer) => cut.has(peer))
    // What we write from here on must not follow what is left out.
    if (cut.has(self)) beginAnew(nowMs)
    if (forked.length + cut.size > 0) {
      const [chains, peers] = [
        new Set(forked.map(({ chain }) => chain)),
        new Set([...cut, ...[...index.out].filter((peer) => !outBefore.has(peer))]),
      ]
      documentDigests.cut((chain, peer) => chains.has(chain) || (peer !== null && peers.has(peer)))
    }
    if (done.healed.length + forked.length + cut.size > 0) sayAgain(nowMs)
    documentDigests.refresh()
    return [
      ...(forked.length > 0 ? [{ kind: 'FORKS', proofs: forked.map(({ proof }) => proof) } satisfies Effect] : []),
      ...done.deliveries.map(taken),
      ...settling.flushed([...touched, ...missing.chainsMadeWhole()], nowMs),
      ...(membership || forked.length > 0 ? [{ kind: 'MEMBERSHIP' } satisfies Effect] : []),
      ...governance.persisted(done.flush.commits),
      ...governance.sends(),
      ...settle(done.authored, done.requests, nowMs),
      ...settling.grown(touched),
      ...(membership || forked.length > 0
        ? settling.votersChanged([...revoked, ...forked].map(({ peer }) => peer))
        : []),
      { kind: 'GROWN', arrivals: index.arrivals },
      ...startFlush(nowMs),
    ]
  }

  const settle = (
    authored: readonly Authored[],
    requests: ReadonlyMap<RequestId, WriteRequest>,
    nowMs: number,
  ): Effect[] =>
    authored.flatMap((answer) =>
      'refusal' in answer ? [] : settling.settle(answer.written, answer.existing, requests.get(answer.request)!, nowMs),
    )

  const sayAgain = (nowMs: number): void => reoffers.add(reoffer(index, commits, lookBehind.all(), self, nowMs))

  const isErased = (ref: Ref): boolean => index.erasures.size > 0 && store.body(ref) === 'erased'

  /**
   * Our own signature on a commit beyond ours (our folder was put back): the chain is not ours to continue. What somebody merely
   * claims (an ack, a frontier, a label) only makes the mesh ask for that commit.
   */
  const meetOwn = ({ chain, header }: VerifiedCommit, nowMs: number): void => {
    if (header.peer === self && header.incarnation === incarnation && header.seq > (log.chain(chain)?.seq ?? 0))
      beginAnew(nowMs)
  }

  const retry = (nowMs: number): void => {
    // A clock that was put back keeps nothing waiting.
    if (retryAtMs === null || (nowMs < retryAtMs && nowMs >= retryAtMs - limits.flush_retry_ms)) return
    retryAtMs = null
    for (const part of [forks, governance]) part.retry()
    reoffers.grown()
  }

  const beginAnew = (nowMs: number): void => {
    incarnation = nextIncarnation(incarnation, nowMs)
  }

  const giveUp = (done: InFlight, failure: StoreFailure, nowMs: number): Effect[] => {
    // What it had put into documents, and nothing else: what came from others goes there when it is durable.
    for (const {
      hash,
      header: { namespace, segment },
    } of done.flush.commits)
      if (segment !== null && done.flush.own.has(hash)) documents.drop({ namespace, id: segment })
    documents.landed()
    beginAnew(nowMs)
    const refusal = flushFailed(failure, done.pushed)
    return done.authored.flatMap((answer): Effect[] => ('refusal' in answer ? [] : [refuse(answer.request, refusal)]))
  }

  // ── inputs ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  const damaged = (what: Extract<Input, { kind: 'damaged' }>['what'], nowMs: number): void => {
    if (what.kind === 'body') return missing.add(what.ref)
    const chain = what.chain as ChainId
    const hash = nameOf(index, store, chain, what.seq)
    if (hash === null || !markHole(index, { chain, seq: what.seq, hash })) return
    if (index.chains.get(chain)?.peer === self) beginAnew(nowMs)
  }

  /** The log has been read: time goes on from what it has seen, and what was left unsaid after a fork is said. */
  const booted = (nowMs: number): void => {
    reach.started(nowMs)
    gate.started()
    // What is not here may be our own: written on without it, our next commit would be refused everywhere.
    // So it would be behind what is left out.
    if (
      index.holes.size + index.setAside.size > 0 ||
      [...index.chains.values()].some(
        (chain) =>
          chain.peer === self && chain.incarnation === incarnation && isLeftOut(index, chain.id, chain.seq + 1),
      )
    )
      beginAnew(nowMs)
    hlc = latest(index, hlc)
    for (const fork of forks.all()) exclusion.fork(fork)
    documentDigests.read(null)
    governance.restore()
    sayAgain(nowMs)
  }

  const handle = (input: Input, nowMs: number): Effect[] => {
    switch (input.kind) {
      case 'write':
        writes.push(input.request)
        return startFlush(nowMs)
      case 'control':
        return [...governance.say(input), ...startFlush(nowMs)]
      case 'proposed':
        return [...governance.proposed(input.from, input.commit), ...startFlush(nowMs)]
      case 'voted':
        governance.voted(input.from, input.vote)
        return startFlush(nowMs)
      case 'statements':
      case 'received':
        intake.take(
          input.from,
          incoming.sort(input.kind === 'received' ? input.parcels : branches.sort(input.commits)),
          nowMs,
          (commit) => meetOwn(commit, nowMs),
          (chain, seq) => (seq <= (log.chain(chain)?.seq ?? 0) ? log.hashAt(chain, seq) : null),
        )
        deliveries.push(input.delivery)
        return startFlush(nowMs)
      case 'bodies':
        incoming.bodies(input.bodies)
        deliveries.push(input.delivery)
        return startFlush(nowMs)
      case 'forks':
        for (const proof of input.proofs) forks.learn(proof, input.from)
        return startFlush(nowMs)
      case 'headers':
        for (const header of input.headers) forks.meetHeader(commitHash(header), header)
        intake.wake()
        return startFlush(nowMs)
      case 'acked':
        return settling.onAck(input.from, input.ack)
      case 'refused':
        return settling.onRefused(input.from, aboutOurs(input.refused, self, log))
      case 'persisted':
        return onPersisted(input.flush, input.failure, nowMs)
      case 'ackWanted':
        return settling.announce(input.chains, input.from)
      case 'wantAcks':
        return settling.want(input.chains)
      case 'reach':
        reach.changed(input.peer, input.reachable, nowMs)
        return []
      case 'clock':
        if (gate.heard(input.reading, nowMs)) intake.wake()
        return waitingToSeal() > 0 || intake.ready() ? startFlush(nowMs) : []
      case 'linkUp':
        reach.changed(input.peer, true, nowMs)
        return [...settling.wantFrom(input.peer), ...governance.linkUp(input.peer)]
      case 'pushed':
        if (inFlight?.id === input.flush) inFlight.pushed = true
        return []
      case 'tick':
        intake.tick(nowMs)
        retry(nowMs)
        return [...settling.expire(nowMs), ...governance.expire(nowMs), ...startFlush(nowMs)]
      case 'stopping':
        return [
          ...settling.giveUpAll(),
          ...writes.take(Number.POSITIVE_INFINITY).map(({ id }) => refuse(id, STOPPING)),
          ...governance.refuse(STOPPING),
        ]
      case 'damaged':
        damaged(input.what, nowMs)
        return []
      case 'dropped':
        missing.persisted([], input.refs)
        return settling.announce(missing.chainsMadeWhole(), null)
    }
  }

  return {
    handle,
    booted,
    self,
    index,
    forks,
    governance,
    branches,
    documents,
    documentDigests,
    commits,
    intake,
    missing,
    mayWrite,
    clocks: gate.clocks,
    clockIsOff: gate.isOff,
    clockRefusal: gate.refusal,
    voters: settling.voters,
    quorum: settling.quorum,
    counts: past.counts,
    text: textIn,
    said: (event) => past.said(event, []),
    revision,
    restoreReadLevel: () => restoreReadLevel(index, store, revision),
    incarnation: () => incarnation,
    covering: settling.covering,
    receipt: settling.receipt,
    refusedBy: settling.refusedBy.standing,
    linked: reach.linked,
    frontierDigest: frontier.all,
    frontierDigestsOf: frontier.of,
    flushing: () => inFlight !== null,
    queued: writes.waiting,
    budgets: (nowMs) => budgetsOf(index, intake, forks, settling.displacedAcks(), nowMs),
    nextDeadlineMs: () => {
      if ((isHeld && waitingToSeal() > 0) || adopting.next() !== null) return 0
      return [retryAtMs, settling.nextDeadlineMs(), governance.nextDeadlineMs()].reduce(
        (first, ms) => (first === null || (ms !== null && ms < first) ? ms : first),
        null,
      )
    },
    lastFailure: () => lastFailure,
  }
}
