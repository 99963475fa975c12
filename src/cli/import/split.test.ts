/**
 * Cutting long texts: nothing lost, nothing too long, cut where a reader would.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { limits } from '../../../crdt/limits.ts'
import type { MemoryItem } from './item.ts'
import { fitContent, fitLine, splitText } from './split.ts'

describe('splitText', () => {
  test('for any text the parts joined are the text, and none is too long or empty', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '漢', '🙂', ' ', '\n', '\n\n'), maxLength: 300 })
    fc.assert(
      fc.property(text, fc.integer({ min: 4, max: 50 }), (whole, most) => {
        const parts = splitText(whole, most)
        expect(parts.join('')).toBe(whole)
        expect(parts.every((part) => Buffer.byteLength(part) <= most && (part !== '' || whole === ''))).toBe(true)
      }),
    )
  })

  test('between paragraphs rather than lines, lines rather than words', () => {
    expect(splitText('aaa aaa\naaa\n\nbbb bb', 16)).toEqual(['aaa aaa\naaa\n\n', 'bbb bb'])
    expect(splitText('aaa aaa\nbbb bbb bb', 12)).toEqual(['aaa aaa\n', 'bbb bbb bb'])
    expect(splitText('aaaa bbbb', 6)).toEqual(['aaaa ', 'bbbb'])
  })
})

test('a long memory becomes numbered parts with keys of their own', () => {
  const item: MemoryItem = {
    kind: 'memory',
    where: 'a.md',
    key: 'k',
    name: 'n',
    draft: { content: 'x'.repeat(limits.content_bytes_max * 2 + 1), title: 'T', tags: ['t'] },
  }
  const parts = fitContent(item)
  expect(parts.map(({ draft, key, name }) => [draft.title, key, name, draft.tags])).toEqual([
    ['T (1/3)', 'k:1/3', 'n', ['t']],
    ['T (2/3)', 'k:2/3', undefined, ['t']],
    ['T (3/3)', 'k:3/3', undefined, ['t']],
  ])
  expect(parts.map((part) => part.draft.content).join('')).toBe(item.draft.content)
})

test('fitLine cuts between characters', () => {
  expect(fitLine('a\n b', 10)).toBe('a b')
  for (let most = 3; most < 12; most++) expect(Buffer.byteLength(fitLine('漢漢🙂漢漢', most))).toBeLessThanOrEqual(most)
  expect(fitLine('漢漢漢', 7)).toBe('漢…')
})
