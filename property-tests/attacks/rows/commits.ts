/** Commits, forks and texts of a dishonest member: forged, malformed, floods; and what it may sign but must not break others with. */
import { randomBytes } from 'node:crypto'
import { makeBody } from '../../../crdt/body.ts'
import { fromLittleEndian, L, littleEndian } from '../../../crdt/edwards.test-support.ts'
import { makeForkProof } from '../../../crdt/fork.ts'
import { controlChainId, decodeCommit, type CommitHeader, type VerifiedCommit } from '../../../crdt/commit.ts'
import {
  bytesToHex,
  CONTROL_NAMESPACE,
  hexToBytes,
  type CommitHash,
  type Namespace,
  type PeerId,
} from '../../../crdt/ids.ts'
import type { Hlc } from '../../../crdt/hlc.ts'
import { pack } from '../../../crdt/msgpack.ts'
import { sign } from '../../../crdt/signature.ts'
import { TAGS } from '../../../transports/messages.ts'
import { allMemories, listIn } from '../../../deploy/local/http.ts'
import { mendRoot, resign } from '../../fuzz/forge.ts'
import { readStrictly, writeNode, type Node } from '../../fuzz/dumb/msgpack.ts'
import type { Attack, Stage } from '../attack.ts'
import { bodyOf, createAuthor, episode, NAMESPACE, put, wireBody, type Author } from '../forge.ts'
import { frontierOf, joined, openLink, parcelsFrame, settled, type MeshLink } from '../../hostile/mesh-link.ts'
import { metric } from '../snapshot.ts'

/** The control log's commits, as anybody may fetch them. */
/** Why the quick form leaves a row out. */
const FLOOD = 'a flood: takes seconds of processor'
const controlLog = async (link: MeshLink, stage: Stage): Promise<readonly Uint8Array[]> => {
  const chain = controlChainId(stage.facts.mesh)
  const seq = (await frontierOf(link)).get(chain)?.seq ?? 0
  link.tell([TAGS.want, [hexToBytes(chain), 1], [0, seq]])
  const commits: Uint8Array[] = []
  while (commits.length < seq) {
    const [, , , list] = await link.await(TAGS.parcels)
    for (const node of list as readonly Node[]) if (node instanceof Uint8Array) commits.push(node)
  }
  return commits
}

const policyOf = async (link: MeshLink, stage: Stage): Promise<CommitHash> => {
  const last = decodeCommit((await controlLog(link, stage)).at(-1)!)
  if (!last.ok) throw new Error('the control log ends in no commit')
  return last.commit.hash
}

const onStage = async (stage: Stage): Promise<{ readonly link: MeshLink; readonly author: Author }> => {
  const link = await stage.open()
  return {
    link,
    author: createAuthor({ mesh: stage.facts.mesh, policy: await policyOf(link, stage), keys: stage.member.keys }),
  }
}

type Sent = {
  readonly chain: string
  readonly seq: number
  readonly bytes: Uint8Array
  readonly bodies?: readonly Uint8Array[]
}
const send = (link: MeshLink, ...commits: readonly Sent[]): void => {
  for (const { chain, seq, bytes, bodies = [] } of commits) link.tell(parcelsFrame(chain, seq, [{ bytes, bodies }]))
}
const sentAs = (commit: VerifiedCommit, bytes: Uint8Array = commit.bytes): Sent => ({
  chain: commit.chain,
  seq: commit.header.seq,
  bytes,
})

/** What became of it: taken into the log, refused, closed by name, or waiting. */
const fateOf = async (
  stage: Stage,
  link: MeshLink,
  { chain, seq }: Pick<Sent, 'chain' | 'seq'>,
  refusedBefore: number,
): Promise<string> => {
  for (let looks = 0; looks < 8; looks++) {
    await settled(link).catch(() => undefined)
    if (link.reason() !== null) return link.reason()!
    if (((await frontierOf(link)).get(chain)?.seq ?? 0) >= seq) return 'taken'
    if ((await metric(stage.victim, 'mnemesh_commits_refused')) > refusedBefore) return 'refused'
    await stage.pause(60)
  }
  return 'waits'
}

