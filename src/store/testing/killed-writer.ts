/** A process that writes to a store until it is killed, printing the number of each batch AFTER it was acknowledged. */
import { openLevelStore } from '../level.ts'
import { run, sampleBody, seeded } from './samples.ts'

const [dir = ''] = process.argv.slice(2)
const store = await openLevelStore(dir, { random: seeded(`writer ${process.pid}`) })
const from = store.arrivals()
for (let batch = 0; ; batch++) {
  const at = from + batch * 4
  await store.write({
    commits: run('a', at, 4),
    bodies: [sampleBody(`body ${at}`)],
    facts: [['last', Buffer.from(String(at))]],
  })
  process.stdout.write(`${at}\n`)
}
