/** A process that writes a history until it is stopped for good, printing the count of batches AFTER each was acknowledged. */
import { openLevelStore } from '../../src/store/level.ts'
import { seeded } from '../../src/store/testing/samples.ts'
import { batchOf, type Kind } from './history.ts'

const [dir = '', kind = '', batches = ''] = process.argv.slice(2)
const store = await openLevelStore(dir, { random: seeded(`writer ${process.pid}`) })
for (let n = 0; n < Number(batches); n++) {
  await store.write(batchOf(kind as Kind, n))
  process.stdout.write(`${n + 1}\n`)
}
