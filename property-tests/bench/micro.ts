/**
 * Micro-benchmark of the path of one event: µs an event for each step, in commits of 1, 16 and 64, beside the budget.
 *
 *   npm run bench:micro
 *
 * Real keys, a real disk (a temporary folder), the same functions that a peer runs. Each figure is the median over rounds, each
 * of which makes one full segment (512 memories) anew; the first rounds only warm up.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { arch, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { makeBody, type Body } from '../../crdt/body.ts'
import { emptyChain, extendChain } from '../../crdt/chain.ts'
import {
  chainId,
  decodeCommit,
  eventsRoot,
  hasValidSignature,
  sealCommit,
  type Commit,
  type SealedEvent,
} from '../../crdt/commit.ts'
import { encodeEvent, type DocumentEvent } from '../../crdt/event.ts'
import { tick } from '../../crdt/hlc.ts'
import {
  ZERO_HASH,
  bytesToHex,
  incarnation,
  segmentId,
  uuidV7,
  type AgentId,
  type CommitHash,
  type EventId,
  type MeshId,
  type Namespace,
  type PeerId,
  type RecordId,
} from '../../crdt/ids.ts'
import { historyRoot } from '../../crdt/merkle.ts'
import { applyCommit, applyDerived, derive, openSegment } from '../../crdt/segment.ts'
import { createSealer } from '../../crdt/secret-stream.ts'
import { keyPairFromSeed, publicKeyHex } from '../../crdt/signature.ts'
import { openLevelStore } from '../../src/store/level.ts'
import { parcelFrames } from '../../transports/parcels.ts'

const SIZES = [1, 16, 64] as const
const MEMORIES = 512
const ROUNDS = 12
const WARM_ROUNDS = 4

/** The budget, µs an event in commits of 64; null where it names none. */
const STEPS = {
  canonical: { budget: 8, what: 'canonical bytes, body and its hash' },
  seal: { budget: 0.4, what: 'roots, header, one signature a commit (14–25 µs ÷ 64)' },
  derive: { budget: 12, what: 'operations and change from the document' },
  merge: { budget: 18, what: 'the change into the document' },
  store: { budget: 8, what: 'one synced batch a commit, bodies with it' },
  frame: { budget: 3, what: 'message bytes for one link, sealed' },
  check: { budget: 3, what: 'a peer: decode, roots, chain, one signature a commit' },
  'derive+merge': { budget: 30, what: 'a peer: the same change again' },
} as const
type Step = keyof typeof STEPS

const keys = keyPairFromSeed(new Uint8Array(32).fill(7))
const peer = publicKeyHex(keys) as PeerId
const ns = 'bench/micro' as Namespace
const inc = incarnation(Date.now(), 1)
const chain = chainId(peer, inc, ns)
const text =
  'The deploy key of the staging cluster rotates on Fridays; ask the on-call engineer before changing it. '.repeat(3)

