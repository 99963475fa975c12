/**
 * Where the worker's code is. Node 20 runs no TypeScript in a worker: when these files run from source (tests do), the compiled
 * worker in `dist` serves, so `npm run build` comes first.
 */
import { existsSync } from 'node:fs'
import { ProjectionFailure } from '../ports/projection.ts'

export const workerUrl = (): URL => {
  if (!import.meta.url.endsWith('.ts')) return new URL('./worker.js', import.meta.url)
  const built = new URL('../../dist/src/projection/worker.js', import.meta.url)
  if (!existsSync(built))
    throw new ProjectionFailure('projection: the worker is not compiled; run `npm run build` first')
  return built
}
