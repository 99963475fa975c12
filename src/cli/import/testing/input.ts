/**
 * One row of the table of inputs: what a person brings, and what has to become of it.
 */
export type Input = {
  readonly what: string
  /** Relative path → what is in it. One file alone is imported by itself, several as their folder. */
  readonly files: Readonly<Record<string, string | Uint8Array>>
  readonly options?: readonly string[]
  /** Each memory that has to be there, and no other: any of its fields. */
  readonly came: readonly Readonly<Record<string, unknown>>[]
  /** Parts of what is printed beside the summary; none: nothing but the first line. */
  readonly says?: readonly string[]
  /** 1 where something could not come in. */
  readonly exit?: 0 | 1
}

/** A row of one file. */
export const one = (
  what: string,
  name: string,
  content: string | Uint8Array,
  came: Input['came'],
  more: Partial<Input> = {},
): Input => ({ what, files: { [name]: content }, came, ...more })
