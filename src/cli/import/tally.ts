/**
 * What an import has done so far: counts, and the first problems in full.
 */
import { cliLimits } from '../limits.ts'

export type Problem = { readonly where: string; readonly message: string }

export type Gone = { readonly memory: string; readonly where: string }

export type Tally = {
  /** Memories that the mesh has answered an id for. */
  stored: number
  /** Of these, how many were there already. */
  existing: number
  /** Of these, how many were changed as their source was. */
  changed: number
  /** Forgotten here before, and left so; not among the stored. */
  forgotten: number
  /** Whose place is no longer in the source. */
  readonly gone: Gone[]
  /** Held back, for they look as if they held a secret; each is a problem too. */
  secrets: number
  links: number
  links_existing: number
  /** Of notes, to notes that did not come in. */
  links_nowhere: number
  problems_total: number
  readonly problems: Problem[]
  /** Of what came in otherwise than its source has it. */
  notes_total: number
  readonly notes: Problem[]
  /** Every namespace that got a memory. */
  readonly namespaces: Set<string>
  /** The last write's causal token. */
  token: string | null
}

export const emptyTally = (): Tally => ({
  stored: 0,
  existing: 0,
  changed: 0,
  forgotten: 0,
  gone: [],
  secrets: 0,
  links: 0,
  links_existing: 0,
  links_nowhere: 0,
  problems_total: 0,
  problems: [],
  notes_total: 0,
  notes: [],
  namespaces: new Set(),
  token: null,
})

export const addProblem = (tally: Tally, where: string, message: string): void => {
  tally.problems_total++
  if (tally.problems.length < cliLimits.import_problems_shown_max) tally.problems.push({ where, message })
}

export const addNote = (tally: Tally, where: string, message: string): void => {
  tally.notes_total++
  if (tally.notes.length < cliLimits.import_problems_shown_max) tally.notes.push({ where, message })
}
