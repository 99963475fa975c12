/** Two ranked lists into one. */
import { describe, expect, it } from 'vitest'
import { fuse } from './fuse.ts'
import type { Candidate } from './rank.ts'

const candidate = (id: string, own: number): Candidate => ({ id, own, context: 0, whole: own })
const near = (...ids: readonly string[]) => ids.map((id, i) => ({ id, distance: i / 10 }))
const idsOf = (fused: readonly { readonly id: string }[]): string => fused.map(({ id }) => id).join('')

describe('fusing', () => {
  const lexical = ['a', 'b', 'c'].map((id, i) => candidate(id, 9 - i))

  it('keeps one channel as it is', () => {
    const fused = fuse(lexical, [])
    expect(fused.map(({ id, score, vector }) => [id, score, vector])).toEqual([
      ['a', 13.5, null],
      ['b', 12, null],
      ['c', 10.5, null],
    ])
    expect(idsOf(fuse([], near('x', 'y')))).toBe('xy')
  })

  it('puts what both found before what one found, and the first of both at 1', () => {
    const fused = fuse(lexical, near('a', 'x', 'c'))
    expect(idsOf(fused).slice(0, 2)).toBe('ac')
    expect(fused[0]).toMatchObject({ score: 1, lexicalRank: 1, vectorRank: 1, vector: { distance: 0 } })
  })

  it('cuts no hit of one channel for being far away in the other', () => {
    const many = near(...Array.from({ length: 200 }, (_, i) => `v${i}`))
    const fused = fuse([candidate('word', 1)], many)
    expect(fused).toHaveLength(201)
    expect(fused.slice(0, 2).map(({ id }) => id)).toContain('word')
  })
})
