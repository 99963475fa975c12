/**
 * Known bugs, planted one at a time in the built modules to see whether the simulated world finds them. Each is the smallest
 * change that makes the mistake; production code has no switch for any of them.
 *
 * Invariant: `find` occurs exactly once in the module (`power.test.ts`), so that a bug that no longer fits is noticed.
 */

export type Bug = {
  readonly name: string
  /** Under `dist/`. */
  readonly module: string
  readonly find: string
  readonly put: string
}

export const BUGS: readonly Bug[] = [
  { name: 'acknowledged before the flush', module: 'src/replica/effects.js', find: 'store.write(effect.batch).then(() => feed', put: 'store.write(effect.batch).catch(() => undefined), Promise.resolve().then(() => feed' },
  { name: 'acknowledged at quorum - 1', module: 'src/replica/settling.js', find: 'counted.length < wait.needed ||', put: 'counted.length < wait.needed - 1 ||' },
  { name: 'an ack counted twice', module: 'crdt/quorum.js', find: 'entry.watermark.seq >= seq && voters.has(entry.voter)),', put: 'entry.watermark.seq >= seq && voters.has(entry.voter)).flatMap((entry) => [entry, entry]),' },
  { name: 'an ack that lacks texts counts', module: 'src/replica/settling.js', find: 'whole: isWhole(chain)', put: 'whole: true' },
  { name: 'a failed flush taken for a good one', module: 'src/replica/replica.js', find: '        if (failure !== null) {\n            forks.failed()', put: '        if (failure === undefined) {\n            forks.failed()' },
  { name: 'some authors skipped in anti-entropy', module: 'transports/pull.js', find: 'const holds = (run) => host', put: "const holds = (run) => run.chain < '8' || host" },
  { name: 'the catch-up cursor passes what could not be applied', module: 'transports/pull.js', find: 'unsettled.push({ runs: open, cursor: done.cursor })', put: 'keep(done.cursor)' },
  { name: 'taken to be in step without comparing', module: 'transports/pull.js', find: 'if (equalBytes(at.digest, options.digest()))', put: 'if (at !== null)' },
  { name: 'the tail of the log dropped after damage in the middle', module: 'src/replica/boot.js', find: 'reader.damaged(scanned.arrival);', put: 'break;' },
  { name: 'the wall clock taken as the order', module: 'crdt/hlc.js', find: 'Math.max(seen + 1, usableMs(nowMs) * COUNTERS)', put: 'usableMs(nowMs) * COUNTERS' },
  { name: "a commit's signature not checked", module: 'crdt/commit.js', find: "verify('mnemesh/commit/1', commit.headerBytes, commit.signature, commit.header.peer)", put: 'commit.signature.length === 64' },
  { name: 'texts taken in unchecked', module: 'src/replica/replica.js', find: 'bodies: given.bodies.filter(isSound)', put: 'bodies: given.bodies' },
  { name: 'erased texts kept on disk', module: 'src/replica/replica.js', find: 'const erase = [...erased].filter((ref) => !isErased(ref));', put: 'const erase = [];' },
  { name: 'a chain continued after a crash', module: 'src/service/incarnation.js', find: 'store.opening.continuable && ended !== null ? ended : fresh()', put: 'parseIncarnation(text.slice(0, 16)) ?? fresh()' },
]
