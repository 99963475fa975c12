/**
 * One test file with the bug that `MNEMESH_PLANT` names in the modules that it tests (`main.ts` starts it).
 */
import { defineConfig } from 'vitest/config'
import { bugNamed, planted, rootPath } from './swap.ts'

const root = rootPath()
const sources = new Map(
  [...planted(bugNamed(process.env['MNEMESH_PLANT']))].map(([module, source]) => [`${root}${module}`, source]),
)

export default defineConfig({
  root,
  plugins: [{ name: 'plant', enforce: 'pre', load: (id) => sources.get(id.split('?')[0]!) }],
  test: {
    include: ['{crdt,transports,snapshots,src,property-tests}/**/*.test.ts'],
    exclude: ['property-tests/violations/**'],
    pool: 'forks',
    testTimeout: 20_000,
  },
})
