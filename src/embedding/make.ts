/** An embedder of its settings, with the real network. */
import { EmbedderFailure, type Embedder } from '../ports.ts'
import { openAiEmbedder, type OpenAiTools } from './openai.ts'
import { settingsOf, type EmbedderSettings } from './settings.ts'
import { transformersEmbedder } from './transformers.ts'

/** Asks nobody yet. @throws EmbedderFailure when the settings cannot be right. */
export const makeEmbedder = (settings: EmbedderSettings, tools: OpenAiTools): Embedder => {
  if (settings.kind === 'transformers') return transformersEmbedder(settings, tools)
  if (!URL.canParse(settings.url) || !/^https?:$/.test(new URL(settings.url).protocol)) throw new EmbedderFailure('misconfigured', `the embedder's address ${JSON.stringify(settings.url)} is none; give one like http://127.0.0.1:11434/v1`)
  return openAiEmbedder(settings, tools)
}

/**
 * The embedder that vectors were made by; null when its settings say nothing to us. The key belongs to the address that it was given
 * for and goes to no other.
 */
export const reviveEmbedder = (origin: string, present: EmbedderSettings, tools: OpenAiTools): Embedder | null => {
  const settings = settingsOf(origin)
  if (settings === null) return null
  const sameAddress = settings.kind === 'openai' && present.kind === 'openai' && settings.url === present.url
  try {
    return makeEmbedder(settings, sameAddress ? tools : { ...tools, key: null })
  } catch (error) {
    if (error instanceof EmbedderFailure) return null
    throw error
  }
}
