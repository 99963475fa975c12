/**
 * The module loader's hook (Node's `module.register`): one module's source is changed on its way in, on no disk.
 */
import type { InitializeHook, LoadHook } from 'node:module'

type Swap = { readonly url: string; readonly find: string; readonly put: string }

let swap: Swap | null = null

export const initialize: InitializeHook<Swap> = (data) => {
  swap = data
}

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context)
  if (swap === null || url !== swap.url) return loaded
  const source = Buffer.from(loaded.source as Uint8Array).toString('utf8')
  const changed = source.replace(swap.find, () => swap!.put)
  if (changed === source) throw new Error(`the bug does not fit ${url} any more: mend property-tests/power/bugs.ts`)
  return { ...loaded, source: changed }
}
