/** What a log line holds, and what no log line holds. */
import { expect, test } from 'vitest'
import { createLog, type LogFormat, type LogLevel } from './log.ts'

const logging = (format: LogFormat, level: LogLevel = 'info', secrets: readonly string[] = []) => {
  const lines: string[] = []
  return { lines, log: createLog({ format, level, secrets, write: (line) => lines.push(line) }) }
}

test('JSON: one object a line, with time, level, message and fields', () => {
  const { lines, log } = logging('json')
  log.warn({ peer: 'paris', commits_behind: 7 }, 'falls\nbehind')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^[^\n]*\n$/)
  expect(JSON.parse(lines[0]!)).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    level: 'warn',
    peer: 'paris',
    commits_behind: 7,
    message: 'falls\nbehind',
  })
})

test('text: time, level, sentence, fields, in one line', () => {
  const { lines, log } = logging('text')
  log.info({ peer: 'p', reason: 'lost: reset by peer' }, 'the link\nis down')
  expect(lines[0]).toMatch(/^\d{4}-\S+Z info {2}the link \| is down {2}peer=p reason="lost: reset by peer"\n$/)
})

test('what is below the level is not written', () => {
  const { lines, log } = logging('text', 'warn')
  log.debug({}, 'a')
  log.info({}, 'b')
  log.error({}, 'c')
  expect(lines).toHaveLength(1)
})

test.each(['text', 'json'] as const)('no secret is in a line: %s', (format) => {
  const { lines, log } = logging(format, 'debug', ['hunter2-key', 'hunter2-key-longer'])
  log.info(
    { key: 'k1-secret', headers: { authorization: 'k2-secret' }, url: 'postgres://robin:k3-secret@db/x' },
    'asked with hunter2-key-longer, Bearer k4-secret and postgres://robin:k5@secret@db',
  )
  expect(lines.join('')).not.toMatch(/secret|hunter2|longer/)
  expect(lines.join('')).toContain('db/x')
})

test('a line without end is cut, and stays one', () => {
  for (const format of ['text', 'json'] as const) {
    const { lines, log } = logging(format)
    log.error({ big: 'x'.repeat(100_000) }, 'y'.repeat(100_000))
    expect(lines[0]!.length).toBeLessThan(8_192)
    if (format === 'json') expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'error', cut: true })
  }
})
