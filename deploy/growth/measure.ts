/**
 * One real peer that grows: what a memory takes on disk, how soon the peer serves after it was stopped and after it was killed, what it
 * holds in memory, and how long one write, one read by id and one page of the list take. Linux alone.
 *
 * The same folder grows from size to size. Times of requests are the least of several medians: what other processes of the machine do
 * only adds to them.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { mnemeshOk, startMnemesh, type LastingChild } from '../local/command.ts'
import { callsTo, expecting, listIn, type Call, type Json } from '../local/http.ts'
import { freePorts } from '../local/ports.ts'
import { until } from '../local/until.ts'

export type Size = {
  readonly memories: number
  readonly commits: number
  /** UTF-8 bytes of their texts. */
  readonly text_bytes: number
  /** Of all files of the peer's log, after it was stopped. */
  readonly disk_bytes: number
  /** From the start of the process to the first answered read. */
  readonly serving_after_stop_ms: number
  readonly serving_after_kill_ms: number
  readonly resident_started_mib: number
  readonly resident_used_mib: number
  readonly write_ms: number
  readonly get_ms: number
  readonly list_ms: number
}

export type GrowthOptions = {
  /** The peer's folder, which is not there yet. */
  readonly dir: string
  /** Ascending. */
  readonly sizes: readonly number[]
  /** Memories in a request, which come to lie in one commit. */
  readonly batch: number
  /** Of each round; there are three. */
  readonly asked?: Asked
  readonly say: (line: string) => void
}

type Asked = { readonly writes: number; readonly reads: number; readonly pages: number }

const NAMESPACE = 'growth'
const ROUNDS = 3
const ASKED: Asked = { writes: 100, reads: 300, pages: 30 }
const PAGE = 50
/** Ids that are read; drawn evenly from all. */
const SAMPLE = 2_000
const READY_MS_MAX = 600_000
const LOOK_MS = 5
const QUIET_MS = 2_000
const SAY_EVERY = 10_000

export const measureGrowth = async ({
  dir,
  sizes,
  batch,
  asked = ASKED,
  say,
}: GrowthOptions): Promise<readonly Size[]> => {
  await mnemeshOk(['mesh', 'init', '--data', dir, '--name', 'grows', '--recovery', 'none'])
  const port = await freePorts(1)
  const call = callsTo(`http://127.0.0.1:${port}`)
  const found: Size[] = []
  const ids: string[] = []
  let held = 0
  let textBytes = 0
  let peer = await serving(dir, port, call, null)
  try {
    for (const size of sizes) {
      while (held < size) {
        const count = Math.min(batch, size - held)
        const memories = Array.from({ length: count }, (_, i) => ({ namespace: NAMESPACE, content: textOf(held + i) }))
        const made = idsIn(await expecting(201, call('POST', '/memories/bulk', { body: { memories } })))
        textBytes += memories.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0)
        if (Math.floor((held + count) / sampleEvery(size)) > Math.floor(held / sampleEvery(size))) ids.push(made[0]!)
        held += count
        if (Math.floor(held / SAY_EVERY) > Math.floor((held - count) / SAY_EVERY)) say(`${held} of ${size} memories`)
      }
      await ended(peer.child, 'SIGTERM')
      const diskBytes = bytesIn(join(dir, 'log'))
      peer = await serving(dir, port, call, ids[0]!)
      const afterStop = peer.ms
      await ended(peer.child, 'SIGKILL')
      peer = await serving(dir, port, call, ids[0]!)
      const afterKill = peer.ms
      await sleep(QUIET_MS)
      const started = residentMib(peer.child.pid)
      const times = await requests(call, ids, held, asked)
      held += ROUNDS * asked.writes
      textBytes += times.textBytes
      const { log } = await expecting(200, call('GET', '/digests'))
      found.push({
        memories: size,
        commits: Number(log),
        text_bytes: textBytes - times.textBytes,
        disk_bytes: diskBytes,
        serving_after_stop_ms: afterStop,
        serving_after_kill_ms: afterKill,
        resident_started_mib: started,
        resident_used_mib: residentMib(peer.child.pid),
        ...times.ms,
      })
      say(JSON.stringify(found.at(-1)))
    }
    return found
  } finally {
    await ended(peer.child, 'SIGTERM')
  }
}

