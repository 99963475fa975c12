/** A proof holds, and no changed one does: each bit, each rule, each budget. */
import { describe, expect, it } from 'vitest'
import { encodeCanonical, type Json } from './canonical.ts'
import { bytesToHex } from './ids.ts'
import { checkProof, verifyProof, type ProofFault } from './proof.ts'
import { PROOF_BYTES_MAX, PROOF_STATEMENTS_MAX, decodeProof, encodeProof, type Proof } from './proof-file.ts'
import { writtenProof } from './proof.test-support.ts'
import { keyPairFromSeed, sign } from './signature.ts'
import { cutting, eventId, peerOfSeed, record, seed } from './test-support.ts'

const utf8 = new TextDecoder()
const jsonOf = (bytes: Uint8Array): { [field: string]: Json } =>
  JSON.parse(utf8.decode(bytes)) as { [field: string]: Json }

describe('a proof', () => {
  it('shows who said what, when, and on whose disks it lies', () => {
    const { mesh, proof } = writtenProof({ later: [3] })
    expect(verifyProof(encodeProof(proof), mesh.id)).toMatchObject({
      ok: true,
      seq: 2,
      event: { id: eventId(11), record: record(11), kind: 'memory.put', agent: 'ai:alice' },
      author: { peer: peerOfSeed(1), name: 'peer 1' },
      voters: [1, 2, 3].map((byte) => ({ peer: peerOfSeed(byte), name: `peer ${byte}` })),
      meshName: 'test',
      place: 1,
      header: { namespace: 'team/api' },
    })
    const shown = verifyProof(encodeProof(proof), mesh.id)
    expect(shown.ok && shown.texts.map(({ field, text }) => [field, text && utf8.decode(text)])).toEqual([
      ['title', 'Deploy key'],
      ['content', 'The deploy key rotates on Fridays.'],
    ])
  })

  it('has one form, which is read back as it was', () => {
    for (const { proof } of [
      writtenProof({ later: [2] }),
      writtenProof({ attestation: sign('mnemesh/event/1', new Uint8Array(3), keyPairFromSeed(seed(9))) }),
    ]) {
      const bytes = encodeProof(proof)
      expect(decodeProof(bytes)).toEqual(proof)
      expect(bytesToHex(encodeProof(decodeProof(bytes)!))).toBe(bytesToHex(bytes))
    }
  })

  it('goes without texts, which are told to be not in it', () => {
    const { mesh, proof } = writtenProof()
    const shown = verifyProof(encodeProof({ ...proof, texts: [] }), mesh.id)
    expect(shown.ok && shown.texts).toMatchObject([
      { field: 'title', text: null },
      { field: 'content', text: null },
    ])
  })

  it('is refused after any one bit changed: each bit of a small one', () => {
    const { mesh, proof } = writtenProof({ voters: [1], events: 1, index: 0 })
    expect(accepted(encodeProof(proof), mesh.id, 1)).toEqual([])
  }, 300_000)

  it('is refused after any one bit changed: every 37th of one with ties, paths, three voters and an attestation', () => {
    const attestation = sign('mnemesh/event/1', new Uint8Array(3), keyPairFromSeed(seed(9)))
    const { mesh, proof } = writtenProof({ later: [2, 3], events: 5, index: 3, attestation })
    expect(accepted(encodeProof(proof), mesh.id, 37)).toEqual([])
  }, 300_000)

  it('has no other form: white space, keys in another order, a line end, hex in capitals, a field more', () => {
    const { mesh, proof } = writtenProof()
    const text = utf8.decode(encodeProof(proof))
    const others = [
      `${text}\n`,
      ` ${text}`,
      text.replace(':', ': '),
      JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text) as object).toReversed())),
      text.replace(mesh.id, mesh.id.toUpperCase()),
      text.replace('"mesh"', '"\\u006desh"'),
      text.replace('"v":1', '"v":1,"w":1'),
      text.replace('"v":1', '"v":1,"v":1'),
      text.replace('"v":1', '"v":1e0'),
    ]
    for (const other of others) {
      expect(other).not.toBe(text)
      expect(verifyProof(new TextEncoder().encode(other), mesh.id)).toMatchObject({ ok: false, fault: 'malformed' })
    }
  })
})

