/** The log's folder is measured, not its settings: whatever is written, it stays within its bound, and the last lines are there. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { rotatingFile } from './rotating.ts'

const dirs: string[] = []
const folder = (): string => {
  const dir = mkdtempSync(join(tmpdir(), 'mnemesh-log-'))
  dirs.push(dir)
  return dir
}
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true })
})
const bytesIn = (dir: string): number => readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0)

it('keeps the folder within files × bytes, with the newest lines in the file itself', () => {
  const dir = folder()
  const write = rotatingFile(join(dir, 'peer.log'), { bytes: 1_000, files: 3 })
  for (let line = 0; line < 1_000; line++) {
    write(`line ${line} ${'x'.repeat(line % 90)}\n`)
    expect(bytesIn(dir)).toBeLessThanOrEqual(3_000)
  }
  expect(readdirSync(dir).sort()).toEqual(['peer.log', 'peer.log.1', 'peer.log.2'])
  expect(readFileSync(join(dir, 'peer.log'), 'utf8')).toContain('line 999 ')
  expect(statSync(join(dir, 'peer.log')).mode & 0o077).toBe(0)
})

it('goes on where an earlier process ended, within the same bound', () => {
  const dir = folder()
  for (let start = 0; start < 20; start++)
    rotatingFile(join(dir, 'peer.log'), { bytes: 500, files: 2 })(`${'y'.repeat(300)} ${start}\n`)
  expect(bytesIn(dir)).toBeLessThanOrEqual(1_000)
  expect(readFileSync(join(dir, 'peer.log'), 'utf8')).toContain(' 19\n')
})

it('loses lines, and nothing else, while the disk takes none', () => {
  const dir = folder()
  const away = join(dir, 'gone')
  const write = rotatingFile(join(away, 'peer.log'))
  expect(() => write('nobody sees this\n')).not.toThrow()
})
