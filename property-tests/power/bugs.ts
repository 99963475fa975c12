/**
 * Known bugs, planted one at a time to see whether the suites find them. Each is the smallest change to a module's source that
 * makes the mistake; production code has no switch for any of them.
 *
 * `suite`: `world` is the simulated world (`npm run sim`); anything else is a test file. A bug that redundancy hides from the
 * world (what one path leaves out another brings again) belongs to the suite that holds that path to its own promise.
 *
 * Invariant: each `find` stands exactly once in its module (`power.test.ts`), so a bug that no longer fits is noticed.
 */

export type Edit = { readonly module: string; readonly find: string; readonly put: string }
export type Bug = { readonly name: string; readonly suite: string; readonly edits: readonly Edit[] }

const bug = (
  suite: string,
  name: string,
  ...edits: readonly (readonly [module: string, find: string, put: string])[]
): Bug => ({ name, suite, edits: edits.map(([module, find, put]) => ({ module, find, put })) })

export const WORLD = 'world'
/** Schedules that the world found among many thousands, kept. */
const SEEDS = 'property-tests/sim/seeds.test.ts'

export const BUGS: readonly Bug[] = [
  // ── quorum and flush ──
  bug(WORLD, 'acknowledged before the flush', [
    'src/replica/effects.ts',
    'store.write(effect.batch).then(',
    'store.write(effect.batch).catch(() => undefined), Promise.resolve().then(',
  ]),
  bug(WORLD, 'acknowledged at quorum - 1', [
    'src/replica/settling.ts',
    'counted.length < wait.needed ||',
    'counted.length < wait.needed - 1 ||',
  ]),
  bug('src/service/refused-writes.test.ts', 'what went to others before its flush failed called nowhere', [
    'src/replica/replica.ts',
    'if (inFlight?.id === input.flush) inFlight.pushed = true',
    'if (inFlight?.id !== input.flush) return []',
  ]),
  bug(WORLD, 'what went out before its flush failed denied', [
    'src/replica/flush-failed.ts',
    "if (!wasPushed && !failure.mayBeThere && failure.code !== 'io_error') return",
    'if (code.length > 0) return',
  ]),
  bug('src/service/texts.test.ts', 'hostile JSON given to the parser as it is', [
    'src/service/texts.ts',
    'const parsed = parseJson(bytes, TEXT_BYTES_MAX[field])',
    "const parsed = { ok: parseJson.length > 0, value: JSON.parse(utf8Of(bytes) ?? 'null') }",
  ]),
  // ── checkpoints of the index ──
  bug(WORLD, 'what came behind a checkpoint not read', [
    'src/replica/boot.ts',
    'store.scan(unread.upTo + 1)',
    'store.scan(unread.upTo === 0 ? 1 : store.arrivals() + 1)',
  ]),
  bug('src/service/checkpoints.test.ts', 'a checkpoint that is torn is read', [
    'src/service/checkpoints.ts',
    'bytes.length !== named.bytes || digestOf(sumsOf(bytes)) !== named.name',
    'digestOf(sumsOf(bytes)).length !== named.name.length',
  ]),
  bug('property-tests/checkpoints.test.ts', 'a checkpoint from before a fork is read', [
    'src/service/checkpoints.ts',
    'if (named.holds !== holding(named.arrivals)) return null',
    'if (named.holds.length !== holding(named.arrivals).length) return null',
  ]),
  bug('property-tests/checkpoints.test.ts', 'damage in what no start has read is not looked for', [
    'src/service/recheck.ts',
    'if (upTo === 0) return',
    'if (upTo >= 0) return',
  ]),
  bug(SEEDS, 'the header of a branch that a commit rests on not kept', [
    'src/replica/replica.ts',
    '...forks.headerFacts(flush.commits), ',
    '',
  ]),
  bug('src/replica/forks.test.ts', 'proofs of made-up keys are kept', [
    'src/replica/forks.ts',
    'if (!wasWriter(fork.peer)) {',
    'if (!wasWriter(fork.peer) && fork.at < 0) {',
  ]),
  bug('src/replica/budgets.test.ts', 'new chains of a member are not paced', [
    'src/replica/intake.ts',
    'if (waitMs > 0) {',
    'if (waitMs < 0) {',
  ]),
  bug('src/replica/budgets.test.ts', 'a chain over its budget is refused, not delayed', [
    'src/replica/intake.ts',
    '            dueMsByChain.set(chain, { dueMs: nowMs + waitMs, forBudget: true })\n            return\n',
    '            remove(chain, entry.commit.header.seq)\n            return\n',
  ]),
  bug('crdt/quorum.test.ts', 'what a voter says of what is not here kept without bound', [
    'crdt/quorum.ts',
    '|| held > limits.ack_ahead_held_per_voter_max',
    '|| held < 0',
  ]),
  bug('property-tests/hostile-members.test.ts', 'of too many forks those count that came first', [
    'src/replica/forks.ts',
    'if (counting > limits.forks_per_peer_max) out.add(fork.peer)',
    'if (counting < 0) out.add(fork.peer)',
  ]),
  bug(WORLD, 'an ack counted twice', [
    'crdt/quorum.ts',
    'entry.watermark.seq >= seq && voters.has(entry.voter)),',
    'entry.watermark.seq >= seq && voters.has(entry.voter)).flatMap((entry) => [entry, entry]),',
  ]),
  bug('property-tests/receipts.test.ts', 'an ack that was lost with its link is not asked for', [
    'src/replica/replica.ts',
    'return [...settling.wantFrom(input.peer), ...governance.linkUp(input.peer)]',
    'return governance.linkUp(input.peer)',
  ]),
  bug('transports/unheard-acks.test.ts', 'what was acknowledged before a link opened is never said on it', [
    'transports/link.ts',
    'if (missed.length > 0) host.ackWanted(peer, missed)',
    'if (missed.length < 0) host.ackWanted(peer, missed)',
  ]),
  bug('src/replica/own-acks.test.ts', 'whoever did not write it is never told that it is acknowledged', [
    'src/replica/own-acks.ts',
    'for (const chain of chains) gathered.add(chain, authorOf(chain), nowMs)',
    '',
  ]),
  bug('src/replica/own-acks.test.ts', 'an author is passed over for what another one wrote', [
    'src/replica/gathered-acks.ts',
    'but: authors.size === 1',
    'but: authors.size >= 1',
  ]),
  bug('property-tests/receipts.test.ts', 'a repeated request waits for acks that nobody says again', [
    'src/replica/settling.ts',
    'if (cause === null && existing !== null) return',
    'if (cause === null && existing !== null && wait.needed < 0) return',
  ]),
  bug(WORLD, 'an ack of a later commit shown without what ties it', [
    'src/replica/vouches.ts',
    '[{ ...part, tie: tied }]',
    '[{ ...part, tie: tied && null }]',
  ]),
  bug('crdt/proof.test.ts', 'a proof whose control log nobody checks', [
    'crdt/control-line.ts',
    ' ?? controlFault(state, commit)',
    ' ?? (controlFault.length > 0 ? null : controlFault(state, commit))',
  ]),
  bug('crdt/proof.test.ts', 'a proof that its author did not sign', [
    'crdt/proof.ts',
    "if (!verify('mnemesh/commit/1', ",
    "if (proof.index < 0 && !verify('mnemesh/commit/1', ",
  ]),
  bug('crdt/proof.test.ts', 'a proof vouched for by those who do not vote', [
    'crdt/proof.ts',
    'receipt.voters.find((voter) => !names.has(voter))',
    'receipt.voters.find((voter) => names.size === 0 && !names.has(voter))',
  ]),
  bug('crdt/proof.test.ts', 'a proof of an author whom its control log takes out', [
    'crdt/proof.ts',
    'return seq < firstExcluded(state, { id: chain, peer: header.peer, begunAt: place }) ? null',
    'return seq > 0 || seq < firstExcluded(state, { id: chain, peer: header.peer, begunAt: place }) ? null',
  ]),
  bug('crdt/proof.test.ts', 'a text in a proof that nobody compares', [
    'crdt/proof.ts',
    '|| refOf(salt, text) !== ref)',
    '|| refOf(salt, text).length !== ref.length)',
  ]),
  bug('crdt/proof.test.ts', 'a proof that has several forms', [
    'crdt/canonical.ts',
    'return render(parsed.value) === parsed.text ?',
    'return render(parsed.value).length > 0 ?',
  ]),
  bug('src/replica/histories.test.ts', 'a chain tied by its blocks out of place', [
    'src/replica/log-index.ts',
    'blocks[commit.header.seq / BLOCK_COMMITS - 1] = block!',
    'blocks[commit.header.seq / BLOCK_COMMITS] = block!',
  ]),
  bug(WORLD, 'an ack that lacks texts counts', ['src/replica/own-acks.ts', 'whole: isWhole(chain)', 'whole: true']),
  bug(WORLD, 'a failed flush taken for a good one', [
    'src/replica/replica.ts',
    '    if (failure !== null) {\n      forks.failed()',
    '    if (failure === undefined) {\n      forks.failed()',
  ]),
  bug('src/write-path.test.ts', 'effects performed out of their order', [
    'src/replica/effects.ts',
    'of replica.handle(next, clock.now())) perform',
    'of replica.handle(next, clock.now()).reverse()) perform',
  ]),
  bug(
    'src/replica/settling.test.ts',
    'an ack of a revoked peer counts',
    ['src/replica/settling.ts', '      if (!voters().has(from)) return []\n', ''],
    ['crdt/quorum.ts', '&& voters.has(entry.voter)),', '),'],
  ),
  bug('src/replica/settling.test.ts', 'the ack of a voter that went away is forgotten', [
    'src/replica/settling.ts',
    'counted.has(voter) || isReached(voter)',
    'isReached(voter)',
  ]),
  bug('src/replica/settling.test.ts', 'a link just lost is taken for one that stays away', [
    'src/replica/reach.ts',
    'nowMs + limits.reach_lost_ms',
    'nowMs',
  ]),
  bug('src/membership/mistakes.test.ts', 'the peer with the authority key taken out without a word', [
    'src/membership/index.ts',
    'if (found === identity.peer && !force) throw',
    'if (found.length === 0 && !force) throw',
  ]),
  bug('src/membership/moving.test.ts', 'a move into another mesh whose copies of the old keys are not on disk', [
    'src/membership/moving.ts',
    '    await flush(before)\n',
    '',
  ]),
  bug('src/node/join-folder.test.ts', 'a text that was erased is asked for again by the peer that carried it over', [
    'src/node/carry.ts',
    '        batch.erase.add(ref)\n',
    '        isAnyMissing = true\n',
  ]),
  bug('src/http/listen.test.ts', 'a port that is lost a second time given up on', [
    'src/http/listen.ts',
    '!orFree || tries >= TRIES_MAX',
    '!orFree || tries > 1',
  ]),
  bug('src/membership/mistakes.test.ts', 'two members of one name', [
    'src/membership/statements.ts',
    'if (namesake !== undefined) throw',
    "if (namesake?.name === '') throw",
  ]),
  bug('src/service/journal.test.ts', 'a link that flaps fills the log', [
    'src/service/journal.ts',
    'if (budget.told >= BURST) {',
    'if (budget.told < 0) {',
  ]),
  bug('src/log/log.test.ts', 'keys in the log', [
    'src/log/log.ts',
    'hidden = hidden.replaceAll(secret, HIDDEN)',
    'hidden = hidden.replaceAll(secret, secret)',
  ]),
  bug('src/service/unmet.test.ts', 'a write waits for voters that are away', [
    'src/replica/settling.ts',
    'if (!reach.isSure(nowMs)) return null',
    'if (nowMs > 0) return null',
  ]),
  bug('transports/mesh.test.ts', 'a frozen peer counted as up', [
    'transports/heartbeat.ts',
    'isQuiet: (now) => now - heardAtMs >= limits.quiet_ms',
    'isQuiet: (now) => now - heardAtMs >= 10 * limits.quiet_ms',
  ]),
  bug('crdt/quorum.test.ts', 'an ack of something new taken for an old one', [
    'crdt/quorum.ts',
    'seq > (countedByChain',
    'seq > 1 + (countedByChain',
  ]),
  bug(SEEDS, 'a lost control log taken for a smaller mesh', [
    'src/replica/may-write.ts',
    'if (!isControlWhole()) return CONTROL_LOST',
    'if (!isControlWhole() && index.control.seq < 0) return CONTROL_LOST',
  ]),
  bug(WORLD, 'a control log called longer before it is on disk', [
    'src/replica/may-write.ts',
    'return last > stored ? [controlSeenFact(last)]',
    'return last > stored ? [controlSeenFact((seen = last))]',
  ]),
  bug('src/replica/documents.test.ts', 'a document ahead of the log given up by the cache', [
    'src/replica/documents.ts',
    'const hot = aheadOfLog.get(key) ?? cache.get(key)',
    'const hot = cache.get(key)',
  ]),
  bug(
    'src/replica/settling.test.ts',
    'one voter that refuses ends a write that others acknowledge',
    ['src/replica/settling.ts', 'if (able.length < wait.needed) return', 'if (able.length < voters().size) return'],
    ['src/replica/settling.ts', 'ableFor(wait).length < wait.needed &&', 'ableFor(wait).length < voters().size &&'],
  ),
  bug('src/replica/settling.test.ts', 'a refusal of who does not vote counts', [
    'src/replica/settling.ts',
    'if (!voters().has(voter)) return []',
    'if (voter.length === 0) return []',
  ]),
  bug('src/replica/refusals.test.ts', 'bytes of anybody refused in the name of an author', [
    'src/replica/refusals.ts',
    'hash !== null && linked.has(peer)',
    'linked.has(peer)',
  ]),
  bug('transports/refusals.test.ts', 'refusals told without bound', [
    'transports/refusals.ts',
    'told(refused.length, now())',
    'refused.length',
  ]),
  // ── lines of the control log ──
  bug('src/service/control-fork.test.ts', 'a fork of the control log forgotten over a restart', [
    'src/replica/control-branches.ts',
    'if (commit !== null) add(commit, true)',
    'if (commit !== null && nodes.size < 0) add(commit, true)',
  ]),
  bug('src/service/control-fork.test.ts', 'a statement of another line that nobody certified kept', [
    'src/replica/control-branches.ts',
    'before === null || nextFault(before, commit) !== null',
    'before === null || nextFault.length === 0',
  ]),
  bug('src/service/control-fork.test.ts', 'what was written under another line waits for ever', [
    'crdt/control.ts',
    'return common === undefined ? null : Math.max(',
    'return common === undefined || common > 0 ? null : Math.max(',
  ]),
  bug('src/service/control-fork.test.ts', 'a fork of the control log told to those alone who are in it', [
    'src/replica/control-told.ts',
    'others: branches.tips()',
    'others: branches.tips().slice(0, 0)',
  ]),
  bug('transports/control-lines.test.ts', 'an answer that leads nowhere asked for again and again', [
    'transports/control-lines.ts',
    'given.set(head, nowMs + ASK_ANEW_MS)',
    'given.delete(head)',
  ]),
  bug('transports/control-lines.test.ts', 'a line to which no answer led never asked for again', [
    'transports/control-lines.ts',
    '(given.get(hash) ?? 0) <= nowMs',
    '!given.has(hash)',
  ]),
  // ── votes ──
  bug('crdt/vote.test.ts', 'half of the voters taken for a majority', [
    'crdt/vote.ts',
    'Math.floor(voters / 2) + 1',
    'Math.floor((voters + 1) / 2)',
  ]),
  bug('crdt/vote.test.ts', 'votes of observers and strangers count', [
    'crdt/vote.ts',
    'commit.votes.every(({ voter }) => voters.has(voter)) && ',
    '',
  ]),
  bug('crdt/vote.test.ts', 'votes counted and not checked', [
    'crdt/vote.ts',
    ' && commit.votes.every((vote) => isVoteFor(commit, vote))',
    '',
  ]),
  bug('src/service/epoch.test.ts', 'of two recoveries each member follows the first that it heard of', [
    'crdt/epoch.ts',
    "(epoch === against && (one?.by ?? '') < (other?.by ?? ''))",
    'epoch < 0',
  ]),
  bug('src/service/epoch.test.ts', 'the log not read anew under the control log that took the place of ours', [
    'src/replica/adopting.ts',
    'past.reindex(self)',
    'branches.retry()',
  ]),
  bug('src/service/epoch.test.ts', 'what a fork left is forgotten when it ends', [
    'src/replica/control-branches.ts',
    'for (const commit of left) put(commit)',
    'for (const commit of left.slice(0, 0)) put(commit)',
  ]),
  bug('src/service/epoch.test.ts', 'a fork that has ended is told of as before', [
    'src/replica/control-branches.ts',
    'outranks(index.control.line, line.state.line) ? undefined',
    'outranks(line.state.line, index.control.line) ? undefined',
  ]),
  bug('src/service/incarnation.test.ts', 'the chains of a copied folder gone on with', [
    'src/service/incarnation.ts',
    'const end = `${ENDED}${store.opening.epoch}`',
    'const end = text.slice(text.indexOf(ENDED))',
  ]),
  bug('crdt/recovery.test.ts', 'one recovery key fewer than needed', [
    'crdt/vote.ts',
    'threshold > 0 && commit.votes.length >= threshold && ',
    'threshold > 0 && commit.votes.length >= threshold - 1 && ',
  ]),
  bug('crdt/recovery.test.ts', 'a mesh without recovery keys recovered by nobody', [
    'crdt/vote.ts',
    'threshold > 0 && commit.votes.length >= threshold',
    'commit.votes.length >= threshold',
  ]),
  bug('crdt/recovery.test.ts', 'the old authority governs on beside a recovery', [
    'crdt/control.ts',
    'if (isRecovery(commit) && event === commit.events[0]!.event) authorities = [...authorities, { from: commit.header.seq, key: control.authority }]',
    '',
  ]),
  bug('crdt/recovery.test.ts', 'a recovery that is not the first event, which voters alone certified', [
    'crdt/control.ts',
    'isRecovery(commit) && event === commit.events[0]!.event',
    'authorities.length > 0',
  ]),
  bug('src/service/votes.test.ts', 'voters give their vote of a place to a recovery that anybody may have made', [
    'src/replica/governance.ts',
    ' || isRecovery(commit)',
    '',
  ]),
  bug('crdt/vote.test.ts', 'votes of those who are voters now', [
    'crdt/control.ts',
    'votersAt(before, commit.header.seq - 1)',
    'votersAt(before, before.seq)',
  ]),
  bug('src/service/votes.test.ts', 'a vote forgotten over a restart', [
    'src/replica/voting.ts',
    'if (decoded?.ok) voted = decoded.commit',
    'if (decoded?.ok) voted = null',
  ]),
  bug(
    'src/service/votes.test.ts',
    'a voter votes for whoever asks last',
    [
      'src/replica/voting.ts',
      'if (voted !== null && !isBefore(voted, commit)) return',
      'if (voted !== null && isBefore(commit, voted)) return',
    ],
    [
      'src/replica/voting.ts',
      'return voted === null || voted.hash === commit.hash || isBefore(voted, commit)',
      'return voted === null || !isBefore(commit, voted)',
    ],
  ),
  bug(
    'src/service/votes.test.ts',
    'a proposal that is kept is not proposed after a restart',
    ['src/replica/governance.ts', "(entries[0]?.kept === 'yes' && current().own === null ? 1 : 0)", '0'],
    [
      'src/replica/governance.ts',
      'if (now.own === null && first !== undefined) {',
      "if (now.own === null && first !== undefined && first.kept === 'no') {",
    ],
  ),
  bug('src/service/votes.test.ts', 'a place that another took is given up with what was to be said', [
    'src/replica/governance.ts',
    'const done = entries.filter((entry) => entry.events.every(({ id }) => said.has(id)))',
    'const done = entries.filter(() => said.size > 0)',
  ]),
  bug('crdt/admission.test.ts', 'an observer writes', [
    'crdt/control.ts',
    "state.members.get(peer)?.role === 'voter'",
    'state.members.has(peer)',
  ]),
  // ── clocks ──
  bug('src/service/clock-off.test.ts', 'the bound not held when sealing', [
    'src/replica/clocks.ts',
    'wasOff = middle.some((offset) => isBeyond(offset, 0, bound))',
    'wasOff = middle.some((offset) => isBeyond(offset, 0, 1e15 * bound))',
  ]),
  bug('crdt/hlc.test.ts', 'what others say moves the clock without bound', [
    'crdt/hlc.ts',
    'later(within(Math.max(last, remote) as Hlc, nowMs), nowMs)',
    'later(Math.max(last, remote), nowMs)',
  ]),
  bug('src/service/clock-off.test.ts', 'the newest clock taken for the one in the middle', [
    'src/replica/clocks.ts',
    'offsets.slice((offsets.length - 1) >> 1, (offsets.length >> 1) + 1)',
    'offsets.slice(-1)',
  ]),
  bug('src/service/clock-off.test.ts', 'something sealed before others were heard', [
    'src/replica/clocks.ts',
    'return offsets.length < all && (',
    'return offsets.length > all && (',
  ]),
  // ── formats that change ──
  bug('transports/handshake.test.ts', 'a hello of a later version called malformed', [
    'transports/handshake.ts',
    "if (version === null) return { kind: 'refused', reason: 'version_unsupported', theirs: rangeText(theirs) }",
    "if (version === null) return refused('malformed_handshake')",
  ]),
  bug('transports/handshake.test.ts', 'versions are not signed', [
    'transports/handshake.ts',
    ', t.audience, offerBytes(t.dialerOffer), offerBytes(t.acceptorOffer))',
    ', t.audience)',
  ]),
  bug('crdt/level.test.ts', 'a commit with an event of an unknown kind is dropped', [
    'crdt/event.ts',
    "if (reading.kind === 'fault') return",
    "if (reading.kind !== 'event') return",
  ]),
  bug('crdt/level.test.ts', 'an unknown field is read below its level', [
    'crdt/event-schema.ts',
    '      dropped.add(name)\n',
    '',
  ]),
  bug('crdt/level.test.ts', 'an unknown kind in a document is passed over there', [
    'crdt/segment.ts',
    'events.every(isDocumentEvent) ? derive(segment, author, header.deps, events) :',
    'events.length > 0 ? derive(segment, author, header.deps, events.filter(isDocumentEvent)) :',
  ]),
  bug('crdt/lazy-document.test.ts', 'a document is read without the change that came last', [
    'crdt/lazy-document.ts',
    'if (gathered.length > 0) document.applyChanges(gathered)',
    'if (gathered.length > 1) document.applyChanges(gathered)',
  ]),
  bug('crdt/derive.test.ts', 'a link that the document has is taken for new', [
    'crdt/derive.ts',
    '(object === MEMORIES || object === LINKS) && !view.isKnown(',
    'object === LINKS || object === MEMORIES && !view.isKnown(',
  ]),
  bug('crdt/level.test.ts', 'texts that only unknown fields name are left behind', [
    'crdt/commit.ts',
    ': [...named, ...unread.texts]',
    ': named',
  ]),
  bug('src/service/level.test.ts', 'the level raised though a voter does not read it', [
    'src/membership/raise-level.ts',
    'if (below.length > 0) throw',
    'if (below.length > 1e9) throw',
  ]),
  bug('src/membership/mistakes.test.ts', 'who never told what it reads is taken to read everything', [
    'src/membership/raise-level.ts',
    'member.reads === null || member.reads < level',
    'member.reads !== null && member.reads < level',
  ]),
  bug('src/service/level.test.ts', 'a later build derives at its author what the level does not have', [
    'src/replica/author.ts',
    'levelNow(index) < index.reads.level ? decodeEvent(',
    'levelNow(index) < 0 ? decodeEvent(',
  ]),
  bug('src/service/level.test.ts', 'a raised level that nothing is read at', [
    'src/replica/log-index.ts',
    'readsAt(reads, levelOf(control, header))',
    'readsAt(reads, Math.min(1, levelOf(control, header)))',
  ]),
  bug('src/service/level.test.ts', 'a peer below the level shows documents that it cannot read', [
    'src/replica/log-index.ts',
    'levelOf(index.control, header) > index.reads.level',
    'levelOf(index.control, header) > index.reads.level + 1e9',
  ]),
  bug('src/service/level.test.ts', 'a link without a common version that health does not name', [
    'src/service/status.ts',
    'for (const warning of versionWarnings()) warnings',
    'for (const warning of versionWarnings().slice(99)) warnings',
  ]),
  bug('crdt/level.test.ts', 'the format level falls', [
    'crdt/control.ts',
    'level > (levels.at(-1)?.level ?? FIRST_LEVEL) ?',
    'level > 0 ?',
  ]),
  // ── anti-entropy ──
  bug(
    WORLD,
    'some authors skipped in anti-entropy',
    [
      'transports/frontiers.ts',
      ': { prefix, ...node }',
      ": { prefix, kind: 'leaf', entries: node.entries.filter(({ chain }) => chain > '8') }",
    ],
    [
      'src/replica/mesh-host.ts',
      'if (arrival === null || arrival.seq >=',
      "if (arrival === null || arrival.chain < '8' || arrival.seq >=",
    ],
  ),
  bug('transports/sync.test.ts', 'the catch-up cursor passes what could not be applied', [
    'transports/pull.ts',
    'unsettled.push({ runs: open, cursor: done.cursor })',
    'keep(done.cursor)',
  ]),
  bug(
    'transports/sync.test.ts',
    'taken to be in step without comparing',
    [
      'transports/pull.ts',
      'if (equalBytes(at.digest, options.digest())) becameInStep(at.arrivals)',
      'if (at.digest.length > 0) becameInStep(at.arrivals)',
    ],
    [
      'transports/pull.ts',
      'if (equalBytes(open.digest, options.digest())) return becameInStep(open.arrivals)',
      'if (open.digest.length > 0) return becameInStep(open.arrivals)',
    ],
    [
      'transports/pull.ts',
      'if (equalBytes(done.digest, options.digest())) becameInStep(done.cursor)',
      'if (done.digest.length > 0) becameInStep(done.cursor)',
    ],
  ),
  bug(
    'transports/mesh.test.ts',
    'a silent link is never given up',
    ['transports/heartbeat.ts', 'if (now - heardAtMs > limits.silence_ms_max) return', 'if (now < heardAtMs) return'],
    [
      'transports/heartbeat.ts',
      'return now - waiting.sentAtMs > limits.silence_ms_max ?',
      'return now < waiting.sentAtMs ?',
    ],
  ),
  bug(WORLD, 'texts that are missing are not asked for', [
    'src/replica/mesh-host.ts',
    'missingBodies: (limit) => replica.missing.list(limit)',
    'missingBodies: (limit) => replica.missing.list(limit).slice(limit)',
  ]),
  bug(
    'property-tests/fork.test.ts',
    'texts dropped that come behind their commit',
    [
      'src/replica/incoming.ts',
      'for (const body of parcel.bodies) loose.push(body)',
      'parcel.bodies.every(() => false)',
    ],
    [
      'src/replica/intake.ts',
      'bySeq.set(header.seq, withTexts(known, entry.bodies))',
      'bySeq.set(header.seq, withTexts(known, []))',
    ],
  ),
  // ── bytes from outside ──
  bug('transports/decode.test.ts', 'the phase checked after the frame is read', [
    'transports/decode.ts',
    "  if (RANK[options.from] < RANK[shape.from]) return refused('not_open')\n",
    '',
  ]),
  bug('transports/decode.test.ts', 'frames of any size before membership', [
    'transports/decode.ts',
    "  if (options.from !== 'open' && frame.length > shape.earlyBytesMax) return refused('large_before_open')\n",
    '',
  ]),
  bug('transports/decode.test.ts', 'bodies not counted over a frame', [
    'transports/frame-shapes.ts',
    '    bodiesLeft -= bodyCount\n',
    '',
  ]),
  bug('transports/decode.test.ts', 'inflated whatever it becomes', [
    'transports/decode.ts',
    'compression === null || length > limits.inflate_ratio_max * deflated.length',
    'compression === null',
  ]),
  bug('transports/mesh.test.ts', 'what a frame throws goes through', [
    'transports/guard.ts',
    '  } catch (error) {\n    caught(error)',
    '  } catch (error) {\n    throw error',
  ]),
  bug('transports/work.test.ts', 'no end to a turn of the event loop', [
    'transports/work.ts',
    'if (!waiting.has(state) && turnUnits < limits.work_turn_units_max && state',
    'if (!waiting.has(state) && state',
  ]),
  bug('transports/work.test.ts', 'members that come back pay with the strangers', [
    'transports/gate.ts',
    '      if (own.waitMs(timers.now()) > 0) return\n',
    '      if (own.waitMs(timers.now()) >= 0) return\n',
  ]),
  bug('transports/work.test.ts', 'a flood from its address keeps a member out', [
    'transports/gate.ts',
    'if (claimed === null || !isMember(claimed)) return false',
    'if (claimed === null || isMember(claimed) || !isMember(claimed)) return false',
  ]),
  bug('transports/work.test.ts', 'a walk through the log costs whoever asks nothing', [
    'transports/serve.ts',
    '    options.charge(priceOfWalk(Math.max(0, page.cursor - cursor), page.runs.length))\n',
    '    void priceOfWalk\n',
  ]),
  bug('transports/work.test.ts', 'reading for others costs them nothing', [
    'transports/serve.ts',
    '    options.charge(priceOfServing(frame))\n',
    '    void priceOfServing\n',
  ]),
  bug('transports/work.test.ts', 'positions of made-up chains kept without bound', [
    'transports/positions.ts',
    'if (seqByUnknownChain.size > limits.unknown_chains_per_link_max)',
    'if (seqByUnknownChain.size < 0 * limits.unknown_chains_per_link_max)',
  ]),
  bug('transports/websocket.test.ts', 'one that was refused keeps its socket', [
    'transports/websocket.ts',
    'Content-Length: 0\\r\\n\\r\\n`, () => socket.destroy())',
    'Content-Length: 0\\r\\n\\r\\n`)',
  ]),
  bug('src/live/attacks.test.ts', 'pings of live clients not counted', [
    'src/live/client.ts',
    'if (!ended && !isOneTooMany() && socket',
    'if (!ended && socket',
  ]),
  bug('src/live/turns.test.ts', 'a live client that floods never rests', [
    'src/live/turns.ts',
    'if (worked >= REST_FROM_MS) rest(',
    'if (worked < 0) rest(',
  ]),
  bug('transports/fetches.test.ts', 'what waits after a disk fault waits on', [
    'transports/fetches.ts',
    ' else if (state.delivered > 0 && state.delivered <= have) easeAll(nowMs)',
    '',
  ]),
  bug('transports/mesh.test.ts', 'one target an address, whoever signed it', [
    'transports/dialing.ts',
    "`${url} ${audience ?? ''}`",
    '`${url}`',
  ]),
  // ── storage ──
  bug(WORLD, 'the tail of the log dropped after damage in the middle', [
    'src/replica/boot.ts',
    "else if (scanned.kind === 'damaged') reader.damaged(scanned.arrival)",
    "else if (scanned.kind === 'damaged') break",
  ]),
  bug(WORLD, 'erased texts kept on disk', [
    'src/replica/replica.ts',
    'const erase = [...erased].filter((ref) => !isErased(ref))',
    'const erase = [...erased].filter((ref) => isErased(ref))',
  ]),
  bug('src/store/reopen.test.ts', 'a batch that failed stays when the log is opened anew', [
    'src/store/reopen.ts',
    '=== extent.batches + 1 && before',
    '=== extent.batches + 2 && before',
  ]),
  bug('src/service/refused-writes.test.ts', 'what a disk that filled in the middle may hold is said to be nowhere', [
    'src/replica/flush-failed.ts',
    '!failure.mayBeThere && ',
    '',
  ]),
  bug('src/store/reopen.test.ts', 'a log opened anew is not held against what was there', [
    'src/store/reopen.ts',
    '|| (await topOf(db)) !== extent.batches ||',
    '||',
  ]),
  bug('src/service/incarnation.test.ts', 'a chain continued after a crash', [
    'src/service/incarnation.ts',
    'store.opening.continuable && ended !== null ? ended : fresh()',
    'parseIncarnation(text.slice(0, 16)) ?? fresh()',
  ]),
  bug(
    WORLD,
    'rows of what was left out not made again',
    [
      'src/replica/replica.ts',
      '...(touched === null ? [] : revision.facts(touched))',
      '...(touched === null ? [] : [])',
    ],
    ['src/replica/replica.ts', 'if (done.revises) revision.applied()', ''],
  ),
  bug(WORLD, 'what rested on what was left out keeps its rows', [
    'src/service/touched-commits.ts',
    'commit.header.deps.some((dep) => moved.has(dep))',
    'commit.header.deps.some((dep) => moved.has(dep) && false)',
  ]),
  bug(WORLD, 'rows of what was left out are not taken away', [
    'src/service/gather-rows.ts',
    'row === null && isWhole(id) ? [id] : []',
    'row === null && false && isWhole(id) ? [id] : []',
  ]),
  bug(WORLD, 'a text that came late is not shown', [
    'src/service/touched-commits.ts',
    'if (commit !== null) yield step(commit, { commit, texts })',
    'if (commit !== null && texts.size === 0) yield step(commit, { commit, texts })',
  ]),
  // ── readers ──
  bug('property-tests/rows-again.test.ts', 'a chain whose damaged commit came again stays unnamed', [
    'src/service/feed-source.ts',
    'namespace: state?.namespace || null',
    'namespace: arrived === 0 ? null : state?.namespace || null',
  ]),
  bug(
    WORLD,
    'a list of rows that are behind',
    [
      'src/service/reads.ts',
      'if (reaches(answer.at, target)) return answer',
      'if (answer.rows.length >= 0) return answer',
    ],
    [
      'src/service/reads.ts',
      'limits.fresh_read_wait_ms : 0))) return null',
      'limits.fresh_read_wait_ms : 0)) && page.limit < 0) return null',
    ],
  ),
  bug(WORLD, 'rows that are being made anew answered as they are', [
    'src/service/reads.ts',
    'if (feed.cursor() === null && replica',
    'if (feed.cursor() === null && feed.lag() < 0 && replica',
  ]),
  bug(WORLD, 'a page of the log cut in silence', [
    'src/service/list-from-log.ts',
    'next_cursor: rows.length > limit ?',
    'next_cursor: rows.length < 0 ?',
  ]),
  bug(WORLD, 'an event left out between two pages', [
    'src/service/log.ts',
    'n === from.arrival && place <= from.place',
    'n === from.arrival && place <= from.place + (from.place >= 0 ? 1 : 0)',
  ]),
  bug(WORLD, 'a text that no field allows shown as it is', [
    'src/service/texts.ts',
    '  if (bytes.length > TEXT_BYTES_MAX[field]) return null\n',
    '',
  ]),
  bug(WORLD, 'beyond measure each has another measure', [
    'src/replica/forks.ts',
    'if (counting > limits.forks_per_peer_max) out.add(fork.peer)',
    'if (counting > limits.forks_per_peer_max + (counting % 2) * 1e9) out.add(fork.peer)',
  ]),
  bug(
    WORLD,
    'an address counts whoever signed it',
    [
      'transports/addresses.ts',
      'return claimed !== null && isGenuine(claimed) ? claimed.record : null',
      'return claimed === null ? null : claimed.record',
    ],
    [
      'transports/addresses.ts',
      'const isGenuine = ({ record, signed, signature }: Claimed): boolean => verify(',
      'const isGenuine = ({ record, signed, signature }: Claimed): boolean => signed.length > 0 || verify(',
    ],
  ),
  bug(WORLD, 'a log that came back from a full disk is not told', [
    'src/peer.ts',
    "    shell.feed({ kind: 'tick' })\n    mesh.retryNow()\n",
    '',
  ]),
  // ── order and meaning ──
  bug(WORLD, 'the wall clock taken as the order', [
    'crdt/hlc.ts',
    'Math.max(seen + 1, usableMs(nowMs) * COUNTERS)',
    'usableMs(nowMs) * COUNTERS',
  ]),
  bug('property-tests/foundations.canonical.test.ts', 'keys of a digested object left in their order', [
    'crdt/canonical.ts',
    'Object.keys(value).sort()',
    'Object.keys(value)',
  ]),
  bug(
    'property-tests/partition.test.ts',
    'a repeated request written again',
    [
      'src/replica/author.ts',
      'request.idempotent ? repeatOf(context, request) : null',
      'request.idempotent && request.again ? repeatOf(context, request) : null',
    ],
    [
      'src/replica/author.ts',
      'if (!beside && (again || !request.again) && context.isMade(draft.record))',
      'if (!beside && again && context.isMade(draft.record))',
    ],
  ),
  bug('property-tests/idempotency.test.ts', "a repeated request's event drawn anew", [
    'src/service/writes.ts',
    'key === undefined ? newEvent(now, random) : keyedEvent(namespace, agent, key)',
    'newEvent(now, random)',
  ]),
  bug('property-tests/idempotency.test.ts', 'an event looked for only in the flush under way', [
    'src/replica/log-index.ts',
    'for (const { event } of commit.events) index.events.add(event.id, arrival)',
    '',
  ]),
  bug('property-tests/idempotency.test.ts', 'salts made of the key', [
    'src/service/drafts.ts',
    'return makeBody(random.bytes(SALT_BYTES), bytes)',
    'return makeBody(new Uint8Array(SALT_BYTES), bytes)',
  ]),
  bug('property-tests/model/copies.test.ts', 'a late copy wins', [
    'crdt/copies.ts',
    'firstAttempt: all.filter(({ change }) => change.chain === all[0]!.change.chain)',
    'firstAttempt: all',
  ]),
  bug('property-tests/model/copies.test.ts', 'a copy whose text has not come stands before one whose text is here', [
    'src/service/rows.ts',
    'if (values.length < 2 || !isText(field)) return values',
    'if (values.length < 2e9 || !isText(field)) return values',
  ]),
  bug('property-tests/lists-agree.test.ts', "a row from the log with its fields in another order than the database's", [
    'src/service/rows.ts',
    'return inOrder({ ...row, ...(unreadable.length > 0 && { unreadable }), ...(dropped.length > 0 && { dropped }) })',
    'return { ...row, ...(unreadable.length > 0 && { unreadable }), ...(dropped.length > 0 && { dropped }) }',
  ]),
  bug('property-tests/model/copies.test.ts', 'copies read as two events', [
    'crdt/reading.ts',
    '|| hasCopies(inOrder, id)) {',
    '|| (id.length === 0 && hasCopies(inOrder, id))) {',
  ]),
  bug('property-tests/model/as-of.test.ts', 'what was said later is read as of a time', [
    'crdt/reading.ts',
    'change.hlc <= through)',
    'change.hlc >= 0)',
  ]),
  bug('property-tests/model/as-of.test.ts', 'a text that was erased since is shown as of a time', [
    'src/service/rows.ts',
    '? null : orErased(state)',
    '? null : state',
  ]),
  bug(WORLD, 'a token not waited for', [
    'src/service/reads.ts',
    'if (isHere()) return ms',
    'if (isHere() || positions.length > 0) return ms',
  ]),
  bug(WORLD, 'a segment read with a part left out', [
    'src/replica/past.ts',
    'for (const entry of entries) {',
    'for (const entry of [...entries].slice(1)) {',
  ]),
  bug('src/service/withheld.test.ts', 'what was restored is shown before enough voters were heard', [
    'src/service/withheld.ts',
    'if (had < needed) return',
    'if (had < needed - 1) return',
  ]),
  bug('snapshots/manifest.test.ts', 'a manifest is believed without its signature', [
    'snapshots/manifest.ts',
    "if (!verify('mnemesh/backup/1', utf8.encode(text), hexToBytes(signature), backup.peer))",
    'if (signature.length === 0)',
  ]),
  bug('src/service/diff.test.ts', 'a change of a later time is told of an earlier one', [
    'src/service/namespace-diff.ts',
    'return hlc > from && hlc <= to',
    'return hlc < from && hlc <= to',
  ]),
  // ── trust ──
  bug(WORLD, "a commit's signature not checked", [
    'crdt/commit.ts',
    "verify('mnemesh/commit/1', commit.headerBytes, commit.signature, key)",
    'commit.signature.length === 64',
  ]),
  bug(WORLD, 'a signature not checked on one path: runs of one', [
    'crdt/chain.ts',
    'if (hasValidSignature(run[last]!)) return',
    'if (run.length === 1 || hasValidSignature(run[last]!)) return',
  ]),
  bug('transports/handshake.test.ts', 'a nonce not consumed', [
    'transports/handshake.ts',
    "return nonces.use(nonce, nowMs) ? null : 'nonce_reused'",
    "return nonces.use(nonce, nowMs) || nonce.length > 0 ? null : 'nonce_reused'",
  ]),
  bug(WORLD, 'a fork seen and not told', [
    'src/replica/replica.ts',
    'forks.found(chain, at, theirs, waiting)',
    'forks.found(chain, at, theirs.slice(theirs.length), waiting)',
  ]),
  bug(WORLD, 'what honest peers built on a lie not said again', [
    'src/replica/reoffer.ts',
    'commit.header.peer === self ? draftOf(event) : null',
    'commit.header.peer === self && event.id.length === 0 ? draftOf(event) : null',
  ]),
  bug(WORLD, 'what a forked chain said of no document kept in the rows', [
    'src/service/gather-rows.ts',
    'const counted = replica.counts(commit)\n      for',
    'const counted = commit.hash.length > 0 || replica.counts(commit)\n      for',
  ]),
  bug(WORLD, 'only the lie left out, not what follows it', [
    'src/replica/log-index.ts',
    'commit.header.seq >= firstLeftOut(',
    'commit.header.seq > firstLeftOut(',
  ]),
  bug(WORLD, 'a revocation that leaves nothing out', [
    'crdt/control.ts',
    'if (!cut.isWhole) continue',
    'if (!cut.isWhole || revokes) continue',
  ]),
  bug('property-tests/cuts.test.ts', 'a table that is not whole leaves all out', [
    'crdt/control.ts',
    'if (!cut.isWhole) continue',
    'if (!cut.isWhole && !revokes) continue',
  ]),
  bug('property-tests/cuts.test.ts', 'what is left behind is not written again', [
    'src/replica/left-behind.ts',
    'if (excluded ? isLeftByItself(commit) : !isGone(commit)) for',
    'if (!excluded && !isGone(commit)) for',
  ]),
  bug('property-tests/cuts.test.ts', 'what is left behind waits for its time', [
    'crdt/admission.ts',
    'header.hlc > latestAt(nowMs) && !isLeftOut()',
    'header.hlc > latestAt(nowMs)',
  ]),
  bug('property-tests/cuts.test.ts', 'who has left something behind writes on there', [
    'src/replica/replica.ts',
    'if (cut.has(self)) beginAnew(nowMs)',
    'if (cut.has(self) && mesh.length === 0) beginAnew(nowMs)',
  ]),
  bug('crdt/control.test.ts', 'pages of a table in any order', [
    'crdt/cut.ts',
    " || first <= (cut.pages.at(-1)?.last ?? '')) return cut",
    ') return cut',
  ]),
  bug(WORLD, 'an erasing on a branch kept to oneself', [
    'src/replica/branch-erasures.ts',
    'index.forkedAt.size === 0 ?',
    'index.forkedAt.size >= 0 ?',
  ]),
  bug(WORLD, 'an erasure undone by a revocation', [
    'src/service/rows.ts',
    'erased: state.erased || isErased(replica.index, state.id)',
    'erased: state.erased || (state.id.length === 0 && isErased(replica.index, state.id))',
  ]),
  bug(SEEDS, 'texts of what is left out are asked for', [
    'src/replica/missing-bodies.ts',
    '!isLeftOut(chain, seq!)',
    '(chain.length > 0 || !isLeftOut(chain, seq!))',
  ]),
  bug(WORLD, 'what must match is looked at before its turn', [
    'src/service/writes.ts',
    "&& options.if_match !== '*' && options.if_match !== now!.version)",
    "&& options.if_match !== '*' && options.if_match !== row.version)",
  ]),
  bug(WORLD, 'somebody taken out is still talked to', [
    'transports/mesh.ts',
    '    membershipChanged: () => {\n      for (const { link } of connections) link?.membershipChanged()\n',
    '    membershipChanged: () => {\n',
  ]),
  bug('property-tests/hostile-members.test.ts', 'a claim about our chain taken for evidence', [
    'src/replica/replica.ts',
    "      case 'acked': return settling.onAck(input.from, input.ack)\n",
    "      case 'acked':\n        if (input.ack.watermarks.some(({ chain, seq }) => seq > (log.chain(chain)?.seq ?? 0))) beginAnew(nowMs)\n        return settling.onAck(input.from, input.ack)\n",
  ]),
  bug('property-tests/hostile-members.test.ts', 'our own signature beyond our chain passed over', [
    'src/replica/replica.ts',
    'header.incarnation === incarnation && header.seq >',
    'header.incarnation !== incarnation && header.seq >',
  ]),
  bug('src/replica/effects.test.ts', 'damage handled under the hands of whoever reads', [
    'src/replica/effects.ts',
    'telling ??= Promise.resolve().then(tellOfDamage)',
    'tellOfDamage()',
  ]),
  // ── the rows' counters and digests ──
  bug('src/projection/engine.test.ts', 'a row that changed stays in the digest as it was', [
    'src/projection/tallies.ts',
    '    else removeFromSet(change.set, hash)\n',
    '',
  ]),
  bug('src/projection/engine.test.ts', 'a memory that expired is counted on', [
    'src/projection/counts.ts',
    '-count(*) else',
    '0 else',
  ]),
  bug('property-tests/sim/pglite.test.ts', 'a digest without the tags', [
    'src/projection/rows.ts',
    "written('memories', row, canonical({ ...row, tags: [...row.tags].sort() }))",
    "written('memories', row, canonical({ ...row, tags: [] }))",
  ]),
  bug('src/projection/embedded-files.test.ts', 'a write-ahead log that grows for ever', [
    'src/projection/pglite.ts',
    '>= limits.projection_wal_bytes) await',
    '>= 1e12) await',
  ]),
  bug('src/projection/embedded-files.test.ts', 'files with the rights that the embedded database asks for', [
    'src/projection/private-files.ts',
    '{ ...to, mode: kept(to.mode) }',
    'to',
  ]),
  bug('src/projection/full-disk.test.ts', 'a batch begun where there is no room for it', [
    'src/projection/pglite.ts',
    'if (amiss !== null) throw new ProjectionFailure(`projection: ${amiss}`)\n    },',
    '},',
  ]),
  bug('property-tests/document-digests.test.ts', 'a document that changed stays in the digest as it was', [
    'src/replica/document-digests.ts',
    '    if (before !== undefined) removeFromSet(change, before)\n',
    '',
  ]),
  bug('property-tests/document-digests.test.ts', 'a commit that its document refused taken for its head', [
    'src/replica/exclusion.ts',
    '      merged(open)\n',
    '      if (open.segment.refused.size === 0) merged(open)\n',
  ]),
  bug('property-tests/document-digests.test.ts', 'what came behind the last look taken for looked at', [
    'src/replica/document-digests.ts',
    'arrivals.some((n) => n > known.upTo || named.has(n))',
    'arrivals.some((n) => named.has(n))',
  ]),
  bug('property-tests/rows-again.test.ts', 'rows name what a later reading leaves out of a chain', [
    'src/service/feed-source.ts',
    'for (const chain of moved) yield { bytes: 0, moved: chain }',
    '',
  ]),
  bug('src/service/log-frontier.test.ts', 'a chain that was cut, or was named late, keeps its place in the token', [
    'src/replica/chains.ts',
    'if (before !== now && !this.moved.has(id))',
    'if (before > 0 && before < now && !this.moved.has(id))',
  ]),
  bug('src/causal-reads.test.ts', 'an answer is not held to where its rows say that they stand', [
    'src/service/reads.ts',
    'options.token === undefined || reaches(at, target)',
    'options.token === undefined || at !== null',
  ]),
  bug('src/replica/frontier-digest.test.ts', 'a chain that goes on digested as it was', [
    'src/replica/chains.ts',
    '    this.tree.touch(id)',
    '    if (known === undefined) this.tree.touch(id)',
  ]),
  bug('transports/positions.test.ts', 'what went on here taken for held by the other side', [
    'transports/positions.ts',
    'seqByGrown.set(chain, before)',
    'seqByGrown.set(chain, host.seqOf(chain))',
  ]),
  bug('transports/frontiers.test.ts', 'an answer that leaves something out taken for whole', [
    'transports/frontiers.ts',
    'for (const prefix of asked) differing.push(prefix)',
    '',
  ]),
  bug('transports/pull.test.ts', 'a frontier compared at once because a link is new', [
    'transports/pull.ts',
    'compareAtMs = nowMs + limits.frontier_quiet_ms_min',
    'compareAtMs = nowMs',
  ]),
  bug('transports/pull.test.ts', 'a frontier compared at once because the other side lags', [
    'transports/pull.ts',
    ' && nowMs - options.servedAtMs() >= limits.frontier_quiet_ms_min',
    '',
  ]),
  // ── the HTTP door ──
  bug('src/http/bodies.test.ts', 'bodies counted as they are announced', [
    'src/http/bodies.ts',
    '      uploads.add(upload)\n',
    "      uploads.add(upload)\n      bytes += Number(source.headers['content-length'] ?? 0)\n",
  ]),
  bug('src/http/bodies.test.ts', 'a body that drips is waited for', [
    'src/http/bodies.ts',
    'here - atLastLook < bounds.paceBytes',
    'here === atLastLook',
  ]),
  bug('src/http/bodies.test.ts', 'a refused body is not read to its end', [
    'src/http/failure.ts',
    'failure.status !== 408 && answerUnread(',
    'failure.status < 400 && answerUnread(',
  ]),
  bug('src/http/connections.test.ts', 'where sockets are full, idle ones stay', [
    'src/http/connections.ts',
    "for (const standing of ['idle', 'sending'] as const) {",
    "for (const standing of ['sending'] as const) {",
  ]),
  bug('src/http/connections.test.ts', 'newcomers without a bound of their own', [
    'src/http/connections.ts',
    'all.fresh.size > bounds.fresh)',
    'all.fresh.size > 1e9)',
  ]),
  bug('src/http/access.test.ts', 'keys guessed as fast as one can ask', [
    'src/http/guesses.ts',
    '      entry.wrong++\n',
    '',
  ]),
  bug('src/http/access.test.ts', 'a foreign page may read', [
    'src/http/origins.ts',
    'origin !== undefined && !allowed.has(origin) && !isSameHost(origin, named)',
    "origin !== undefined && headers['content-type'] !== undefined && !allowed.has(origin) && !isSameHost(origin, named)",
  ]),
  bug('crdt/identity-proof.test.ts', 'an identity proof good for any port', [
    'crdt/identity-proof.ts',
    'pack([1, peer, challenge, port])',
    'pack([1, peer, challenge, port - port])',
  ]),
  bug('src/service/pages.test.ts', 'a page that begins at its cursor', [
    'src/service/pages.ts',
    'write.event > event))',
    'write.event >= event))',
  ]),
  bug('src/service/warming.test.ts', 'a cold document made in one turn', [
    'src/service/warming.ts',
    'if (documents.isHot(entry)) continue',
    'if (documents.isHot(entry) || EVENTS_PER_TURN > 0) continue',
  ]),
  bug('src/service/pages.test.ts', 'long work in one turn', [
    'src/service/turns.ts',
    'if (spent < TURN_BYTES) return',
    'if (spent < 1e12) return',
  ]),
  // ── what a policy lets go ──
  bug('src/service/retention.test.ts', 'a text that is shown given up because a neighbour let it go', [
    'src/service/retention.ts',
    'if (state === null || !isReplaced(state, ref)) return false',
    'if (state === null) return false',
  ]),
  bug('src/service/retention.test.ts', 'an older version old from when it was written', [
    'src/service/old-texts.ts',
    'const dueMs = hlcMs(after.hlc) + keep.ms',
    'const dueMs = hlcMs(here[i]!.hlc) + keep.ms',
  ]),
  bug('src/service/retention.test.ts', 'values of a conflict taken for older versions', [
    'src/service/old-texts.ts',
    'if (ref === undefined || held.has(ref) || held.has(event)) continue',
    'if (ref === undefined || held.has(ref) !== (i === here.length - 1)) continue',
  ]),
  bug('src/store/level.test.ts', 'a text that a policy let go taken again', [
    'src/store/plan.ts',
    "if (erased?.is !== 'sound' && !dropped) puts.push(bodyEntry(body))",
    "if (erased?.is !== 'sound' || dropped) puts.push(bodyEntry(body))",
  ]),
  bug('transports/sync.test.ts', 'what one link let go given up before the others were asked', [
    'transports/rounds.ts',
    'search.dropped ||= dropped',
    'if (dropped) goneNow.push(item)',
  ]),
  // ── a checker ──
  bug('src/cli/verbs.test.ts', 'a checker that reads one page', [
    'src/sdk/pages.ts',
    'if (page.next_cursor === null || page.next_cursor === undefined) return undefined',
    'if (page.next_cursor !== cursor) return undefined',
  ]),

  // ── export and import ──
  bug('src/cli/export/said.test.ts', 'what stands is said before what replaced it elsewhere', [
    'src/cli/export/said.ts',
    'const gone = writers.filter((at) => at > first && !others.includes(at))',
    'const gone = writers.filter((at) => at < 0 && !others.includes(at))',
  ]),
  bug('src/mirror/view.test.ts', 'a namespace of any size is held by a mirror', [
    'src/mirror/view.ts',
    'others >= mirrorLimits.rows_max ||',
    'others < 0 ||',
  ]),
  bug('src/cli/import/secrets.test.ts', 'only the text of what is imported is looked at for secrets', [
    'src/cli/import/secrets.ts',
    "return lines.join('\\n')",
    "return lines[1] ?? ''",
  ]),
]
