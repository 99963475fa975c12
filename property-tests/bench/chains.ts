/**
 * What chains that ended cost: bytes on the wire when a link comes back, memory, start-up, and the longest turn of what answers name.
 *
 *   npm run bench:chains [-- CHAINS…]        10, 1,000 and 100,000 without any
 *
 * Production peers on a virtual clock, a network and disks in memory; chains are sealed commits, each of an incarnation of its own. Exits
 * with 1 when a bound is broken: in step 200 bytes, coming back 1.02 times the missing bytes and 256, and 50 ms a turn.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom } from '../../src/testing/random.ts'
import { longestTurn } from '../../src/testing/turn-cpu.ts'
import type { World } from '../../src/testing/world.ts'
import { createLogReader } from '../../src/replica/read-log.ts'
import { createCommits } from '../../src/replica/commits.ts'
import { createLogIndex } from '../../src/replica/log-index.ts'
import { decodeCommit } from '../../crdt/commit.ts'
import { openLevelStore } from '../../src/store/level.ts'
import { IN_STEP_BYTES_MAX, meetAgain, missedBytesMax, worldWithChains } from '../ended-chains.ts'

const SIZES = [10, 1_000, 100_000]
const TURN_MS_MAX = 50
const MISSED_MEMORIES = 100
const COMMITS_A_BATCH = 1_000

type Row = {
  readonly chains: number
  readonly inStep: number
  readonly missed: { readonly bytes: number; readonly missing: number }
  /** Some that the other lacks, of two that know nothing of one another: bytes in all, links and handshakes with them. */
  readonly strangers: number
  /** MiB of the heap that a peer takes for them, and the ms in which it reads its log from a real disk. */
  readonly heapMb: number
  readonly startMs: number
  readonly turnsMs: Readonly<Record<string, number>>
}

const main = async (): Promise<void> => {
  const asked = process.argv.slice(2).map(Number)
  const rows: Row[] = []
  for (const chains of asked.length > 0 ? asked : SIZES) {
    rows.push(await measure(chains))
    print(rows.at(-1)!)
  }
  process.exitCode = rows.every(isWithin) ? 0 : 1
}

const isWithin = ({ inStep, missed, turnsMs }: Row): boolean =>
  inStep <= IN_STEP_BYTES_MAX &&
  missed.bytes <= missedBytesMax(missed.missing) &&
  Object.values(turnsMs).every((ms) => ms <= TURN_MS_MAX)

const measure = async (chains: number): Promise<Row> => {
  const strangers = await worldWithChains(2, [chains, chains - Math.min(10, chains)])
  const apart = bytesOut(strangers)
  await strangers.stopAll()
  const world = await worldWithChains(1, [chains, chains])
  const { inStep, missed } = {
    inStep: (await meetAgain(world, 0)).bytes,
    missed: await meetAgain(world, MISSED_MEMORIES),
  }
  const turnsMs = await turns(world)
  const { heapMb, startMs } = await fromDisk(world)
  await world.stopAll()
  return { chains, inStep, missed, strangers: apart, heapMb, startMs, turnsMs }
}

const bytesOut = (world: World): number =>
  world.peers.reduce((sum, peer) => sum + (peer!.mesh.counters()['bytes_out'] ?? 0), 0)

/** The longest turn of each question, of three times: processor time of this thread. */
const turns = async (world: World): Promise<Readonly<Record<string, number>>> => {
  const { node, mesh, replica } = world.peer(0)
  const questions: Readonly<Record<string, () => unknown>> = {
    '/digests': () => world.run(node.digests()),
    'frontier token': () => world.run(node.list({}, { limit: 1 }, {})),
    links: () => mesh.links(),
    'session digest': () => replica.frontierDigest(new Uint8Array(32)),
  }
  const longest: Record<string, number> = {}
  for (const [name, ask] of Object.entries(questions)) {
    longest[name] = 0
    for (let n = 0; n < 3; n++) longest[name] = Math.max(longest[name], (await longestTurn(async () => ask())).ms)
  }
  return longest
}

/** The first peer's log, put on a real disk and read from it into an index. */
const fromDisk = async (world: World): Promise<{ readonly heapMb: number; readonly startMs: number }> => {
  const { replica } = world.peer(0)
  const dir = await mkdtemp(join(tmpdir(), 'mnemesh-bench-chains-'))
  try {
    const commits = world.disks[0]!.arrivals.map(({ chain, seq }) => ({
      chain,
      seq,
      ...pick(replica.commits.at(chain, seq)!),
    }))
    const written = await openLevelStore(dir, { random: createRandom(1) })
    for (let at = 0; at < commits.length; at += COMMITS_A_BATCH)
      await written.write({ commits: commits.slice(at, at + COMMITS_A_BATCH) })
    await written.close()
    const heap = heapMbNow()
    const from = performance.now()
    const store = await openLevelStore(dir, { random: createRandom(1) })
    const index = createLogIndex(replica.index.mesh)
    const reader = createLogReader(index, store, createCommits(store), replica.self)
    for await (const batch of store.scan())
      for (const scanned of batch) {
        if (scanned.kind !== 'commit') continue
        const decoded = decodeCommit(scanned.commit.bytes)
        if (decoded.ok) reader.commit(decoded.commit, scanned.n)
      }
    reader.end()
    index.chains.digest()
    const startMs = performance.now() - from
    const heapMb = heapMbNow() - heap
    if (index.chains.size !== replica.index.chains.size)
      throw new Error(`${index.chains.size} chains on the disk, ${replica.index.chains.size} in the log`)
    await store.close()
    return { heapMb, startMs }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

const pick = ({ hash, bytes }: { readonly hash: string; readonly bytes: Uint8Array }) => ({
  hash: hash as never,
  bytes,
})

/** After a full collection, where `--expose-gc` allows one. */
const heapMbNow = (): number => {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 1_048_576
}

const print = (row: Row): void => {
  const { chains, inStep, missed, strangers, heapMb, startMs, turnsMs } = row
  process.stdout.write(
    [
      `${chains} chains${isWithin(row) ? '' : ': A BOUND IS BROKEN'}`,
      `  in step                     ${inStep} bytes (at most ${IN_STEP_BYTES_MAX})`,
      `  coming back                 ${missed.bytes} bytes for ${missed.missing} that were missing (at most ${Math.floor(missedBytesMax(missed.missing))})`,
      `  without a cursor, 10 differ ${strangers} bytes until both are equal`,
      `  log read from disk          ${startMs.toFixed(0)} ms, ${heapMb.toFixed(1)} MiB of memory`,
      `  longest turn                ${Object.entries(turnsMs)
        .map(([name, ms]) => `${name} ${ms.toFixed(1)} ms`)
        .join(', ')} (at most ${TURN_MS_MAX})`,
      '',
    ].join('\n'),
  )
}

await main()
