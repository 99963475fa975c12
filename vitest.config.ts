/**
 * How the tests run: beside the code they are about, quiet where they pass. Files that start programs, or the embedded database
 * in their own thread, have a process each; the many others share a few, which spares each the loading of everything (a quarter of
 * their processor time).
 */
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const ALL = '{crdt,transports,snapshots,src,property-tests,deploy}/**/*.test.ts'
const NONE = [
  'dist/**',
  'node_modules/**',
  'property-tests/violations/**',
  ...(process.env['MNEMESH_TEST_WITHOUT']?.split(' ').filter((pattern) => pattern !== '') ?? []),
]
const SMALL = [
  '{crdt,transports,snapshots}/**/*.test.ts',
  'src/{embedding,http,live,mcp,membership,replica,service,store}/**/*.test.ts',
  'src/cli/**/!(peer-verbs).test.ts',
  'src/projection/{feed,fuse,projection,recall}.test.ts',
  'src/{causal-reads,recall-by-meaning,write-path}.test.ts',
  'property-tests/{generators,model,vectors}/**/*.test.ts',
  'property-tests/!(ci-*).test.ts',
]

/** The longest by far go first: where no times are known yet they would come last, and leave the other cores idle. */
const LONGEST = /\/property-tests\/sim\/sim-/
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return [
      ...sorted.filter(({ moduleId }) => LONGEST.test(moduleId)),
      ...sorted.filter(({ moduleId }) => !LONGEST.test(moduleId)),
    ]
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: 'small', include: SMALL, exclude: NONE, isolate: false } },
      { extends: true, test: { name: 'large', include: [ALL], exclude: [...NONE, ...SMALL] } },
    ],
    pool: 'forks',
    // As a peer's process has it; and WebAssembly that runs only for a moment is not worth optimizing.
    setupFiles: ['./src/v8.ts'],
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
