/** Checkpoints on a real disk: a start reads what came since the last one, and whatever was done to the file, all of the log. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { AgentId, Namespace, PeerId } from '../../crdt/ids.ts'
import { keyPairFromSeed, publicKeyHex } from '../../crdt/signature.ts'
import { seed } from '../../crdt/test-support.ts'
import { createMemoryNetwork } from '../../transports/memory.ts'
import { systemTimers } from '../../transports/websocket.ts'
import { foundedLog } from '../membership/control-log.ts'
import { genesis } from '../membership/statements.ts'
import { createPeer, type Peer } from '../peer.ts'
import type { CommitStore } from '../ports/store.ts'
import { createNoProjection } from '../projection/none.ts'
import { openCheckpointFiles } from '../store/checkpoint-files.ts'
import { openLevelStore } from '../store/level.ts'
import { logTo } from '../testing/log.ts'
import { plainIndex } from '../testing/plain-index.ts'
import { createRandom } from '../testing/random.ts'

const WRITES = 12
const [keys, authority] = [keyPairFromSeed(seed(1)), keyPairFromSeed(seed(2))]
const random = createRandom(7)
const founders = [{ peer: publicKeyHex(keys) as PeerId, name: 'one', role: 'voter' as const }]
const log = foundedLog(
  genesis({ clock: { now: () => 1_767_225_600_000 }, random }, 'world', authority, founders),
  authority,
)

let dir = ''
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** Where each scan of a start began. */
type Opened = { readonly peer: Peer; readonly scans: readonly number[] }

const open = async (version = '1.0.0', growthMin: number | 'none' = 1): Promise<Opened> => {
  const store = await openLevelStore(dir, { random })
  if (store.arrivals() === 0) await store.write({ commits: log.commits })
  const scans: number[] = []
  const watched: CommitStore = {
    ...store,
    scan: (from = 1, to) => {
      scans.push(from)
      return store.scan(from, to)
    },
  }
  const peer = await createPeer({
    identity: {
      dir,
      mesh: log.state.mesh,
      meshName: 'world',
      name: 'one',
      peer: publicKeyHex(keys) as PeerId,
      keys,
      authority,
      peers: [],
    },
    store: watched,
    ...(growthMin !== 'none' && { checkpoints: { files: openCheckpointFiles(dir), growthMin } }),
    projection: createNoProjection(),
    projectionKind: 'none',
    timers: systemTimers,
    monotonic: () => performance.now(),
    random,
    dialer: createMemoryNetwork({ timers: systemTimers }).dialer('ws://one:1/mesh'),
    compression: null,
    peers: [],
    quorum: null,
    quorumTimeoutMs: 5_000,
    version,
    log: logTo(),
    live: () => ({}),
  })
  peer.start([])
  return { peer, scans }
}
const write = async ({ peer }: Opened, count: number): Promise<void> => {
  for (let n = 0; n < count; n++)
    await peer.node.remember('team/api' as Namespace, { content: `memory ${n}` }, { agent: 'ai:alice' as AgentId })
}
const files = (): readonly string[] => readdirSync(join(dir, 'snapshots')).map((name) => join(dir, 'snapshots', name))
const theFile = (): string => {
  expect(files()).toHaveLength(1)
  return files()[0]!
}
/** A folder with a log that was stopped well, and its checkpoint. */
const filled = async (): Promise<void> => {
  dir = mkdtempSync(join(tmpdir(), 'mnemesh-checkpoint-'))
  const first = await open()
  await write(first, WRITES)
  await first.peer.stop()
}
const startedWith = async (
  version?: string,
  growthMin?: 'none',
): Promise<{ first: number | undefined; index: unknown }> => {
  const { peer, scans } = await open(version, growthMin)
  const index = plainIndex(peer.replica.index)
  const [first] = scans
  await peer.stop()
  return { first, index }
}

test('a start behind a clean stop reads nothing of the log, and knows what it knew', { timeout: 60_000 }, async () => {
  await filled()
  const whole = await startedWith('1.0.0', 'none')
  expect(whole.first).toBe(1)
  const resumed = await startedWith()
  expect(resumed.first).toBe(1 + WRITES + 1)
  expect(resumed.index).toEqual(whole.index)
})

test(
  'what came behind the checkpoint is read, and one program does not read what another wrote',
  { timeout: 60_000 },
  async () => {
    await filled()
    const second = await open('1.0.0', 4)
    await write(second, 3)
    // Less than a checkpoint is worth.
    await second.peer.stop()
    const third = await startedWith()
    expect(third.first).toBe(1 + WRITES + 1)
    expect(third.index).toEqual((await startedWith('1.0.0', 'none')).index)
    expect((await startedWith('1.0.1')).first).toBe(1)
  },
)

test('a file that is torn, longer, of other bytes, or gone is not read', { timeout: 120_000 }, async () => {
  await filled()
  const { index } = await startedWith()
  const whole = readFileSync(theFile())
  const name = theFile()
  const put = (bytes: Uint8Array): void => {
    for (const other of files()) rmSync(other)
    writeFileSync(name, bytes)
  }
  const spoiled: Uint8Array[] = Array.from({ length: 10 }, (_, tenth) => whole.subarray(0, (whole.length * tenth) / 10))
  spoiled.push(
    Buffer.concat([whole, Buffer.of(0)]),
    whole.map((byte, i) => (i === whole.length >> 1 ? byte ^ 1 : byte)),
  )
  for (const bytes of spoiled) {
    put(bytes)
    const started = await startedWith()
    expect([bytes.length, started.first]).toEqual([bytes.length, 1])
    expect(started.index).toEqual(index)
    // The one that this start wrote is whole again.
    expect(readFileSync(theFile())).toHaveLength(statSync(theFile()).size)
  }
  for (const other of files()) rmSync(other)
  expect((await startedWith()).first).toBe(1)
  truncateSync(theFile(), 0)
  expect((await startedWith()).first).toBe(1)
  expect((await startedWith()).first).toBe(1 + WRITES + 1)
})
