/** What a damaged write-ahead log still mentions, named. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openLevelStore } from './level.ts'
import { arrivalsInLostLogs } from './lost.ts'
import { run, seeded } from './testing/samples.ts'
import { scratchFolders } from './testing/scratch.ts'

const newFolder = scratchFolders()
const random = seeded('lost')

test('commits of a damaged write-ahead log are named by it, the damaged one too', async () => {
  const dir = newFolder()
  const commits = run('a', 0, 20)
  const store = await openLevelStore(dir, { random })
  for (const commit of commits) await store.write({ commits: [commit] })
  await store.close()
  expect(await arrivalsInLostLogs(dir)).toEqual([])

  const victim = commits[9]!
  const [log] = readdirSync(join(dir, 'log', 'db'))
    .filter((name) => name.endsWith('.log'))
    .map((name) => join(dir, 'log', 'db', name))
  const bytes = readFileSync(log!)
  bytes[bytes.indexOf(victim.bytes)]! ^= 1
  writeFileSync(log!, bytes)

  const again = await openLevelStore(dir, { random })
  const lost = commits.filter(({ hash }) => again.find(hash) === null)
  await again.close()
  expect(lost).toContain(victim)
  const named = await arrivalsInLostLogs(dir)
  expect(named.map(({ hash }) => hash)).toEqual(expect.arrayContaining(lost.map(({ hash }) => hash)))
  expect(named.find(({ hash }) => hash === victim.hash)).toMatchObject({ n: 10, chain: victim.chain, seq: victim.seq })
})