/** Sends one commit and tells its fate. */
const one =
  (make: (author: Author, stage: Stage) => Sent) =>
  async (stage: Stage): Promise<string> => {
    const { link, author } = await onStage(stage)
    const before = await metric(stage.victim, 'mnemesh_commits_refused')
    const sent = make(author, stage)
    send(link, sent)
    return fateOf(stage, link, sent, before)
  }
const lying = (lie: Partial<CommitHeader> | ((author: Author, stage: Stage) => Partial<CommitHeader>)) =>
  one((author, stage) => sentAs(author.seal([episode()], typeof lie === 'function' ? lie(author, stage) : lie)))

/** A commit's four parts, changed and put together again; the signature is not made anew. */
const rewritten = (commit: VerifiedCommit, change: (parts: Node[]) => void): Uint8Array => {
  const parts = [...(readStrictly(commit.bytes, 100_000) as readonly Node[])]
  change(parts)
  return writeNode(parts)
}
/** With other bytes as the one event, the header's root made to fit and signed again: what only the signer can do. */
const withEventBytes = (author: Author, stage: Stage, event: Uint8Array): Sent => {
  const honest = author.seal([episode()])
  const sealed = resigned(honest.bytes, event, stage)
  return { chain: honest.chain, seq: honest.header.seq, bytes: sealed }
}
const resigned = (bytes: Uint8Array, event: Uint8Array, stage: Stage): Uint8Array => {
  const parts = [...(readStrictly(bytes, 100_000) as readonly Node[])]
  parts[1] = [event]
  return resign(mendRoot(writeNode(parts)), stage.member.keys, () => null)
}
const eventText = (text: string): Uint8Array => new TextEncoder().encode(text)
const honestEvent = (fields: string): string =>
  `{"agent":"evil:member","at":"2026-01-01T00:00:00.000Z",${fields}"event_type":"x","id":"0000000e-0000-4000-8000-000000000001","kind":"episode.append","ns":"attacked","v":1}`

const REFUSED = /^(refused|malformed_frame|waits)$/

/** Two commits of one place. */
const forked = (author: Author): readonly [VerifiedCommit, VerifiedCommit] => [
  author.seal([episode()]),
  author.seal([episode()]),
]

const listed = async (stage: Stage): Promise<number> => (await allMemories(stage.victim.call, 'default')).length

