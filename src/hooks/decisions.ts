/**
 * The sentences of a conversation in which something is decided, by the words that decisions are made with. No model reads them: what is
 * said in other words, or in other languages than English, is missed, and `remember` is there for it.
 */

/** Each is looked for from the start of a sentence, or anywhere in it. */
const DECIDING: readonly RegExp[] = [
  /^(the )?decision( is|:| was)/i,
  /\b(we|i|they|it was|it is|was|has been|have) (have |had )?(now )?(decided|agreed|settled) (to|on|that|not|against)\b/i,
  /^(decided|agreed|settled on|going with|remember)\b(:| that| to| not| on| against)?/i,
  /\b(let's|let us|we'll|we will|we should|i'll|i will) (use|go with|stick with|stay with|keep to|switch to|move to|drop|standardi[sz]e on|avoid)\b/i,
  /\b(chose|chosen|picked|went with|going with|opted for|switch(ed|ing)? to|settled on|prefer(red)?) .+ (over|instead of|rather than|because|since|so that)\b/i,
  /\b(from now on|going forward|always|never) (use|run|write|call|put|keep|commit|push|add|ask|do|edit|touch|mock)\b/i,
]

/** Shorter ones say too little alone, longer ones are no sentence. */
const SENTENCE_CHARS = { min: 20, max: 400 }
/** Of one session: more are no decisions. The last ones, for what is said later holds. */
export const DECISIONS_MAX = 12

export const decisionsIn = (said: readonly string[]): readonly string[] => {
  const found = new Map<string, string>()
  for (const text of said) {
    for (const sentence of sentencesOf(text)) {
      if (!DECIDING.some((pattern) => pattern.test(sentence))) continue
      const same = sentence.toLowerCase()
      // Said again it stands where it was said last.
      found.delete(same)
      found.set(same, sentence)
    }
  }
  return [...found.values()].slice(-DECISIONS_MAX)
}

/** Without code, quotations and marks of lists; questions and plans under a condition decide nothing. */
const sentencesOf = (text: string): readonly string[] =>
  text
    .replaceAll(/```[\s\S]*?(```|$)/g, '\n')
    .split('\n')
    .filter((line) => !/^\s*(>|\||#)/.test(line))
    .flatMap((line) => line.replace(/^\s*([-*+]|\d+[.)])\s+/, '').split(/(?<=[.!?])\s+(?=[A-Z"'`*])/))
    .map((sentence) => sentence.replaceAll('**', '').replaceAll(/\s+/g, ' ').trim())
    .filter(
      (sentence) =>
        sentence.length >= SENTENCE_CHARS.min &&
        sentence.length <= SENTENCE_CHARS.max &&
        !sentence.endsWith('?') &&
        !/^(if|should|could|shall|maybe|perhaps)\b/i.test(sentence),
    )
