/**
 * How the tests run: beside the code they are about, each file in a process of its own (native modules and real sockets
 * do not share one well), quiet where they pass.
 */
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{crdt,transports,snapshots,src,property-tests,deploy}/**/*.test.ts'],
    exclude: ['dist/**', 'node_modules/**', 'property-tests/violations/**'],
    pool: 'forks',
    // One a core: the default leaves a core idle, which on two cores doubles the time.
    maxWorkers: Math.max(2, availableParallelism()),
    // Longer than any single test should need on a loaded machine: a hang, not a slow disk, meets it.
    testTimeout: 20_000,
    // Hooks start databases and real processes.
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    silent: 'passed-only',
    allowOnly: false,
  },
})
