/**
 * What a mirror needs of the world: a folder, a place for what it remembers of it, and a peer. The real ones are `folder.ts`, `records.ts` and
 * `mesh.ts`; tests give a disk that crashes and a mesh that parts.
 */

// ── the folder ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** `stamp` changes when the file does. `isQuiet`: nobody has just written to it. */
export type Seen = { readonly path: string; readonly stamp: string; readonly isQuiet: boolean }
export type Scan = { readonly files: readonly Seen[]; readonly refused: readonly Held[] }
/** What is left as it is, and why. @property path below the folder, or a memory's name. */
export type Held = { readonly path: string; readonly why: string }

export type Folder = {
  scan(): Promise<Scan>
  /** Null when it is not there. */
  read(path: string): Promise<{ readonly text: string } | { readonly refused: string } | null>
  /**
   * Puts `text` (null: nothing) where `expected` is, at once or not at all. Answers false, and changes nothing, when something else is there. What
   * somebody wrote in that moment all the same is kept, and told by `overtaken`.
   */
  replace(path: string, text: string | null, expected: string | null): Promise<boolean>
  /** Texts that somebody wrote, over `expected`, at the moment in which their file was replaced. */
  overtaken(): Promise<
    readonly { readonly path: string; readonly text: string; readonly expected: string; done(): Promise<void> }[]
  >
}

// ── what is remembered ──────────────────────────────────────────────────────────────────────────────────────────────

/** A write that is under way: kept before it is sent, so that it is sent again after a crash, with the same key. */
export type Intent = {
  readonly op: 'create' | 'change' | 'forget'
  readonly key: string
  /** What was in the folder when it was made up: whatever comes of it holds these lines. */
  readonly local: string | null
  readonly text: string | null
  readonly id: string | null
  readonly version: string | null
  readonly metadata: Readonly<Record<string, unknown>>
}
/** One file. `base` is in the folder's text and in the memory's: what both were made from. Null before both have met. */
export type Known = {
  readonly name: string
  readonly path: string
  readonly id: string | null
  readonly base: string | null
  readonly intent?: Intent
}

/** Each change is durable when it resolves. */
export type Records = {
  all(): Promise<readonly Known[]>
  put(known: Known): Promise<void>
  remove(name: string): Promise<void>
  cursor(): Promise<string | null>
  putCursor(cursor: string): Promise<void>
}

// ── the peer ────────────────────────────────────────────────────────────────────────────────────────────────────────

export type Row = {
  readonly id: string
  readonly title: string | null
  readonly content: string | null
  readonly version: string
  readonly tags: readonly string[]
  readonly created_at: string
  readonly conflicts: number
  readonly metadata: Readonly<Record<string, unknown>>
}
/** `gone`: said so by an event. `unknown`: this peer cannot say, as it has not heard of it. `hidden`: it is there, and not shown. */
export type Look =
  { readonly row: Row } | { readonly row: null; readonly why: 'gone' | 'contested' | 'unknown' | 'hidden' }
/** A text that shows, by whom. */
export type Head = { readonly content: string; readonly agent: string }
/** An event that set the text; `parents`: hashes of the texts it was written on, null when it does not say. */
export type Version = { readonly content: string | null; readonly parents: readonly number[] | null }

export type Mesh = {
  /** Gives all of them page by page, perhaps some of them twice. */
  list(take: (rows: readonly Row[]) => void): Promise<void>
  look(id: string): Promise<Look>
  heads(row: Row): Promise<readonly Head[]>
  /** Oldest first. */
  versions(id: string): Promise<readonly Version[]>
  /** Memories that events after the cursor touched; of null none, and the end of the log. */
  changes(after: string | null): Promise<{ readonly ids: readonly string[]; readonly next: string }>
  create(name: string, content: string, metadata: Readonly<Record<string, unknown>>, key: string): Promise<string>
  change(
    id: string,
    version: string,
    content: string,
    metadata: Readonly<Record<string, unknown>>,
    key: string,
  ): Promise<void>
  forget(id: string, version: string | null, key: string): Promise<void>
  restore(id: string, key: string): Promise<void>
}

/** The peer's no: `moved` when something else is there by now, `later` when it cannot now, `refused` when it never will. */
export class MeshRefusal extends Error {
  readonly kind: 'moved' | 'later' | 'refused'
  constructor(kind: 'moved' | 'later' | 'refused', message: string) {
    super(message)
    this.kind = kind
  }
}
