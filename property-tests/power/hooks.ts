/**
 * The module loader's hooks (Node's `module.register`): some modules have another source than their files.
 */
import type { InitializeHook, LoadHook } from 'node:module'

let sources: Readonly<Record<string, string>> = {}

export const initialize: InitializeHook<{ readonly sourceByUrl: Readonly<Record<string, string>> }> = ({
  sourceByUrl,
}) => {
  sources = sourceByUrl
}

export const load: LoadHook = (url, context, nextLoad) => {
  const source = sources[url]
  return source === undefined ? nextLoad(url, context) : { format: 'module', source, shortCircuit: true }
}
