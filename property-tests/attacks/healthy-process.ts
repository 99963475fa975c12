/**
 * The healthy client, a process of its own so that the attacker's work is not counted as the peer's: it writes with a key, reads
 * back by id, lists and recalls, at a modest pace, now and then over a new connection, and measures each wait.
 *
 *   node healthy-process.js URL PID      speaks IPC: 'begin' starts a window, 'end' answers with its figures
 *
 * Beside each wait stands how much processor time the peer's main thread took meanwhile: on a busy machine that tells
 * a peer that stalls from one that was not given the processor.
 */
import { existsSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { mainThreadMs, residentMib } from './process-facts.ts'

export type Figures = {
  readonly requests: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly worstMs: number
  /** Most processor time that the peer's main thread took during one request, ms. */
  readonly worstCpuMs: number
  readonly worstWhat: string
  readonly peakMib: number
  /** What was not answered as it should be, the first few. */
  readonly failures: readonly string[]
}

const NAMESPACE = 'healthy'
const PACE_MS = 25
const REQUEST_MS_MAX = 15_000
const FAILURES_KEPT = 5
const WAITS_MAX = 100_000
/** One request in so many opens a connection of its own, as a new client would. */
const FRESH_EVERY = 5

type Wait = { readonly ms: number; readonly cpuMs: number; readonly what: string }

const [url = '', pidText = ''] = process.argv.slice(2)
const pid = Number(pidText)
const kept = new Agent({ keepAlive: true, maxSockets: 1 })
let waits: Wait[] = []
let failures: string[] = []
let peakMib = 0
let asked = 0
/** A window that ends before anything was asked ends with the first answer. */
let isEnding = false

const ask = (
  method: string,
  path: string,
  body?: object,
  key?: string,
): Promise<{ readonly status: number; readonly text: string }> =>
  new Promise((resolve, reject) => {
    const bytes = body === undefined ? '' : JSON.stringify(body)
    const sent = request(
      `${url}/api/v1${path}`,
      {
        method,
        agent: ++asked % FRESH_EVERY === 0 ? false : kept,
        timeout: REQUEST_MS_MAX,
        headers: {
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
      },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.once('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }))
        response.once('error', reject)
      },
    )
    sent.once('timeout', () => sent.destroy(new Error(`no answer within ${REQUEST_MS_MAX} ms`)))
    sent.once('error', reject)
    sent.end(bytes)
  })

const measured = async (
  expected: number,
  method: string,
  path: string,
  body?: object,
  key?: string,
): Promise<string | null> => {
  const what = `${method} ${path.split('?', 1)[0]!.replace(/[0-9a-f-]{36}/, '{id}')}`
  const [fromMs, fromCpuMs] = [performance.now(), mainThreadMs(pid)]
  let text: string | null = null
  try {
    const answer = await ask(method, path, body, key)
    if (answer.status === expected) text = answer.text
    else failures.push(`${what}: ${answer.status} ${answer.text.slice(0, 160)}`)
  } catch (error) {
    failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (waits.length < WAITS_MAX)
    waits.push({ ms: performance.now() - fromMs, cpuMs: mainThreadMs(pid) - fromCpuMs, what })
  peakMib = Math.max(peakMib, residentMib(pid))
  if (isEnding) endWindow()
  return text
}

const work = async (): Promise<void> => {
  for (let n = 0; ; n++) {
    const written = await measured(
      201,
      'POST',
      '/memories',
      { content: `healthy note ${n} about otters`, namespace: NAMESPACE },
      `healthy ${process.pid} ${n}`,
    )
    if (written !== null) {
      const { id } = JSON.parse(written) as { readonly id: string }
      await measured(200, 'GET', `/memories/${id}`)
    }
    if (n % 4 === 1) await measured(200, 'GET', `/memories?namespace=${NAMESPACE}&limit=5`)
    if (n % 4 === 3) await measured(200, 'GET', `/recall?namespace=${NAMESPACE}&q=otters&limit=3`)
    await pause(PACE_MS)
  }
}

const figures = (): Figures => {
  const ms = waits.map((wait) => wait.ms).toSorted((a, b) => a - b)
  const at = (share: number): number => ms[Math.min(ms.length - 1, Math.floor(ms.length * share))] ?? 0
  const worst = waits.reduce<Wait>((most, wait) => (wait.ms > most.ms ? wait : most), {
    ms: 0,
    cpuMs: 0,
    what: 'nothing',
  })
  return {
    requests: waits.length,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    worstMs: worst.ms,
    worstCpuMs: waits.reduce((most, { cpuMs }) => Math.max(most, cpuMs), 0),
    worstWhat: worst.what,
    peakMib,
    failures: failures.slice(0, FAILURES_KEPT),
  }
}

const fail = (error: unknown): void => {
  // The peer is gone, which its own starter notices.
  if (!existsSync(`/proc/${pid}`)) return
  process.stderr.write(`healthy client: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exit(1)
}

const forget = (): void => {
  waits = []
  failures = []
  peakMib = 0
}
const endWindow = (): void => {
  isEnding = false
  process.send?.(figures())
  forget()
}
process.on('message', (order: 'begin' | 'end') => {
  if (order === 'begin') forget()
  else if (waits.length === 0) isEnding = true
  else endWindow()
})
process.on('disconnect', () => process.exit(0))
work().catch(fail)
