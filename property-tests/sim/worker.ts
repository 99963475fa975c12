/**
 * One of the threads of `npm run sim -- --jobs N`: plays its share and posts what came of each schedule.
 */
import { parentPort } from 'node:worker_threads'
import { play, type Campaign } from './campaign.ts'

const port = parentPort
if (port === null) throw new Error('this file is a thread of `npm run sim`: run that')
/** Each share is answered by one tally a schedule, then by 'done'. The thread is kept: code that has run is fast code. */
port.on('message', (campaign: Campaign) => {
  const answer = async (): Promise<void> => {
    await play(campaign, (tally) => port.postMessage(tally))
    port.postMessage('done')
  }
  void answer()
})
