/**
 * Tests that take long, up to a minute each: whole meshes that are broken and mended, embedded databases on damaged disks, all states that a
 * crash can leave. `npm test` leaves them out and says so; `npm test -- --all` and `.ci/run` play them.
 */
export const LONG = [
  'deploy/local/{backup,clocks,conformance,control-fork,cuts,damage,joins,joins-with-memories,kinds,mcp,mcp-full,mcp-graph,membership,mirror,old-copy,operator,partition,proof,recovery,setup,user-peer}.test.ts',
  'deploy/growth/growth.test.ts',
  'deploy/release/{install,package}.test.ts',
  'property-tests/attacks/refused.test.ts',
  'property-tests/crash/{folder,log}-states.test.ts',
  'property-tests/{cuts,digests-at-size}.test.ts',
  'property-tests/fuzz/fuzz-other-half.test.ts',
  'property-tests/sim/{pglite,sim-other-half}.test.ts',
  'src/{erased-on-every-peer,filling-killed,migrate,projection-outages}.test.ts',
  'src/projection/{age,embedded-files,engine,engines-agree,full-disk,vectors}.test.ts',
  'src/node/{backup,backup-bucket,join-folder}.test.ts',
  'src/service/pages.test.ts',
  'src/store/{damage,opening}.test.ts',
]

/** Where vitest.config.ts is told what to leave out: patterns, with a space between them. */
export const WITHOUT = 'MNEMESH_TEST_WITHOUT'
