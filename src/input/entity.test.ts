/** Every list of observations comes back as it was, also through the names that they could be taken for. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { limits } from '../../crdt/limits.ts'
import { entityDraft, nameTag, observationsOf, observationsText } from './entity.ts'

const text = fc
  .array(fc.constantFrom('a', '\n', '\t', '\\', 'Ada', ' '), { maxLength: 6 })
  .map((parts) => parts.join(''))

test('observations come back as they were', () => {
  const name = fc.oneof(
    fc.constantFrom('Ada', '\\\n', '\\\\\n', '\\\na'),
    text.filter((one) => one !== ''),
  )
  fc.assert(
    fc.property(fc.array(text, { maxLength: 4 }), name, (observations, called) => {
      const written = observationsText(observations, called)
      expect(written).not.toBe('')
      expect(observationsOf(written, called)).toEqual(observations)
    }),
    {
      numRuns: 5_000,
      examples: [
        [[''], '\\\n'],
        [['\\', ''], '\\\n'],
        [['\\\\', 'a'], '\\\\\na'],
      ],
    },
  )
})

test('plain ones are their lines, none is the name', () => {
  expect(observationsText(['Speaks Spanish', 'Likes tea'], 'Ada')).toBe('Speaks Spanish\nLikes tea')
  expect([observationsText([], 'Ada'), observationsOf('Ada', 'Ada')]).toEqual(['Ada', []])
})

test('a type that no kind can be stands beside it, and a long name has a short tag of its own', () => {
  expect(entityDraft({ name: 'Ada', entityType: 'person', observations: [] })).toMatchObject({
    kind: 'person',
    tags: ['graph', 'graph:Ada'],
  })
  expect(entityDraft({ name: 'Ada', entityType: '', observations: [] })).toMatchObject({
    kind: 'entity',
    metadata: { entityType: '' },
  })
  const [one, other] = ['x'.repeat(500), `${'x'.repeat(499)}y`].map((name) => nameTag('graph', name))
  expect(one).not.toBe(other)
  expect(Buffer.byteLength(one!)).toBeLessThanOrEqual(limits.tag_bytes_max)
})
