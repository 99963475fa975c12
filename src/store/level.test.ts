/** The store on disk: the port's contract, and what only a folder can show (locks, copies, kills). */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { commitStoreContract } from './contract.ts'
import type { TestDisk } from './contract.ts'
import { openLevelStore } from './level.ts'
import { bodyKey, commitKey, factKey } from './records.ts'
import { seeded } from './testing/samples.ts'

const random = seeded('level')

commitStoreContract('level', async (): Promise<TestDisk> => {
  const dir = await mkdtemp(join(tmpdir(), 'mnemesh-store-'))
  return {
    open: () => openLevelStore(dir, { random }),
    async damage(record) {
      const db = new ClassicLevel<Buffer, Buffer>(join(dir, 'log', 'db'), {
        keyEncoding: 'buffer',
        valueEncoding: 'buffer',
      })
      await db.open()
      const key =
        record.kind === 'commit'
          ? commitKey(record.chain, record.seq)
          : record.kind === 'body'
            ? bodyKey(record.ref)
            : factKey(record.name)
      const value = await db.get(key)
      if (value === undefined) throw new Error('there is no such record to damage')
      value[value.length >> 1]! ^= 1
      await db.put(key, value)
      await db.close()
    },
    discard: () => rm(dir, { recursive: true }),
  }
})