export const commitAttacks: readonly Attack[] = [
  {
    id: 'cm-flipped',
    who: 'member',
    what: 'a commit whose signature has one bit flipped',
    expect: 'waits',
    run: one((author) => {
      const commit = author.seal([episode()])
      return sentAs(
        commit,
        rewritten(
          commit,
          (parts) => void (parts[3] = (parts[3] as Uint8Array).map((byte, i) => (i === 3 ? byte ^ 1 : byte))),
        ),
      )
    }),
  },
  {
    id: 'cm-flipped-anywhere',
    who: 'member',
    what: '200 commits with one bit flipped anywhere',
    expect: 'none taken',
    slow: FLOOD,
    run: async (stage) => {
      const { link, author } = await onStage(stage)
      const commit = author.seal([episode()])
      for (let n = 0; n < 200; n++) {
        const bytes = new Uint8Array(commit.bytes)
        bytes[Math.floor((n / 200) * bytes.length)]! ^= 1 << (n % 8)
        send(link, { chain: commit.chain, seq: 1, bytes })
      }
      await settled(link).catch(() => undefined)
      return link.reason() ?? ((await frontierOf(link)).has(commit.chain) ? 'taken' : 'none taken')
    },
  },
  {
    id: 'cm-malleated',
    who: 'member',
    what: 'a commit whose S has the group order added',
    expect: 'waits',
    run: one((author) => {
      const commit = author.seal([episode()])
      return sentAs(
        commit,
        rewritten(commit, (parts) => {
          const signature = parts[3] as Uint8Array
          parts[3] = joined(signature.subarray(0, 32), littleEndian(fromLittleEndian(signature.subarray(32)) + L))
        }),
      )
    }),
  },
  {
    id: 'cm-other-author',
    who: 'member',
    what: "a commit in the peer's name, signed by us",
    expect: /^(waits|refused)$/,
    run: lying((_, stage) => ({ peer: stage.facts.victim })),
  },
  {
    id: 'cm-not-enrolled',
    who: 'member',
    what: 'a commit of somebody who was never enrolled, truly signed',
    expect: 'refused',
    run: one((author, stage) => {
      const nobody = createAuthor({
        mesh: stage.facts.mesh,
        policy: author.seal([episode()]).header.policy,
        keys: stage.stranger(),
      })
      return sentAs(nobody.seal([episode()]))
    }),
  },
  {
    id: 'cm-small-order',
    who: 'member',
    what: 'a commit of the zero key, which any signature fits',
    expect: /^(waits|refused|malformed_frame)$/,
    run: lying({ peer: '0'.repeat(64) as PeerId }),
  },
  {
    id: 'cm-handshake-signature',
    who: 'member',
    what: "a handshake's signature on a commit",
    expect: 'waits',
    run: one((author, stage) => {
      const commit = author.seal([episode()])
      return sentAs(
        commit,
        rewritten(
          commit,
          (parts) => void (parts[3] = sign('mnemesh/handshake/1', commit.headerBytes, stage.member.keys)),
        ),
      )
    }),
  },
  {
    id: 'cm-foreign-mesh',
    who: 'member',
    what: 'a commit of another mesh',
    expect: 'refused',
    run: lying({ mesh: bytesToHex(randomBytes(32)) as CommitHeader['mesh'] }),
  },
  { id: 'cm-seq-0', who: 'member', what: 'a commit of seq 0', expect: 'malformed_frame', run: lying({ seq: 0 }) },
  {
    id: 'cm-seq-2-53',
    who: 'member',
    what: 'a commit of seq 2^53 - 1',
    expect: 'malformed_frame',
    run: lying({ seq: Number.MAX_SAFE_INTEGER }),
  },
  { id: 'cm-seq-gap', who: 'member', what: 'a commit of seq 2^48', expect: 'waits', run: lying({ seq: 2 ** 48 }) },
  {
    id: 'cm-prev',
    who: 'member',
    what: 'a first commit that names one before it',
    expect: 'refused',
    run: lying({ prev: bytesToHex(randomBytes(32)) as CommitHash }),
  },
  {
    id: 'cm-history',
    who: 'member',
    what: 'a commit with another history root',
    expect: 'refused',
    run: lying({ history: bytesToHex(randomBytes(32)) }),
  },
  {
    id: 'cm-policy',
    who: 'member',
    what: 'a commit under a control statement that is not',
    expect: 'waits',
    run: lying({ policy: bytesToHex(randomBytes(32)) as CommitHash }),
  },
  {
    id: 'cm-year-ahead',
    who: 'member',
    what: 'a commit a year ahead of time',
    expect: 'waits',
    run: lying({ hlc: ((Date.now() + 365 * 86_400_000) * 1024) as Hlc }),
  },
  {
    id: 'cm-year-behind',
    who: 'member',
    what: 'a commit a year behind',
    expect: 'taken',
    writes: true,
    run: lying({ hlc: ((Date.now() - 365 * 86_400_000) * 1024) as Hlc }),
  },
  {
    id: 'cm-hlc-negative',
    who: 'member',
    what: 'a commit whose time is 2^53',
    expect: REFUSED,
    run: one((author) => {
      const commit = author.seal([episode()])
      return sentAs(commit, commit.bytes.with(20, 0xff))
    }),
  },
  {
    id: 'cm-root',
    who: 'member',
    what: 'a commit whose root is not of its events',
    expect: 'refused',
    run: lying({ eventsRoot: bytesToHex(randomBytes(32)) }),
  },
  {
    id: 'cm-count',
    who: 'member',
    what: 'a commit that tells 256 events and has one',
    expect: 'refused',
    run: lying({ eventCount: 256 }),
  },
  {
    id: 'cm-control',
    who: 'member',
    what: 'a control statement that is not by the authority',
    expect: REFUSED,
    run: one((author) => sentAs(author.seal([episode()], { namespace: CONTROL_NAMESPACE }))),
  },
  {
    id: 'cm-namespace-other',
    who: 'member',
    what: 'an event of another namespace than its commit',
    expect: 'refused',
    run: lying({ namespace: 'elsewhere' as Namespace }),
  },
  {
    id: 'cm-namespace-odd',
    who: 'member',
    what: 'a commit in the namespace ../etc',
    expect: 'refused',
    run: lying({ namespace: '../etc' as Namespace }),
  },
  {
    id: 'cm-too-large',
    who: 'member',
    what: 'a commit of 512 KiB and a byte',
    expect: 'malformed_frame',
    run: one((author) => ({ chain: author.chainIn(NAMESPACE).id, seq: 1, bytes: randomBytes(512 * 1024 + 1) })),
  },
  {
    id: 'cm-junk',
    who: 'member',
    what: 'a commit of 300 random bytes',
    expect: 'refused',
    run: one((author) => ({ chain: author.chainIn(NAMESPACE).id, seq: 1, bytes: randomBytes(300) })),
  },
  {
    id: 'cm-event-kind',
    who: 'member',
    what: 'an event of a kind of the future: kept, derives nothing',
    expect: 'taken',
    writes: true,
    run: one((author, stage) =>
      withEventBytes(author, stage, eventText(honestEvent('').replace('episode.append', 'episode.delete'))),
    ),
  },
  {
    id: 'cm-event-double-key',
    who: 'member',
    what: 'an event with one key twice, signed',
    expect: 'refused',
    run: one((author, stage) =>
      withEventBytes(author, stage, eventText(honestEvent('').replace('"v":1', '"v":1,"v":1'))),
    ),
  },
  {
    id: 'cm-event-proto',
    who: 'member',
    what: 'an event with a key __proto__, signed',
    expect: 'refused',
    run: one((author, stage) => withEventBytes(author, stage, eventText(honestEvent('"__proto__":{},')))),
  },
  {
    id: 'cm-event-surrogate',
    who: 'member',
    what: 'an event with half a surrogate pair, signed',
    expect: 'refused',
    run: one((author, stage) => withEventBytes(author, stage, eventText(honestEvent('').replace('"x"', '"\\ud800"')))),
  },
  {
    id: 'cm-event-minus-zero',
    who: 'member',
    what: 'an event with -0, signed',
    expect: 'refused',
    run: one((author, stage) => withEventBytes(author, stage, eventText(honestEvent('').replace('"v":1', '"v":-0')))),
  },
  {
    id: 'cm-event-1e400',
    who: 'member',
    what: 'an event with 1e400, signed',
    expect: 'refused',
    run: one((author, stage) =>
      withEventBytes(author, stage, eventText(honestEvent('').replace('"v":1', '"v":1e400'))),
    ),
  },
  {
    id: 'cm-event-key-order',
    who: 'member',
    what: 'an event whose keys are in another order, signed',
    expect: 'refused',
    run: one((author, stage) =>
      withEventBytes(author, stage, eventText(honestEvent('').replace(',"v":1', '').replace('{', '{"v":1,'))),
    ),
  },
  {
    id: 'cm-event-unknown-key',
    who: 'member',
    what: 'an event with a field of the future: kept, derives nothing',
    expect: 'taken',
    writes: true,
    run: one((author, stage) =>
      withEventBytes(
        author,
        stage,
        eventText(
          honestEvent('"aa":1,').replace(
            '{"agent":"evil:member","at":"2026-01-01T00:00:00.000Z","aa":1',
            '{"aa":1,"agent":"evil:member","at":"2026-01-01T00:00:00.000Z"',
          ),
        ),
      ),
    ),
  },
  {
    id: 'cm-event-depth',
    who: 'member',
    what: 'an event 8,000 deep, signed',
    expect: 'refused',
    run: one((author, stage) =>
      withEventBytes(
        author,
        stage,
        eventText(honestEvent('').replace('"x"', `${'['.repeat(8_000)}${']'.repeat(8_000)}`)),
      ),
    ),
  },
  {
    id: 'cm-event-large',
    who: 'member',
    what: 'an event of 20 KiB, signed',
    expect: 'refused',
    run: one((author, stage) =>
      withEventBytes(author, stage, eventText(honestEvent('').replace('"x"', `"${'x'.repeat(20_000)}"`))),
    ),
  },
  {
    id: 'cm-revoked-backdated',
    who: 'member',
    what: "a revoked member's commit of before, brought by another",
    expect: 'not shown',
    writes: true,
    spends: true,
    run: async (stage) => {
      const { author } = await onStage(stage)
      const content = bodyOf('written after the revocation, dated before')
      const backdated = author.seal([put({ content }, 'backdated' as Namespace)], {
        hlc: ((Date.now() - 3_600_000) * 1024) as Hlc,
      })
      await stage.revoke()
      const link = await openLink(await stage.dial((await stage.accomplice()).keys, true))
      send(link, { ...sentAs(backdated), bodies: [wireBody(content)] })
      await settled(link)
      await stage.pause(700)
      const { status, body } = await stage.victim.call('GET', '/memories?namespace=backdated&limit=10')
      return status === 200 && !JSON.stringify(body).includes('dated before') ? 'not shown' : `${status} shown`
    },
  },
  {
    id: 'cm-thousand-times',
    who: 'member',
    what: 'one commit 1,000 times',
    expect: 'one event',
    writes: true,
    slow: FLOOD,
    run: async (stage) => {
      const { link, author } = await onStage(stage)
      const commit = author.seal([episode()])
      for (let n = 0; n < 1_000 && link.reason() === null; n++) {
        send(link, sentAs(commit))
        if (n % 50 === 49) await stage.pause(0)
      }
      await settled(link, 20_000)
      for (let looks = 0; looks < 20 && (await frontierOf(link)).get(commit.chain)?.seq !== 1; looks++)
        await stage.pause(100)
      return link.reason() ?? ((await frontierOf(link)).get(commit.chain)?.seq === 1 ? 'one event' : 'not taken')
    },
  },
  {
    id: 'cm-orphans',
    who: 'member',
    what: '6,000 commits whose predecessors are nowhere',
    expect: 'none taken',
    run: async (stage) => {
      const { link, author } = await onStage(stage)
      for (let n = 0; n < 6_000 && link.reason() === null && !stage.over(); n++) {
        const orphan = author.seal([episode()], { seq: 10 + n })
        send(link, sentAs(orphan))
        if (n % 50 === 49) await stage.pause(0)
      }
      await settled(link, 30_000).catch(() => undefined)
      return link.reason() ?? ((await frontierOf(link)).has(author.chainIn(NAMESPACE).id) ? 'taken' : 'none taken')
    },
    slow: 'signs 6,000 commits',
  },
  {
    id: 'cm-namespaces',
    who: 'member',
    what: 'a commit in each of 2,000 namespaces',
    expect: /^(borne|too_many_namespaces|work_overrun)$/,
    writes: true,
    spends: true,
    slow: 'leaves 2,000 namespaces behind',
    run: async (stage) => {
      const { link, author } = await onStage(stage)
      for (let n = 0; n < 2_000 && link.reason() === null && !stage.over(); n++) {
        send(link, sentAs(author.seal([episode(`flood/${n}` as Namespace)])))
        if (n % 50 === 49) await stage.pause(0)
      }
      return (
        (await settled(link, 30_000).then(
          () => 'borne',
          () => link.reason(),
        )) ?? 'unanswered'
      )
    },
  },

  {
    id: 'fk-two-histories',
    who: 'member',
    what: 'two commits in one place',
    expect: 'frozen',
    spends: true,
    writes: true,
    run: async (stage) => {
      const { link, author } = await onStage(stage)
      const [a, b] = forked(author)
      send(link, sentAs(a), sentAs(b))
      return link.closed()
    },
  },
  {
    id: 'fk-lists-stay-whole',
    who: 'member',
    what: 'a fork while lists are read',
    expect: 'every list whole',
    spends: true,
    writes: true,
    run: async (stage) => {
      const whole = await listed(stage)
      const { link, author } = await onStage(stage)
      const [a, b] = forked(author)
      send(link, sentAs(a))
      await settled(link)
      send(link, sentAs(b))
      const partial: string[] = []
      for (const endMs = performance.now() + 2_500; performance.now() < endMs; await stage.pause(10)) {
        const { status, body } = await stage.victim.call('GET', '/memories?namespace=default&limit=1000')
        if (status !== 200 || listIn(body, 'memories').length !== whole)
          partial.push(status === 200 ? `${listIn(body, 'memories').length} of ${whole}` : String(status))
      }
      return partial.length === 0
        ? 'every list whole'
        : `${partial.length} lists were not whole: ${[...new Set(partial)].slice(0, 5).join(', ')}`
    },
  },
  {
    id: 'fk-made-up-forkers',
    who: 'member',
    what: '2,000 proofs that keys forked which were never enrolled',
    expect: /^(fork_flood|forged_fork|borne|work_overrun)$/,
    slow: FLOOD,
    run: async (stage) => {
      const { link, author } = await onStage(stage)
      const { policy } = author.seal([episode()]).header
      for (let n = 0; n < 40 && link.reason() === null && !stage.over(); n++) {
        link.tell([TAGS.forks, Array.from({ length: 50 }, () => proofBy(stage, policy))])
        await stage.pause(5)
      }
      return (
        (await settled(link, 20_000).then(
          () => 'borne',
          () => link.reason(),
        )) ?? 'unanswered'
      )
    },
  },
  {
    id: 'fk-of-the-honest',
    who: 'member',
    what: 'a made-up proof that the peer itself forked',
    expect: /^(borne|forged_fork|malformed_frame)$/,
    run: async (stage) => {
      const { link, author } = await onStage(stage)
      const [a, b] = [
        author.seal([episode()], { peer: stage.facts.victim }),
        author.seal([episode()], { peer: stage.facts.victim }),
      ]
      const side = ({ headerBytes, signature }: VerifiedCommit) =>
        [headerBytes, signature, new Uint8Array(0), []] as const
      link.tell([TAGS.forks, [pack([1, 1, [...side(a)].map(copied), [...side(b)].map(copied)])]])
      return (
        (await settled(link).then(
          () => 'borne',
          () => link.reason(),
        )) ?? 'unanswered'
      )
    },
  },
  {
    id: 'fk-one-side-twice',
    who: 'member',
    what: 'a proof whose sides are one commit',
    expect: /^(borne|forged_fork|malformed_frame)$/,
    run: async (stage) => {
      const { link, author } = await onStage(stage)
      const commit = author.seal([episode()])
      const side = [commit.headerBytes, commit.signature, new Uint8Array(0), []]
      link.tell([TAGS.forks, [pack([1, 1, side, side])]])
      return (
        (await settled(link).then(
          () => 'borne',
          () => link.reason(),
        )) ?? 'unanswered'
      )
    },
  },

  {
    id: 'tx-foreign-body',
    who: 'member',
    what: 'a commit with another text than its ref',
    expect: 'not shown',
    writes: true,
    run: async (stage) => {
      const { link, author } = await onStage(stage)
      const commit = author.seal([put({ content: bodyOf('the true text') }, 'texts' as Namespace)])
      send(link, { ...sentAs(commit), bodies: [wireBody(bodyOf('a planted text'))] })
      await settled(link)
      await stage.pause(300)
      const { body } = await stage.victim.call('GET', '/memories?namespace=texts&limit=100')
      return JSON.stringify(body).includes('a planted text') ? 'shown' : 'not shown'
    },
  },
  {
    id: 'tx-deep-metadata',
    who: 'member',
    what: 'metadata nested 3,000 deep',
    expect: 'list 200, recall 200',
    writes: true,
    run: (stage) => shownAfter(stage, 'deep', `${'['.repeat(3_000)}${']'.repeat(3_000)}`),
  },
  {
    id: 'tx-no-json-metadata',
    who: 'member',
    what: 'metadata that is no JSON',
    expect: 'list 200, recall 200',
    writes: true,
    run: (stage) => shownAfter(stage, 'nojson', '{"a":'),
  },
  {
    id: 'tx-array-metadata',
    who: 'member',
    what: 'metadata that is a number',
    expect: 'list 200, recall 200',
    writes: true,
    run: (stage) => shownAfter(stage, 'number', '7'),
  },
  {
    id: 'tx-proto-metadata',
    who: 'member',
    what: 'metadata with __proto__ and 5,000 keys',
    expect: 'list 200, recall 200',
    writes: true,
    run: (stage) =>
      shownAfter(
        stage,
        'proto',
        `{"__proto__":{"x":1},${Array.from({ length: 1_500 }, (_, n) => `"k${n}":0`).join(',')}}`,
      ),
  },
  {
    id: 'tx-nul-content',
    who: 'member',
    what: 'a text of NULs and broken UTF-8',
    expect: 'list 200, recall 200',
    writes: true,
    run: (stage) => shownAfter(stage, 'nul', '{}', new Uint8Array([0, 0xff, 0xc3, 0x28, 0])),
  },
  {
    id: 'tx-late-text',
    who: 'member',
    what: 'a text that comes long after its commit, lists read meanwhile',
    expect: 'every list whole',
    writes: true,
    run: async (stage) => {
      const whole = await listed(stage)
      const { link, author } = await onStage(stage)
      const content = bodyOf('a text that came late')
      send(link, sentAs(author.seal([put({ content }, 'late' as Namespace)])))
      await settled(link)
      await stage.pause(300)
      link.tell([TAGS.bodies, [wireBody(content)]])
      const partial: string[] = []
      for (const endMs = performance.now() + 2_000; performance.now() < endMs; await stage.pause(10)) {
        const { status, body } = await stage.victim.call('GET', '/memories?namespace=default&limit=1000')
        if (status !== 200 || listIn(body, 'memories').length !== whole)
          partial.push(status === 200 ? `${listIn(body, 'memories').length} of ${whole}` : String(status))
      }
      return partial.length === 0
        ? 'every list whole'
        : `${partial.length} lists were not whole: ${[...new Set(partial)].slice(0, 5).join(', ')}`
    },
  },
]

