/**
 * What a peer that nobody uses takes, and how soon it is there again: `npm run bench:idle -- [--memories N]`. Linux alone.
 *
 * One real peer, as `mnemesh up` starts it but for a shorter wait until its search index's database is let go. Prints resident memory
 * and processor time of all its processes while it rests, how long the first question takes that wakes it, and how long reads by id
 * take meanwhile. Exit status 1 when one of these is beyond its bound.
 */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { whole } from '../arguments.ts'
import { processorSeconds } from '../bench/processor.ts'
import { mnemeshOk, startMnemesh } from '../local/command.ts'
import { callsTo, expecting, type Call } from '../local/http.ts'
import { freePorts } from '../local/ports.ts'
import { until } from '../local/until.ts'

/** As `mnemesh up` sets it. */
const ALLOCATOR = { MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' }
const RESIDENT_MIB_MAX = 200
const CORE_SHARE_MAX = 0.01
const FIRST_MS_MAX = 4_000
const IDLE_S = 5
const LOOK_MS = 100
const QUIET_MS = 20_000
const BATCH = 200
/** Written while it rests: the first question finds them. */
const MEANWHILE = 20

const { memories } = new Command('npm run bench:idle --')
  .description('Memory and processor time of a peer that rests, and its first question after it.')
  .allowExcessArguments(false)
  .option('--memories <n>', 'that it holds', whole(1, 100_000), 1_000)
  .parse()
  .opts<{ memories: number }>()

const say = (line: string): void => void process.stdout.write(`bench:idle: ${line}\n`)
const residentMib = (pid: number): number =>
  Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024)
const searchOf = async (call: Call): Promise<string> => String((await expecting(200, call('GET', '/health')))['search'])
const rests = (call: Call): Promise<true> =>
  until('its database is let go', 60_000, async () => ((await searchOf(call)) === 'resting' ? true : null))

/** Reads by id, one after the other, until told to stop. @returns ms each, ascending. */
const readMeanwhile = (call: Call, id: string): (() => Promise<readonly number[]>) => {
  const times: number[] = []
  let going = true
  const reading = (async () => {
    while (going) {
      const from = performance.now()
      await expecting(200, call('GET', `/memories/${id}`))
      times.push(performance.now() - from)
      await sleep(10)
    }
  })()
  return async () => {
    going = false
    await reading
    return times.sort((a, b) => a - b)
  }
}

const measure = async (dir: string): Promise<boolean> => {
  await mnemeshOk(['mesh', 'init', '--data', dir, '--name', 'laptop', '--recovery', 'none'])
  const port = await freePorts(1)
  const peer = startMnemesh(
    ['serve', '--data', dir, '--port', String(port), '--projection-idle', String(IDLE_S), '--until-stdin-ends'],
    ALLOCATOR,
  )
  try {
    await until('it is ready', 30_000, async () => (peer.stdout().includes(' ready at ') ? true : null))
    const call = callsTo(`http://127.0.0.1:${port}`)
    say(`started: ${residentMib(peer.pid)} MiB resident, search ${await searchOf(call)}`)
    let id = ''
    for (let done = 0; done < memories; done += BATCH) {
      const items = Array.from({ length: Math.min(BATCH, memories - done) }, (_, i) => ({
        content: `Note ${done + i}: the service number ${done + i} is deployed on day ${(done + i) % 28}.`,
      }))
      const answer = await expecting(201, call('POST', '/memories/bulk', { body: { memories: items } }))
      id = (answer['memories'] as readonly { readonly id: string }[])[0]!.id
    }
    await expecting(200, call('GET', '/recall?q=deployed+service'))
    say(`in use: ${residentMib(peer.pid)} MiB resident with ${memories} memories`)
    await rests(call)
    const before = processorSeconds([peer.pid])
    await sleep(QUIET_MS)
    const share = (processorSeconds([peer.pid]) - before) / (QUIET_MS / 1_000)
    const resident = residentMib(peer.pid)
    for (let i = 0; i < MEANWHILE; i++)
      await expecting(
        201,
        call('POST', '/memories', { body: { content: `Written at rest, number ${i}: the lighthouse keeper.` } }),
      )
    if ((await searchOf(call)) !== 'resting') throw new Error('writing woke it')
    const stopReading = readMeanwhile(call, id)
    const from = performance.now()
    const found = await expecting(200, call('GET', '/recall?q=lighthouse+keeper&limit=50'))
    const firstMs = Math.round(performance.now() - from)
    const reads = await stopReading()
    const p = (share100: number): string =>
      reads[Math.min(reads.length - 1, Math.floor((reads.length * share100) / 100))]!.toFixed(1)
    const seen = (found['memories'] as readonly unknown[]).length
    say(`at rest: ${resident} MiB resident, ${(100 * share).toFixed(2)} % of a core`)
    say(`first question after it: ${firstMs} ms, ${seen} of ${MEANWHILE} memories that were written meanwhile found`)
    say(`${reads.length} reads by id meanwhile: p50 ${p(50)} ms, p99 ${p(99)} ms`)
    await sleep(LOOK_MS)
    return resident <= RESIDENT_MIB_MAX && share < CORE_SHARE_MAX && firstMs <= FIRST_MS_MAX && seen === MEANWHILE
  } finally {
    peer.signal('SIGTERM')
    await peer.ended
  }
}

const dir = await mkdtemp(join(tmpdir(), 'mnemesh-idle-'))
try {
  process.exitCode = (await measure(join(dir, 'peer'))) ? 0 : 1
} finally {
  await rm(dir, { recursive: true, force: true })
}