const main = async (): Promise<void> => {
  const dir = await mkdtemp(join(tmpdir(), 'mnemesh-bench-'))
  try {
    const microsByStepAndSize = new Map<string, number[]>()
    for (const size of SIZES) {
      for (let round = 0; round < ROUNDS; round++) {
        const nanos = await runRound(size, join(dir, `${size}-${round}`))
        if (round < WARM_ROUNDS) continue
        for (const step of Object.keys(STEPS) as Step[]) {
          const key = `${step} ${size}`
          microsByStepAndSize.set(key, [...(microsByStepAndSize.get(key) ?? []), nanos[step] / MEMORIES / 1_000])
        }
      }
    }
    print(microsByStepAndSize)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** One segment full of memories, in commits of `size`. @returns ns spent in each step. */
const runRound = async (size: number, dir: string): Promise<Record<Step, number>> => {
  const nanos: Record<Step, number> = {
    canonical: 0,
    seal: 0,
    derive: 0,
    merge: 0,
    store: 0,
    frame: 0,
    check: 0,
    'derive+merge': 0,
  }
  const timed = <T>(step: Step, work: () => T): T => {
    const from = process.hrtime.bigint()
    const result = work()
    nanos[step] += Number(process.hrtime.bigint() - from)
    return result
  }
  const store = await openLevelStore(dir, { random: { bytes: (count) => randomBytes(count) } })
  const segment = openSegment(ns, segmentId(peer, 0))
  const mirror = openSegment(ns, segmentId(peer, 0))
  const seal = createSealer(randomBytes(32), randomBytes(24))
  let state = emptyChain(chain, peer, inc, ns)
  for (let at = 0; at < MEMORIES; at += size) {
    const said = timed('canonical', () => Array.from({ length: size }, () => say()))
    const events = said.map(({ sealed }) => sealed)
    const bodies = said.map(({ body }) => body)
    const derivation = timed('derive', () =>
      derive(
        segment,
        { peer, incarnation: inc, chain },
        [...segment.heads].sort(),
        events.map(({ event }) => event as DocumentEvent),
      ),
    )
    if ('refused' in derivation) throw new Error(derivation.refused)
    const commit: Commit = timed('seal', () =>
      sealCommit(
        {
          mesh: ZERO_HASH as MeshId,
          namespace: ns,
          peer,
          incarnation: inc,
          seq: state.seq + 1,
          prev: state.hash,
          history: bytesToHex(historyRoot(state.history)),
          hlc: tick(state.hlc, Date.now()),
          policy: ZERO_HASH as CommitHash,
          segment: segment.id,
          deps: derivation.deps,
          eventsRoot: eventsRoot(events),
          eventCount: size,
          changeHash: derivation.hash,
        },
        events,
        keys,
      ),
    )
    state = extendChain(state, commit, 0)
    timed('merge', () => applyDerived(segment, derivation, commit))
    const from = process.hrtime.bigint()
    await store.write({ commits: [{ chain, seq: commit.header.seq, hash: commit.hash, bytes: commit.bytes }], bodies })
    nanos.store += Number(process.hrtime.bigint() - from)
    timed('frame', () =>
      parcelFrames([{ chain, seq: commit.header.seq, bytes: commit.bytes, bodies }]).map(({ content }) =>
        seal(content),
      ),
    )
    const received = timed('check', () => {
      const decoded = decodeCommit(commit.bytes)
      if (!decoded.ok || !hasValidSignature(decoded.commit)) throw new Error('the benchmark made a bad commit')
      return decoded.commit
    })
    if (timed('derive+merge', () => applyCommit(mirror, received)) !== null)
      throw new Error('the mirror refused a commit')
  }
  await store.close()
  segment.document.free()
  mirror.document.free()
  return nanos
}

const say = (): { sealed: SealedEvent; body: Body } => {
  const body = makeBody(randomBytes(16), new TextEncoder().encode(text))
  const event: DocumentEvent = {
    v: 1,
    id: uuidV7(Date.now(), randomBytes(10)) as EventId,
    ns,
    kind: 'memory.put',
    record: uuidV7(Date.now(), randomBytes(10)) as RecordId,
    agent: 'ai:bench' as AgentId,
    at: new Date().toISOString(),
    set: { kind: 'fact', tier: 'mid', priority: 5, content: { ref: body.ref } },
    tags: { add: ['bench'], remove: [] },
  }
  return { sealed: { bytes: encodeEvent(event), event, attestation: null }, body }
}

const print = (microsByStepAndSize: ReadonlyMap<string, readonly number[]>): void => {
  const median = (values: readonly number[]): number =>
    values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
  console.log(
    `${cpus().length} × ${cpus()[0]?.model.trim() ?? arch()}, Node ${process.version}; median of ${ROUNDS - WARM_ROUNDS} rounds of ${MEMORIES} memories of ${text.length} B`,
  )
  console.log(
    `\n| µs an event, in commits of | ${SIZES.join(' | ')} | budget (64) | what |\n|---|${SIZES.map(() => '--:').join('|')}|--:|---|`,
  )
  for (const step of Object.keys(STEPS) as Step[]) {
    const cells = SIZES.map((size) => median(microsByStepAndSize.get(`${step} ${size}`) ?? []).toFixed(1))
    console.log(`| ${step} | ${cells.join(' | ')} | ${STEPS[step].budget} | ${STEPS[step].what} |`)
  }
}

await main()
