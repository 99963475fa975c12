/** The healthy client's other end: starts its process and asks for the figures of a window. */
import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Figures } from './healthy-process.ts'

export type Healthy = {
  /** From here on waits are counted. */
  begin(): void
  /** Ends the window. */
  end(): Promise<Figures>
  stop(): Promise<void>
}

/** Its compiled form, as seen from this file's source and from its compiled form. */
const SCRIPT = ['./healthy-process.js', '../../dist/property-tests/attacks/healthy-process.js']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find(existsSync)
const ANSWER_MS_MAX = 30_000

/** @param pid of the peer at `url`. */
export const startHealthy = (url: string, pid: number): Healthy => {
  if (SCRIPT === undefined)
    throw new Error('dist/property-tests/attacks/healthy-process.js is missing: run `npm run build` first')
  const child = fork(SCRIPT, [url, String(pid)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return {
    begin: () => void child.send('begin'),
    end: () =>
      new Promise<Figures>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('the healthy client does not answer')), ANSWER_MS_MAX)
        child.once('message', (figures) => {
          clearTimeout(timer)
          resolve(figures as Figures)
        })
        child.send('end', (error) => {
          if (error !== null) reject(error)
        })
      }),
    stop: async () => {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}
