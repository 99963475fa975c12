/** What `npm run eval -- NOTES --questions PATH` prints: each question's rank, how many are found, how long they took, and what preambles cost. */
import { askNotes, foundWithin, importNotes, readNotesQuestions, type NotesAsked } from './notes.ts'
import { startPeer } from './peer.ts'
import { preamble } from './preambles.ts'
import { percentile } from './recall.ts'

const LIMIT = 10

export const evalNotes = async (
  notes: string,
  questionsAt: string,
  { database, preambles }: { readonly database?: string; readonly preambles: number },
  say: (line: string) => void,
): Promise<void> => {
  const questions = await readNotesQuestions(questionsAt)
  const peer = await startPeer(database ?? 'pglite')
  try {
    const total = await importNotes(peer, notes)
    say(
      `${total} memories, ${questions.length} questions, ${database === undefined ? 'embedded database' : 'Postgres'}`,
    )
    const asked = await askNotes(peer, questions, LIMIT)
    for (const { question, rank, best } of asked)
      say(
        `${(rank === 0 ? '–' : String(rank)).padStart(3)}  ${question}${rank === 1 ? '' : `  (first: ${best[0] ?? 'nothing'})`}`,
      )
    say(
      `found: in ten ${foundWithin(LIMIT, asked)}, first ${foundWithin(1, asked)}, of ${asked.length}; ${times(asked)}`,
    )
    const counted: NotesAsked[] = []
    let [kept, lost] = [0, 0]
    for (let number = 0; number < preambles; number++) {
      const before = preamble(number, preambles)
      const behind = await askNotes(peer, questions, LIMIT, (question) => `${before} ${question}`)
      const still = behind.filter(({ rank }, i) => rank > 0 && asked[i]!.rank > 0).length
      kept += still
      lost += foundWithin(LIMIT, asked) - still
      say(
        `behind ${String(before.split(' ').length).padStart(3)} words: in ten ${foundWithin(LIMIT, behind)}, first ${foundWithin(1, behind)}; ${times(behind)}`,
      )
      counted.push(...behind)
    }
    if (preambles > 0)
      say(
        `behind ${preambles} preambles: of what was found ${kept} of ${kept + lost} is found again (${((100 * lost) / Math.max(1, kept + lost)).toFixed(1)} % lost); ${times(counted)}`,
      )
  } finally {
    await peer.stop()
  }
}

const times = (asked: readonly NotesAsked[]): string => {
  const ms = asked.map((one) => one.ms)
  return `p50 ${percentile(ms, 0.5).toFixed(1)} ms, p95 ${percentile(ms, 0.95).toFixed(1)} ms`
}
