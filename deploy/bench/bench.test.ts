/** The bench's own instruments: what they count is what happened. */
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Contender, Running } from './contender.ts'
import { openConnection } from './http.ts'
import { measure, values } from './load.ts'
import { processorSeconds } from './processor.ts'
import { chart, reportOf, table } from './report.ts'
import { playRounds, type Cell } from './rounds.ts'

const CELLS: readonly [Cell, Cell] = [
  { name: '2 clients', clients: 2, bulk: 1 },
  { name: 'bulk', clients: 1, bulk: 3 },
]

/** Answers each write after a while; every `failing`-th is refused. */
const store = (name: string, order: string[], failing = 0): Contender => ({
  name,
  promises: 'nothing',
  missing: () => null,
  start: async () => {
    let writes = 0
    return {
      connect: async () => ({
        write: async () => {
          order.push(name)
          await pause(2)
          if (failing > 0 && ++writes % failing === 0) throw new Error('refused')
        },
        close: () => undefined,
      }),
      pids: () => [],
      settled: () => pause(1),
      longestTurn: () => 7,
      stop: async () => void order.push(`${name} stopped`),
    }
  },
})
const absent: Contender = {
  name: 'absent',
  promises: '',
  missing: () => 'not on PATH',
  start: () => Promise.reject(new Error('never asked')),
}

describe('the bench', () => {
  it('gives all their turns, tells what failed and what is missing, and stops all', async () => {
    const order: string[] = []
    const said: string[] = []
    const result = await playRounds([store('one', order), absent, store('two', order, 5)], CELLS, {
      rounds: 2,
      ms: 60,
      warmMs: 10,
      say: (line) => said.push(line),
    })
    const report = reportOf(result, { rounds: 2, seconds: 0.06, promises: {} })
    expect(result.missing).toEqual(['absent: not on PATH'])
    expect(report.rows.map(({ contender, cell, failed }) => [contender, cell, failed > 0])).toEqual([
      ['one', '2 clients', false],
      ['one', 'bulk', false],
      ['two', '2 clients', true],
      ['two', 'bulk', true],
    ])
    const [singles, bulk] = report.rows
    expect(bulk!.writesPerSecond).toBeGreaterThan(singles!.writesPerSecond)
    expect(singles!.p50Ms).toBeGreaterThan(1)
    // The second round begins with the other one.
    expect(
      said.filter((line) => line.startsWith('round')).map((line) => /: (\w+), ([^:]+):/.exec(line)!.slice(1).join(' ')),
    ).toEqual([
      'one 2 clients',
      'two 2 clients',
      'one bulk',
      'two bulk',
      'two 2 clients',
      'one 2 clients',
      'two bulk',
      'one bulk',
    ])
    expect(order.slice(-2).toSorted()).toEqual(['one stopped', 'two stopped'])
    expect(table(report)).toContain('| two |')
    expect(table(report)).toContain('skipped: absent: not on PATH')
    expect(chart(report)).toContain('2 clients</text>')
  })

  it('ends a client that is never answered, and says so', async () => {
    const end: (() => void)[] = []
    const silent: Running = {
      connect: async () => ({
        write: () => new Promise((_, reject) => end.push(() => reject(new Error('closed')))),
        close: () => void end.map((call) => call()),
      }),
      pids: () => [],
      settled: async () => undefined,
      longestTurn: () => null,
      stop: async () => undefined,
    }
    const seen = await measure(silent, 2, 1, 20, values(1), 50)
    expect([seen.writes, seen.failed, seen.firstFailure]).toEqual([0, 2, 'closed'])
  })

  it('draws the same values for the same seed, of 500 bytes each', () => {
    const draw = (seed: number): readonly string[] => Array.from({ length: 3 }, values(seed))
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
    expect(new Set(draw(1).map(({ length }) => length))).toEqual(new Set([500]))
  })

  it('counts the processor time of a process and of what it started', async () => {
    const busy = 'const end = Date.now() + 400; while (Date.now() < end);'
    const child = spawn(process.execPath, [
      '-e',
      `require('node:child_process').spawnSync(process.execPath, ['-e', '${busy}']); setTimeout(() => undefined, 60000)`,
    ])
    const idle = spawn(process.execPath, ['-e', 'setTimeout(() => undefined, 60000)'])
    try {
      const until = performance.now() + 20_000
      while (processorSeconds([child.pid!]) - processorSeconds([idle.pid!]) < 0.2 && performance.now() < until)
        await pause(50)
      expect(processorSeconds([child.pid!]) - processorSeconds([idle.pid!])).toBeGreaterThanOrEqual(0.2)
    } finally {
      child.kill('SIGKILL')
      idle.kill('SIGKILL')
    }
  })

  it('reads answers that come in pieces, one request after the other on one connection', async () => {
    const server = createServer((request, response) => {
      request.resume()
      response.writeHead(201, { 'content-length': 6 })
      response.write('abc')
      setTimeout(() => response.end('def'), 10)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const connection = await openConnection('127.0.0.1', (server.address() as AddressInfo).port)
    try {
      expect(await connection.post('/', '{}')).toEqual({ status: 201, body: 'abcdef' })
      expect(await connection.post('/', '{}')).toEqual({ status: 201, body: 'abcdef' })
      const cut = connection.post('/', '{}')
      server.closeAllConnections()
      await expect(cut).rejects.toThrow(/closed|ECONNRESET/)
    } finally {
      connection.close()
      server.close()
    }
  })
})
