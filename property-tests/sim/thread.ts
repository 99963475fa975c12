/** A thread that plays shares of a campaign. It runs the compiled world: rewritten by a test runner the same code takes half as long again. */
import { Worker } from 'node:worker_threads'
import type { Campaign, Tally } from './campaign.ts'

export type Thread = {
  /** @param told after each schedule. */
  play(campaign: Campaign, told: (tally: Tally) => void): Promise<void>
  end(): Promise<void>
}

export const startThread = (): Thread => {
  const worker = new Worker(
    new URL(
      import.meta.url.endsWith('.ts') ? '../../dist/property-tests/sim/worker.js' : './worker.js',
      import.meta.url,
    ),
  )
  return {
    play: (campaign, told) =>
      new Promise((resolve, reject) => {
        const hear = (message: Tally | 'done'): void => {
          if (message !== 'done') return told(message)
          worker.off('message', hear)
          worker.off('error', reject)
          resolve()
        }
        worker.on('message', hear)
        worker.once('error', reject)
        worker.postMessage(campaign)
      }),
    end: async () => {
      await worker.terminate()
    },
  }
}
