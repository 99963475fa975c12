/**
 * What clients say: small numbers made into fields, the same everywhere.
 */
import type { MemoryInput } from '../../src/api.ts'
import type { PatchField } from './schedule.ts'

const TAGS = ['ops', 'api', 'draft'] as const

/** Long ones do not fit one sector of a disk. */
const contentOf = (value: number): string => `text ${value}${' and more'.repeat(value % 7 === 0 ? 150 : 0)}`
const tagsOf = (value: number): string[] => TAGS.filter((_, i) => (value >> i) % 2 === 1)

export const putInput = (value: number): MemoryInput & { readonly content: string } => ({
  content: contentOf(value),
  ...(value % 2 === 0 && { title: `title ${value}` }),
  ...(value % 3 === 0 && { tags: tagsOf(value), priority: 1 + (value % 10) }),
  ...(value % 5 === 0 && { metadata: { value, nested: { list: [value, null, 'x'] } }, source: `source ${value}` }),
})

export const patchInput = (value: number, fields: readonly PatchField[]): MemoryInput =>
  Object.fromEntries(fields.map((field) => [field, patched(field, value)]))

const patched = (field: PatchField, value: number): unknown => {
  switch (field) {
    case 'content':
      return contentOf(value)
    case 'title':
      return value % 4 === 0 ? null : `title ${value}`
    case 'tags':
      return tagsOf(value)
    case 'priority':
      return 1 + (value % 10)
    case 'source':
      return value % 4 === 1 ? null : `source ${value % 6}`
    case 'metadata':
      return value % 4 === 2 ? null : { value }
    case 'expires_at':
      return value % 2 === 0 ? null : '2027-06-01T00:00:00.000Z'
  }
}
