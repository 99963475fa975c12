/** `proof.json`, read as another implementation would read it. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { bytesToHex, parseMeshId, type MeshId } from '../../crdt/ids.ts'
import { verifyProof } from '../../crdt/proof.ts'
import { makeProofVectors, type ProofVectors } from './proof-cases.ts'

const vectors = JSON.parse(readFileSync(new URL('proof.json', import.meta.url), 'utf8')) as ProofVectors
const meshId = (text: string): MeshId => parseMeshId(text)!
const utf8 = new TextEncoder()

describe('proof.json', () => {
  it('is what the script makes', () => expect(makeProofVectors()).toEqual(vectors))

  it.each(vectors.proofs)('$name', ({ mesh, file, event, peer, commit, seq, control_seq, voters, texts }) => {
    const shown = verifyProof(utf8.encode(file), meshId(mesh))
    expect(shown).toMatchObject({
      ok: true,
      event: { id: event },
      author: { peer },
      commit,
      seq,
      place: control_seq,
      voters: voters.map((voter) => ({ peer: voter })),
    })
    expect(
      shown.ok && Object.fromEntries(shown.texts.map(({ field, text }) => [field, text && bytesToHex(text)])),
    ).toEqual(texts)
  })

  it.each(vectors.refused)('refused: $name', ({ mesh, file, fault }) => {
    expect(verifyProof(utf8.encode(file), meshId(mesh))).toMatchObject({ ok: false, fault })
  })
})
