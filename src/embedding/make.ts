/** An embedder of its settings, with the real network. */
import { EmbedderFailure, type Embedder } from '../ports/embedding.ts'
import { openAiEmbedder, type OpenAiTools } from './openai.ts'
import { settingsOf, type EmbedderSettings } from './settings.ts'
import { transformersEmbedder } from './transformers.ts'

/** Asks nobody yet. @throws EmbedderFailure when the settings cannot be right. */
export const makeEmbedder = (settings: EmbedderSettings, tools: OpenAiTools): Embedder => {
  if (settings.kind === 'transformers') return transformersEmbedder(settings, tools)
  const wrong = wrongWithAddress(settings.url)
  if (wrong !== null) throw new EmbedderFailure('misconfigured', `the embedder's address ${wrong}`)
  return openAiEmbedder(settings, tools)
}

/**
 * Null when it is one; else why not, as the end of a sentence. Never repeats it, for there may be a secret in it; that is also why
 * it may have none: health, log and database tell addresses.
 */
const wrongWithAddress = (url: string): string | null => {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    return 'is none; give one like http://127.0.0.1:11434/v1'
  const { username, password } = new URL(url)
  if (username !== '' || password !== '')
    return 'has a user name or password in it; give it without, and a key in MNEMESH_EMBEDDER_KEY'
  return /[?#]/.test(url) ? 'has a ? or # in it; give its base without, and a key in MNEMESH_EMBEDDER_KEY' : null
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
