/**
 * Fills vectors in the background: fetch the newest texts that lack one, embed them, keep them; rest when none is left.
 *
 * It holds nothing that a restart would lose: which texts wait is in the database. After a failure it pauses, doubled up to a bound,
 * and goes on where it was. A text that the embedder refuses alone, while it takes a plain one, is given up until it changes.
 *
 * Invariant: one round at a time, so at most `embedding_batch_texts_max` texts are in memory.
 */
import { limits } from '../../crdt/limits.ts'
import {
  EmbedderFailure,
  type Embedder,
  type EmbeddedText,
  type TextToEmbed,
  type Unembedded,
  type VectorSpace,
  type VectorStore,
} from '../ports/embedding.ts'
import { ProjectionFailure } from '../ports/projection.ts'
import type { After } from './openai.ts'
import { wrongWith } from './vectors.ts'

export type Fill = {
  /** There may be texts to embed. */
  stir(): void
  /** As the last look at the database found it; null before the first. */
  seen(): Unembedded | null
  /** One line, null when the last round went well. */
  problem(): string | null
  failures(): number
  stop(): Promise<void>
}

export type FillOptions = {
  readonly embedder: Embedder
  readonly vectors: VectorStore
  readonly after: After
  /** In [0, 1): spreads retries. */
  readonly random: () => number
  /** Told each new problem, and each text that is given up, in one line. */
  readonly log: (line: string) => void
}

/** Any embedder takes it; what it answers says how many numbers its vectors have. */
const PROBE = 'mnemesh'

/** Starts at once, in the background. */
export const createFill = ({ embedder, vectors, after, random, log }: FillOptions): Fill => {
  const stopping = new AbortController()
  const { signal } = stopping
  let found: Unembedded | null = null
  let problem: string | null = null
  let failures = 0
  let pauseMs: number = limits.embedding_retry_ms_min
  let woken = false
  let wake: () => void = () => undefined

  const rest = async (ms: number | null, untilStirred: boolean): Promise<void> => {
    if (signal.aborted || (untilStirred && woken)) return
    await new Promise<void>((resolve) => {
      const cancel = ms === null ? () => undefined : after(ms, resolve)
      wake = () => {
        if (!untilStirred && !signal.aborted) return
        cancel()
        resolve()
      }
    })
    wake = () => undefined
  }

  const embed = async (texts: readonly string[]): Promise<readonly (readonly number[])[]> => {
    const made = await embedder.embed(texts, 'document', signal)
    const dim = embedder.dim ?? made[0]?.length ?? 0
    if (made.length !== texts.length)
      throw new EmbedderFailure(
        'unavailable',
        `${embedder.id} answered ${made.length} vectors for ${texts.length} texts`,
      )
    for (const vector of made) {
      const wrong = wrongWith(vector, dim)
      if (wrong !== null) throw new EmbedderFailure('unavailable', `${embedder.id} answered ${wrong}; check the model`)
    }
    return made
  }

  const space = async (): Promise<VectorSpace> => {
    const dim = embedder.dim ?? (await embed([PROBE]))[0]!.length
    return { embedder: embedder.id, version: embedder.version, dim }
  }

  /** Each with its vector; where a batch is refused, one by one. */
  const embedEach = async (texts: readonly TextToEmbed[]): Promise<readonly EmbeddedText[]> => {
    try {
      const made = await embed(texts.map(({ text }) => text))
      return texts.map((text, i) => ({ ...text, vector: made[i]! }))
    } catch (error) {
      if (!(error instanceof EmbedderFailure && error.kind === 'refused')) throw error
      if (texts.length === 1) return [{ ...texts[0]!, vector: await refused(texts[0]!, error) }]
    }
    const each: EmbeddedText[] = []
    for (const text of texts) for (const embedded of await embedEach([text])) each.push(embedded)
    return each
  }

  const refused = async ({ id }: TextToEmbed, error: EmbedderFailure): Promise<null> => {
    await embed([PROBE]).catch((probing: unknown) => {
      if (probing instanceof EmbedderFailure && probing.kind === 'refused')
        throw new EmbedderFailure(
          'misconfigured',
          `${probing.message}; it refuses every text, check --embedder-model and --embedder-dim`,
        )
      throw probing
    })
    log(`embeddings: memory ${id} is found by its words only: ${error.message}`)
    return null
  }

  /** False when there was nothing to do. Null when the database holds no vectors. */
  const round = async (): Promise<boolean | null> => {
    const wanted = await space()
    woken = false
    found = await vectors.unembedded(wanted, embedder.origin, limits.embedding_batch_texts_max)
    if (found === null) return null
    if (found.texts.length > 0) await vectors.embed(wanted, await embedEach(found.texts))
    return found.texts.length > 0
  }

  const failed = async (error: unknown): Promise<void> => {
    failures++
    // What the projection has to say it says itself.
    if (!(error instanceof ProjectionFailure)) tell(error instanceof Error ? error.message : String(error))
    const ms = pauseMs * (0.5 + random())
    pauseMs = Math.min(limits.embedding_retry_ms_max, 2 * pauseMs)
    // The projection opens by itself, and soon; a stir after it is worth another look.
    await rest(ms, error instanceof ProjectionFailure)
  }

  const tell = (message: string): void => {
    if (problem !== message && !signal.aborted) log(`embeddings: ${message}`)
    problem = message
  }

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        const more = await round()
        problem =
          more === null ? 'the database holds no vectors, so recall is lexical; the log says what it lacks' : null
        pauseMs = limits.embedding_retry_ms_min
        if (more !== true) await rest(more === null ? limits.embedding_absent_ms : null, more === false)
      } catch (error) {
        await failed(error)
      }
    }
  }
  const running = run()

  return {
    stir: () => {
      woken = true
      wake()
    },
    seen: () => found,
    problem: () => problem,
    failures: () => failures,
    stop: async () => {
      stopping.abort()
      wake()
      await running
    },
  }
}
