/**
 * Fuzzing of a whole process through its sockets.
 *
 *   npm run fuzz:process -- [--frames N] [--requests N] [--seed S] [--lanes N] [--first-frame N] [--first-request N] [--json FILE]
 *
 * Frames come before membership, behind a stranger's handshake and from an open member, inflated ones among them; requests as
 * bytes on TCP. Exit status 1 when the process ended, stood still for over 250 ms of its processor time, refused
 * a healthy client, or grew. The same seed makes the same inputs; in which order they meet the peer is the network's. A fault names the window's
 * numbers: the same seed with `--first-frame` and `--frames` makes a half of them again.
 */
import { writeFile } from 'node:fs/promises'
import { tool, whole } from '../../command.ts'
import { openTheatre } from '../theatre.ts'
import { fuzzProcess, type Window } from './run.ts'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const main = async (): Promise<number> => {
  const { frames, requests, seed, lanes, firstFrame, firstRequest, json } = tool(
    'fuzz:process',
    'Sends made-up and damaged frames and requests to a real peer.',
  )
    .option('--frames <n>', 'frames of the mesh', whole(0), 20_000)
    .option('--requests <n>', 'HTTP requests', whole(0), 5_000)
    .option('--seed <n>', 'the same seed makes the same inputs', whole(0), Date.now() % 2 ** 31)
    .option('--lanes <n>', 'links at one time, each a member of its own', whole(1), 8)
    .option('--first-frame <n>', 'begin at this frame of the seed', whole(0), 0)
    .option('--first-request <n>', 'begin at this request of the seed', whole(0), 0)
    .option('--json <file>', 'the result as JSON')
    .parse()
    .opts<{
      frames: number
      requests: number
      seed: number
      lanes: number
      firstFrame: number
      firstRequest: number
      json?: string
    }>()
  say(`fuzz:process: ${frames} frames and ${requests} requests, seed ${seed}`)
  const theatre = await openTheatre(1)
  const progress = ({ seconds, ...done }: Window): string => {
    const share = (done.frames + done.requests) / Math.max(1, frames + requests)
    return `${(100 * share).toFixed(0).padStart(3)} % ${seconds.toFixed(0)} s, ${(done.frames / seconds).toFixed(0)} frames/s, ${(seconds / Math.max(share, 1e-6) - seconds).toFixed(0)} s left;`
  }
  try {
    const result = await fuzzProcess(theatre, {
      frames,
      requests,
      seed,
      lanes,
      firstFrame,
      firstRequest,
      onWindow: (window) =>
        say(
          `${progress(window)} ${window.frames} frames, ${window.requests} requests; worst wait ${window.worstMs.toFixed(0)} ms, ${window.worstCpuMs} ms of it the peer's processor time; ${window.mib.toFixed(0)} MiB`,
        ),
    })
    for (const [what, { sent, outcomes }] of Object.entries({ frames: result.frames, requests: result.requests })) {
      say(
        `${sent} ${what}: ${Object.entries(outcomes)
          .toSorted(([, a], [, b]) => b - a)
          .map(([name, times]) => `${name} ${times}`)
          .join(', ')}`,
      )
    }
    if (json !== undefined) await writeFile(json, `${JSON.stringify({ seed, ...result }, null, 1)}\n`)
    for (const fault of result.faults) say(`FAULT: ${fault}`)
    say(result.faults.length === 0 ? 'no exit, no stall, memory flat' : `${result.faults.length} faults`)
    return result.faults.length === 0 ? 0 : 1
  } finally {
    await theatre.dispose()
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`fuzz:process: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
}
