/**
 * What was lost, by name: LevelDB drops a damaged write-ahead log's record with the rest of its block, and the opening keeps
 * such logs under `lost/` (folder.ts). The arrival entries in them carry their own checksums, so they can be found among the
 * rest without LevelDB's framing; one that straddles two blocks, or is the damaged place itself, is not found.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Arrival } from '../ports/store.ts'
import { ARRIVAL_KEY_BYTES, letters, readArrival } from './records.ts'

/** How LevelDB writes a put: its tag, then key and value, each behind its length. */
const PUT = 1
const START = Buffer.from([PUT, ARRIVAL_KEY_BYTES, letters.arrival.charCodeAt(0)])

/** Arrivals that the lost logs of the data folder `dir` name, in their order, each once; whether they have come again is for the caller to see. */
export const arrivalsInLostLogs = async (dir: string): Promise<readonly Arrival[]> => {
  const byHash = new Map<string, Arrival>()
  for (const path of await lostLogs(join(dir, 'log', 'lost'))) {
    for (const arrival of arrivalsIn(await readFile(path))) byHash.set(arrival.hash, arrival)
  }
  return [...byHash.values()].toSorted((a, b) => a.n - b.n)
}

const arrivalsIn = function* (bytes: Buffer): Generator<Arrival> {
  for (let at = bytes.indexOf(START); at >= 0; at = bytes.indexOf(START, at + 1)) {
    const value = at + 2 + ARRIVAL_KEY_BYTES
    if (value >= bytes.length) return
    const n = bytes.readUIntBE(at + START.length, ARRIVAL_KEY_BYTES - 1)
    // An arrival's value is short: its length is one byte.
    const arrival = readArrival(n, bytes.subarray(value + 1, value + 1 + (bytes[value] ?? 0)))
    if (arrival !== null) yield arrival
  }
}

const lostLogs = async (root: string): Promise<readonly string[]> => {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    },
  )
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.log'))
    .map((entry) => join(entry.parentPath, entry.name))
}
