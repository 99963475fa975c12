/**
 * What `npm test` runs, in this order: cheap checks first, then the build that integration tests start from, then tests.
 *
 * `limit_ms` ends a step that hangs; it is a multiple of what the step takes on two busy cores, so slowness never meets it.
 * `always` marks what also runs when the tests are filtered.
 */
import { existsSync } from 'node:fs'

const SECOND = 1_000

/** @typedef {{ title: string, script: string, args: string[], limit_ms: number, always: boolean }} Step */

/** Folders of the layer table in ARCHITECTURE.md, those that hold something already. */
const LAYERS = ['crdt', 'transports', 'snapshots', 'src', 'property-tests', 'deploy'].filter((name) =>
  existsSync(new URL(`../${name}`, import.meta.url)),
)

/** The compiler in native code, a tenth of the time. Version 5 stays beside it for the tools that call the compiler as a library. */
const COMPILER = 'node_modules/typescript-7/bin/tsc'

/** @type {readonly Step[]} `script` is run by this Node, from the checkout's root. */
export const checks = [
  { title: 'types', script: COMPILER, args: ['-p', 'tsconfig.json'], limit_ms: 120 * SECOND, always: false },
  {
    title: 'format (npm run format mends it)',
    script: 'node_modules/prettier/bin/prettier.cjs',
    args: ['--log-level', 'warn', '--check', '.'],
    limit_ms: 120 * SECOND,
    always: false,
  },
  {
    title: 'lint',
    script: 'node_modules/oxlint/bin/oxlint',
    args: ['--deny-warnings'],
    limit_ms: 120 * SECOND,
    always: false,
  },
  {
    title: 'import rules',
    script: 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
    args: ['--config', '.dependency-cruiser.js', ...LAYERS],
    limit_ms: 120 * SECOND,
    always: false,
  },
  {
    title: 'unused code',
    script: 'node_modules/knip/bin/knip.js',
    args: ['--no-progress'],
    limit_ms: 120 * SECOND,
    always: false,
  },
  { title: 'build', script: COMPILER, args: ['-p', 'tsconfig.build.json'], limit_ms: 120 * SECOND, always: true },
  // What is left of `npm run build`. Without it each test would make its embedded database from nothing, at 2 to 5 s of processor.
  {
    title: 'embedded database',
    script: 'dist/src/projection/make-template.js',
    args: [],
    limit_ms: 120 * SECOND,
    always: true,
  },
]

/** @param {string} report where the reporter leaves its figures @param {readonly string[]} filter vitest arguments @returns {Step} */
export const tests = (report, filter) => ({
  title: 'tests',
  script: 'node_modules/vitest/vitest.mjs',
  args: ['run', '--reporter=default', '--reporter=./.ci/count-reporter.js', `--outputFile=${report}`, ...filter],
  limit_ms: 1_800 * SECOND,
  always: true,
})
