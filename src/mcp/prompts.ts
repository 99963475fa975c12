/** Prompts: what a person picks in a client to begin with. Those that show memories show them as data, as the tools do. */
import { readFrom } from './fields.ts'
import { recalled } from './reading.ts'
import { fenced, firstChars, shownRows } from './show.ts'
import type { Asked } from './tool.ts'

type Args = Readonly<Record<string, string>>
export type Prompt = {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly arguments: readonly { readonly name: string; readonly description: string; readonly required: boolean }[]
  /** The message. @throws NodeError. */
  text(asked: Asked, args: Args): Promise<string>
}

const TOKENS = 3_000
const RECALLED = 10
const QUESTION_CHARS_MAX = 1_000
const argument = (name: string, description: string, required = true) => ({ name, description, required })

const remembered = async (asked: Asked, q: string, kinds?: readonly string[]): Promise<string> => {
  const question = {
    q: firstChars(q, QUESTION_CHARS_MAX),
    limit: RECALLED,
    ...readFrom(asked, undefined),
    ...(kinds === undefined ? {} : { kinds }),
  }
  const { memories } = await recalled(asked, question)
  return memories.length === 0 ? 'Nothing is remembered about it.' : fenced(shownRows(memories, TOKENS))
}

export const PROMPTS: readonly Prompt[] = [
  {
    name: 'recall_for_task',
    title: 'What is known for a task',
    description: 'Begins a task with what is remembered about it.',
    arguments: [argument('task', 'what is to be done')],
    text: async (asked, { task = '' }) =>
      `The task: ${task}\n\nWhat is remembered that may bear on it:\n${await remembered(asked, task)}\n\nNow do the task.`,
  },
  {
    name: 'decision_summary',
    title: 'Decisions so far',
    description: 'Sums up what was decided about a subject.',
    arguments: [argument('subject', 'what the decisions are about')],
    text: async (asked, { subject = '' }) =>
      `Sum up what was decided about ${subject}: each decision in a sentence with its date and author, then what is open or contradicts.\n\n${await remembered(asked, subject, ['decision'])}`,
  },
  {
    name: 'adr_template',
    title: 'Record a decision',
    description: 'Writes an architecture decision record and remembers it.',
    arguments: [argument('title', 'the decision in a few words'), argument('context', 'what led to it', false)],
    text: async (asked, { title = '', context = '' }) =>
      `Write an architecture decision record "${title}" with the parts Context, Decision, Consequences, Alternatives considered.${context === '' ? '' : ` Context: ${context}`} ` +
      `Ask for what you do not know. When it is agreed, remember it with kind decision.\n\nWhat is remembered about it:\n${await remembered(asked, title)}`,
  },
  {
    name: 'deployment_postmortem',
    title: 'Post-mortem of a deployment',
    description: 'Writes down what went wrong with a deployment and what follows.',
    arguments: [argument('deployment', 'which one, and what was seen')],
    text: async (asked, { deployment = '' }) =>
      `Write a blameless post-mortem of this deployment: ${deployment}. Parts: Summary, Impact, Timeline, Root cause, What went well, What went badly, Actions with an owner each. ` +
      `Then remember the root cause and each action, one memory each.\n\nWhat is remembered of the like:\n${await remembered(asked, deployment)}`,
  },
  {
    name: 'risk_register',
    title: 'Risk register',
    description: 'Lists the risks of a project with their likelihood, effect and answer.',
    arguments: [argument('project', 'what is at risk')],
    text: async (asked, { project = '' }) =>
      `Make a table of the risks of ${project}: risk, likelihood (1 to 5), effect (1 to 5), early sign, answer, owner; the greatest first. Remember each new one with kind risk.\n\n` +
      `What is remembered about it:\n${await remembered(asked, project)}`,
  },
]
