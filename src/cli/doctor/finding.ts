/** What the doctor finds: a thing that was looked at, how it stands, and, where it is wrong, what mends it. */

/** `note`: worth knowing, nothing to mend. */
export type State = 'ok' | 'note' | 'wrong'
export type Finding = {
  readonly what: string
  readonly state: State
  readonly found: string
  /** null where there is nothing to do. */ readonly mend: string | null
}

export const ok = (what: string, found: string): Finding => ({ what, state: 'ok', found, mend: null })
export const noted = (what: string, found: string, mend: string | null = null): Finding => ({
  what,
  state: 'note',
  found,
  mend,
})
export const wrong = (what: string, found: string, mend: string): Finding => ({ what, state: 'wrong', found, mend })

/** What an error says, for one line. */
export const wordsOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ')
