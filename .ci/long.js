/**
 * Tests that take a minute or so each: whole meshes that are broken and mended, embedded databases on damaged disks, all states that a
 * crash can leave. `npm test` leaves them out and says so; `npm test -- --all` and `.ci/run` play them.
 */
export const LONG = [
  'deploy/local/{clocks,cuts,damage,joins,kinds,mcp-graph,old-copy,operator,proof,recovery,user-peer}.test.ts',
  'property-tests/attacks/refused.test.ts',
  'property-tests/crash/{folder,log}-states.test.ts',
  'property-tests/sim/sim-other-half.test.ts',
  'src/projection-outages.test.ts',
  'src/projection/{embedded-files,engine,engines-agree}.test.ts',
]

/** Where vitest.config.ts is told what to leave out: patterns, with a space between them. */
export const WITHOUT = 'MNEMESH_TEST_WITHOUT'
