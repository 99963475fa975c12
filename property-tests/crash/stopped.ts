/**
 * Kills that really happened: a writer in a process of its own is stopped at odd moments, its folder copied, and let go on.
 *
 * What the page cache holds then is what a kill leaves. The count of acknowledged batches is what the writer had said before.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { runTypeScript } from '../../src/store/testing/typescript-process.ts'
import { createDraw } from '../fuzz/draw.ts'
import type { Kind } from './history.ts'
import { capture, type Image } from './image.ts'
import type { State } from './states.ts'

/** Facts count in one byte. */
const BATCHES_MAX = 250
const PAUSE_MS_MAX = 12

/** @param count how often the writer is stopped; fewer states where it ends before. */
export const stoppedAlive = async (kind: Kind, seed: number, count: number): Promise<readonly State[]> => {
  const dir = mkdtempSync(join(tmpdir(), 'mnemesh-crash-'))
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
  const child = runTypeScript(new URL(`./writer${extension}`, import.meta.url), [dir, kind, String(BATCHES_MAX)])
  const ended = once(child, 'exit')
  try {
    const states: State[] = []
    let acknowledged = 0
    const lines = createInterface(child.stdout)
    lines.on('line', (line) => {
      acknowledged = Number(line)
    })
    await once(lines, 'line')
    const draw = createDraw(seed, `stopped ${kind}`, 0)
    while (states.length < count && child.exitCode === null && acknowledged < BATCHES_MAX) {
      await setTimeout(draw.below(PAUSE_MS_MAX))
      const atLeast = acknowledged
      child.kill('SIGSTOP')
      const image = settled(dir)
      child.kill('SIGCONT')
      states.push({
        family: `stopped alive, ${kind}`,
        name: `state ${states.length}: ${atLeast} acknowledged`,
        expected: { kind, acknowledged: atLeast, begun: BATCHES_MAX, after: 'crash' },
        make: () => image,
      })
    }
    return states
  } finally {
    child.kill('SIGKILL')
    await ended
    rmSync(dir, { recursive: true })
  }
}

/** Two looks alike: then it has stopped. */
const settled = (dir: string): Image => {
  for (let before = capture(dir), looks = 0; ; looks++) {
    const now = capture(dir)
    if (isSame(before, now)) return now
    if (looks > LOOKS_MAX) throw new Error('the writer does not stop')
    before = now
  }
}

const LOOKS_MAX = 1_000

const isSame = (a: Image, b: Image): boolean =>
  a.size === b.size && [...a].every(([path, bytes]) => b.get(path)?.equals(bytes) === true)
