/** What the store reads back from a disk that may lie: a record is what was written under its key, or nothing. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import type { CommitHash } from '../../../crdt/ids.ts'
import { equalBytes, pack } from '../../../crdt/msgpack.ts'
import {
  arrivalEntry,
  bodyEntry,
  chainOfCommitKey,
  commitEntry,
  extend,
  factKey,
  hashEntry,
  letters,
  META_KEY,
  metaEntry,
  NOTHING,
  readArrival,
  readBody,
  readCommit,
  readHash,
  readMeta,
  readTrail,
  refOfKey,
  sealed,
  seqOfCommitKey,
  trailEntry,
  unsealed,
  type Entry,
} from '../../../src/store/records.ts'
import { run, sampleBody } from '../../../src/store/testing/samples.ts'
import { checkTable } from '../../../src/store/table.ts'
import { unpackLoose } from '../loose.ts'
import { mutateBytes } from '../mutate-bytes.ts'
import { ACCEPTED, judge, mutant, refused, type Target } from '../target.ts'

const record: Target = {
  name: 'store record',
  micros: 20,
  open: () => {
    const commits = run('a', 1, 3, 80)
    const entries: readonly Entry[] = [
      ...commits.flatMap((commit, i) => [
        commitEntry(i + 1, commit),
        arrivalEntry({ n: i + 1, ...commit }),
        hashEntry(commit.hash, commit.chain, commit.seq),
      ]),
      ...['x', 'y'].map((name) => bodyEntry(sampleBody(name, 60))),
      sealed(factKey('f'), Uint8Array.of(1, 2, 3)),
      sealed(factKey('g'), new Uint8Array()),
      trailEntry(extend(NOTHING, [])),
      trailEntry(extend(extend(NOTHING, []), [Buffer.alloc(54)])),
      metaEntry({ epoch: 'ab'.repeat(16), trailFrom: 1, folder: '1:2:3' }),
    ]
    const values = entries.map(({ value }) => new Uint8Array(value))
    return {
      make: (draw) =>
        pack([
          draw.below(entries.length),
          mutant(draw, values, (one, sample) => mutateBytes(one, sample, one.pick(values))),
        ]),
      feed: (input) => {
        const [at, value] = unpackLoose(input) as readonly [number, Uint8Array]
        const { key, value: written } = entries[at]!
        if (!isRead(key, Buffer.from(value))) return refused('damaged')
        judge(equalBytes(value, written), 'read as sound, though it is not what was written under this key')
        return ACCEPTED
      },
    }
  },
}

/** Reads as the store does, by the key's letter. */
const isRead = (key: Buffer, value: Buffer): boolean => {
  switch (key.toString('latin1', 0, 1)) {
    case letters.commit:
      return readCommit(chainOfCommitKey(key), seqOfCommitKey(key), value) !== null
    case letters.arrival:
      return readArrival(key.readUIntBE(1, 6), value) !== null
    case letters.hash:
      return readHash(key.toString('hex', 1) as CommitHash, value) !== null
    case letters.body:
      return readBody(refOfKey(key), value) !== null
    case letters.trail:
      return readTrail(key, value) !== null
    default:
      return key.equals(META_KEY) ? readMeta(value) !== null : unsealed(key, value) !== null
  }
}

const table: Target = {
  name: 'store table',
  micros: 150,
  open: async () => {
    const samples = [await makeTable(3), await makeTable(120)]
    return {
      make: (draw) => mutant(draw, samples, (one, sample) => mutateBytes(one, sample, one.pick(samples))),
      feed: (input) => {
        const given = Buffer.from(input)
        const state = checkTable(given)
        judge(equalBytes(given, input), 'the check changed the table it was given')
        if (state.is === 'unusable') return refused(state.reason)
        if (state.is === 'mended') {
          judge(state.bytes.length === input.length && state.blocks > 0, 'a mended table has another size')
          judge(checkTable(state.bytes).is === 'sound', 'a mended table is not sound')
          return refused('mended')
        }
        return ACCEPTED
      },
    }
  },
}

/** A table as LevelDB writes it, of `count` records. */
const makeTable = async (count: number): Promise<Uint8Array> => {
  const dir = mkdtempSync(join(tmpdir(), 'mnemesh-fuzz-'))
  try {
    const db = new ClassicLevel<Buffer, Buffer>(dir, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      compression: false,
    })
    for (const [i, commit] of run('t', 0, count, 100).entries()) {
      const entry = commitEntry(i, commit)
      await db.put(entry.key, entry.value)
    }
    await db.compactRange(Buffer.alloc(0), Buffer.from([0xff]))
    await db.close()
    const name = readdirSync(dir).find((file) => file.endsWith('.ldb'))!
    return new Uint8Array(readFileSync(join(dir, name)))
  } finally {
    rmSync(dir, { recursive: true })
  }
}

export const storeTargets: readonly Target[] = [record, table]
