/** Following a document: what a reader lacks is sent, nothing of theirs is asked for. */
import * as A from '@automerge/automerge'
import { describe, expect, test } from 'vitest'
import { answer, newFollow, push, type Follow } from './follow.ts'
import type { LiveDocument } from './live-document.ts'
import { readSyncMessage, type Said } from './sync-message.ts'

type Doc = Record<string, number>

/** A document at the door, which changes, and how often it was asked for everything. */
const createDocument = () => {
  let doc = A.from<Doc>({ start: 0 })
  const document: LiveDocument = {
    heads: () => A.getHeads(doc).sort(),
    changesSince: (heads) => A.getBackend(doc).getChanges([...heads]),
    save: () => A.save(doc),
  }
  return {
    document,
    doc: () => doc,
    set: (key: string, value: number) => void (doc = A.change(doc, (draft) => void (draft[key] = value))),
  }
}

/** The reader's side, as automerge-repo runs it. */
const createReader = (doc = A.init<Doc>(), follow: Follow = newFollow()) => {
  let state = A.initSyncState()
  const says = (): Uint8Array | null => {
    const [next, message] = A.generateSyncMessage(doc, state)
    state = next
    return message
  }
  const hears = (message: Uint8Array): void => {
    ;[doc, state] = A.receiveSyncMessage(doc, state, message)
  }
  return {
    follow,
    hears,
    doc: () => doc,
    set: (key: string, value: number) => void (doc = A.change(doc, (draft) => void (draft[key] = value))),
    /** Talks until both are silent. @returns messages in all. */
    talk: (document: LiveDocument): number => {
      for (let messages = 0; ;) {
        const message = says()
        if (message === null) return messages
        const reply = answer(follow, document, saidBy(message))
        messages += reply === null ? 1 : 2
        if (reply === null) return messages
        hears(reply)
        if (messages > 20) throw new Error('they do not come to rest')
      }
    },
  }
}
const saidBy = (message: Uint8Array): Said => {
  const said = readSyncMessage(message)
  if ('refused' in said) throw new Error(said.refused)
  return said
}
const told = (message: Uint8Array | null) => (message === null ? null : A.decodeSyncMessage(message))

describe('a reader', () => {
  test('has everything after one question and one answer, and both fall silent', () => {
    const { document, doc, set } = createDocument()
    for (let n = 0; n < 50; n++) set(`k${n}`, n)
    const reader = createReader()
    expect(reader.talk(document)).toBe(3)
    expect(reader.doc()).toEqual(doc())
  })

  test('is pushed what it lacks, once', () => {
    const { document, doc, set } = createDocument()
    const reader = createReader()
    reader.talk(document)
    expect(push(reader.follow, document)).toBeNull()
    set('a', 1)
    set('b', 2)
    const message = push(reader.follow, document)!
    expect(told(message)!.changes).toHaveLength(2)
    reader.hears(message)
    expect(reader.doc()).toEqual(doc())
    expect(push(reader.follow, document)).toBeNull()
    expect(reader.talk(document)).toBe(1)
  })

  test('that comes back with its document is told the difference alone', () => {
    const { document, doc, set } = createDocument()
    for (let n = 0; n < 50; n++) set(`k${n}`, n)
    const first = createReader()
    first.talk(document)
    const before = document.heads()
    set('later', 1)
    const again = createReader(A.clone(first.doc()))
    const message = answer(again.follow, document, saidBy(A.generateSyncMessage(again.doc(), A.initSyncState())[1]!))
    expect(told(message)!.changes).toEqual(document.changesSince(before))
    again.hears(message!)
    expect(again.doc()).toEqual(doc())
  })

  test('with changes of its own is told ours, and both fall silent', () => {
    const { document, doc, set } = createDocument()
    const reader = createReader()
    reader.talk(document)
    for (let n = 0; n < 5; n++) {
      reader.set(`own${n}`, n)
      set(`k${n}`, n)
      expect(reader.talk(document)).toBeLessThan(6)
    }
    expect(reader.doc()).toMatchObject({ k0: 0, k4: 4, own0: 0 })
    expect(doc()).not.toHaveProperty('own0')
  })

  test('that says it has nothing, or names what it lacks, is told everything again', () => {
    const { document, doc } = createDocument()
    const reader = createReader()
    reader.talk(document)
    const fresh = createReader(A.init(), reader.follow)
    fresh.talk(document)
    expect(fresh.doc()).toEqual(doc())
    const lacking = {
      ...saidBy(A.encodeSyncMessage({ heads: A.getHeads(doc()), need: A.getHeads(doc()), have: [], changes: [] })),
    }
    expect(
      A.receiveSyncMessage(A.init<Doc>(), A.initSyncState(), answer(reader.follow, document, lacking)!)[0],
    ).toEqual(doc())
  })

  test('of an old version, without capabilities, gets changes one by one in the old form', () => {
    const { document, doc, set } = createDocument()
    set('a', 1)
    const follow = newFollow()
    const reply = answer(follow, document, saidBy(A.encodeSyncMessage({ heads: [], need: [], have: [], changes: [] })))!
    expect(reply[0]).toBe(0x42)
    expect(told(reply)).toMatchObject({ type: 'v1', changes: [{}, {}] })
    expect(told(reply)).not.toHaveProperty('supportedCapabilities')
    expect(A.receiveSyncMessage(A.init<Doc>(), A.initSyncState(), reply)[0]).toEqual(doc())
  })

  test('of a document that is not here yet is told all of it when it comes', () => {
    const { document, doc } = createDocument()
    const reader = createReader()
    expect(answer(reader.follow, null, saidBy(A.generateSyncMessage(reader.doc(), A.initSyncState())[1]!))).toBeNull()
    reader.hears(push(reader.follow, document)!)
    expect(reader.doc()).toEqual(doc())
  })
})
