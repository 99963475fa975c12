/**
 * Text that stands before a question and does not ask it: courtesy, chatter, and what an agent's hook passes along. Seeded, so that a
 * measure can be taken again.
 */
import { seeded } from '../../src/projection/testing/rows.ts'

const COURTESY = [
  'Good morning, I hope that you are well and that this finds you in good spirits.',
  'I would be most grateful if you could kindly take a moment to help me with something.',
  'Sorry to bother you again with yet another thing.',
  'Thank you so much in advance for your patience and your time, it is truly appreciated.',
  'There is no hurry at all, whenever you get round to it is fine.',
  'I have been wondering about this for quite a while now and could not find anybody who knew.',
  'Please be so kind as to have a look and let me know what you think.',
  'As you may remember, we talked about something similar last week, and you were very helpful then.',
  'Feel free to answer in as much or as little detail as you like.',
  'If anything is unclear, do not hesitate to ask me.',
]
const WORK = [
  'You are a careful assistant who works with me on this project and never makes things up.',
  'Before you begin, think about it step by step and explain what you are going to do.',
  'We looked at the first part yesterday and my colleague reviewed it in the afternoon.',
  'The team meets on Thursday, and I should like to have something to show by then.',
  'Keep the answer short, and do not change anything without asking.',
  'My manager wants to know whether this is going to take long.',
  'I tried a couple of things on my own, but none of them did what I expected.',
  'It used to be easier in my last job, where somebody else looked after all of this.',
  'Use what we already know, and tell me where you have it from.',
  'Here is the situation, as far as I understand it.',
]
const CHATTER = [
  'honestly',
  'lovely',
  'weather',
  'lately',
  'coffee',
  'wonderful',
  'yesterday',
  'somehow',
  'anyway',
  'perhaps',
  'actually',
  'probably',
  'curious',
  'friend',
  'evening',
  'always',
  'quite',
  'really',
  'very',
  'much',
  'kind',
  'would',
  'could',
  'please',
  'thanks',
  'sincerely',
  'moment',
  'thought',
  'feeling',
  'morning',
  'people',
  'maybe',
  'together',
  'holiday',
  'garden',
  'the',
  'and',
  'of',
  'with',
  'that',
  'have',
  'from',
  'about',
  'some',
  'your',
  'which',
  'just',
  'dear',
  'hello',
  'regards',
]

const PREAMBLE_WORDS = { least: 20, most: 500 } as const

/** @param number 0, 1, 2, …: every third is of the same kind, and their lengths spread from the least to the most. */
export const preamble = (number: number, of = 20): string => {
  const random = seeded(number + 1)
  const wanted = Math.round(
    PREAMBLE_WORDS.least * (PREAMBLE_WORDS.most / PREAMBLE_WORDS.least) ** (of === 1 ? 0 : number / (of - 1)),
  )
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)]!
  const said: string[] = []
  for (let words = 0; words < wanted; words += said.at(-1)!.split(' ').length)
    said.push(pick([COURTESY, WORK, CHATTER][number % 3]!))
  return said.join(' ')
}
