/**
 * A dishonest member: commits of any content under its own good signature, taken by another peer as it takes everything.
 *
 * What must hold whatever it signs: nothing but a change derived here reaches the document; a refused commit leaves the
 * document as it was; what is applied can be read, saved and loaded, and another peer that applies it has the same heads.
 */
import * as automerge from '@automerge/automerge'
import { changeHash, type Document } from '../../../crdt/automerge.ts'
import { decodeCommit } from '../../../crdt/commit.ts'
import { decodeEvent, isDocumentEvent, type DocumentEvent } from '../../../crdt/event.ts'
import { bytesToHex, hexToBytes, type CommitHash, type SegmentId } from '../../../crdt/ids.ts'
import { readLink, readMemory } from '../../../crdt/reading.ts'
import { createLazyDocument } from '../../../crdt/lazy-document.ts'
import { derive, documentHeads, type Segment } from '../../../crdt/segment.ts'
import { createReplica, type TestReplica } from '../../../crdt/test-support.ts'
import type { Draw } from '../draw.ts'
import { resign } from '../forge.ts'
import { mutatePacked } from '../mutate-packed.ts'
import { makeHistory, type History } from '../samples.ts'
import { ACCEPTED, judge, refused, type Target } from '../target.ts'

const applied: Target = {
  name: 'segment',
  micros: 1_500,
  // Refusals are remembered by the segment.
  inputsPerOpening: 200,
  open: () => {
    const history = makeHistory()
    let honest = witness(history)
    /** Documents lie outside the heap: left to finalisers they pile up faster than these run. */
    const renew = (): void => {
      honest.free()
      honest = witness(history)
    }
    return {
      make: (draw) => forged(draw, history),
      // Of what `feed` does, most is the judge's: a second peer, all read, saved and loaded.
      readAlone: (input) => {
        const fresh = witness(history)
        fresh.replica.take(input)
        fresh.free()
      },
      feed: (input) => {
        const before = honest.state()
        const verdict = honest.replica.take(input)
        if (verdict.kind === 'admitted' && verdict.left_out === null) {
          const decoded = decodeCommit(input)
          judge(decoded.ok, 'admitted, though it does not decode')
          if (decoded.ok && decoded.commit.header.segment !== null)
            checkApplied(honest, decoded.commit.header.segment, decoded.commit.header.changeHash)
          const other = witness(history)
          other.replica.take(input)
          judge(other.state() === honest.state(), 'two peers that took the same commit differ')
          other.free()
          renew()
          return ACCEPTED
        }
        judge(honest.state() === before, 'refused, and yet the documents changed')
        judge(honest.given.length === 0, 'refused, and yet a change reached the document')
        if (verdict.kind === 'admitted') {
          renew()
          return refused(verdict.left_out ?? '')
        }
        return refused(verdict.kind === 'refused' ? verdict.reason.replace(/: .*/, '') : verdict.kind)
      },
      close: async () => {
        honest.free()
        for (const replica of [history.alice, history.bob])
          for (const { document } of replica.segments.values()) document.free()
      },
    }
  },
}

type Witness = { readonly replica: TestReplica; readonly given: Uint8Array[]; state(): string; free(): void }

/** A third peer that took the history, with an eye on everything that its documents are given from then on. */
const witness = ({ mesh, commits }: History): Witness => {
  const replica = createReplica(mesh, 3)
  for (const { bytes } of commits) replica.take(bytes)
  const given: Uint8Array[] = []
  for (const [id, segment] of replica.segments) {
    const document = watched(segment.document.current(), given)
    replica.segments.set(id, { ...segment, document: createLazyDocument(() => document) })
  }
  const free = (): void => {
    for (const { document } of replica.segments.values()) document.free()
  }
  return {
    replica,
    given,
    free,
    state: () =>
      [...replica.segments]
        .map(([id, segment]) => `${id} ${documentHeads(segment).join()}`)
        .sort()
        .join('\n'),
  }
}

const watched = (doc: Document, given: Uint8Array[]): Document =>
  new Proxy(doc, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (name === 'applyChanges') {
        return (changes: Uint8Array[]): void => {
          given.push(...changes)
          target.applyChanges(changes)
        }
      }
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })

const checkApplied = ({ replica, given }: Witness, id: SegmentId, stated: string | null): void => {
  const segment = replica.segment(id)
  segment.document.current()
  // A segment that is new to this peer was opened after the others were put under watch.
  judge(
    given.length <= 1 && given.every((change) => changeHash(change) === stated),
    'the document was given another change than the commit states',
  )
  readAll(segment)
  const loaded = automerge.getBackend(automerge.load(segment.document.current().save()))
  judge(
    loaded.getHeads().sort().join() === documentHeads(segment).join(),
    'saved and loaded, the document has other heads',
  )
  loaded.free()
}

const readAll = (segment: Segment): void => {
  for (const record of segment.commitsByRecord.keys()) {
    readMemory([segment], record)
    readLink([segment], record)
  }
}

/** A commit that bob could sign: one of his, changed, and consistent again in most cases. */
const forged = (draw: Draw, history: History): Uint8Array => {
  const { bytes } = draw.pick(history.next)
  if (draw.chance(30)) return bytes
  const changed = mutatePacked(draw, bytes)
  const honestHash = !draw.chance(4)
  return resign(changed, history.bob.keys, (deps, events) =>
    honestHash ? derivedHash(history, bytes, deps, events) : null,
  )
}

/** The change hash that an honest member would state for these events, or null when there is none. */
const derivedHash = (
  { bob }: History,
  original: Uint8Array,
  deps: readonly Uint8Array[],
  eventBytes: readonly Uint8Array[],
): Uint8Array | null => {
  const decoded = decodeCommit(original)
  const where = decoded.ok ? decoded.commit.header.segment : null
  const events: DocumentEvent[] = []
  for (const bytes of eventBytes) {
    const event = decodeEvent(bytes)
    if (event.ok && isDocumentEvent(event.event)) events.push(event.event)
  }
  if (where === null || !decoded.ok || events.length !== eventBytes.length) return null
  const derivation = derive(
    bob.segment(where),
    { peer: bob.peer, incarnation: bob.incarnation, chain: decoded.commit.chain },
    deps.map((dep) => bytesToHex(dep) as CommitHash),
    events,
  )
  return 'refused' in derivation ? null : hexToBytes(derivation.hash)
}

export const segmentTargets: readonly Target[] = [applied]
