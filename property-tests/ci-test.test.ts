/**
 * `npm test` counts right: the real .ci/test.js over stand-in tools, and the real reporter under the real vitest over
 * files that pass, fail, skip, do not load, and fail outside any test.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

let checkout = ''
beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'mnemesh-npm-test-'))
  cpSync(join(root, '.ci'), join(checkout, '.ci'), { recursive: true })
  write('package.json', '{"type":"module"}')
})
afterEach(() => rmSync(checkout, { recursive: true, force: true }))

function write(file: string, text: string): void {
  mkdirSync(dirname(join(checkout, file)), { recursive: true })
  writeFileSync(join(checkout, file), text)
}

function node(...args: readonly string[]): { readonly status: number | null; readonly lines: readonly string[] } {
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: checkout, encoding: 'utf8', timeout: 18_000 })
  return { status, lines: stdout.trimEnd().split('\n') }
}

describe('npm test', () => {
  const TOOLS = [
    'node_modules/typescript-7/bin/tsc',
    'node_modules/prettier/bin/prettier.cjs',
    'node_modules/oxlint/bin/oxlint',
    'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
    'node_modules/knip/bin/knip.js',
    'dist/src/projection/make-template.js',
  ]
  const tools = (exit: number) => {
    for (const tool of TOOLS) write(tool, `process.exitCode = ${exit}\n`)
  }
  /** A stand-in for vitest that leaves `figures`, or nothing, and ends with `exit`. */
  const vitest = (figures: object | null, exit: number) =>
    write(
      'node_modules/vitest/vitest.mjs',
      `import { writeFileSync } from 'node:fs'
const file = process.argv.find((arg) => arg.startsWith('--outputFile=')).slice(13)
console.log('asked for', process.argv.slice(6).join(' '))
if (${figures !== null}) writeFileSync(file, ${JSON.stringify(JSON.stringify(figures))})
process.exitCode = ${exit}\n`,
    )

  it('adds the checks to the tests', () => {
    tools(0)
    vitest({ passed: 40, failed: 0, skipped: [{ name: 'a.test.ts: fills a disk', why: 'no tmpfs' }] }, 0)
    const { status, lines } = node('.ci/test.js')
    expect(lines.at(-1)).toBe('47 passed, 0 failed')
    expect(lines).toContain('skipped  a.test.ts: fills a disk: no tmpfs')
    expect(status).toBe(0)
  })

  it('goes on after a failed step, and fails', () => {
    tools(0)
    write('node_modules/oxlint/bin/oxlint', 'process.exitCode = 1\n')
    vitest({ passed: 40, failed: 2, skipped: [] }, 1)
    const { status, lines } = node('.ci/test.js')
    expect(lines.at(-1)).toBe('46 passed, 3 failed')
    expect(lines).toContain('failed   lint: exit status 1')
    expect(status).toBe(1)
  })

  it.each([
    { what: 'that leaves no figures', figures: null, exit: 0 },
    { what: 'in which nothing ran', figures: { passed: 0, failed: 0, skipped: [] }, exit: 0 },
    { what: 'that ends badly with no failed test', figures: { passed: 9, failed: 0, skipped: [] }, exit: 1 },
  ])('fails on a test run $what', ({ figures, exit }) => {
    tools(0)
    vitest(figures, exit)
    const { status, lines } = node('.ci/test.js')
    expect(lines.at(-1)).toMatch(/^\d+ passed, 1 failed$/)
    expect(status).toBe(1)
  })

  it('fails when a tool is not there', () => {
    vitest({ passed: 1, failed: 0, skipped: [] }, 0)
    const { status, lines } = node('.ci/test.js')
    expect(lines.at(-1)).toBe('1 passed, 7 failed')
    expect(status).toBe(1)
  })

  it('hands a filter to vitest, and says what it left out', () => {
    tools(0)
    vitest({ passed: 3, failed: 0, skipped: [] }, 0)
    const { lines } = node('.ci/test.js', 'crdt/merkle')
    expect(lines).toContain('asked for crdt/merkle')
    expect(lines.filter((line) => line.startsWith('skipped')).length).toBe(5)
    expect(lines.at(-1)).toBe('5 passed, 0 failed')
  })
})

describe('the count reporter', () => {
  const IMPORT = "import { beforeAll, describe, expect, it } from 'vitest'\n"
  const figuresOf = (files: Readonly<Record<string, string>>): unknown => {
    symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'), 'dir')
    for (const [name, text] of Object.entries(files)) write(name, IMPORT + text)
    node(
      'node_modules/vitest/vitest.mjs',
      'run',
      '--root',
      checkout,
      '--configLoader=runner',
      '--reporter=./.ci/count-reporter.js',
      '--outputFile=figures.json',
    )
    return JSON.parse(readFileSync(join(checkout, 'figures.json'), 'utf8'))
  }

  it('counts each test once, and keeps why one was skipped', () => {
    const figures = figuresOf({
      'a.test.js':
        "describe('d', () => { it('passes', () => {}); it('fails', () => expect(1).toBe(2)); it('skips', (t) => t.skip('no tmpfs')) })",
      'b.test.js': "it('passes', () => {}); it.skip('is off', () => {})",
    })
    expect(figures).toEqual({
      passed: 2,
      failed: 1,
      skipped: [
        { name: 'a.test.js: d > skips', why: 'no tmpfs' },
        { name: 'b.test.js: is off', why: '' },
      ],
    })
  })

  it('counts what fails outside any test', () => {
    const figures = figuresOf({
      'hook.test.js':
        "describe('d', () => { beforeAll(() => { throw new Error('no database') }); it('never runs', () => {}) })",
      'load.test.js': "throw new Error('does not load')",
      'loose.test.js': "it('passes', () => { Promise.reject(new Error('nobody awaits this')) })",
    })
    expect(figures).toMatchObject({ passed: 1, failed: 3 })
  })
})
