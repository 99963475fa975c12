/**
 * Forty questions of the kind that coding agents ask of a project's history, written by hand by somebody who had read the history, so some share words with it, each
 * with the commits that answer it (the first digits of their ids in `git-history.jsonl`). One of them among the first five is a hit.
 */
export type GitQuestion = { readonly kind: string; readonly text: string; readonly answers: readonly string[] }

const ask = (kind: string, text: string, ...answers: readonly string[]): GitQuestion => ({ kind, text, answers })

export const GIT_QUESTIONS: readonly GitQuestion[] = [
  ask('error', 'why did we get a 500 for timestamps in year 0?', '7b06930'),
  ask('error', 'process ends at every start while LevelDB replays its log', '1dd6f49'),
  ask('error', 'new peer refuses everybody after its control commits were damaged', '11fe117'),
  ask('error', 'a write was acknowledged but all the other members rejected it', '5cf69ad', 'ad0b549'),
  ask('error', 'reconnecting hangs for an hour when the system clock is set back', '767e548'),
  ask('error', 'EADDRINUSE: what does it say when it cannot listen on an address', 'be175fb'),
  ask('error', 'integer loses digits in a JSON request', 'ccda879'),
  ask('path', 'crdt/hlc.ts', '304e71b', '590a76e'),
  ask('path', 'what changed in src/cli/import/git.ts', 'df8b96b', '1f4c91d'),
  ask('path', 'transports/PROTOCOL.md', '4d1e9a9', 'b7858b8'),
  ask('path', 'reoffer.ts', 'ff52c93'),
  ask('path', 'pglite.ts worker', '636f7e8', '99435d1'),
  ask('path', 'property-tests/power/plant.ts', 'da8ef0f'),
  ask('path', 'store/mark', 'dc9f33f', '9d9a2ed'),
  ask('decision', 'how precisely do we keep confidence values, and why?', 'fac7ac6', 'be3f11d'),
  ask('decision', 'why are vectors for search not compressed in the database', 'a5e9b3c'),
  ask('decision', 'does our msgpack allow floats?', '8411ebd'),
  ask('decision', 'what do we do when somebody copies a data folder and runs both', '0bd350a'),
  ask('decision', 'where are links of a memory read from', '34c12a4'),
  ask('decision', 'which Postgres extensions come with the embedded db', '900bbc4'),
  ask('decision', 'how do we find bugs in our own test harness', 'da8ef0f', 'b760ec0'),
  ask('name', 'automerge-repo clients', '61f0ad9'),
  ask('name', 'Merkle verifier tests', '590a76e', '304e71b'),
  ask('name', 'causal token format', '938ad5e'),
  ask('name', 'knip oxlint dependency-cruiser setup', '10a5fd2', 'c8fe2d1', 'dd7c19c', '933fdd9'),
  ask('name', 'MessagePack', '8411ebd', 'b52c80d', '304e71b'),
  ask('typo', 'handshke against recorded frames', '013bf19'),
  ask('typo', 'projecton worker repalceable', '636f7e8'),
  ask('typo', 'incarnatoin after a failed flush', '13fdb8c', 'ad0b549'),
  ask('typo', 'quarrum and frontiers verdicts', 'b282253'),
  ask('typo', 'snaphot? no: idempotent import counts what peer creatd', 'e1ca838'),
  ask('negation', 'a chain that must never be continued', 'b368bb7', '13fdb8c'),
  ask('negation', 'nothing is lost when the disk is full', '3998abb'),
  ask('negation', 'peer without membership may not write', '5cf69ad'),
  ask('negation', 'times of day that do not exist', 'aafdb0e'),
  ask('language', 'Wie viele fuzz inputs laufen in der Testsuite?', 'b760ec0', '8697798', 'cf75a70'),
  ask('language', '¿Qué pasa con las tablas de LevelDB dañadas?', '3d68c62', '1dd6f49'),
  ask('language', 'comment les clients automerge suivent un namespace et ses documents', '61f0ad9'),
  ask('speed', 'how many µs does checking a put take', 'd24a2f8'),
  ask('speed', 'startup ten ms slower', '35d278f'),
]
