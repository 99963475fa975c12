/** What a client may read by its address, beside the tools that a model calls. */
import type { Asked } from './tool.ts'

export type Listed = { readonly name: string; readonly title: string; readonly uri: string; readonly description: string; readonly mimeType: string }
export type Template = Omit<Listed, 'uri'> & { readonly uriTemplate: string }

export type Resources = {
  /** A page of them. */
  list(asked: Asked, cursor: string | undefined): Promise<{ readonly resources: readonly Listed[]; readonly next_cursor: string | null }>
  readonly templates: readonly Template[]
  /** Null for an address that is none of theirs. @throws NodeError. */
  read(asked: Asked, uri: string): Promise<{ readonly mimeType: string; readonly text: string } | null>
  /** What a variable of a template may be that begins so. */
  complete(asked: Asked, variable: string, beginning: string): Promise<readonly string[]>
}
