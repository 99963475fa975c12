/**
 * The bounds of search, graphs and embeddings, a part of `limits.ts`: all local choices, none that peers must agree on.
 */
const KIB = 1024
const MIB = 1024 * KIB

export const searchLimits = {
  /** What is written while an embedded database rests is taken in at the next question, after so long, or once so many arrivals wait: so a question after a rest catches up within a second, and an erased text does not stay in its files. */
  projection_rest_backlog_ms: 600_000,
  projection_rest_arrivals_max: 256,
  /** A question after a rest waits so long for the rows to catch up; then it is answered from what they show, and says so. */
  projection_wake_ms: 4_000,
  /** The shortest rest to ask for: above `projection_retry_ms_max` and `projection_rest_ms`, so that a database is mended and put in order before it is let go. */
  projection_idle_s_min: 5,
  // ── ranking ───────────────────────────────────────────────────────────────────────────────────────────────────
  /** Words of one memory that are indexed: 64 KiB of prose are some 11,000. */
  search_words_per_memory_max: 16_384,
  /** Different lexemes of one memory that are indexed: a compound has several, and each is a row. */
  search_lexemes_per_memory_max: 16_384,
  /** Words of one memory's context (metadata, source) that are indexed: names and headings, not documents. */
  search_context_words_max: 256,
  /** Lists and mappings that lie in each other there and are looked into. */
  search_context_depth_max: 8,
  /** Texts of the same. */
  search_context_texts_max: 128,
  /** Lexemes written by one statement: flat from there on, and its parameters stay small. */
  search_statement_lexemes_max: 16_384,
  /** A longer word (a key, a blob) is found by its parts only. */
  search_lexeme_bytes_max: 128,
  /** Text of one query: an agent's hook passes a whole prompt. */
  recall_query_bytes_max: 64 * KIB,
  /** Different words of one query that are counted: 64 KiB of prose have some 2,500; of keys and blobs the first count. */
  recall_words_counted_max: 8_192,
  /** Of a long query's words so many are looked for, those that carry most in each of its passages; a short one has less. */
  recall_words_max: 192,
  /** Lexemes of the words that are counted: a path has a handful. */
  recall_lexemes_max: 16_384,
  /** Different words that make a query a long one, which is asked passage by passage; a question has up to a dozen that carry something. */
  recall_long_words_min: 13,
  /** Words of one passage: a long sentence. */
  recall_passage_words: 16,
  /** Passages in which one word is summed: who says it in more of them asks about nothing else anyway. */
  recall_word_passages_max: 8,
  /** Passages of one query, those whose words are worth most: each is summed for itself. */
  recall_passages_max: 64,
  /** Hits of a long query's words, the rarest first: some 10 ms. */
  recall_long_hits_max: 40_000,
  /** Up to so many memories are searched by every word of the question, common ones too: a saving of work is not to lose hits where there is room. */
  recall_small_memories_max: 1_000,
  /** Hits of the same: a dozen words that every memory has. */
  recall_small_hits_max: 12_000,
  /** Hits of the rarest words that are ranked together: some 2 ms. With twice as many the same is found. */
  recall_hits_max: 5_000,
  /** Hits of one word: of a word that more memories have, the newest count. */
  recall_hits_per_word_max: 10_000,
  /** The same under a filter that leaves few: most hits are passed over. */
  recall_filtered_hits_max: 10_000,
  /** So many times the hits that are wanted are to be left by the filter, as far as can be told beforehand: words share memories. */
  recall_filtered_margin: 2,
  /** A filter that leaves no more is asked before words and vectors: at most a probe a word, and a few ms of comparing vectors one by one. */
  recall_filtered_memories_max: 2_000,
  /** Memories that lend to their neighbours: two lookups each, and with thirty nothing more is found (LoCoMo, recall at 10: 0.774 and 0.775). */
  recall_candidates_min: 20,
  /** Further ones beside the limit, so that small weights may change places at its edge. */
  recall_candidates_spare: 10,
  /** Unknown words of a query that near ones are looked for. */
  recall_near_words_max: 8,
  /** Words of a query that are looked for within others, and others for each. */
  recall_within_words_max: 4,
  recall_within_each_max: 12,
  /** Near words tried for each. */
  recall_near_each_max: 4,
  /** A word that no more memories have may be misspelt. One that a single memory has is mostly a name, and the look costs 1 to 6 ms. */
  recall_near_rows_max: 0,
  /** Letters of a memory by which its language is told. */
  search_language_letters: 1_024,
  /** Stems remembered in the projection's worker: an agent's vocabulary, some 6 MiB. */
  stems_remembered_max: 65_536,

  // ── embeddings ────────────────────────────────────────────────────────────────────────────────────────────────
  /** Numbers in a vector: what an HNSW index takes, and a page of the database holds in one piece. */
  embedding_dim_max: 2_000,
  /** Text of one memory that is embedded: about 2,000 tokens; most models read 512 to 8,192. */
  embedding_text_bytes_max: 8 * KIB,
  /** Texts fetched, embedded and stored in one round of the filling. */
  embedding_batch_texts_max: 64,
  /** Texts in one request to an embedder: a second of work for a small machine. */
  embedding_request_texts_max: 32,
  /** Bytes of the same. */
  embedding_request_bytes_max: 64 * KIB,
  /** An embedder's answer: 32 vectors of 2,000 numbers of 24 digits. */
  embedding_answer_bytes_max: 4 * MIB,
  /** One request for documents: a large batch on a slow machine, or a model that is only being loaded. */
  embedding_request_ms_max: 60_000,
  /** Tries of one request for documents; after that the filling pauses. */
  embedding_tries_max: 3,
  embedding_retry_ms_min: 250,
  /** Pause of the filling after failures, doubled up to this; also the longest that a Retry-After is heeded. */
  embedding_retry_ms_max: 30_000,
  /** Pause between two looks at whether a database has learnt to hold vectors. */
  embedding_absent_ms: 60_000,
  /** How long recall waits for the question's vector: a local model takes 5 to 50 ms, a service 100; past it the answer is lexical. */
  embedding_query_ms_max: 150,
  /** After a failed or late one recall does not wait at all for this long, doubled up to the most. */
  embedding_query_rest_ms_min: 1_000,
  embedding_query_rest_ms_max: 30_000,
  /** Questions being embedded at one time. */
  embedding_queries_max: 8,
  /** Questions whose vectors are kept: agents ask the same again; 3 MiB at 384 numbers. */
  embedding_queries_remembered: 1_024,
  /** Text of a question that is embedded. */
  embedding_query_bytes_max: 8 * KIB,
  /** Vectors stored in one transaction: the embedded database takes up to 10 ms for each, and searches wait meanwhile. */
  embedding_statement_rows_max: 8,
  /** Vectors whose table is rewritten after an erasure: some 8 s in the embedded database, which answers nobody meanwhile. */
  scrub_embeddings_max: 2_000,
  /** Fewer vectors than this are compared one by one, which is exact; from here on the index is asked. */
  embedding_exact_rows_max: 9_999,
  /** Places an index search remembers, pgvector's own value: of the twenty nearest of 10,000 it misses none, and 64 take 0.9 ms, not 0.6. */
  embedding_search_width: 40,
  /** Vectors an index search under a filter looks at before the filter's own rows are compared one by one: enough for thirty rows of 1 %. */
  embedding_search_rows_max: 6_000,

  // ── graph ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  /** Links between a graph's start and its farthest node. */
  graph_depth_default: 2,
  graph_depth_max: 6,
  /** Nodes of one graph: what a person can look at, and what a program can go on from. */
  graph_nodes_default: 100,
  graph_nodes_max: 500,
  /** Links of one graph's answer. */
  graph_edges_max: 2_000,
  /** Letters of a node's text that its graph shows. */
  graph_excerpt_letters: 200,
} as const
