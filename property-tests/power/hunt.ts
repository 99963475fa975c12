/**
 * One hunt, in a process of its own: plays schedules of a seed until one fails, and prints which and why as a line of JSON.
 */
import { play } from '../sim/campaign.ts'

export type Found = { readonly schedules: number; readonly violation: string | null }

const [seed = '1', most = '100'] = process.argv.slice(2)
const hunt = async (): Promise<Found> => {
  for (let index = 0; index < Number(most); index++) {
    const { failures } = await play({ seed, peers: null, from: index, count: 1 })
    const violation = failures[0]?.violations[0]
    if (violation !== undefined) return { schedules: index + 1, violation }
  }
  return { schedules: Number(most), violation: null }
}
console.log(JSON.stringify(await hunt()))
process.exit(0)