const idsIn = (answer: Json): readonly string[] =>
  listIn(answer, 'ids').flatMap((id: unknown) => (typeof id === 'string' ? [id] : []))

const sampleEvery = (size: number): number => Math.max(1, Math.floor(size / SAMPLE))

/** @param id of a memory that is read; null: its health. */
const serving = async (
  dir: string,
  port: number,
  call: Call,
  id: string | null,
): Promise<{ readonly child: LastingChild; readonly ms: number }> => {
  const from = performance.now()
  const child = startMnemesh([
    'serve',
    '--data',
    dir,
    '--port',
    String(port),
    '--projection',
    'none',
    '--until-stdin-ends',
  ])
  while (!child.stdout().includes(' ready at ')) {
    if (child.ending() !== null || performance.now() - from > READY_MS_MAX)
      throw new Error(`the peer does not serve: ${child.stderr()}`)
    await sleep(LOOK_MS)
  }
  await until('it answers', READY_MS_MAX, () =>
    expecting(200, call('GET', id === null ? '/health' : `/memories/${id}`)),
  )
  return { child, ms: Math.round(performance.now() - from) }
}

const ended = async (child: LastingChild, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
  child.signal(signal)
  await child.ended
}

const requests = async (
  call: Call,
  ids: readonly string[],
  held: number,
  asked: Asked,
): Promise<{ readonly ms: Pick<Size, 'write_ms' | 'get_ms' | 'list_ms'>; readonly textBytes: number }> => {
  let textBytes = 0
  const write = async (n: number): Promise<void> => {
    const content = textOf(held + n)
    textBytes += Buffer.byteLength(content)
    await expecting(201, call('POST', '/memories', { body: { namespace: NAMESPACE, content } }))
  }
  const get = async (n: number): Promise<void> =>
    void (await expecting(200, call('GET', `/memories/${ids[(n * 7_919) % ids.length]!}`)))
  const list = async (): Promise<void> => {
    const page = await expecting(200, call('GET', `/memories?namespace=${NAMESPACE}&limit=${PAGE}`))
    if (listIn(page, 'memories').length !== Math.min(PAGE, held)) throw new Error('a page of the list is not full')
  }
  // A cold document is opened by the first that asks for it: that is what a read of a large memory meets, so nothing is warmed.
  const of = async (count: number, ask: (n: number) => Promise<void>): Promise<number> => {
    const medians: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const times: number[] = []
      for (let n = 0; n < count; n++) {
        const from = performance.now()
        await ask(round * count + n)
        times.push(performance.now() - from)
      }
      medians.push(times.sort((a, b) => a - b)[Math.floor(count / 2)]!)
    }
    return Number(Math.min(...medians).toFixed(3))
  }
  return {
    ms: {
      write_ms: await of(asked.writes, write),
      get_ms: await of(asked.reads, get),
      list_ms: await of(asked.pages, list),
    },
    textBytes,
  }
}

const WORDS =
  'the deploy key of service rotates on day after review by team because cache queue index was full and slow'.split(' ')
/** Some 180 bytes of prose, no two alike. */
const textOf = (n: number): string =>
  `Note ${n}: ${Array.from({ length: 28 }, (_, i) => WORDS[(n * 31 + i * (7 + (n % 11))) % WORDS.length]!).join(' ')}.`

const residentMib = (pid: number): number =>
  Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024)

/** Without the file that keeps room for opening on a full disk, which does not grow. */
const bytesIn = (dir: string): number =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' }).reduce((sum, name) => {
    const found = statSync(join(dir, name))
    return found.isFile() && name !== 'reserve' ? sum + found.size : sum
  }, 0)
