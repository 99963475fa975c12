/**
 * How well recall finds, on a LoCoMo file, or on notes with questions about them:
 *
 *   npm run eval -- PATH [--database postgres://…] [--k 10] [--only conv-26,conv-41]
 *   npm run eval -- NOTES --questions PATH [--database postgres://…] [--preambles 20]
 *
 * Starts one real peer with its embedded database (or that one), imports each conversation as a namespace, or the notes as one, asks every
 * question over HTTP, and prints how much is found, and the time a question took. What is not there is skipped aloud.
 */
import { existsSync } from 'node:fs'
import { startBar } from '../bar.ts'
import { tool, whole } from '../command.ts'
import { readLocomo } from './locomo.ts'
import { evalNotes } from './notes-report.ts'
import { startPeer } from './peer.ts'
import { askAll, importConversation, percentile, recallAt, scores, type Asked } from './recall.ts'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const command = tool(
  'eval',
  'How much of what is asked is found: imports a LoCoMo file, or notes, asks its questions over HTTP, prints recall at 5 and 10.',
)
  .argument(
    '<path>',
    'a LoCoMo file, such as locomo10.json; with --questions a folder of Markdown, or an archive of one',
  )
  .option('--questions <file>', 'what is asked of the notes: a list of {question, files}')
  .option(
    '--preambles <n>',
    'so many preambles of 20 to 500 words, behind each of which the notes are asked again',
    whole(0, 100),
    0,
  )
  .option('--database <url>', 'a Postgres server instead of the embedded database')
  .option('--k <n>', 'how many answers each question gets', whole(5, 200), 10)
  .option('--only <names>', 'conversations by name, with commas between')
  .parse()
const [path] = command.processedArgs as [string]
const values = command.opts<{ database?: string; k: number; only?: string; questions?: string; preambles: number }>()
const { k } = values

for (const needed of [path, ...(values.questions === undefined ? [] : [values.questions])]) {
  if (existsSync(needed)) continue
  say(`skipped: ${needed} is not there; give the path of a file that is`)
  process.exit(0)
}
if (values.questions !== undefined) {
  await evalNotes(path, values.questions, values, say)
  process.exit(0)
}

const only = values.only?.split(',')
const conversations = (await readLocomo(path)).filter(({ name }) => only === undefined || only.includes(name))
const turns = conversations.reduce((sum, one) => sum + one.turns.length, 0)
const questions = conversations.reduce((sum, one) => sum + one.questions.length, 0)
const peer = await startPeer(values.database ?? 'pglite')
try {
  const importing = startBar('import', turns)
  const turnsByName = new Map<string, ReadonlyMap<string, string>>()
  for (const conversation of conversations)
    turnsByName.set(conversation.name, await importConversation(peer, conversation, importing.add))
  await peer.indexed()
  importing.stop()
  const asking = startBar('ask', questions)
  const askedByName = new Map<string, readonly Asked[]>()
  for (const conversation of conversations)
    askedByName.set(
      conversation.name,
      await askAll(peer, conversation, turnsByName.get(conversation.name)!, k, () => asking.add(1)),
    )
  asking.stop()
  const asked = [...askedByName.values()].flat()
  say(`${turns} turns, ${asked.length} questions, ${values.database === undefined ? 'embedded database' : 'Postgres'}`)
  say(`${''.padEnd(14)}questions  recall@5  recall@10${k === 10 ? '' : `  recall@${k}`}`)
  const row = (name: string, some: readonly Asked[]): void =>
    say(
      `${name.padEnd(14)}${String(some.length).padStart(9)}${recallAt(5, some).toFixed(4).padStart(10)}${recallAt(10, some).toFixed(4).padStart(11)}${k === 10 ? '' : recallAt(k, some).toFixed(4).padStart(`  recall@${k}`.length)}`,
    )
  for (const { name, of } of scores(asked)) row(name, of)
  for (const [name, some] of askedByName) row(name, some)
  const ms = asked.map((one) => one.ms)
  say(`a question over HTTP: p50 ${percentile(ms, 0.5).toFixed(1)} ms, p95 ${percentile(ms, 0.95).toFixed(1)} ms`)
} finally {
  await peer.stop()
}
