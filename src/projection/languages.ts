/**
 * Which language a memory is written in, by a kept detector, as far as search has to know it: English words are stemmed anyway, so
 * English is null, and the detector (30 MB of memory) is not even loaded for text that is English by its small words.
 *
 * Whoever asks need not be guessed at: a question is stemmed by every language that has been met here (`Languages.met`), and what a
 * wrong guess made of a memory's words it makes of the question's too.
 */
import { limits } from '../../crdt/limits.ts'
import type { eld as Eld } from 'eld'
import type { MemoryRow } from '../ports/projection.ts'
import type { Query } from './sql.ts'

/** As Postgres names its Snowball dictionaries, `german` for `german_stem`; `other` where it has none. */
export type Language = string

const NAME_BY_CODE: Readonly<Record<string, Language>> = {
  ar: 'arabic',
  ca: 'catalan',
  da: 'danish',
  de: 'german',
  el: 'greek',
  es: 'spanish',
  et: 'estonian',
  eu: 'basque',
  fi: 'finnish',
  fr: 'french',
  hi: 'hindi',
  hu: 'hungarian',
  hy: 'armenian',
  it: 'italian',
  lt: 'lithuanian',
  nl: 'dutch',
  no: 'norwegian',
  pt: 'portuguese',
  ro: 'romanian',
  ru: 'russian',
  sr: 'serbian',
  sv: 'swedish',
  ta: 'tamil',
  tr: 'turkish',
  yi: 'yiddish',
}
/** Cut in pairs of characters instead (`words.ts`). */
const SPACELESS = new Set(['zh', 'ja', 'ko', 'th', 'lo', 'my'])

const WORD = /[\p{L}\p{M}]+/gu
const ENGLISH = new Set('the and that with this are for from not you which have has were when what'.split(' '))
/** Of prose in English a fifth and more are such words; in no other language a seventh. */
const ENGLISH_SHARE = 0.15
/** A guess of which the detector is not sure gives way to English when that is nearly as likely: code and names look like anything. */
const NEARLY = 0.8
/**
 * Of so many words of prose the detector is sure, also where a half of them is English or code (`languages.test.ts`). What leaves it unsure is a
 * log, a list of names, a dump: it would be cut into runs of letters by a language drawn at random, at three times the price of its words.
 */
const SURE_WORDS = 24

let loading: Promise<{ readonly eld: Pick<typeof Eld, 'detect'> }> | null = null

/** The memory's language; null for English, for scripts without stems, and where there is nothing to read. */
export const languageOf = async ({
  title,
  content,
}: Pick<MemoryRow, 'title' | 'content'>): Promise<Language | null> => {
  const text = `${title ?? ''}\n${content ?? ''}`.slice(0, limits.search_language_letters)
  const words = text.match(WORD) ?? []
  if (words.length === 0) return null
  if (words.filter((word) => ENGLISH.has(word.toLowerCase())).length >= ENGLISH_SHARE * words.length) return null
  loading ??= import('eld/extrasmall')
  const { eld } = await loading
  const found = eld.detect(text)
  if (found.language === '' || found.language === 'en' || SPACELESS.has(found.language)) return null
  const scores = found.getScores()
  if (
    !found.isReliable() &&
    (words.length >= SURE_WORDS || (scores['en'] ?? 0) >= NEARLY * (scores[found.language] ?? 0))
  )
    return null
  return NAME_BY_CODE[found.language] ?? 'other'
}

/** What one database has met. A language stays met when its last memory is gone: a name tells nothing of a text. */
export type Languages = {
  /** Those whose words are stemmed here. */
  readonly stemmed: ReadonlySet<Language>
  readonly met: ReadonlySet<Language>
  /** In the transaction of the memories. */
  meet(query: Query, languages: ReadonlySet<Language>): Promise<void>
  /** Reads what was met before, and which dictionaries there are. */
  read(query: Query): Promise<void>
}

export const createLanguages = (): Languages => {
  const [met, stemmed] = [new Set<Language>(), new Set<Language>()]
  return {
    met,
    stemmed,
    meet: async (query, languages) => {
      if (languages.size === 0) return
      await query('insert into languages (language) select * from unnest($1::text[]) on conflict do nothing', [
        [...languages],
      ])
      // Beforehand, for whoever asks meanwhile; if the transaction fails, a language is known that nobody wrote in.
      for (const language of languages) met.add(language)
    },
    read: async (query) => {
      for (const { name } of await query<{ name: string }>(
        "select left(dictname, -5) as name from pg_ts_dict where dictname like '%\\_stem'",
      ))
        stemmed.add(name)
      for (const { language } of await query<{ language: string }>('select language from languages')) met.add(language)
    },
  }
}
