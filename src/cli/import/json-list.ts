/**
 * A JSON file that is a list of memories, or holds one under a name: each element as a line of a JSON lines file.
 */
import type { FileBytes } from './archive.ts'
import { object } from './conversations.ts'
import type { ImportSource } from './item.ts'
import { jsonElements } from './json-elements.ts'
import { linksOf, memoryOf } from './jsonl.ts'

export const jsonListSource = (file: FileBytes): ImportSource => {
  let read = 0
  return {
    format: 'jsonl',
    unit: 'bytes',
    total: file.size,
    done: () => read,
    hint: 'it holds no list of memories',
    async *memories() {
      for await (const element of jsonElements(await file.open(), file.name, (bytes) => (read = bytes)))
        yield element.kind === 'element'
          ? memoryOf({ kind: 'line', where: element.where, value: object(element.value) })
          : element
    },
    async *links() {
      for await (const element of jsonElements(await file.open(), file.name))
        if (element.kind === 'element')
          yield* linksOf({ kind: 'line', where: element.where, value: object(element.value) })
    },
  }
}