const copied = (part: Uint8Array | readonly never[]) => (part instanceof Uint8Array ? part : [...part])

/** A proof by a key that was never enrolled, true in all but that. */
const proofBy = (stage: Stage, policy: CommitHash): Uint8Array => {
  const nobody = createAuthor({ mesh: stage.facts.mesh, policy, keys: stage.stranger() })
  const [a, b] = forked(nobody)
  return makeForkProof(1, { before: [], commits: [a] }, { before: [], commits: [b] })!
}

/** A memory with such metadata beside an honest one in a namespace: both must be found in lists and answers. */
const shownAfter = async (stage: Stage, name: string, metadata: string, text?: Uint8Array): Promise<string> => {
  const { link, author } = await onStage(stage)
  const namespace = `odd/${name}` as Namespace
  await stage.victim.call('POST', '/memories', { body: { content: 'an honest neighbour', namespace } })
  const [content, meta] = [
    text === undefined ? bodyOf('an odd neighbour') : makeBody(randomBytes(16), text),
    bodyOf(metadata),
  ]
  const commit = author.seal([put({ content, metadata: meta }, namespace)])
  send(link, { ...sentAs(commit), bodies: [wireBody(content), wireBody(meta)] })
  await settled(link)
  await stage.pause(500)
  const list = await stage.victim.call('GET', `/memories?namespace=${namespace}&limit=10`)
  const recall = await stage.victim.call('GET', `/recall?namespace=${namespace}&q=neighbour&limit=10`)
  const honest =
    list.status === 200 &&
    JSON.stringify(list.body).includes('an honest neighbour') &&
    recall.status === 200 &&
    JSON.stringify(recall.body).includes('an honest neighbour')
  return honest
    ? 'list 200, recall 200'
    : `list ${list.status}, recall ${recall.status}, ${JSON.stringify(list.body).slice(0, 100)}`
}
