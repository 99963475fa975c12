#!/usr/bin/env node
/**
 * `npm test`: every check and every test, as one command with one answer.
 *
 *   npm test                      every check, and every test that does not take long by itself
 *   npm test -- --all             those too (.ci/long.js)
 *   npm test -- crdt/merkle       only the tests whose path matches (any vitest argument will do), after a build
 *
 * A step that fails does not stop those after it. Each check and each test counts as one; the last line is
 * `N passed, N failed`, and the exit status is 1 when anything failed.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LONG, WITHOUT } from './long.js'
import { INTERRUPTED, runNode } from './run-step.js'
import { checks, tests } from './steps.js'

/** What is promised on two cores; past it the run says so. */
const PROMISED_MS = 480_000

const root = fileURLToPath(new URL('..', import.meta.url))
const isAll = process.argv.includes('--all')
const filter = process.argv.slice(2).filter((arg) => arg !== '--all')
/** Whoever names tests gets them, however long they take. */
const isQuick = filter.length === 0 && !isAll
const folder = mkdtempSync(join(tmpdir(), 'mnemesh-test-'))
const report = join(folder, 'figures.json')
const started = performance.now()

let passed = 0
let failed = 0
let interrupted = false
/** @type {string[]} */
const failures = []
/** @type {string[]} */
const skipped = []

/** @param {import('./steps.js').Step} step */
const run = async ({ title, script, args, limit_ms }) => {
  console.log(`\n── ${title} ${'─'.repeat(Math.max(0, 96 - title.length))}`)
  const from = performance.now()
  const { ok, why } = await runNode([join(root, script), ...args], {
    cwd: root,
    env: isQuick ? { MNEMESH_SIM_SCHEDULES: '250', ...process.env, [WITHOUT]: LONG.join(' ') } : process.env,
    limit_ms,
  })
  console.log(`${ok ? 'ok' : `FAILED (${why})`}, ${seconds(from)}`)
  if (!ok) failures.push(`${title}: ${why}`)
  interrupted ||= why === INTERRUPTED
  return ok
}

/** @param {number} from */
const seconds = (from) => `${((performance.now() - from) / 1_000).toFixed(1)} s`

/** @returns {import('./count-reporter.js').Figures} all zero when the run ended before its figures were written */
const figures = () => {
  try {
    return JSON.parse(readFileSync(report, 'utf8'))
  } catch (error) {
    console.log(`no figures of the test run: ${error instanceof Error ? error.message : String(error)}`)
    return { passed: 0, failed: 0, skipped: [] }
  }
}

for (const step of checks) {
  if (interrupted) skipped.push(`${step.title}: ${INTERRUPTED}`)
  else if (filter.length > 0 && !step.always)
    skipped.push(`${step.title}: the run is filtered (${filter.join(' ')}); npm test runs it`)
  else if (await run(step)) passed++
  else failed++
}

if (interrupted) skipped.push(`tests: ${INTERRUPTED}`)
else {
  const ok = await run(tests(report, filter))
  const counted = figures()
  passed += counted.passed
  // A run in which nothing ran proves nothing; one that ended badly failed, whatever it counted.
  const empty = counted.passed + counted.failed === 0
  if (empty && ok) failures.push('tests: no test ran')
  failed += ok && !empty ? counted.failed : Math.max(1, counted.failed)
  for (const { name, why } of counted.skipped)
    skipped.push(`${name}: ${why === '' ? 'its title says when it runs' : why}`)
}
rmSync(folder, { recursive: true, force: true })

if (isQuick) skipped.push(`long tests (${LONG.join(' ')}): npm test -- --all plays them`)

console.log(`\n── result ${'─'.repeat(90)}`)
for (const line of failures) console.log(`failed   ${line}`)
for (const line of skipped) console.log(`skipped  ${line}`)
console.log(`took     ${seconds(started)}`)
if (isQuick && performance.now() - started > PROMISED_MS)
  console.log(`slow     npm test is promised to take ${PROMISED_MS / 60_000} minutes on two cores`)
console.log(`\n${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