describe('what a proof is refused for', () => {
  const { mesh, proof, events } = writtenProof()
  const other = writtenProof({ voters: [1, 2] })
  const [first, second] = proof.receipt.acks
  const rows: readonly (readonly [string, Partial<Proof>, ProofFault])[] = [
    ['no control log', { control: [] }, 'policy_not_here'],
    ['the control log of another mesh', { control: other.proof.control }, 'control_log'],
    [
      'a statement that another key signed',
      { control: [...proof.control, writtenProof().mesh.enrol(7).bytes.with(-5, 1)] },
      'control_log',
    ],
    ['one of its statements twice', { control: [...proof.control, ...proof.control] }, 'control_log'],
    [
      "another author's signature",
      { signature: sign('mnemesh/commit/1', proof.receipt.header, keyPairFromSeed(seed(2))) },
      'author_signature',
    ],
    ['another event of the same commit, in its place', { event: events[0]!.bytes }, 'event_not_in_commit'],
    ['another place', { index: 0 }, 'event_not_in_commit'],
    ['an attestation that is not its own', { attestation: new Uint8Array(64) }, 'event_not_in_commit'],
    ['another text', { texts: [{ ...proof.texts[0]!, text: new Uint8Array(3) }] }, 'text_differs'],
    [
      'a text that the event does not name',
      {
        texts: other.proof.texts.map((text, i) =>
          i === 0 ? { ...text, ref: mesh.control[0]!.hash as string as typeof text.ref } : text,
        ),
      },
      'text_differs',
    ],
    ['a voter twice', { receipt: { ...proof.receipt, acks: [first!, first!] } }, 'receipt_voter_twice'],
    [
      "one voter's signature under another's name",
      { receipt: { ...proof.receipt, acks: [{ ...first!, voter: second!.voter }] } },
      'receipt_bad_signature',
    ],
    ['nobody who holds it', { receipt: { ...proof.receipt, acks: [] } }, 'too_few_voters'],
  ]
  it.each(rows)('%s', (_, fields, fault) => {
    expect(checkProof(proof)).toMatchObject({ ok: true })
    expect(checkProof({ ...proof, ...fields })).toMatchObject({ ok: false, fault })
  })

  it('another mesh', () => {
    expect(verifyProof(encodeProof(proof), other.mesh.id)).toMatchObject({
      ok: false,
      fault: 'other_mesh',
      about: mesh.id,
    })
  })

  it('fewer voters than are asked for', () => {
    expect(verifyProof(encodeProof(proof), mesh.id, 3)).toMatchObject({ ok: true })
    expect(verifyProof(encodeProof(proof), mesh.id, 4)).toMatchObject({ ok: false, fault: 'too_few_voters' })
  })

  it('an author, or a voter, who is out by the control log in it', () => {
    const taken = (byte: number, last: Record<string, number>) =>
      writtenProof().mesh.say(...cutting('peer.revoke', 0x2000 + 0x10 * byte, peerOfSeed(byte), last)).bytes
    const chain = (checkProof(proof) as { chain: string }).chain
    expect(checkProof({ ...proof, control: [...proof.control, taken(1, { [chain]: 1 })] })).toMatchObject({
      ok: false,
      fault: 'author_left_out',
    })
    expect(checkProof({ ...proof, control: [...proof.control, taken(2, {})] })).toMatchObject({
      ok: false,
      fault: 'not_a_voter',
      about: peerOfSeed(2),
    })
    // What it wrote before still counts; its own word on its disk does not.
    expect(
      checkProof({
        ...proof,
        receipt: { ...proof.receipt, acks: [second!] },
        control: [...proof.control, taken(1, { [chain]: 2 })],
      }),
    ).toMatchObject({ ok: true, place: 2 })
  })

  it('an observer that vouches', () => {
    const two = writtenProof({ voters: [1, 2], observers: [2] })
    expect(checkProof(two.proof)).toMatchObject({ ok: false, fault: 'not_a_voter', about: peerOfSeed(2) })
  })
})

describe('a hostile file', () => {
  const { mesh, proof } = writtenProof()
  const sane = jsonOf(encodeProof(proof))
  const with_ = (fields: { [field: string]: Json }): Uint8Array => encodeCanonical({ ...sane, ...fields })
  const files: readonly (readonly [string, () => Uint8Array])[] = [
    ['nothing', () => new Uint8Array(0)],
    ['a million lists within lists', () => new Uint8Array(1_000_000).fill(0x5b)],
    ['fifteen million empty lists', () => new TextEncoder().encode(`[${'[],'.repeat(5_000_000)}[]]`)],
    ['one byte too many', () => new Uint8Array(PROOF_BYTES_MAX + 1).fill(0x31)],
    ['too many statements', () => with_({ control: Array.from({ length: PROOF_STATEMENTS_MAX + 1 }, () => 'AA') })],
    ['a statement that is too large', () => with_({ control: ['A'.repeat(800_000)] })],
    [
      'a text that is too large',
      () => with_({ texts: [{ ref: '0'.repeat(64), salt: 'A'.repeat(22), text: 'A'.repeat(100_000) }] }),
    ],
    ['a path that is too long', () => with_({ path: 'A'.repeat(4_000) })],
    [
      '__proto__ for a field',
      () => new TextEncoder().encode(utf8.decode(encodeProof(proof)).replace('"index"', '"__proto__"')),
    ],
    ['numbers where text is due', () => with_({ event: 7, signature: 9 })],
  ]
  it.each(files)('%s: refused, and at once', (_, make) => {
    const bytes = make()
    const before = performance.now()
    expect(verifyProof(bytes, mesh.id)).toMatchObject({ ok: false, fault: 'malformed' })
    expect(performance.now() - before).toBeLessThan(1_000)
  })
})

/** The bits, one in `step`, after whose change the proof is not refused. */
const accepted = (bytes: Uint8Array, mesh: Parameters<typeof verifyProof>[1], step: number): readonly number[] => {
  expect(verifyProof(bytes, mesh)).toMatchObject({ ok: true })
  const passed: number[] = []
  for (let bit = 0; bit < bytes.length * 8; bit += step) {
    const at = bit >> 3
    if (verifyProof(bytes.with(at, bytes[at]! ^ (1 << (bit & 7))), mesh).ok) passed.push(bit)
  }
  return passed
}
