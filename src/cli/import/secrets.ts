/**
 * Memories of a source that look as if they held a secret: a private key, a token, a password. What is remembered is copied to other machines,
 * so they are held back before anything of them is sent, and named.
 *
 * Where somebody can be asked, those that are held back are kept until the end, up to a limit, and come in after a yes.
 */
import type { SecretFinder } from '../../hooks/index.ts'
import { cliLimits } from '../limits.ts'
import type { MemoryItem, NoteItem, ProblemItem } from './item.ts'
import { addProblem, type Tally } from './tally.ts'

export type SecretMode = 'ask' | 'skip' | 'allow'

export type SecretGuard = {
  /** What may be sent. */
  through(items: AsyncIterable<MemoryItem | ProblemItem | NoteItem>): AsyncIterable<MemoryItem | ProblemItem | NoteItem>
  /** Held back, and to be asked about. */
  readonly held: readonly MemoryItem[]
}

const HELD = 'looks as if it held a secret, and was not sent; take the secret out, or allow it with --secrets allow'

/** Names what is held back as a problem. */
export const refuseHeld = ({ where }: MemoryItem, tally: Tally): void => {
  tally.secrets++
  addProblem(tally, where, HELD)
}

/** @param mode `ask` where there is somebody to ask. @param seen places that the source still has. */
export const secretGuard = (
  mode: SecretMode,
  load: () => Promise<SecretFinder>,
  tally: Tally,
  seen: Set<string>,
): SecretGuard => {
  const held: MemoryItem[] = []
  let bytes = 0
  return {
    held,
    async *through(items) {
      let find: SecretFinder | null = null
      for await (const item of items) {
        if (item.kind !== 'memory' || mode === 'allow') {
          yield item
          continue
        }
        find ??= await load()
        const text = textOf(item)
        if (!(await find(text))) {
          yield item
          continue
        }
        // It is still there, and what came from its place before is not gone.
        if (item.place !== undefined) seen.add(item.place.id)
        bytes += Buffer.byteLength(text)
        if (
          mode === 'ask' &&
          held.length < cliLimits.import_secrets_asked_max &&
          bytes <= cliLimits.import_secrets_asked_bytes_max
        )
          held.push(item)
        else refuseHeld(item, tally)
      }
    },
  }
}

/** All that would be sent of it, a line a value; one with a name as `name: value`, since that makes a password of a word. */
const textOf = ({ draft, said }: MemoryItem): string => {
  const { content, title, ...others } = draft
  const lines = [title ?? '', content]
  const left: (readonly [name: string, value: unknown])[] = [
    ['', others],
    ...(said ?? []).map((entry) => ['', entry] as const),
  ]
  // A stack, for what a source says may be deep.
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const [name, value] = next
    if (Array.isArray(value)) for (const inner of value as readonly unknown[]) left.push([name, inner])
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) left.push([key, inner])
    else if (typeof value === 'string') lines.push(name === 'content' ? value : `${name}: ${value}`)
  }
  return lines.join('\n')
}
