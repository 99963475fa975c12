/** What a client may read by its address, beside the tools that a model calls. */
import type { Asked } from './tool.ts'

export type Listed = {
  readonly name: string
  readonly title: string
  readonly uri: string
  readonly description: string
  readonly mimeType: string
}
export type Template = Omit<Listed, 'uri'> & { readonly uriTemplate: string }

/** `given`: the template's other variables, as far as they are known. */
export type Completing = {
  readonly template: string
  readonly variable: string
  readonly beginning: string
  readonly given: Readonly<Record<string, string>>
}

export type Resources = {
  /** A page of them. */
  list(
    asked: Asked,
    cursor: string | undefined,
  ): Promise<{ readonly resources: readonly Listed[]; readonly next_cursor: string | null }>
  readonly templates: readonly Template[]
  /** Null for an address that is none of theirs. @throws NodeError. */
  read(asked: Asked, uri: string): Promise<{ readonly mimeType: string; readonly text: string } | null>
  /** What a variable of a template may be that begins so. */
  complete(asked: Asked, wanted: Completing): Promise<readonly string[]>
}

/** Several as one: each lists its own, the first of them that has pages last. An address belongs to the one that knows it. */
export const together = (paged: Resources, others: readonly Resources[]): Resources => {
  const all = [paged, ...others]
  return {
    templates: all.flatMap(({ templates }) => templates),
    list: async (asked, cursor) => {
      const page = await paged.list(asked, cursor)
      const first =
        cursor === undefined
          ? (await Promise.all(others.map((one) => one.list(asked, undefined)))).flatMap(({ resources }) => resources)
          : []
      return { resources: [...first, ...page.resources], next_cursor: page.next_cursor }
    },
    read: async (asked, uri) => {
      for (const one of all) {
        const found = await one.read(asked, uri)
        if (found !== null) return found
      }
      return null
    },
    complete: async (asked, wanted) =>
      (await all
        .find(({ templates }) => templates.some(({ uriTemplate }) => uriTemplate === wanted.template))
        ?.complete(asked, wanted)) ?? [],
  }
}
