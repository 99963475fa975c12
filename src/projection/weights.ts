/**
 * Every constant of the ranking, with its reason. Nothing else in the ranking is a matter of taste.
 *
 * Searched for on three conversations; two others were looked at beside them all along, so they are a check, not a blind one. A change
 * of a third in any one moves recall@10 by less than 0.01.
 */

// ── a word in a memory (BM25F: Robertson, Zaragoza 2009, §3.6) ───────────────────────────────────────────────────────

/**
 * A word in a title says what the memory is about, a tag was chosen to find it by; an agent's name or a run's stands on everything it wrote. What
 * the memory stands in (its note's title, headings above it, its file) says what it is about, and as much of its neighbours.
 */
export const FIELD_WEIGHT = { title: 2.5, tags: 1.75, context: 1, names: 0.5, content: 1 } as const
export type Field = keyof typeof FIELD_WEIGHT

/** How fast repetition stops to count: BM25's usual value. */
const SATURATION = 1.2
/** How much a long text must say a word more often: below BM25's 0.75, for a memory is short by choice, not by verbosity. */
const LENGTH_SHARE = 0.5
/** A text of so many words is neither long nor short. Fixed, so that a row's weights never depend on other rows: a rebuild in another order gives the same. */
const LENGTH_WORDS = 24

/** Steps in one unit of impact. Whole numbers are written and read in half the time of others, and there are thousands a question. */
export const IMPACT_STEPS = 4_096
/**
 * What a word adds to a memory's score, per unit of rarity: 0 … 2.2, in steps of 1 / IMPACT_STEPS.
 * @param frequency how often it stands there, each time by its field's weight. @param words in title and content.
 */
export const impact = (frequency: number, words: number): number =>
  // The root: a text of 1,000 words is long, not 40 times as long as one of 24.
  Math.round(
    IMPACT_STEPS *
      Math.fround(
        (frequency * (SATURATION + 1)) /
          (frequency + SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * Math.sqrt(words / LENGTH_WORDS))),
      ),
  )

/** Rarity of a word that `having` of `all` memories have: BM25's idf, never negative. */
export const rarity = (having: number, all: number): number =>
  Math.log(1 + (Math.max(all, having) - having + 0.5) / (having + 0.5))
/** The same in SQL, of two columns; as `float8`, for a logarithm of `numeric` takes longer than the look into the index. */
export const rarityOf = (having: string, all: string): string =>
  `ln(1 + (greatest(${all}, ${having}) - ${having} + 0.5::float8) / (${having} + 0.5::float8))`

/**
 * The rarest words are looked for everywhere until they hold this share of what the question's words are worth by their rarity; the rest
 * adds to the best of these. Of 1,500 memories, asked for by four to eight of their words, 97.4 % of 10,000 and 90.0 % of 100,000 are then
 * among the first ten, as with all words (97.1, 88.1); with half the worth 96.3 and 86.8; with a bound of 1,000 hits instead 95.5 and 76.6
 * (`npm run bench:recall` asks so).
 */
export const BROUGHT_SHARE = 0.7

/** In a long question, what a word of courtesy (`courtesy.ts`) counts of what its rarity says. */
export const COURTESY_SHARE = 0.25
/** In a long question, what a memory has of the passages beside its best one. */
export const REST_SHARE = 0.1

/** The parts of a compound (`src/feed.ts`) weigh together as much as the whole. */
export const PARTS_WEIGHT = 1

// ── a word that nobody has, or one at most ───────────────────────────────────────────────────────────────────────────

/** Share of trigrams that a near word has in common with the asked one: two letters that changed places in one of seven leave 0.33. */
export const NEAR_SIMILARITY_MIN = 0.3
/** A near word counts by its similarity times this: a guess never outweighs what was asked for. */
export const NEAR_WEIGHT = 0.6
/** Letters of a word that is worth a guess; shorter ones are near to everything. */
export const NEAR_LETTERS_MIN = 4

/** What a memory's stem in its own language counts beside the word itself, and the beginning of a word, which more words share. */
export const STEM_SHARE = 0.7
export const BEGINNING_SHARE = 0.3

/** Letters of a word that is looked for within others; a longer one without its last letters, which may be an ending. */
export const WITHIN_LETTERS_MIN = 5
export const WITHIN_SHORTENED_MIN = 8
export const WITHIN_END_LETTERS = 2
/** So much of the other word it is at least: a path of eighty letters says nothing about one of its names that its parts do not. */
export const WITHIN_SHARE_MIN = 0.3
/** Such a word counts by that share times this, and is never held to be rarer than the asked one. */
export const WITHIN_WEIGHT = 0.5

// ── context: the run ─────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Share of its own score that a memory lends to those beside it in its run. What follows gets more than what went before: an
 * answer stands behind its question and seldom repeats its words.
 */
export const NEIGHBOUR_SHARES = { after: [0.6, 0.25], before: [0.4, 0.15] } as const
/**
 * Share of the run's score that each of its memories has: the run read as one text, each word by its best memory. A memory without
 * a run is a run of its own, so it is at no disadvantage.
 */
export const RUN_SHARE = 0.5

// ── fusion with the vectors ──────────────────────────────────────────────────────────────────────────────────────────

/** Reciprocal ranks (Cormack, Clarke, Büttcher 2009): 1 / (this + rank); their value, flat over a wide range. */
export const RANK_OFFSET = 60
/** Both channels alike: which is better depends on the embedder. */
export const CHANNEL_WEIGHT = { lexical: 1, vector: 1 } as const

// ── small weights: they break near-ties and nothing else ─────────────────────────────────────────────────────────────

/** The most that each may add to a score, as a share of it. */
export const RECENCY_SHARE = 0.02
export const CONFIDENCE_SHARE = 0.02
export const PRIORITY_SHARE = 0.02
/** After so many days recency counts half. */
export const RECENCY_HALF_LIFE_DAYS = 30
